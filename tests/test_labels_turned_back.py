"""Labels that are turned back into watch times, at the ends and beyond."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sklabelcraft import CWM, D2Q, DVR, Columns, D2Co, PlayCompletionRate, WatchTime

TURNED_BACK = [CWM(), D2Q(), DVR(), D2Co(), PlayCompletionRate()]


def log_of(watch_time, duration=10.0):
    return pd.DataFrame({"watch_time": watch_time, "duration": duration})


@pytest.mark.parametrize("labeler", TURNED_BACK, ids=repr)
def test_durations_a_little_below_0_are_refused(labeler):
    """Where labels are turned back as well."""
    labeler.fit(log_of([1.0, 4.0, 6.0, 9.0]))
    with pytest.raises(ValueError, match="duration"):
        labeler.watch_time([0.5], log_of([1.0], -0.5))


@pytest.mark.parametrize("labeler", TURNED_BACK, ids=repr)
def test_videos_of_less_than_a_second(labeler):
    """Have labels, and watch times, as all have."""
    log = log_of([0.125, 0.25, 0.0625, 0.25], [0.25, 0.5, 0.25, 0.5])
    seconds = labeler.fit(log).watch_time(labeler.transform(log), log)
    assert ((seconds >= 0) & (seconds <= log["duration"])).all()
    if not isinstance(labeler, D2Co):  # which cuts off what lies beyond its means
        np.testing.assert_allclose(seconds, log["watch_time"])


@pytest.mark.parametrize("labeler", [CWM(), PlayCompletionRate()], ids=repr)
def test_labels_beyond_1_stand_for_the_whole_duration(labeler):
    """And those below 0 for nothing."""
    log = log_of([1.0, 4.0, 6.0, 9.0], 100.0)
    labels = [-0.5, 1.0, 1.5, 2.5]
    assert labeler.fit(log).watch_time(labels, log).tolist() == [0, 100, 100, 100]


def test_unclipped_rates_of_completion_tell_replays_apart():
    """But are not below 0."""
    log = log_of([1.0, 4.0, 6.0])
    labeler = PlayCompletionRate(clip=False).fit(log)
    assert labeler.watch_time([-0.5, 1.5, 2.5], log).tolist() == [0, 15, 25]


@pytest.mark.parametrize("alpha", [-0.5, 0.0, 0.5])
def test_d2co_between_noise_and_bias_of_less_than_a_second(alpha):
    """Label 0 is the noise and 1 the bias; between them it is turned back."""
    log = log_of([0.2, 0.2, 0.2, 0.8, 0.8, 0.8])
    labeler = D2Co(alpha=alpha).fit(log)
    rows = log_of([0.2, 0.3, 0.5, 0.8])
    labels = labeler.transform(rows).ravel()
    assert labels[[0, 3]] == pytest.approx([0, 1], abs=1e-3)
    found = labeler.watch_time(labels, rows)
    np.testing.assert_allclose(found, rows["watch_time"], atol=1e-3)


@given(
    st.lists(st.floats(0, 1e307), min_size=1, max_size=9),
    st.just(1e-300) | st.floats(1e-300, 0.99) | st.just(0),
    st.floats(0, 1),
)
@example([8e295, 1.7e306], 1e-300, 1.0)
def test_scaled_watch_times_are_turned_back_however_they_are_scaled(
    times, share, quantile
):
    """To the lowest that the label stands for, which is labeled alike."""
    labeler = WatchTime(share=share, quantile=quantile).fit(log_of(times))
    labels = labeler.transform(log_of(times)).ravel()
    found = labeler.watch_time(labels, log_of(times))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found <= np.array(times) * (1 + 1e-9) + labeler.maximum_ * 1e-9).all()
    back = labeler.transform(log_of(found)).ravel()
    jumps = labeler.knee_ in (0, labeler.maximum_)
    assert jumps or back == pytest.approx(labels, abs=1e-9)


def test_dvr_of_times_of_hundredths_of_a_second():
    """Their spread is small, and no rounding."""
    labeler = DVR().fit(log_of([0.01, 0.03]))
    assert labeler.transform(log_of([0.01, 0.03])).ravel() == pytest.approx([-1, 1])
    assert DVR().fit(log_of([0.03, 0.03])).std_.tolist() == [0]


def test_transform_teaches_nothing():
    """What columns there are is known from the fit."""
    labeler = WatchTime().fit(log_of([1.0, 2.0]))
    labeler.transform(log_of([1.0, 2.0]).assign(page="home"))
    assert labeler.feature_names_in_.tolist() == ["watch_time", "duration"]
    labeler = PlayCompletionRate(columns=Columns(watch_time=0, duration=1))
    labeler.fit(np.ones((2, 2)))
    for use in (labeler.transform, lambda X: labeler.watch_time([1.0, 1.0], X)):
        with pytest.raises(ValueError, match="expecting 2 features"):
            use(np.ones((2, 3)))
