"""Ids as they are, and the vocabularies that code them."""

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft._ids import read_ids
from sklabelcraft._vocabulary import Vocabulary

modest = settings(max_examples=50, deadline=None)
SEVERAL = "values of several kinds"
BIG = 2**60  # where a float stands for 256 whole numbers
LARGE = [BIG + 1, BIG + 2, None, BIG + 1, BIG]
WITH_MISSING = {
    "list": list,
    "tuple": tuple,
    "objects": lambda ids: np.array(ids, dtype=object),
    "pandas-objects": lambda ids: pd.Series(ids, dtype=object),
    "pandas-nullable": lambda ids: pd.Series(ids, dtype="Int64"),
    "pandas-arrow": lambda ids: pd.Series(ids, dtype="int64[pyarrow]"),
    "pandas-array": lambda ids: pd.array(ids, dtype="Int64"),
    "pandas-index": lambda ids: pd.Index(ids, dtype="Int64"),
    "pandas-categories": lambda ids: pd.Series(pd.Categorical(ids)),
    "pandas-categorical": pd.Categorical,
    "polars": pl.Series,
    "polars-128": lambda ids: pl.Series(ids, dtype=pl.Int128),
    "polars-unsigned": lambda ids: pl.Series(ids, dtype=pl.UInt64),
    "pyarrow": lambda ids: pa.chunked_array([ids]),
    "pyarrow-array": pa.array,
}
WITHOUT_MISSING = WITH_MISSING | {
    "int64": np.array,
    "pandas": pd.Series,
    "tensor": torch.tensor,
    "range": lambda ids: range(ids[0], ids[-1] + 1),
}
missing_values = st.sampled_from([None, np.nan, pd.NA, pd.NaT])
whole = st.integers(-(2**70), 2**70)
scalars = whole | st.floats(allow_nan=False) | st.text(max_size=3) | st.booleans()


def partition(values):
    """Which values are equal in Python, numbered by first appearance."""
    numbers = {}
    values = [None if value is None or value != value else value for value in values]
    return [numbers.setdefault(value, len(numbers)) for value in values]


def test_by_hand():
    """Codes are by first appearance; a missing id is one more."""
    ids = read_ids(["b", None, "a", "b", None])
    assert ids.kind == "text"
    assert ids.codes().tolist() == [0, 1, 2, 0, 1]
    assert ids.names()[[0, 2]].tolist() == ["b", "a"]
    assert np.isnan(ids.names()[1])
    codes, distinct = ids.factorize()
    assert codes.tolist() == [0, 2, 1, 0, 2]
    assert distinct.tolist() == ["b", "a"]


@pytest.mark.parametrize("kind", WITH_MISSING)
def test_large_numbers_beside_a_missing_one(kind):
    """Whole numbers beyond 2**53 stay apart, whatever holds them."""
    ids = read_ids(WITH_MISSING[kind](LARGE))
    assert ids.kind == "numbers"
    assert ids.codes().tolist() == [0, 1, 2, 0, 3]
    assert ids.missing.tolist() == [False, False, True, False, False]
    assert ids.values[~ids.missing].tolist() == [BIG + 1, BIG + 2, BIG + 1, BIG]
    assert ids.values.dtype == np.int64


@pytest.mark.parametrize("kind", WITHOUT_MISSING)
def test_forty_large_numbers(kind):
    """None of 40 neighbours is taken for another."""
    ids = read_ids(WITHOUT_MISSING[kind]([BIG + i for i in range(40)]))
    assert ids.codes().tolist() == list(range(40))
    assert ids.names().tolist() == [BIG + i for i in range(40)]


@pytest.mark.parametrize(
    "ids",
    [
        np.array([2**63, 2**63 + 1], dtype=np.uint64),
        pl.Series([2**63, 2**63 + 1], dtype=pl.UInt64),
        pl.Series([2**63, 2**63 + 1, None], dtype=pl.UInt64),
        pd.Series([2**63, 2**63 + 1, None], dtype="UInt64"),
        pa.chunked_array([pa.array([2**63, 2**63 + 1, None], type=pa.uint64())]),
        [2**63, 2**63 + 1, -1],
        [2**70, 2**70 + 1, 2.5],
        [BIG, BIG + 1, 2.5],
        [BIG, BIG + 1, np.inf],
        np.array([BIG, BIG + 1, 2.5, None], dtype=object),
    ],
)
def test_larger_still_and_beside_fractions(ids):
    """Nor are those that fit no int64, or that stand beside what is not whole."""
    assert read_ids(ids).kind == "numbers"
    assert read_ids(ids).codes().tolist() == list(range(len(ids)))


@modest
@given(st.lists(whole | missing_values, max_size=12))
def test_whole_numbers_are_equal_where_python_says_so(values):
    """Lists, arrays and series of objects are read exactly."""
    for kind in ("list", "objects", "pandas-objects"):
        ids = read_ids(WITH_MISSING[kind](values))
        expected = partition([None if pd.isna(value) else value for value in values])
        assert ids.codes().tolist() == expected


@modest
@given(st.lists(scalars | missing_values, max_size=12))
def test_values_of_several_kinds_are_equal_where_python_says_so(values):
    """1, 1.0 and True are one id, "1" is another, and missing ones are one more."""
    ids = read_ids(values)
    expected = partition([None if pd.isna(value) else value for value in values])
    assert ids.codes().tolist() == expected
    names = [None if pd.isna(name) else name for name in ids.names()]
    assert partition(names) == list(range(len(names)))
    assert partition([names[code] for code in ids.codes()]) == expected


def test_text_is_no_number():
    """A list that mixes 1 and "1" keeps them apart."""
    ids = read_ids([1, "1", 1.0, "1", 2])
    assert ids.codes().tolist() == [0, 1, 0, 1, 2]
    assert ids.names().tolist() == [1, "1", 2]


@pytest.mark.parametrize(
    "ids",
    [
        [3.0, 1.0, 3.0, -2.0],
        np.array([3, 1, 3, -2], dtype=np.float32),
        np.array([3, 1, 3, -2], dtype=np.int8),
        pd.Series([3.0, 1.0, 3.0, -2.0]),
        pl.Series([3.0, 1.0, 3.0, -2.0]),
        pl.Series(["3", "1", "3", "-2"]).cast(pl.Decimal(10, 2)),
        [3, 1.0, np.float32(3), np.int16(-2)],
        [Decimal(3), Decimal(1), Decimal(3), Decimal(-2)],
    ],
)
def test_floats_that_are_whole_numbers_are_the_numbers(ids):
    """However they are written, they are read as integers."""
    assert read_ids(ids).values.tolist() == [3, 1, 3, -2]
    assert read_ids(ids).values.dtype == np.int64
    assert read_ids(ids).kind == "numbers"


@pytest.mark.parametrize(
    "ids",
    [
        [True, False, None],
        np.array([True, False, None], dtype=object),
        pd.Series([True, False, None], dtype="boolean"),
        pl.Series([True, False, None]),
        pa.chunked_array([[True, False, None]]),
        [1, 0, None],
        pl.Series([1.0, 0.0, None]),
    ],
)
def test_booleans_are_0_and_1(ids):
    """Both are numbers, whole ones."""
    found = read_ids(ids)
    assert found.kind == "numbers"
    assert found.values[:2].tolist() == [1, 0]
    assert found.missing.tolist() == [False, False, True]


@pytest.mark.parametrize(
    "ids",
    [
        ["a", None, "b", np.nan, pd.NA],
        np.array(["a", None, "b", np.nan, pd.NA], dtype=object),
        pd.Series(["a", None, "b", np.nan, pd.NA]),
        pd.Series(["a", None, "b", None, None], dtype="string"),
        pd.Series(["a", None, "b", None, None], dtype="category"),
        pl.Series(["a", None, "b", None, None]),
        pl.Series(["a", None, "b", None, None], dtype=pl.Categorical),
        pa.chunked_array([["a", None, "b", None, None]]),
        [1.5, None, 2.5, np.nan, pd.NA],
        np.array([1.5, np.nan, 2.5, np.nan, np.nan]),
        pl.Series([1.5, None, 2.5, float("nan"), None]),
        [1, None, 2, np.nan, pd.NaT],
        [date(2024, 1, 1), None, date(2024, 1, 2), pd.NaT, None],
        [(1, 2), None, (3, 4), np.nan, pd.NA],
    ],
)
def test_missing_ids_are_one_id(ids):
    """None, NaN and the missing values of pandas are the same one."""
    assert read_ids(ids).codes().tolist() == [0, 1, 2, 1, 1]
    names = read_ids(ids).names()
    assert pd.isna(names[1])
    assert len(names) == 3


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (["a"], "text"),
        (np.array(["a"]), "text"),
        (pl.Series(["a"], dtype=pl.Enum(["a"])), "text"),
        ([1.5], "numbers"),
        ([date(2024, 1, 1), None], "days"),
        (pl.Series([date(2024, 1, 1)]), "days"),
        (pd.Series([datetime(2024, 1, 1), None]), "dates without a time zone"),
        (pl.Series([datetime(2024, 1, 1)]), "dates without a time zone"),
        (np.array([np.datetime64("2024-01-01T12")] * 2), "dates without a time zone"),
        ([datetime(2024, 1, 1, tzinfo=UTC)], "dates with a time zone"),
        (pd.Series([datetime(2024, 1, 1, tzinfo=UTC)]), "dates with a time zone"),
        (pl.Series([datetime(2024, 1, 1, tzinfo=UTC)]), "dates with a time zone"),
        ([datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)], SEVERAL),
        ([datetime(2024, 1, 1), date(2024, 1, 1)], SEVERAL),
        ([date(2024, 1, 1), datetime(2024, 1, 1)], SEVERAL),
        ([1, "a"], SEVERAL),
        ([UUID(int=1)], SEVERAL),
        ([None], None),
        (pd.Series([None], dtype="string"), None),
        (pl.Series([None]), None),
        (np.array([np.nan]), None),
        ([], None),
    ],
)
def test_kinds(ids, kind):
    """What ids are is known, but of those that are all missing."""
    assert read_ids(ids).kind == kind
    assert len(read_ids(ids).codes()) == len(ids)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[1], [2]], "users must hold values that can be keys, .* unhashable"),
        (pl.Series([[1], [2]]), "users must hold values that can be keys"),
        (np.zeros((2, 2)), r"users must be one column, got shape \(2, 2\)"),
        (pd.DataFrame({"user": [1, 1]}), r"one column, got shape \(2, 1\)"),
        (np.array(3), r"users must be one column, got shape \(\)"),
    ],
)
def test_what_are_no_ids(ids, message):
    """They are named as the caller calls them."""
    with pytest.raises(ValueError, match=message):
        read_ids(ids, "users")


def codes(learned, new, **options):
    vocabulary = Vocabulary.learn(read_ids(learned), **options)
    return vocabulary.codes(read_ids(new), "video").tolist()


def test_codes_by_hand():
    """By first appearance from 1 on, the missing value last; 0 for others."""
    assert codes(list("bab"), ["a", "b", "c", None]) == [2, 1, 0, 0]
    assert codes(["b", None, "a"], ["a", "b", "c", None]) == [2, 1, 0, 3]
    assert len(Vocabulary.learn(read_ids(["b", None, "a"]))) == 3


def test_rare_values_are_not_in_it():
    """Values seen less often than `min_count` are unknown, the missing one alike."""
    assert codes(["b", "a", "b", None], ["a", "b", None], min_count=2) == [0, 1, 0]
    assert codes(["a", None, None], ["a", "b", None], min_count=2) == [0, 0, 1]


@modest
@given(st.lists(scalars | st.none(), min_size=1), st.lists(scalars | st.none()))
def test_codes_tell_values_apart_as_python_does(learned, new):
    """Values that were learned have their own codes, and no other value has any."""
    vocabulary = Vocabulary.learn(read_ids(learned))
    vocabulary.kind = None  # of which the kinds are tested apart
    found = vocabulary.codes(read_ids(new), "video").tolist()
    known = list(dict.fromkeys(learned))
    if None in known:  # the last
        known.append(known.pop(known.index(None)))
    assert found == [1 + known.index(v) if v in known else 0 for v in new]


@modest
@given(st.lists(whole | st.none(), min_size=1), st.lists(whole | st.none()))
def test_grown_by_further_values(first, second):
    """All values of both are known, and the others keep their codes."""
    learned = Vocabulary.learn(read_ids(first))
    grown = learned.grown(read_ids(second))
    assert len(grown) == len(set(first + second))
    found = grown.codes(read_ids(first + second), "video")
    assert partition(found) == partition(first + second)
    assert found.min() > 0
    plain = [value for value in first if value is not None]
    before, after = (known.codes(read_ids(plain), "") for known in (learned, grown))
    assert before.tolist() == after.tolist()


NUMBERS = [[1, 2], [1.0, 2.0], [1.5, 2.5], [True, False], [BIG + 1, 2**70], [1, None]]
TEXT = [["1", "2"], ["a", None], np.array(["1"]), pl.Series(["1"])]
DATES = [
    [datetime(2024, 1, 1)],
    pd.Series([datetime(2024, 1, 1)]),
    pl.Series([date(2024, 1, 1)]),
    [datetime(2024, 1, 1, tzinfo=UTC)],
    pl.Series([datetime(2024, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))]),
]


@pytest.mark.parametrize("learned", NUMBERS + TEXT + DATES)
@pytest.mark.parametrize("new", NUMBERS + TEXT + DATES)
def test_another_kind_is_an_error(learned, new):
    """The error names the column, both kinds, and one of the values."""
    kinds = read_ids(learned).kind, read_ids(new).kind
    if kinds[0] == kinds[1]:
        codes(learned, new)
    else:
        message = rf"column 'video' held {kinds[0]} in fit and holds {kinds[1]} now"
        with pytest.raises(ValueError, match=message) as caught:
            codes(learned, new)
        assert repr(read_ids(new).values[0]) in str(caught.value)


@pytest.mark.parametrize(
    ("learned", "new", "expected"),
    [
        ([1, 0], [True, False, 0.0, 2], [1, 2, 2, 0]),
        ([True, False], [1, 0, 1.0, 2], [1, 2, 1, 0]),
        ([1.0, 2.5], [1, 2, 2.5], [1, 0, 2]),
        ([BIG, BIG + 1], [BIG + 1, 2.5, float(BIG)], [2, 0, 1]),
        ([2.5, BIG], [BIG, BIG + 1], [2, 0]),
        ([2**63, 1], [1, 2], [2, 0]),
        ([1, "1"], ["1", "2"], [2, 0]),
        ([1, "1"], [1, 2], [1, 0]),
        ([1, 2], [1, "1"], [1, 0]),
        ([None], ["a", None], [0, 1]),
        (["a"], [None], [0]),
        (["a"], [], []),
        ([(1, 2), (3, 4)], [(3, 4), (1, 3)], [2, 0]),
        (pd.Series([datetime(2024, 1, 1)]), pl.Series([datetime(2024, 1, 1)]), [1]),
        (
            [datetime(2024, 1, 1, tzinfo=UTC)],
            [datetime(2024, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))],
            [1],
        ),
        ([datetime(2024, 1, 1), "a"], [datetime(2024, 1, 1, tzinfo=UTC)], [0]),
    ],
)
def test_what_can_be_compared(learned, new, expected):
    """Whole numbers, floats and booleans are one kind; so is what mixes kinds."""
    assert codes(learned, new) == expected


def test_pickled():
    """What is stored are plain arrays, with the same codes after loading."""
    vocabulary = Vocabulary.learn(read_ids(["b", None, "a"]))
    new = read_ids(["a", "b", "c", None])
    before = vocabulary.codes(new, "video")
    loaded = pickle.loads(pickle.dumps(vocabulary))
    assert set(vars(loaded)) == {"kind", "values", "missing_code"}
    np.testing.assert_array_equal(loaded.codes(new, "video"), before)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([Decimal("1e30"), Decimal("0.5"), Decimal("1e30")], [0, 1, 0]),
        ([Decimal("1e999"), Decimal("1.5"), None], [0, 1, 2]),
        ([Decimal("sNaN"), Decimal(1), Decimal("NaN")], [1, 0, 1]),
        ([10**400, 10**400 + 1, 1.5], [0, 1, 2]),
        ([np.longdouble("1e400"), np.longdouble(1.5)], [0, 1]),
    ],
)
def test_numbers_that_float64_does_not_hold(values, expected):
    """They are told apart as far as they can be, and nothing overflows."""
    ids = read_ids(pd.Series(values, dtype=object))
    learned = Vocabulary.learn(ids).codes(ids, "video") - 1
    assert learned.tolist() == expected


def test_scalars_of_numpy_are_those_of_python():
    """Alone and among others, so that they can be kept; dates are those of pandas."""
    day = np.datetime64("2026-01-01", "ns")
    values = [np.str_("a"), np.int64(1), np.float32(0.5), day, np.datetime64("NaT")]
    wanted = ["a", 1, 0.5, pd.Timestamp(day)]
    for ids in (values, pd.Series(values, dtype=object)):
        found = read_ids(ids)
        assert found.missing.tolist() == [False] * 4 + [True]
        assert found.values[:4].tolist() == wanted
        assert [*map(type, found.values[:4])] == [*map(type, wanted)]
    text = read_ids(pd.Series(values[:1] * 2, dtype=object))
    assert {*map(type, text.values)} == {str}


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor(1),
        torch.ones(2, requires_grad=True),
        torch.ones(1).to_sparse(),
        torch.tensor(1, device="meta"),
    ],
    ids=["scalar", "vector", "sparse", "meta"],
)
def test_tensors_are_no_keys(value):
    """Each is equal to itself alone, so no other row would ever have the same."""
    told = r"(?s)column 'u' must hold values that can be keys, .* tensor\(.* in row 1"
    for values in ([1, value], [None, value], ["a", value]):
        with pytest.raises(ValueError, match=told):
            read_ids(values, "column 'u'")


@pytest.mark.parametrize("value", [np.ones(2), np.zeros(0), [1, [2]], {}])
def test_what_cannot_be_a_key_is_told(value):
    """Arrays, lists and dicts are not hashed."""
    with pytest.raises(
        ValueError, match="column 'u' must hold values that can be keys"
    ):
        read_ids(pd.Series([value, value, 1], dtype=object), "column 'u'")


def test_dates_beyond_those_of_python_are_told():
    """Polars and Arrow have some that no datetime of Python holds."""
    dates = pl.Series([10**15, None]).cast(pl.Datetime("ms"))
    for values in (dates, pl.DataFrame({"u": dates}).to_arrow()["u"]):
        with pytest.raises(
            ValueError, match=r"column 'u' must hold .* years 1 to 9999"
        ):
            read_ids(values, "column 'u'")
