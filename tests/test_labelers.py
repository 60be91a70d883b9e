"""The hand-made labels."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import ecdf
from sklearn.base import clone

from sklabelcraft import (
    D2Q,
    DVR,
    ExplicitFeedback,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)

LABELERS = [
    WatchTime(),
    ExplicitFeedback(),
    PlayCompletion(),
    PlayCompletionRate(),
    D2Q(n_groups=3),
    DVR(n_groups=3),
]
SECONDS = hnp.arrays(float, 12, elements=st.floats(0, 1e4))


def make_log(watch_time, duration, like=0):
    return pd.DataFrame({"watch_time": watch_time, "duration": duration, "like": like})


def test_play_completion_is_strict_or_not():
    """Watching exactly the duration completes the video only if not strict."""
    log = make_log([9.0, 10.0, 11.0], 10.0)
    assert PlayCompletion().fit_transform(log).ravel().tolist() == [0, 0, 1]
    loose = PlayCompletion(strict=False).fit_transform(log)
    assert loose.ravel().tolist() == [0, 1, 1]


def test_play_completion_rate_by_hand():
    """Replays count as 1 or more; without a duration nothing can be completed."""
    log = make_log([5.0, 30.0, 3.0], [10.0, 10.0, 0.0])
    assert PlayCompletionRate().fit_transform(log).ravel().tolist() == [0.5, 1, 0]
    open_ended = PlayCompletionRate(clip=False).fit_transform(log)
    assert open_ended.ravel().tolist() == [0.5, 3, 0]


def test_explicit_feedback_uses_the_columns_present():
    """Any positive count of any present column makes the label 1."""
    log = pd.DataFrame({"comment": [0, 2, 0], "like": [0, 0, 1], "hate": [1, 0, 0]})
    labeler = ExplicitFeedback().fit(log)
    assert labeler.explicit_ == ["like", "comment"]
    assert labeler.transform(log).ravel().tolist() == [0, 1, 1]


def test_watch_time_is_scaled_by_the_fitted_rows():
    """Knee and maximum come from fit; what is beyond them is clipped."""
    labeler = WatchTime(quantile=0.5).fit(make_log([0.0, 10.0, 100.0], 1.0))
    label = labeler.transform(make_log([5.0, 10.0, 55.0, 1e6], 1.0)).ravel()
    np.testing.assert_allclose(label, [0.1, 0.2, 0.6, 1.0])


def test_d2q_is_the_empirical_distribution_of_its_group():
    """In each duration group the label is scipy's ECDF of min(watch time, duration)."""
    rng = np.random.RandomState(0)
    duration = np.repeat([10.0, 20.0, 30.0], 40)
    log = make_log(rng.exponential(20, 120), duration)
    labels = D2Q(n_groups=3).fit_transform(log).ravel()
    watched = np.minimum(log["watch_time"], duration)
    for seconds in (10.0, 20.0, 30.0):
        group = watched[duration == seconds]
        expected = ecdf(group).cdf.evaluate(group)
        np.testing.assert_allclose(labels[duration == seconds], expected)


def test_dvr_standardises_inside_the_group():
    """Each duration group has gain of mean 0 and standard deviation 1."""
    rng = np.random.RandomState(0)
    duration = np.repeat([10.0, 20.0], 50)
    gain = DVR(n_groups=2).fit_transform(make_log(rng.uniform(0, 10, 100), duration))
    for seconds in (10.0, 20.0):
        group = gain[duration == seconds]
        np.testing.assert_allclose([group.mean(), group.std()], [0, 1], atol=1e-12)


def test_dvr_of_a_group_without_spread_is_zero():
    """A standard deviation of 0 gives the gain 0, also to other watch times."""
    labeler = DVR(n_groups=1).fit(make_log([0.1, 0.1, 0.1], 10.0))
    assert labeler.transform(make_log([0.1, 5.0], 10.0)).ravel().tolist() == [0, 0]


@pytest.mark.parametrize("labeler", [D2Q(n_groups=4), DVR(n_groups=4)])
def test_equal_durations_are_in_one_group(labeler):
    """However many rows share a duration, they are compared with each other."""
    log = make_log(np.arange(20.0), [5.0] * 18 + [50.0] * 2)
    assert len(clone(labeler).fit(log).edges_) == 1


@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
@given(watch_time=SECONDS, duration=SECONDS, unseen=SECONDS)
@settings(max_examples=30, deadline=None)
def test_unseen_values_get_finite_labels(labeler, watch_time, duration, unseen):
    """Whatever was fitted, any duration and watch time gets a finite label."""
    fitted = clone(labeler).fit(make_log(watch_time, duration))
    label = fitted.transform(make_log(unseen, unseen[::-1]))
    assert label.shape == (12, 1)
    assert np.isfinite(label).all()


@pytest.mark.parametrize("labeler", [WatchTime(), D2Q(n_groups=3), DVR(n_groups=3)])
@given(watch_time=SECONDS, duration=SECONDS)
@settings(max_examples=30, deadline=None)
def test_label_rises_with_watch_time(labeler, watch_time, duration):
    """At one duration, more watch time is never a lower label."""
    fitted = clone(labeler).fit(make_log(watch_time, duration))
    label = fitted.transform(make_log(np.sort(watch_time), duration[0])).ravel()
    assert (np.diff(label) >= 0).all()


@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
def test_label_of_a_row_depends_on_the_fitted_rows_alone(labeler, log):
    """Rows labelled together or one part at a time get the same labels."""
    train = log.frame.iloc[log.split.train]
    test = log.frame.iloc[log.split.test]
    fitted = clone(labeler).fit(train)
    parts = [fitted.transform(test.iloc[:7]), fitted.transform(test.iloc[7:])]
    np.testing.assert_array_equal(fitted.transform(test), np.vstack(parts))


@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
def test_pandas_polars_and_arrays_get_the_same_labels(labeler, log):
    """The kind of table, the order of its columns and further ones do not matter."""
    columns = ["watch_time", "duration", "like"]
    frame = log.frame[columns]
    expected = clone(labeler).fit_transform(frame)
    reordered = clone(labeler).fit(frame).transform(log.frame[[*columns[::-1], "tag"]])
    np.testing.assert_array_equal(reordered, expected)
    as_polars = pl.DataFrame({name: frame[name].to_numpy() for name in columns})
    np.testing.assert_array_equal(clone(labeler).fit_transform(as_polars), expected)
    roles = {"watch_time": 0, "duration": 1, "explicit": (2,)}
    positions = {k: v for k, v in roles.items() if k in labeler.get_params()}
    by_position = clone(labeler).set_params(**positions)
    np.testing.assert_array_equal(by_position.fit_transform(frame.to_numpy()), expected)


def test_output_can_be_a_data_frame(log):
    """set_output gives named columns on the index of the log."""
    labeler = WatchTime().set_output(transform="pandas")
    label = labeler.fit_transform(log.frame.iloc[5:9])
    assert label.columns.tolist() == ["watchtime0"]
    assert label.index.tolist() == [5, 6, 7, 8]
