"""What is written as a tree and as arrays comes back."""

import copy
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from saves import differences

from sklabelcraft._saved import _folder
from sklabelcraft._saved._arrays import Values
from sklabelcraft._saved._json import parse
from sklabelcraft._saved._plain import Plain
from sklabelcraft._saved._trees import Reading, Writing

OBJECTS = st.one_of(
    st.text(),
    st.integers(-(2**90), 2**90),
    st.floats(),
    st.booleans(),
    st.none(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(timezone(timedelta(hours=-3)))).map(
        lambda value: value.replace(fold=0)
    ),
    st.integers(-(2**60), 2**60).map(partial(pd.Timestamp, tz="UTC")),
    st.integers(-(2**60), 2**60).map(pd.Timestamp),
    st.decimals(places=3, allow_nan=False)
    | st.just(Decimal("NaN"))
    | st.just(Decimal("1E+30")),
    st.sampled_from([pd.NA, pd.NaT, date.max, datetime.min, "\ud800"]),
)


def read_back(kind, value):
    """A value after it was written and read."""
    writing = Writing({})
    node = kind.write(value, writing, "it")
    node = parse(_folder.json.dumps({"node": node}).encode(), "it")["node"]
    reading = Reading({}, writing.arrays)
    found = kind.read(node, reading, "it", {})
    reading.check_all_used()
    return found


def alike(one, other):
    """Whether two objects are of one type and equal, in any zone."""
    zones = [str(getattr(each, "tzinfo", None)) for each in (one, other)]
    if type(one) is not type(other) or zones[0] != zones[1]:
        return False
    return one is other or bool(one != one) or one == other


@settings(max_examples=50, deadline=None)
@given(st.lists(OBJECTS, max_size=8))
def test_objects_come_back(values):
    """Texts, numbers of any size, dates and what is missing."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    found = read_back(Values("n"), array)
    assert found.dtype == object
    assert all(map(alike, found, values))


INEXACT = [Decimal("1E99999"), Decimal("sNaN"), datetime(2026, 1, 1, fold=1)]
INEXACT += [(1, 2), b"a", np.int64(1), timedelta(1), pd.Timedelta(1), object()]


@pytest.mark.parametrize("value", INEXACT, ids=lambda value: type(value).__name__)
def test_objects_that_would_not_come_back_are_refused(value):
    """Rather than saved as something else."""
    with pytest.raises(TypeError, match="it cannot be saved"):
        Values("n").write(np.array([value, None], dtype=object), Writing({}), "it")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**90), 2**90)
    | st.floats()
    | st.text()
    | st.floats(width=32).map(np.float32)
    | st.integers(0, 2**64 - 1).map(np.uint64)
    | st.sampled_from([np.True_, np.float64("nan"), np.str_("a"), np.float16(0.5)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(PLAIN)
def test_plain_values_come_back(value):
    """Lists as lists, tuples as tuples, and numbers of numpy as such."""
    assert not differences(value, read_back(Plain(), value))


def test_arrays_of_parameters_come_back():
    """Of any shape."""
    for array in (np.eye(3), np.array(2), np.array([True]), np.zeros((0, 3), "i4")):
        assert not differences(array, read_back(Plain(), array))
        assert not differences(array.T, read_back(Plain(), copy.copy(array.T)))
