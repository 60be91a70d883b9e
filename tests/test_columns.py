"""The names of a log's columns."""

from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklabelcraft import Columns

ROLES = ["user", "item", "duration", "timestamp", "watch_time"]
keys = st.text(max_size=5) | st.integers(-5, 5)


def test_the_usual_names():
    """What is not stated is named as in the public logs."""
    assert Columns() == Columns(
        user="user_id",
        item="item_id",
        duration="duration",
        timestamp="timestamp",
        watch_time="watch_time",
        explicit=("like", "follow", "comment"),
        features=None,
    )


def test_nothing_can_be_changed():
    """A variation is made by `replace`, which leaves the original as it is."""
    names = Columns(user="uid")
    with pytest.raises(FrozenInstanceError):
        names.user = "other"
    assert replace(names, item="video") == Columns(user="uid", item="video")
    assert names == Columns(user="uid")


@pytest.mark.parametrize(
    "several",
    [["thumb", 3], np.array(["thumb", 3], dtype=object), pd.Index(["thumb", 3])],
    ids=["list", "array", "index"],
)
@pytest.mark.parametrize("role", ["explicit", "features"])
def test_several_names_become_a_tuple(role, several):
    """Lists and arrays are copied, so that the names can be compared and hashed."""
    names = Columns(**{role: several})
    assert getattr(names, role) == ("thumb", 3)
    assert names == Columns(**{role: ("thumb", 3)})
    assert hash(names) == hash(Columns(**{role: ("thumb", 3)}))


@pytest.mark.parametrize("role", ["explicit", "features"])
def test_a_list_changed_later_changes_no_name(role):
    """The names are a copy."""
    several = ["thumb"]
    names = Columns(**{role: several})
    several.append("share")
    assert getattr(names, role) == ("thumb",)


@given(st.fixed_dictionaries(dict.fromkeys(ROLES, keys)), st.lists(keys))
def test_names_and_positions_are_kept(roles, several):
    """Any text and any position names a column."""
    names = Columns(**roles, explicit=several, features=several)
    assert {role: getattr(names, role) for role in ROLES} == roles
    assert names.explicit == names.features == tuple(several)
    assert eval(repr(names)) == names


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("bad", [1.5, True, ["user_id"], ("a",), b"user", np.nan])
def test_what_is_no_name(role, bad):
    """A name is a text or a position; the error names the role and what was given."""
    with pytest.raises(ValueError, match=f"{role} must be the name or position .* got"):
        Columns(**{role: bad})


@pytest.mark.parametrize("role", ["explicit", "features"])
@pytest.mark.parametrize(
    "bad", ["like", 3, {"like"}, [None], ["like", 1.0], [True], np.float16(1)]
)
def test_what_is_no_sequence_of_names(role, bad):
    """A single name is no sequence, nor is a set, which has no order."""
    with pytest.raises(ValueError, match=f"{role} must be a sequence of names .* got"):
        Columns(**{role: bad})


@pytest.mark.parametrize("field", fields(Columns), ids=lambda field: field.name)
def test_which_columns_a_log_may_do_without(field):
    """None stands for no column, but not as a watch time or as several columns."""
    if field.name in ("watch_time", "explicit", "lists"):
        with pytest.raises(ValueError, match=f"{field.name} must be"):
            Columns(**{field.name: None})
    else:
        assert getattr(Columns(**{field.name: None}), field.name) is None


@pytest.mark.parametrize("role", ROLES)
def test_optional_columns(role):
    """A column may be missing under its usual name, but not under one of its own."""
    assert Columns().is_optional(role)
    assert not Columns(**{role: "other"}).is_optional(role)
    assert not Columns(**{role: 0}).is_optional(role)
    if role != "watch_time":
        assert Columns(**{role: None}).is_optional(role)
