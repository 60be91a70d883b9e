"""Columns whose values are lists, from whatever holds them."""

import re
from datetime import date, time
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from sklabelcraft import Columns
from sklabelcraft._encoder import Encoder
from sklabelcraft._reading import as_log

TAGS = [["b", "a"], [], None, ["a", None], ["c"]]
NUMBERS = [[2**60 + 1, 2], [], None, [2], [3, 3]]
VECTORS = [[0.5, 1.0], [1.5, 0.0], [2.5, 2.0], [0.5, 1.0], [9.0, 1.0]]


def arrow_backed(data):
    return pd.DataFrame(
        {key: pd.arrays.ArrowExtensionArray(pa.array(data[key])) for key in data}
    )


def of_arrays(data):
    values = {k: [v if v is None else np.array(v) for v in data[k]] for k in data}
    return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in values.items()})


def of_tuples(data):
    return pd.DataFrame(
        {
            key: pd.Series([v if v is None else tuple(v) for v in data[key]])
            for key in data
        }
    )


def large(data):
    table = pa.table(data)
    types = [pa.large_list(field.type.value_type) for field in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, types, strict=True))))


FRAMES = {
    "pandas": pd.DataFrame,
    "tuples": of_tuples,
    "arrays": of_arrays,
    "arrow-backed": arrow_backed,
    "chunks of arrow-backed": lambda d: pd.concat(
        [arrow_backed(d)[:2], arrow_backed(d)[2:]]
    ),
    "polars": pl.DataFrame,
    "chunks of polars": lambda d: pl.concat([pl.DataFrame(d)[:2], pl.DataFrame(d)[2:]]),
    "arrow": pa.table,
    "large": large,
    "chunks of arrow": lambda d: pa.concat_tables([pa.table(d)[:3], pa.table(d)[3:]]),
}
KINDS = pytest.mark.parametrize("kind", FRAMES)


@KINDS
@pytest.mark.parametrize("values", [TAGS, NUMBERS])
def test_lists_from_every_kind(kind, values):
    """All elements in order, exactly, missing ones told; a missing list has none."""
    log = as_log(FRAMES[kind]({"x": values}))
    assert log.is_nested("x")
    lists = log.lists("x")
    assert not lists.holds_vectors
    assert lists.lengths.tolist() == [2, 0, 0, len(values[3]), len(values[4])]
    ids = lists.ids("x")
    found = [
        None if missing else value
        for value, missing in zip(ids.values.tolist(), ids.missing, strict=True)
    ]
    assert found == [value for listed in values for value in listed or []]


@KINDS
def test_vectors_from_every_kind(kind):
    """Lists of floating-point numbers are rows of a matrix."""
    lists = as_log(FRAMES[kind]({"x": VECTORS})).lists("x")
    assert lists.holds_vectors
    assert lists.vectors("x", int).tolist() == VECTORS


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"x": VECTORS}, schema={"x": pl.Array(pl.Float32, 2)}),
        pa.table({"x": pa.array(VECTORS, pa.list_(pa.float32(), 2))}),
        pa.table({"x": pa.array([None, *VECTORS], pa.list_(pa.float64(), 2))})[1:],
        pd.DataFrame({"x": VECTORS}).to_numpy(),
        pd.DataFrame({"x": [[0.5, 1], *map(np.array, VECTORS[1:])]}),
    ],
    ids=["Array", "fixed", "sliced", "objects", "mixed"],
)
def test_vectors_of_fixed_sizes(frame):
    """Of types that state their width, and of arrays of objects."""
    log = as_log(frame)
    lists = log.lists(log.keys[0])
    assert lists.holds_vectors
    assert lists.vectors("x", int).tolist() == VECTORS


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([[1.5, 2.0], [1.0]], "'x' holds lists of floating-point.*row 0 is 2.*row 1"),
        ([[1.5], None], "that of row 0 is 1, that of row 1 is 0, 0 if it is missing"),
        ([[1.5], [np.nan]], "'x' must be finite; 1 of 2 rows.*row 1: nan"),
        ([[1.5], [None]], "'x' must be finite; 1 of 2 rows.*row 1: nan"),
        ([[1.5, 2.0], [np.nan] * 2], "'x' must be finite; 1 of 2 rows.*row 1: nan"),
        ([[1.5, 2.0], [0.5, np.inf]], "'x' must be finite; 1 of 2 rows.*row 1: inf"),
    ],
)
def test_lists_that_are_no_vectors(wrong, message):
    """What is wrong is told by the row."""
    for frame in (pd.DataFrame, pl.DataFrame, pa.table):
        log = as_log(frame({"x": wrong}))
        with pytest.raises(ValueError, match=message):
            log.lists("x").vectors("x", log.row_name)


@pytest.mark.parametrize("nothing", [None, []])
def test_vectors_that_are_all_missing(nothing):
    """It is one row that is named, and once."""
    frame = pl.DataFrame({"x": [nothing] * 3}, schema={"x": pl.List(pl.Float64)})
    with pytest.raises(ValueError, match=r"length: that of row 0 is 0, 0 if it is"):
        learned(frame)


@pytest.mark.parametrize("kind", ["pandas", "arrow-backed", "polars", "arrow"])
@pytest.mark.parametrize(
    "values", [["a", "b"], ["1", "2"], [date(2026, 1, 1)] * 2, [time(1)] * 2, [[1.0]]]
)
def test_what_is_no_number_is_no_component(kind, values):
    """Neither texts that look like numbers nor dates are taken as numbers."""
    encoder = learned(pd.DataFrame({"x": [[0.5] * len(values)]}))
    told = (
        f"'x' must hold numbers, got .* such as {re.escape(repr(values[0]))} in row 1"
    )
    log = as_log(FRAMES[kind]({"x": [values] * 2})).rows(np.array([1]))
    with pytest.raises(ValueError, match=told):
        encoder.encode(log)


@pytest.mark.parametrize("kind", ["pandas", "arrow-backed", "polars", "arrow"])
@pytest.mark.parametrize("values", [[1, 2], [True, False], [Decimal(1), Decimal(2)]])
def test_numbers_of_any_type_are_components(kind, values):
    """A column of vectors may come as whole numbers later."""
    encoder = learned(pd.DataFrame({"x": [[0.0, 1.0], [2.0, 2.0]]}))
    data = {"x": [[float(value) for value in values]]}
    wanted = encoder.encode(as_log(pd.DataFrame(data)))[1]
    _, found = encoder.encode(as_log(FRAMES[kind]({"x": [values]})))
    np.testing.assert_array_equal(found, wanted)


def test_words_among_numbers():
    """No vector has them."""
    log = as_log(pd.DataFrame({"x": [[1.5, 2.0], [0.5, "a"]]}))
    with pytest.raises(ValueError, match=r"'x' must hold numbers.*'a' in row 1"):
        log.lists("x").vectors("x", log.row_name)


def test_lists_in_some_rows_alone():
    """The first row that has none is named."""
    log = as_log(pd.DataFrame({"x": [None, ["a"], "b"]}))
    with pytest.raises(ValueError, match=r"lists in all rows or in none.*'b' in row 2"):
        log.lists("x")
    assert not as_log(pd.DataFrame({"x": ["a", ["b"]]})).is_nested("x")
    assert not as_log(pd.DataFrame({"x": [None, None]})).is_nested("x")


def test_texts_in_arrays_are_texts_of_python():
    """What is learned of them is what is learned of lists."""
    lists, arrays = (learned(FRAMES[k]({"x": TAGS[:2]})) for k in ("pandas", "arrays"))
    values = [each.vocabularies["x"].values for each in (lists, arrays)]
    assert values[0].tolist() == values[1].tolist()
    assert {*map(type, values[1])} == {str}


@pytest.mark.parametrize("values", [[1, (1, 2), (3,)], [None, "a", ("a",)]])
def test_tuples_behind_single_values(values):
    """They are no categories of their own, wherever the values are cut."""
    log = as_log(pd.DataFrame({"x": pd.Series(values, dtype=object)}))
    told = r"'x' must hold lists in all rows or in none, got \(.* in row [12]\."
    with pytest.raises(ValueError, match=told):
        learned(log.native)
    single = learned(pd.DataFrame({"x": ["a", 1]}))
    with pytest.raises(ValueError, match=told):
        single.encode(log)


@pytest.mark.parametrize("missing", [None, np.nan])
@pytest.mark.parametrize("there", [["a"], np.array([0.5])])
def test_lists_behind_many_missing_ones(missing, there):
    """It is the first value that is there which tells."""
    log = as_log(
        pd.DataFrame({"x": pd.Series([missing] * 500 + [there], dtype=object)})
    )
    assert log.is_nested("x")
    assert log.lists("x").lengths.tolist() == [0] * 500 + [1]


@KINDS
def test_what_cannot_be_keys(kind):
    """Lists of lists are no lists of ids."""
    if kind == "arrays":
        pytest.skip("numpy makes one array of lists of lists")
    log = as_log(FRAMES[kind]({"x": [[["a"]], [["b"], []]]}))
    with pytest.raises(ValueError, match="the lists of column 'x' must hold values"):
        log.lists("x").ids("x")


NEWER = pytest.mark.skipif(pd.__version__ < "3", reason="pandas 2 warns of tensors")


@pytest.mark.parametrize(
    "value", [pytest.param(torch.ones(2), marks=NEWER), ["b", "a", torch.tensor(1)]]
)
def test_tensors_are_told_by_the_row(value):
    """In cells as in lists in cells."""
    first = ["a"] if isinstance(value, list) else "a"
    values = pd.Series([first, None, value], index=["p", "q", "r"], dtype=object)
    told = r"column 'x' must hold values that can be keys.*tensor\(.*row 2 \(index 'r'"
    with pytest.raises(ValueError, match=told):
        learned(pd.DataFrame({"x": values}))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_texts_are_split_where_it_is_stated(frame):
    """At commas, without spaces; nothing between two commas is no element."""
    log = as_log(frame({"x": ["39,43", "7", None, "", " 8 , 39,,"]}))
    lists = log.lists("x")
    assert lists.lengths.tolist() == [2, 1, 0, 0, 2]
    assert lists.ids("x").values.tolist() == ["39", "43", "7", "8", "39"]
    log = as_log(frame({"x": [39, 43]}))
    with pytest.raises(
        ValueError, match="'39,43' or lists; it holds numbers, such as 39"
    ):
        log.lists("x")


def learned(data, features=("x",), **stated):
    log = as_log(data)
    return Encoder(Columns(**stated), list(features), 1).learn(log)


def test_encoded_lists_by_hand():
    """Codes by first appearance, the missing element last, new ones unknown."""
    encoder = learned(pd.DataFrame({"x": TAGS}))
    assert encoder.cardinalities == [5]
    bags = encoder.bags(as_log(pd.DataFrame({"x": TAGS})))
    assert bags.lengths[:, 0].tolist() == [2, 0, 0, 2, 1]
    assert bags.codes.tolist() == [1, 2, 2, 4, 3]
    new = encoder.bags(as_log(pd.DataFrame({"x": [["z", "c"], None]})))
    assert new.codes.tolist() == [0, 3]
    codes, numbers = encoder.encode(as_log(pd.DataFrame({"x": TAGS})))
    assert codes.shape == numbers.shape == (5, 0)


def test_rare_elements_are_unknown():
    """With min_count = 2, what is in one list alone; a list is not rare by itself."""
    encoder = Encoder(Columns(), ["x"], 2)
    log = as_log(pd.DataFrame({"x": [["a", "b"], ["a"], ["c"]]}))
    assert encoder.learn(log).bags(log).codes.tolist() == [0, 1, 1, 0]


def test_lists_come_behind_all_other_categories():
    """Behind the buckets of the duration, too."""
    data = pd.DataFrame(
        {"x": TAGS, "tab": [1, 2, 1, 2, 1], "duration": 5.0, "v": VECTORS}
    )
    encoder = learned(data, data.columns)
    assert encoder.cardinalities == [3, 33, 5]
    assert encoder.single == ["tab"]
    assert encoder.lists == ["x"]
    assert encoder.positions_without(None) == (0, 1)
    assert encoder.n_numeric == 3


def test_a_vector_is_its_components():
    """They are encoded as columns of numbers are."""
    apart = pd.DataFrame(VECTORS, columns=["a", "b"])
    wanted = learned(apart, ["a", "b"]).encode(as_log(apart))[1]
    data = pd.DataFrame({"x": VECTORS})
    np.testing.assert_array_equal(learned(data).encode(as_log(data))[1], wanted)


FORMS = {
    "lists": ([["a"], ["b", "a"]], {}),
    "text": (["a", "b"], {}),
    "vectors": ([[0.5, 1.5], [1.0, 2.0]], {}),
    "longer": ([[0.5, 1.5, 2.5], [1.0, 2.0, 0.5]], {}),
    "narrow": ([[0.5], [1.5]], {}),
    "number": ([0.5, 1.5], {}),
    "split": (["a,b", "b"], {"lists": ("x",)}),
    "whole": ([[1], [2, 1]], {}),
}


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        ("lists", "text", "held lists in fit and holds single values now, such as 'a'"),
        ("text", "lists", "held single values in fit and holds lists now, such as 'a'"),
        ("vectors", "longer", "held vectors of 2 numbers in fit and holds those of 3"),
        ("vectors", "number", "held vectors in fit and holds single values now, such"),
        ("number", "vectors", "held single values in fit and holds lists now, such as"),
        ("narrow", "number", "held vectors in fit and holds single values now, such"),
        ("number", "narrow", "held single values in fit and holds lists now, such as"),
        ("lists", "whole", "held text in fit and holds numbers now"),
        ("lists", "vectors", "held text in fit and holds numbers now"),
        ("split", "whole", "held text in fit and holds numbers now"),
        ("vectors", "text", "held vectors in fit and holds single values now, such"),
    ],
)
def test_another_form_is_an_error(first, then, message):
    """It says what there was and what there is."""
    values, stated = FORMS[first]
    encoder = learned(pd.DataFrame({"x": values}), **stated)
    log = as_log(pd.DataFrame({"x": FORMS[then][0]}))
    for use in (lambda log: [encoder.encode(log), encoder.bags(log)], encoder.grown):
        with pytest.raises(ValueError, match=f"column 'x' {message}"):
            use(log)


def test_nothing_is_of_any_form():
    """Rows whose lists or categories are all missing are encoded."""
    nothing = as_log(pd.DataFrame({"x": [None, None]}))
    lists = learned(pd.DataFrame({"x": TAGS}))
    assert lists.bags(nothing).lengths.tolist() == [[0], [0]]
    text = learned(pd.DataFrame({"x": ["a", "b"]}))
    assert text.encode(nothing)[0].tolist() == [[0], [0]]


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_missing_vector_is_told_whatever_is_beside_it(frame, width):
    """A row by itself says no less than all rows."""
    encoder = learned(frame({"x": [[0.5] * width, [1.5] * width]}))
    told = r"'x' holds lists of floating-point.*that of row 0 is 0.*0 if it is missing"
    for values in ([None], [None, None], [None, [0.5] * width]):
        with pytest.raises(ValueError, match=told):
            encoder.encode(as_log(frame({"x": values})))


EMPTIABLE = {"tags": TAGS, "numbers": NUMBERS, "vectors": VECTORS}
EMPTIABLE |= {"narrow": [[0.5], [1.5], [2.5]], "split": ["1,2", "3", None]}


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("name", EMPTIABLE)
def test_no_row_has_no_list(frame, name):
    """A log without rows is encoded as what the column was in fit."""
    data = frame({"x": EMPTIABLE[name]})
    encoder = learned(data, lists=("x",) * (name == "split"))
    empty = as_log(data).rows(np.arange(0))
    codes, numbers = encoder.encode(empty)
    assert (codes.shape, numbers.shape) == ((0, 0), (0, encoder.n_numeric))
    bags = encoder.bags(empty)
    assert bags.codes.tolist() == []
    assert bags.lengths.shape == (0, len(encoder.lists))


def test_missing_whole_numbers_are_no_lists():
    """Where texts are stated to be lists, nothing is there to be refused."""
    log = as_log(pd.DataFrame({"x": pd.array([None, None], "Int64")}))
    assert log.lists("x").lengths.tolist() == [0, 0]
    assert learned(pd.DataFrame({"x": TAGS})).bags(log).lengths.tolist() == [[0], [0]]


def test_stated_lists_are_features_in_which_there_may_be_several():
    """A column that has a role, or that is nowhere, is refused."""
    with pytest.raises(ValueError, match="lists names 'item_id', which is the item"):
        Columns(lists=("item_id",))
    with pytest.raises(ValueError, match="lists must be a sequence of names"):
        Columns(lists="tag")
    with pytest.raises(ValueError, match="column 'tag' is not in the log"):
        learned(pd.DataFrame({"x": ["a"]}), lists=("tag",))
    both = learned(pd.DataFrame({"x": [[0.5], [0.5, 1.5]]}), lists=("x",))
    assert both.cardinalities == [3]  # stated, so no vectors
