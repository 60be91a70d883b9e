"""What no save holds is refused, also where the digests are right."""

import numpy as np
import pytest
import saves
from saves import LABELS, LOG, content_of, learned, write_content
from sklearn.base import clone

from sklabelcraft import KneeScaler, LabelCrafter
from sklabelcraft.persistence import load, save


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of saves by name; nobody may change them."""
    folder = tmp_path_factory.mktemp("saved")
    crafter = clone(saves.LABELERS["LabelCraft"]).set_params(random_state=3)
    estimators = {
        "ranker": saves.RANKERS["adversary"],
        "past": saves.DIN_RANKER,
        "crafter": crafter,
        "groups": saves.LABELERS["CDF by two"],
        "fused": saves.FUSED,
        "gain": saves.LABELERS["DVR"],
        "seen": saves.RECOMMENDERS["apart"],
    }
    for name, estimator in estimators.items():
        save(learned(clone(estimator)), folder / name)
    of_lists = clone(saves.RANKERS["MLP"])
    of_lists.fit(LOG.data.assign(tags=[["a", "b"], []] * (len(LOG.data) // 2)), LABELS)
    save(of_lists, folder / "lists")
    scaler = KneeScaler().fit(LOG.frame[["watch_time", "duration"]])
    random = LabelCrafter(random_state=np.random.RandomState(0))
    others = {"random": random, "union": saves.UNION, "scaler": scaler}
    for name, estimator in others.items():
        save(estimator, folder / name)
    return folder


@pytest.fixture
def changed(saved, tmp_path):
    """Changes a content and arrays, with digests that are right; returns the folder."""

    def change(name, function):
        content, arrays = content_of(saved / name)
        function(content, arrays)
        write_content(tmp_path, content, arrays)
        return tmp_path

    return change


def at(tree, *way):
    """The node at the end of a way."""
    for name in way:
        tree = tree[name]
    return tree


def put(value, *way):
    """A change of the content that puts a value at the end of a way."""

    def change(content, arrays):
        at(content, "estimator", *way[:-1])[way[-1]] = value

    return change


def also(value, name):
    """A change of the content that adds a field."""
    return lambda content, arrays: content.update({name: value})


LEARNED = "learned", "model_"
ENCODER = *LEARNED, "encoder"
FIELDS = {
    "version": ("ranker", also(2, "version"), "version 1, got"),
    "format": ("ranker", also("pickle", "format"), "format 'sklabelcraft'"),
    "field": ("ranker", also(1, "more"), "without other fields"),
    "class": ("ranker", put("Popen", "is"), "one of"),
    "path of a class": ("ranker", put("os.system", "is"), "one of"),
    "no estimator": ("ranker", put("Numbers", "is"), "one of"),
    "another class": ("ranker", put("DINRanker", "is"), "network"),
    "parameter": ("ranker", put(1, "params", "more"), "params must be"),
    "attribute": ("ranker", put(1, "learned", "more"), "must be an object of"),
    "kind of a parameter": ("ranker", put([1], "params", "loss"), "loss"),
    "range": ("ranker", put(-1, "params", "learning_rate"), "learning_rate"),
    "part": ("ranker", put({"is": "Numbers"}, "params", "network"), "one of"),
    "same": ("ranker", put({"same": "learned"}, *ENCODER), "must be one of"),
    "itself": ("ranker", put({"same": "model_"}, *ENCODER), "must be one of"),
    "tag": ("ranker", put({"bytes": "00"}, "params", "loss"), "one of"),
    "function": ("ranker", put({"function": "exec"}, "params", "loss"), "one of"),
    "array": ("ranker", put({"tensor": "x"}, *LEARNED, "head_mean"), "an array"),
    "loss": ("ranker", put("eval", *LEARNED, "loss"), "one of"),
    "outputs": ("ranker", put(2**60, *LEARNED, "n_outputs"), "head_mean"),
    "rows": ("ranker", put(True, *ENCODER, "n_rows"), "whole number"),
    "features": ("ranker", put(["user_id"], *ENCODER, "features"), "features"),
    "length": ("past", put(0, *LEARNED, "history", "length"), "with"),
    "past": ("past", put({"tuple": [9]}, *LEARNED, "history", "columns"), "columns"),
    "no part": ("ranker", put(1, *ENCODER), r"one of \['Encoder'\]"),
    "no list": ("past", put(1, *LEARNED, "history", "_begun"), "a list"),
    "no pairs": ("past", put([1], *ENCODER, "ranks"), "a list of pairs"),
    "name twice": ("past", put("user_id", *ENCODER, "vocabularies", 1, 0), "twice"),
    "no texts": (
        "ranker",
        put({"objects": 1}, "learned", "feature_names_in_"),
        "a name",
    ),
    "no weights": ("ranker", put({"is": "MLPModule"}, *LEARNED, "module"), "by name"),
    "two tags": ("random", put({"a": 1, "b": 2}, "params", "k"), "of one field"),
    "tuple": ("random", put({"tuple": 1}, "params", "k"), "a list"),
    "dict": ("random", put({"dict": [1]}, "params", "k"), "pairs"),
    "names": (
        "random",
        put({"dict": [{"tuple": [1.5, 1]}]}, "params", "k"),
        "names, once each",
    ),
    "float": ("random", put({"float": "x"}, "params", "k"), "nan, inf or -inf"),
    "path": ("random", put({"path": "a\0"}, "params", "k"), "a path"),
    "number of a device": ("random", put({"device": 1}, "params", "k"), "a device"),
    "device": ("random", put({"device": "a b"}, "params", "k"), "a device"),
    "no labelers": ("union", put([1], "params", "transformer_list"), "pairs of a name"),
    "labeler": (
        "union",
        put([{"tuple": ["a", 1]}], "params", "transformer_list"),
        "labelers",
    ),
    "jobs": ("union", put(10**6, "params", "n_jobs"), "None or up to"),
    "weights": ("union", put(1, "params", "transformer_weights"), "weights"),
    "position": ("random", put({"int64": 1e9}, "params", "k"), "int64"),
    "widths": ("random", put([0], "params", "hidden"), None),
    "half": ("random", put({"float16": 1e300}, "params", "k"), "float16"),
    "roles": ("ranker", put(1, *ENCODER, "columns", "features"), "iterable|sequence"),
    "huge number": (
        "past",
        put(10**400, *ENCODER, "numbers", 0, 1, 0, "least"),
        "a finite number",
    ),
    "objective": (
        "random",
        put([{"is": "Objective", "column": 1}], "params", "objectives"),
        "Objective|object of",
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_that_no_save_has_are_refused(name, changed):
    """Also if the digests are right."""
    kind, change, what = FIELDS[name]
    folder = changed(kind, change)
    if what is None:
        return
    with pytest.raises((ValueError, TypeError), match=what):
        load(folder)


def setting(name, value, *index):
    """A change of an entry of the array whose name ends like this."""

    def change(content, arrays):
        (found,) = [n for n in arrays if n.endswith(name)]
        arrays[found] = arrays[found].copy()
        arrays[found][index or ...] = value

    return change


def shaped(name, function):
    """A change of the shape or the type of an array."""

    def change(content, arrays):
        (found,) = [n for n in arrays if n.endswith(name)]
        arrays[found] = np.ascontiguousarray(function(arrays[found]))

    return change


def without(name):
    """A change that leaves arrays out."""

    def change(content, arrays):
        for found in [n for n in arrays if n.endswith(name)]:
            del arrays[found]

    return change


def shortened(name):
    """A change that leaves an array its first entry alone."""
    return shaped(name, lambda values: values[:1])


def dropped(*way):
    """A change that drops a node."""

    def change(content, arrays):
        del at(content, "estimator", *way[:-1])[way[-1]]

    return change


def emptied(*way):
    """A change that makes a vocabulary one that has not learned."""

    def change(content, arrays):
        at(content, "estimator", *way).update(values=[], missing_code=0)

    return change


def both(*changes):
    """Several changes."""

    def change(content, arrays):
        for each in changes:
            each(content, arrays)

    return change


NOBODY = {"is": "FrozenEstimator", "params": {"estimator": None}, "learned": {}}
FIRST = "learned", "recommenders_", 0, 1, "learned"
STATE = "learned", "training_state_"
MEMORY = *STATE, "memory"
VOCABULARY = *ENCODER, "vocabularies", 0, 1
HISTORY = *LEARNED, "history"
BY_IDS = "learned", "statistics_", "by_ids"
GROUPS = "learned", "groups_"
ENTRIES = {  # the save, what is changed in it, and what is said of that
    "code of the missing": ("ranker", put(99, *VOCABULARY, "missing_code"), "at most"),
    "no vocabulary": ("ranker", emptied(*VOCABULARY), "a vocabulary of"),
    "value twice": ("ranker", setting("vocabularies.0.values", 5), "distinct"),
    "kind of a value": ("ranker", setting("ies.2.values.kinds", 200, 0), "known kind"),
    "number of a text": (
        "ranker",
        setting("ies.2.values.kinds", 1, 0),
        "cannot be read",
    ),
    "ends of texts": (
        "ranker",
        setting("ies.2.values.ends", 10**9, 3),
        "after the other",
    ),
    "order of texts": (
        "ranker",
        setting("ies.2.values.ends", -5, 0),
        "after the other",
    ),
    "no UTF-8": ("ranker", setting("ies.2.values.texts", 255, 0), "UTF-8"),
    "fewer kinds": ("ranker", shortened("ies.2.values.kinds"), "of one size"),
    "type of kinds": (
        "ranker",
        shaped("ies.2.values.kinds", np.int64),
        "ends and kinds",
    ),
    "shape of ends": ("ranker", shaped("ies.2.values.ends", np.atleast_2d), "vectors"),
    "type of values": ("ranker", shaped("ies.0.values", np.float32), "of a type of"),
    "count": ("ranker", setting("occurrences.0.counts", 0, 0), ">= 1"),
    "key of NaN": ("past", setting("encoder.numbers.0.0.keys", -(2**63), 0), "finite"),
    "key of seconds": ("crafter", setting("e_.counts.keys", 2**63 - 1, -1), "seconds"),
    "spread": ("gain", setting("std_", np.inf, 0), "finite"),
    "sum of counts": ("ranker", setting("ces.0.counts", 2**52, slice(2)), "sum below"),
    "rank of an array": ("past", shaped("ranks.0.0.points", np.atleast_2d), "of shape"),
    "type of an array": (
        "past",
        shaped("ranks.0.0.points", np.float32),
        "of a type of",
    ),
    "no text": ("ranker", setting("feature_names_in_.kinds", 8, 0), "texts"),
    "beyond 1": ("ranker", setting("memory.drawn", 2.0, 0), "<= 1"),
    "fewer users": (
        "ranker",
        both(shortened("users.values"), shortened("users.missing")),
        "users must be|[0-9] users",
    ),
    "unfitted ranker": (
        "crafter",
        put({}, "learned", "ranker_", "learned"),
        "of a fitted ranker",
    ),
    "unfitted part": (
        "fused",
        put({}, *FIRST, "ranker_", "learned"),
        "of a fitted",
    ),
    "no labeler": ("fused", put(NOBODY, *FIRST, "labeler_"), "of a labeler"),
    "no recommender": (
        "fused",
        put(NOBODY, "learned", "heads_", "recommenders", 0, 1),
        "a recommender",
    ),
    "fewer columns": ("scaler", dropped("learned", "statistics_", 1), "a list of"),
    "fewer counts": ("ranker", shortened("occurrences.0.counts"), "of shape"),
    "occurrences": ("ranker", dropped(*ENCODER, "occurrences", 0), "occurrences of"),
    "ranks": ("past", dropped(*ENCODER, "ranks", 0), "ranks of"),
    "numbers": ("past", dropped(*ENCODER, "numbers", 0), "ranks of"),
    "point": ("past", setting("ranks.0.0.points", np.nan, 0), "finite"),
    "order of points": ("past", setting("ranks.0.0.points", 1e9, 0), "rising"),
    "no points": ("past", shaped("ranks.0.0.points", lambda v: v[:0]), "of shape"),
    "row of the past": ("past", setting("history._store", 99999, 0), "rows of a past"),
    "negative row": ("past", setting("history._store", -1, 0), ">= 0"),
    "code of the past": ("past", setting("history._past", 9**9, 0, 0), "at most"),
    "columns of the past": ("past", shaped("y._past", lambda v: v[:, :1]), "columns"),
    "order of users": ("past", setting("history._users", 10**6, 0), "rising"),
    "order of times": ("past", setting("history._times", 2**62, 0), "sorted by user"),
    "users of the past": ("past", emptied(*HISTORY, "_vocabulary"), "a vocabulary of"),
    "no times": ("past", dropped(*HISTORY, "_times"), "with"),
    "place of a column": ("past", put({"tuple": [-1]}, *HISTORY, "columns"), "columns"),
    "weights' type": ("ranker", shaped("dense.0.weight", np.float64), "module must be"),
    "weights' shape": ("ranker", shaped("dense.0.weight", np.transpose), "no network"),
    "no weight": ("ranker", dropped(*LEARNED, "module", "dense.0.bias"), "no network"),
    "no weights": ("ranker", dropped(*LEARNED, "module", "dense.0.weight"), "network"),
    "table": ("ranker", shortened("module.embeddings.table.weight"), "no network"),
    "code in the memory": ("ranker", setting("rows.codes", 10**6, 0, 0), "at most"),
    "codes in the memory": (
        "ranker",
        shaped("rows.codes", lambda v: v[:, :1]),
        "columns",
    ),
    "numbers in the memory": (
        "past",
        shaped("rows.numeric", lambda v: v[:, :0]),
        "1 columns",
    ),
    "users in the memory": ("ranker", shortened("users.values"), "of shape|users"),
    "lengths": ("lists", setting("bags.lengths", 9, 0, 0), "elements"),
    "fewer rows of lists": (
        "lists",
        shaped("bags.lengths", lambda lengths: np.vstack([lengths, 0 * lengths[:1]])),
        "lists of",
    ),
    "more columns of lists": (
        "lists",
        shaped("bags.lengths", lambda lengths: np.hstack([lengths, 0 * lengths])),
        "1 columns",
    ),
    "code in a list": ("lists", setting("bags.codes", 10**6, 0), "at most"),
    "columns of lists": ("lists", put(["user_id"], *ENCODER, "lists"), "the last ones"),
    "no column of lists": ("lists", put([], *ENCODER, "lists"), "columns"),
    "ranks of a number": ("lists", dropped(*ENCODER, "ranks", 0, 1, 0), "ranks of"),
    "drawn": ("ranker", shortened("memory.drawn"), "numbers"),
    "rows seen": ("ranker", put(3, *MEMORY, "n_seen"), "rows or more"),
    "labels in the memory": (
        "ranker",
        shaped("memory.rows.columns.0", lambda values: values[:, 0]),
        "labels of",
    ),
    "no labels": ("ranker", dropped(*MEMORY, "rows", "columns", 0), "with '0'"),
    "no durations": ("ranker", dropped(*MEMORY, "rows", "columns", 1), "with '1'"),
    "last step": ("ranker", setting("ate_.optimizer.last.0", 2**30, 0), "steps"),
    "negative step": ("ranker", setting("ate_.optimizer.last.0", -1, 0), ">= 0"),
    "last steps": ("ranker", shortened("ate_.optimizer.last.0"), "last steps of"),
    "moments": ("ranker", shortened("ate_.optimizer.moments.1"), "moments of"),
    "number of moments": (
        "ranker",
        shaped("ate_.optimizer.moments.1", lambda values: values[:, :1]),
        "0 or 2",
    ),
    "type of moments": (
        "ranker",
        shaped("ate_.optimizer.moments.1", np.float64),
        "of one type",
    ),
    "reader": ("ranker", shortened("adversary.reader.0"), "weights of"),
    "moments of a reader": ("ranker", shortened("ary.optimizer.moments.0"), "moments"),
    "unused": ("ranker", lambda content, arrays: arrays.update(x=np.eye(3)), "belongs"),
    "all missing": ("ranker", without(""), "an array"),
    "code of a group": ("groups", setting("by_ids.codes", 9**9, 0, 0), "at most"),
    "code of nothing": ("groups", setting("by_ids.codes", 0, 0, 0), ">= 1"),
    "columns of codes": ("groups", shaped("s.codes", lambda v: v[:, :0]), "1 columns"),
    "no vocabulary of counts": (
        "groups",
        emptied(*BY_IDS, "vocabularies", 0, 1),
        "a vocabulary of",
    ),
    "sizes of groups": ("groups", put([1, 4], *GROUPS, "sizes"), "of sizes"),
    "coarser groups": ("groups", put(99, *GROUPS, "sizes", 1), "coarser ones"),
    "sum of a table": ("groups", setting("counts_.total", 5, 0), "rising|add up"),
    "begin of a table": ("groups", setting("counts_.total", 1, 0), "add up"),
    "end of a group": ("groups", setting("counts_.before", 10**9, -1), "add up"),
    "groups": ("groups", shortened("counts_.before"), "groups"),
    "no group": ("groups", shaped("groups_.known", lambda v: v[:0]), "of shape"),
    "by": ("groups", put("duration", "params", "by"), "groups by"),
    "points of a label": ("crafter", setting("watch_points", np.inf, 0), "finite"),
    "order of edges": ("crafter", setting("quantiles.edges", 1e9, 0), "rising"),
    "weight of a label": (
        "crafter",
        shaped("correction.0.weight", lambda values: values[:, :2]),
        "of 3 inputs",
    ),
    "row held out": ("crafter", setting("held_out.codes", 9**9, 0, 0), "at most"),
    "what is scaled": (
        "crafter",
        dropped(*STATE, "held_out", "columns", 0),
        "with 'watch_time'",
    ),
    "moments of a label": ("crafter", shortened("outer.moments.0"), "moments of"),
    "moments of its ranker": (
        "crafter",
        shortened("ranker_.training_state_.optimizer.moments.1"),
        "moments",
    ),
    "feedback remembered": (
        "crafter",
        dropped(*MEMORY, "rows", "columns", 0),
        "with 'watch_time'",
    ),
    "random state": ("random", shortened("random_state.key"), "of shape"),
    "heads": ("fused", shortened("heads_.mean"), "of shape"),
    "ranks of heads": ("fused", dropped("learned", "heads_", "ranks"), "with ranks"),
    "items seen": ("seen", setting("seen_.codes", 9**9, 0), "at most"),
    "no item seen": ("seen", setting("seen_.codes", 0, 0), ">= 1"),
    "fewer items seen": ("seen", shortened("seen_.codes"), "from 0 to 1"),
    "begin of a user": ("seen", setting("seen_.starts", 10**9, 3), "rising"),
    "begin of nobody": ("seen", setting("seen_.starts", 1, 1), "from 0 to"),
    "fewer users seen": ("seen", shortened("seen_.starts"), "starts"),
    "nobody seen": (
        "seen",
        emptied("learned", "seen_", "users"),
        "a vocabulary of 'user'",
    ),
    "knee": ("fused", dropped("learned", "measures_", 0, "knee"), "scaled or not"),
}


def frozen_again(same):
    """A node of a frozen estimator around what stands elsewhere."""
    return {
        "is": "FrozenEstimator",
        "params": {"estimator": {"same": same}},
        "learned": {},
    }


@pytest.mark.parametrize("twice", [False, True], ids=["deep", "wide"])
def test_the_same_once_more_does_not_make_much_of_a_small_file(twice, changed):
    """Neither parts of parts without end, nor twice as many from each to the next."""

    def grow(content, arrays):
        union = content["estimator"]
        parts = union["params"]["transformer_list"]
        del parts[1:]
        for i in range(20 if twice else 200):
            last = f"transformer_list.{i}.1"
            pairs = [{"tuple": [name, {"same": last}]} for name in "ab"]
            params = union["params"] | {"transformer_list": pairs}
            part = union | {"params": params} if twice else frozen_again(last)
            parts.append({"tuple": [f"part {i}", part]})

    with pytest.raises(ValueError, match="of at most 65536 parts, 64 levels"):
        load(changed("union", grow))


@pytest.mark.parametrize("name", ENTRIES)
def test_what_would_lead_out_of_a_part_is_refused(name, changed):
    """Also if the digests are right."""
    kind, change, what = ENTRIES[name]
    with pytest.raises(ValueError, match=what):
        load(changed(kind, change))


def test_the_place_of_a_random_state_stays_inside_of_it(changed):
    """As numpy reads its key from there on without a look."""
    folder = changed("random", put(625, "params", "random_state", "pos"))
    with pytest.raises(ValueError, match="pos must be a whole number from 0 to 624"):
        load(folder)
