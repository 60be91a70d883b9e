"""What a save may hold of what is counted and learned of columns."""

from sklabelcraft._counts import FeedbackCounts, Numbers
from sklabelcraft._ids import Ids
from sklabelcraft._quantiles import CellCounts, GroupedQuantiles, Ranks
from sklabelcraft._saved import _checks as checks
from sklabelcraft._saved._arrays import Array, Counted, Tensor, Values
from sklabelcraft._saved._plain import Whole
from sklabelcraft._saved._records import Map, Maybe, Module, Part, Record, Several
from sklabelcraft._saved._singles import KEYS, KINDS, NUMBER, TRUTH, several
from sklabelcraft._seen import Seen
from sklabelcraft._vocabulary import Occurrences, Vocabulary
from sklabelcraft.labelers._by_ids import Combinations, CountsByIds, GroupCounts
from sklabelcraft.labelers._rules import ExplicitCounts

COUNTS = (
    Record(
        Numbers,
        checks.numbers,
        level=Whole(0, len(Numbers.masks) - 1),
        keys=Array("int64", "n+1", rising=True),
        counts=Counted("n+1"),
        least=NUMBER,
        largest=NUMBER,
    ),
    Record(
        FeedbackCounts,
        checks.feedback,
        level=Whole(0, len(FeedbackCounts.masks) - 1),
        keys=Array("int64", "n+1", rising=True),
        counts=Counted("n+1"),
        least=Array("float64", 2, finite=True),
        largest=Array("float64", 2, finite=True),
    ),
    Record(
        GroupCounts,
        feedback=Part("FeedbackCounts"),
        by_ids=Maybe(Part("CountsByIds")),
    ),
    Record(
        CountsByIds,
        checks.counts_by_ids,
        vocabularies=Map(Part("Vocabulary")),
        codes=Array("int64", "n+1", "c", least=1),
        seconds=Array("int64", "n+1", least=0),
        counts=Counted("n+1"),
    ),
    Record(
        Combinations,
        checks.combinations,
        vocabularies=Map(Part("Vocabulary")),
        sizes=Several(Whole(1)),
        known=Array("int64", "n+1", least=0, rising=True),
    ),
    Record(ExplicitCounts, found=KEYS, n_rows=Whole(), n_unknown=Whole()),
    Record(Ranks, points=Array("float64", "n+1", rising=True, finite=True)),
    Module(
        CellCounts,
        checks.cells,
        training=TRUTH,
        cells=Tensor("int64", "n", rising=True),
        total=Tensor("int64", "n+1", least=0, rising=True),
        before=Tensor("int64", "g+1", least=0, rising=True),
    ),
    Module(
        GroupedQuantiles,
        checks.cells,
        training=TRUTH,
        cells=Tensor("int64", "n", rising=True),
        total=Tensor("int64", "n+1", least=0, rising=True),
        before=Tensor("int64", "e+2", least=0, rising=True),
        edges=Tensor("float64", "e", rising=True, finite=True),
    ),
    Record(
        Vocabulary,
        checks.vocabulary,
        kind=KINDS,
        values=Values("n", distinct=True),
        missing_code=Whole(),
    ),
    Record(
        Occurrences,
        kind=KINDS,
        values=Values("n"),
        counts=Counted("n"),
        first=Array("int64", "n", least=0),
        missing=several(2, int, "a count and a row"),
    ),
    Record(
        Seen,
        checks.seen,
        users=Part("Vocabulary"),
        items=Part("Vocabulary"),
        starts=Array("int64", "u+1", least=0, rising=True),
        codes=Array("int32", "n", least=1),
    ),
    Record(Ids, kind=KINDS, values=Values("n"), missing=Array("bool", "n")),
)
