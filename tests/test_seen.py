"""What users had is kept exactly, whatever the ids and however often they occur."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklabelcraft._log import Log
from sklabelcraft._seen import Seen

IDS = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4, unique=True),
    st.lists(st.text(max_size=3), min_size=1, max_size=4, unique=True),
    st.just([2**53, 2**53 + 1, None]),
)


def frame(pairs):
    users, items = zip(*pairs, strict=True)
    columns = {"u": pd.Series(users, dtype=object), "i": pd.Series(items, dtype=object)}
    return pd.DataFrame(columns)


def pairs_of(seen, users, items):
    """The pairs of some users and items that were seen, by asking for each."""
    ids = Log(frame([(u, i) for u in users for i in items]))
    codes = [seen.users.codes(ids.ids("u"), "u"), seen.items.codes(ids.ids("i"), "i")]
    codes = codes[0][:: len(items)], codes[1][: len(items)]
    rows, columns = np.nonzero(seen.among(*codes))
    return {(users[r], items[c]) for r, c in zip(rows, columns, strict=True)}


@given(st.data())
def test_seen_is_the_set_of_pairs(data):
    """However the rows are parted among logs, and of whatever ids."""
    users, items = data.draw(IDS), data.draw(IDS)
    pair = st.tuples(st.sampled_from(users), st.sampled_from(items))
    days = data.draw(st.lists(st.lists(pair, min_size=1), min_size=1, max_size=4))
    seen = Seen.nothing()
    for day in days:
        seen = seen.grown(Log(frame(day)), "u", "i")
    assert pairs_of(seen, users, items) == set().union(*days)
    assert len(seen.codes) == len(set().union(*days))


def test_others_are_not_seen():
    """Neither unknown users and items, nor in the row or column of others."""
    seen = Seen.nothing().grown(Log(frame([("a", 1), ("b", 2), ("a", 1)])), "u", "i")
    assert pairs_of(seen, ["z", "a", "y", "b"], [3, 2, 1, 4]) == {("a", 1), ("b", 2)}


def test_a_pair_takes_four_bytes():
    """Beside the ids and where each user begins."""
    ids = np.arange(1000)
    log = pd.DataFrame({"u": np.repeat(ids, 50), "i": np.tile(ids, 50)})
    seen = Seen.nothing().grown(Log(log), "u", "i")
    assert seen.codes.nbytes == 4 * len(log.drop_duplicates())
    assert seen.starts.nbytes == 8 * 1002


@pytest.mark.parametrize(("column", "other"), [("u", ("a", 1)), ("i", (1, "a"))])
def test_ids_of_another_kind_are_refused(column, other):
    """As nothing of them would be recognised."""
    seen = Seen.nothing().grown(Log(frame([(1, 1)])), "u", "i")
    with pytest.raises(ValueError, match=f"column '{column}' held numbers in fit"):
        seen.grown(Log(frame([other])), "u", "i")
