"""From the columns of a log to codes and numbers."""

from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import Columns
from sklabelcraft._encoder import (
    N_DURATION_BUCKETS,
    UNKNOWN,
    Encoder,
)
from sklabelcraft._reading import as_log

modest = settings(max_examples=50, deadline=None)
FEATURES = ["user_id", "item_id", "duration"]
BIG = 2**60


def make_encoder(min_count=1, features=FEATURES):
    return Encoder(Columns(), features, min_count)


def make_log(users, items):
    log = pd.DataFrame({"user_id": list(users), "item_id": list(items)})
    log["duration"] = np.arange(len(log)) + 1.0
    return as_log(log)


def codes_of(encoder, log):
    return encoder.encode(log)[0]


def test_equal_values_share_a_code_and_others_do_not():
    """Codes name the values, from 1 on."""
    log = make_log("aabb", "xyxz")
    users, items = codes_of(make_encoder().learn(log), log).T[:2].tolist()
    assert users[0] == users[1] != users[2] == users[3]
    assert items[0] == items[2]
    assert len(set(items)) == 3
    assert min(users + items) > UNKNOWN


def test_unseen_and_rare_values_have_the_code_of_the_unknown():
    """With min_count = 2, values seen once are as unknown as unseen ones."""
    log = make_log("aab", "xyx")
    encoder = make_encoder(min_count=2).learn(log)
    learned = codes_of(encoder, log)
    assert (learned[:, 0] == UNKNOWN).tolist() == [False, False, True]
    assert (learned[:, 1] == UNKNOWN).tolist() == [False, True, False]
    new = codes_of(encoder, make_log("abc", "yxz"))
    assert new[0, 0] == learned[0, 0]
    assert (new[:, 0] == UNKNOWN).tolist() == [False, True, True]
    assert (new[:, 1] == UNKNOWN).tolist() == [True, False, True]


def test_codes_fit_into_the_cardinalities():
    """Codes of learned and of unseen rows, the duration's too, index the tables."""
    log = make_log("aabbc" * 20, "vwxyz" * 20)
    encoder = make_encoder(min_count=2).learn(log)
    learned = codes_of(encoder, log)
    unseen = codes_of(encoder, make_log("abq", "vwq"))
    sizes = np.array(encoder.cardinalities)
    assert sizes.tolist() == [4, 6, N_DURATION_BUCKETS + 1]
    assert (learned.max(axis=0) == sizes - 1).all()
    assert (learned.min(axis=0) == 1).all()
    assert (unseen < sizes).all()


def test_all_but_the_user_describe_the_item_or_the_moment():
    """The context is every column of codes but the user's."""
    encoder = make_encoder(features=["item_id", "user_id", "duration"])
    encoder.learn(make_log("ab", "xy"))
    assert encoder.positions_without("user_id") == (0, 2)
    assert encoder.positions_without(None) == (0, 1, 2)


def test_numbers_are_ranks_in_the_learned_rows():
    """The numeric columns go from -1 at the least to 1 at the largest learned value."""
    log = make_log("aaaaa", "xxxxx")
    encoder = make_encoder().learn(log)
    learned = encoder.encode(log)[1]
    np.testing.assert_allclose(learned[:, 0], [-1, -0.5, 0, 0.5, 1], atol=1e-6)
    beyond = pd.DataFrame({"user_id": "a", "item_id": "x", "duration": [0.0, 99.0]})
    np.testing.assert_allclose(encoder.encode(as_log(beyond))[1][:, 0], [-1, 1])


def test_what_is_a_number():
    """Floating-point columns and the duration are, the user and the item never."""
    data = {"user_id": [0.5, 1.5], "item_id": [1.0, 2.0], "duration": [1, 2]}
    log = as_log(pd.DataFrame(data | {"count": [1, 2], "score": [0.5, 1.0]}))
    encoder = Encoder(Columns(), log.keys, 1).learn(log)
    assert list(encoder.vocabularies) == ["user_id", "item_id", "count"]
    assert list(encoder.ranks) == ["duration", "score"]
    assert encoder.n_numeric == 2
    assert encoder.cardinalities == [3, 3, 3, N_DURATION_BUCKETS + 1]
    nameless = Encoder(Columns(user=None, item=None, duration=None), log.keys, 1)
    assert list(nameless.learn(log).vocabularies) == ["duration", "count"]


def test_without_any_feature_of_a_kind():
    """There may be no category, or no number."""
    log = as_log(pd.DataFrame({"score": [0.5, 1.5], "tag": ["a", "b"]}))
    codes, numbers = Encoder(Columns(), ["score"], 1).learn(log).encode(log)
    assert (codes.shape, codes.dtype) == ((2, 0), np.int64)
    assert numbers.shape == (2, 1)
    codes, numbers = Encoder(Columns(), ["tag"], 1).learn(log).encode(log)
    assert (numbers.shape, numbers.dtype) == ((2, 0), np.float32)
    assert codes.tolist() == [[1], [2]]


@modest
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.floats(0, 1e6)), min_size=1),
    st.randoms(use_true_random=False),
)
def test_a_row_is_encoded_by_itself(rows, random):
    """Its codes and numbers do not depend on the rows around it, nor on their order."""
    items, seconds = zip(*rows, strict=True)
    log = as_log(pd.DataFrame({"item_id": items, "duration": seconds}))
    encoder = Encoder(Columns(), log.keys, 2).learn(log)
    order = random.choices(range(len(log)), k=5)
    for whole, part in zip(
        encoder.encode(log), encoder.encode(log.rows(np.array(order))), strict=True
    ):
        np.testing.assert_array_equal(part, whole[order])


DATA = {
    "user_id": [BIG + 1, BIG + 2, None, BIG + 1],
    "item_id": ["x", None, "y", "x"],
    "duration": [7.5, 20.0, 7.5, 3.0],
    "tab": [1, 2, 1, 1],
}
LOGS = {
    "pandas": pd.DataFrame(DATA | {"user_id": pd.array(DATA["user_id"], "Int64")}),
    "pandas-objects": pd.DataFrame(DATA, dtype=object).astype({"duration": float}),
    "pandas-arrow": pd.DataFrame(
        {key: pd.arrays.ArrowExtensionArray(pa.array(DATA[key])) for key in DATA}
    ),
    "polars": pl.DataFrame(DATA),
    "pyarrow": pa.table(DATA),
    "objects": np.array(list(zip(*DATA.values(), strict=True)), dtype=object),
}


NAMED = [name for name in LOGS if name != "objects"]
PAIRS = [*product(NAMED, NAMED), ("objects", "objects")]


@pytest.mark.parametrize(("learned", "new"), PAIRS)
def test_codes_do_not_depend_on_what_holds_the_log(learned, new):
    """Learned from one kind of table, rows of any other have the same codes."""
    learned, new = as_log(LOGS[learned]), as_log(LOGS[new])
    encoder = Encoder(Columns(*learned.keys[:3]), learned.keys, 1).learn(learned)
    codes, numbers = encoder.encode(new)
    assert codes[:, :3].T.tolist() == [[1, 2, 3, 1], [1, 3, 2, 1], [1, 2, 1, 1]]
    ranks = numbers[:, 0].tolist()
    assert ranks[3] == -1 < ranks[0] == ranks[2] < ranks[1] == 1


@pytest.mark.parametrize("column", ["user_id", "item_id", "tab"])
@pytest.mark.parametrize(
    ("learned", "new"), [([1, 2], ["1", "2"]), (["a", "b"], [1, 2])]
)
def test_another_kind_is_an_error(column, learned, new):
    """Text cannot be found among numbers; the error names the column and the kinds."""
    encoder = Encoder(Columns(), [column], 1)
    encoder.learn(as_log(pd.DataFrame({column: learned})))
    kinds = {int: "numbers", str: "text"}
    held, holds = (kinds[type(values[0])] for values in (learned, new))
    message = f"column '{column}' held {held} in fit and holds {holds} now"
    for frame in (pd.DataFrame, pl.DataFrame, pa.table):
        with pytest.raises(ValueError, match=message):
            encoder.encode(as_log(frame({column: new})))


@pytest.mark.parametrize(
    ("learned", "new"),
    [([0, 1], [1.0, 0.0]), ([0.0, 1.0], [1, 0]), ([False, True], [1, 0])],
)
def test_numbers_of_any_type_are_one_kind(learned, new):
    """Whole floats are the whole numbers, booleans are 0 and 1, both ways."""
    for first, second in [(learned, new), (new, learned)]:
        encoder = Encoder(Columns(), ["item_id"], 1)
        encoder.learn(as_log(pd.DataFrame({"item_id": first})))
        log = as_log(pl.DataFrame({"item_id": second}))
        assert encoder.encode(log)[0].ravel().tolist() == [2, 1]


def test_a_duration_is_not_negative():
    """It is seconds also where it is a feature; the row is named."""
    encoder = make_encoder().learn(make_log("ab", "xy"))
    log = pd.DataFrame({"user_id": "a", "item_id": "x", "duration": [1.0, -1.0]})
    with pytest.raises(ValueError, match=r"'duration' must be finite and >= 0.* row 1"):
        encoder.encode(as_log(log))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_missing_number_has_the_middle_rank_and_is_told(frame):
    """A column with missing ones in fit has one number more, which says which."""
    numbers = [0.0, 1.0, 2.0, 3.0]
    known = frame({"duration": numbers, "a": numbers, "b": numbers})
    gaps = frame({"duration": numbers, "a": [None, *numbers[1:]], "b": numbers})
    encoder = make_encoder(features=["duration", "a", "b"]).learn(as_log(gaps))
    assert (encoder.n_numeric, encoder.gaps) == (4, ["a"])
    _, found = encoder.encode(as_log(gaps))
    third = np.float32(1 / 3)
    assert np.allclose(found[:, 0], [-1, -third, third, 1])
    assert found[:, 1].tolist() == [0, -1, 0, 1]
    assert found[:, 3].tolist() == [1, 0, 0, 0]
    without = make_encoder(features=["duration", "a", "b"]).learn(as_log(known))
    assert without.n_numeric == 3
    assert without.encode(as_log(gaps))[1][0].tolist() == [-1, 0, -1]


def test_numbers_that_are_missing_on_a_further_day():
    """They teach no rank, and no number more says which they are, as before."""
    first, then = ({"duration": [1.0, 2.0], "a": a} for a in ([1.0, 3.0], [np.nan] * 2))
    first, then = as_log(pd.DataFrame(first)), as_log(pd.DataFrame(then))
    encoder = make_encoder(features=["duration", "a"]).learn(first)
    grown = encoder.grown(then)
    assert grown.n_numeric == encoder.n_numeric == 2
    assert np.array_equal(grown.encode(first)[1][:, 1], [-1, 1])
    assert grown.encode(then)[1][:, 1].tolist() == [0, 0]
    gapped = make_encoder(features=["duration", "a"])
    with pytest.raises(ValueError, match="'a' is a feature and holds no number: all 2"):
        gapped.learn(then)


def test_a_number_that_is_infinite_or_a_duration_that_is_missing():
    """They are refused, with column and row."""
    rows = {"duration": [1.0, 2.0], "a": [1.0, np.inf]}
    with pytest.raises(ValueError, match=r"Not finite: column 'a' .* row 1: inf"):
        make_encoder(features=["duration", "a"]).learn(as_log(pd.DataFrame(rows)))
    rows = as_log(pd.DataFrame({"duration": [np.nan, 2.0]}))
    with pytest.raises(ValueError, match=r"Missing .*: column 'duration' .* row 0"):
        make_encoder(features=["duration"]).learn(rows)
