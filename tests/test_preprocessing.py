"""The scaling as a transformer."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklabelcraft import KneeScaler, scale


@pytest.fixture
def seconds():
    """Two heavy-tailed columns."""
    return np.random.default_rng(0).lognormal(3, 1, size=(200, 2))


def test_learns_the_quantile_and_maximum_of_each_column():
    """Of 0, 1, ..., 10 the 0.9-quantile is 9 and the maximum 10."""
    column = np.arange(11.0)
    scaler = KneeScaler().fit(np.column_stack([column, 3 * column]))
    np.testing.assert_allclose(scaler.knee_, [9, 27])
    np.testing.assert_allclose(scaler.maximum_, [10, 30])


def test_scales_each_column_by_its_own_constants(seconds):
    """The transform is `scale` with what fit learned."""
    scaler = KneeScaler(quantile=0.8, share=0.3).fit(seconds)
    for j, column in enumerate(seconds.T):
        knee, maximum = np.quantile(column, 0.8), column.max()
        expected = scale(column, knee=knee, maximum=maximum, share=0.3)
        np.testing.assert_allclose(scaler.transform(seconds)[:, j], expected)


def test_constants_come_from_the_fitted_rows_alone(seconds):
    """Other rows of a call to transform move nothing."""
    scaler = KneeScaler().fit(seconds)
    knee, maximum = scaler.knee_.copy(), scaler.maximum_.copy()
    alone = scaler.transform(seconds[:5])
    among = scaler.transform(np.vstack([seconds[:5], 1000 * seconds]))
    np.testing.assert_array_equal(among[:5], alone)
    np.testing.assert_array_equal(scaler.knee_, knee)
    np.testing.assert_array_equal(scaler.maximum_, maximum)


def test_unseen_values_above_the_maximum_are_1(seconds):
    """The scale ends at the fitted maximum."""
    scaler = KneeScaler().fit(seconds)
    above = scaler.maximum_ * np.array([[1.001], [50.0]])
    np.testing.assert_allclose(scaler.transform(above), 1, rtol=1e-15)


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf, pd.NA])
def test_refuses_what_are_no_seconds(bad, seconds):
    """Negative, missing and infinite values raise in fit and in transform."""
    wrong = seconds.astype(object if bad is pd.NA else float)
    wrong[3, 1] = bad
    with pytest.raises(ValueError, match=r"Negative|NaN|infinity"):
        KneeScaler().fit(wrong)
    with pytest.raises(ValueError, match=r"Negative|NaN|infinity"):
        KneeScaler().fit(seconds).transform(wrong)


def test_a_column_of_zeros_stays_0():
    """A column without any time has knee and maximum 0; unseen time is then 1."""
    scaler = KneeScaler().fit(np.zeros((4, 1)))
    assert scaler.transform([[0.0], [2.0]]).tolist() == [[0], [1]]


def test_names_and_set_output(seconds):
    """A frame's column names pass through, and set_output gives a frame back."""
    frame = pd.DataFrame(seconds, columns=["watch_time", "duration"])
    scaler = KneeScaler().set_output(transform="pandas").fit(frame)
    assert list(scaler.transform(frame).columns) == ["watch_time", "duration"]
    assert scaler.get_feature_names_out().tolist() == ["watch_time", "duration"]


def test_unfitted(seconds):
    """transform before fit is refused."""
    with pytest.raises(NotFittedError):
        KneeScaler().transform(seconds)


def test_a_failed_fit_leaves_nothing(seconds):
    """The scaler is as it was, unfitted or fitted before, without names of columns."""
    frame = pd.DataFrame(seconds, columns=["watch_time", "duration"])
    wrong = frame.rename(columns=str.upper).assign(more=-1.0)
    scaler = KneeScaler()
    with pytest.raises(ValueError, match="Negative"):
        scaler.fit(wrong)
    assert vars(scaler) == vars(clone(scaler))
    scaler.fit(frame)
    before = dict(vars(scaler))
    with pytest.raises(ValueError, match="Negative"):
        scaler.fit(wrong)
    assert vars(scaler) == before
    assert scaler.get_feature_names_out().tolist() == ["watch_time", "duration"]
    assert scaler.transform(frame).shape == (200, 2)


def test_numbers_beyond_float64_are_told():
    """Whole ones, extended floats, and infinities of both signs."""
    extended = np.array([["1e400"], ["1"]], dtype=np.longdouble)
    whole = pd.DataFrame({"x": pd.Series([10**400, 1], dtype=object)})
    for X in (extended, whole, [[np.inf], [-np.inf]]):
        with pytest.raises(ValueError, match=r"float64|infinity"):
            KneeScaler().fit(X)
