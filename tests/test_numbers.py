"""Numbers as they are given: what is read, what is refused, and sums of huge ones."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklabelcraft._floats import as_column, as_floats
from sklabelcraft._numbers import is_length, mean, power_of_two, real

NO_INT128 = pytest.mark.skipif(pl.__version__ < "2", reason="polars 1 panics at them")
finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2.5, None],
        (True, Decimal("2.5"), np.nan),
        pd.Series([1, 2.5, None], dtype="Float64"),
        pl.Series([1.0, 2.5, None]),
        pa.array([1, 2.5, None]),
        pd.Series([True, 2.5, pd.NA], dtype=object),
        [Decimal(1), 2.5, Decimal("sNaN")],
        pd.Series([1, 2.5, None], dtype="double[pyarrow]"),
        torch.tensor([1, 2.5, np.nan]),
        np.array([1, Fraction(5, 2), np.longdouble("nan")], dtype=object),
    ],
    ids=range(10),
)
def test_floats_of_any_container(values):
    """Missing ones are NaN."""
    np.testing.assert_array_equal(as_floats(values, "x"), [1, 2.5, np.nan])


@pytest.mark.parametrize("dtypes", ["Int64 Float64", "int64[pyarrow] boolean"])
def test_floats_of_columns_of_which_some_are_missing(dtypes):
    """Whatever types they have, beside each other as alone."""
    names, known = ["a", "b"], [[1, None], [0, 1], [None, 1]]
    frame = pd.DataFrame(known, columns=names, dtype=object)
    frame = frame.astype(dict(zip(names, dtypes.split(), strict=True)))
    expected = np.array(known, dtype=float)
    np.testing.assert_array_equal(as_floats(frame, "x"), expected)
    np.testing.assert_array_equal(as_column(frame["b"], "x"), expected[:, 1])


@pytest.mark.parametrize(
    "values",
    [
        ["a"],
        [10**400],
        [1j],
        np.array([1j]),
        np.array([1j, None], dtype=object),
        torch.tensor([1j]),
        [[1], [1, 2]],
        np.array(["2020-01-01"], dtype="datetime64[ns]"),
        np.array([np.timedelta64(1, "ns"), 1.0], dtype=object),
        pd.Series([pd.Timestamp(2020, 1, 1)]),
        pl.Series([timedelta(1)]),
        pa.array([date(2020, 1, 1)]),
        torch.tensor([1.0], requires_grad=True),
        torch.tensor([1.0], dtype=torch.bfloat16),
        torch.tensor([1.0]).to_sparse(),
        torch.tensor([1.0]).to("meta"),
        pytest.param(pl.Series([1], dtype=pl.Int128), marks=NO_INT128),
        {},
    ],
    ids=range(18),
)
def test_what_is_no_array_of_numbers_says_so(values):
    """Whatever the container raises, it is a ValueError with the name."""
    with pytest.raises(ValueError, match="x must be an array of real numbers"):
        as_floats(values, "x")


def test_what_is_beyond_a_float_is_infinite():
    """Of a longer float, without a warning."""
    assert as_floats(np.array([np.longdouble("-1e400")]), "x") == -np.inf


@pytest.mark.parametrize("shape", [(), (2, 2), (1, 2), (2, 1, 1)])
def test_a_column_is_one(shape):
    """A matrix of one column is one, too."""
    assert as_column(np.ones((2, 1)), "x").shape == (2,)
    with pytest.raises(ValueError, match="x must be one column, got shape"):
        as_column(np.ones(shape), "x")


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float16(2), np.int8(2), Fraction(2), torch.tensor(2)]
)
def test_a_number_may_be_of_any_kind(value):
    """It becomes a float."""
    assert type(real(value, "x", 0, 1e300)) is float
    assert real(value, "x") == 2


@pytest.mark.parametrize(
    "value",
    [
        *(np.nan, np.inf, 10**400, -(10**400), np.longdouble("1e400"), 4, -1, True),
        *("1", None, 1j, pd.NA, Decimal(1), np.timedelta64(2, "s")),
        *(np.ones(2), torch.ones(2)),
    ],
)
def test_other_numbers_are_refused(value):
    """What is not real, finite and within the bounds is told."""
    with pytest.raises(ValueError, match="x must be a finite number from 0 to 3, got"):
        real(value, "x", 0, 3)


@given(finite)
def test_power_of_two(value):
    """It is no larger than the number, and more than half of it."""
    unit = power_of_two(abs(value))
    assert 1 <= abs(value) / unit < 2 or (value == 0 and unit == 0.5)
    assert np.frexp(unit)[0] == 0.5


@given(st.lists(finite, min_size=1))
def test_the_mean_lies_between_the_ends(values):
    """However large and small the numbers are."""
    low, high = min(values), max(values)
    rounding = 1e-14 * max(abs(low), abs(high)) + 5e-324
    assert low - rounding <= mean(np.array(values)) <= high + rounding


def test_a_length_is_a_whole_number_of_at_least_1():
    """Neither a truth value nor a time is one."""
    others = [0, -1, 1.0, True, "1", None, np.timedelta64(3, "s")]
    assert not any(map(is_length, others))
    assert all(map(is_length, [1, np.int8(2), 10**30]))
