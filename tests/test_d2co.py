"""D2Co's label."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import D2Co


def log_of(groups):
    """A log of the watch times of each duration."""
    rows = [(seconds, d) for d, watched in groups.items() for seconds in watched]
    return pd.DataFrame(rows, columns=["watch_time", "duration"], dtype=float)


THREE = log_of(
    {
        10: [1, 1, 9, 9],
        20: [2, 2, 18, 18, 18, 18, 18, 18],
        40: [3, 3, 31, 31],
    }
)


def test_label_by_hand():
    """With noise 2 s and bias 18 s, 10 s are half, and more or less when it is bent."""
    log = log_of({20: [2, 2, 18, 18]})
    rows = log_of({20: [0, 2, 10, 18, 20, 90]})
    straight = D2Co(alpha=0.0).fit(log).transform(rows).ravel()
    np.testing.assert_allclose(straight, [0, 0, 0.5, 1, 1, 1], atol=1e-12)
    for alpha in (-0.05, 0.3):
        a, b, c = np.exp(alpha * np.array([2, 10, 18]))
        bent = D2Co(alpha=alpha).fit(log).transform(rows).ravel()
        expected = [0, 0, (b - a) / (c - a), 1, 1, 1]
        np.testing.assert_allclose(bent, expected, atol=1e-12)


def test_means_are_averaged_over_neighbours_by_their_rows():
    """The middle group of 8 rows counts twice as much as those of 4."""
    alone = D2Co(window=1).fit(THREE)
    np.testing.assert_allclose(alone.noise_, [1, 2, 3])
    np.testing.assert_allclose(alone.bias_, [9, 18, 31])
    smooth = D2Co(window=2).fit(THREE)
    np.testing.assert_allclose(smooth.noise_, [20 / 12, 2, 28 / 12])
    np.testing.assert_allclose(smooth.bias_, [180 / 12, 304 / 16, 268 / 12])
    all_of_them = D2Co(window=9).fit(THREE)
    np.testing.assert_allclose(all_of_them.bias_, [304 / 16] * 3)


def test_replays_count_to_the_end_of_the_video():
    """What is watched beyond the duration is not told apart."""
    replayed = THREE.assign(watch_time=THREE["watch_time"].replace(9.0, 10.0))
    more = replayed.assign(watch_time=replayed["watch_time"].replace(10.0, 70.0))
    np.testing.assert_array_equal(D2Co().fit(more).bias_, D2Co().fit(replayed).bias_)


@pytest.mark.parametrize("alpha", [-0.05, 0.0, 0.05])
def test_without_spread_the_label_is_zero(alpha):
    """Where all watch times are the same, nothing lies between noise and bias."""
    log = log_of({20: [5, 5, 5]})
    rows = log_of({20: [1, 5, 20]})
    labeler = D2Co(alpha=alpha).fit(log)
    assert labeler.transform(rows).ravel().tolist() == [0, 0, 0]
    assert labeler.watch_time([0.0, 0.5, 1.0], rows).tolist() == [5, 5, 5]


@pytest.mark.parametrize("alpha", [-3.0, -0.05, 0.0, 1e-6, 3.0])
@given(st.lists(st.integers(0, 8000), min_size=2, max_size=12), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_label_stays_in_its_range(alpha, eighths, window):
    """From 0 to 1, rising with the watch time, also of hours and any alpha."""
    log = pd.DataFrame({"watch_time": np.array(eighths) * 1.0, "duration": 9000.0})
    labeler = D2Co(alpha=alpha, window=window).fit(log)
    labels = labeler.transform(log.sort_values("watch_time")).ravel()
    assert (np.diff(labels) >= 0).all()
    assert ((labels >= 0) & (labels <= 1)).all()
    seconds = labeler.watch_time(labels, log)
    assert np.isfinite(seconds).all()


@pytest.mark.parametrize("alpha", [1e-20, -1e-20, 1e-12, -1e-9])
def test_a_small_alpha_is_next_to_none(alpha):
    """No digit is lost, there and back."""
    rows = log_of({20: [2, 7, 10, 18]})
    straight, bent = (D2Co(alpha=a).fit(THREE) for a in (0.0, alpha))
    labels = bent.transform(rows)
    np.testing.assert_allclose(labels, straight.transform(rows), atol=1e-6)
    seconds = bent.watch_time(labels, rows)
    np.testing.assert_allclose(seconds, rows["watch_time"], rtol=1e-6)


@pytest.mark.parametrize("window", [4, 10**6, 10**30])
def test_a_window_beyond_all_groups_averages_all(window):
    """However long it is."""
    labels = [D2Co(window=w).fit_transform(THREE) for w in (3, window)]
    np.testing.assert_array_equal(*labels)


@pytest.mark.parametrize("alpha", [1e308, -1e308])
def test_the_largest_alpha(alpha):
    """Only the ends are told apart; nothing overflows."""
    labeler = D2Co(alpha=alpha).fit(THREE)
    labels = labeler.transform(THREE)
    assert ((labels >= 0) & (labels <= 1)).all()
    assert np.isfinite(labeler.watch_time(labels, THREE)).all()


def test_a_window_of_three_takes_two_neighbours_of_each_side():
    """Of noises 1 to 6 in six groups alike, fewer at the ends."""
    log = log_of({10 * n: [n, n, 9, 9] for n in range(1, 7)})
    found = D2Co(window=3).fit(log).noise_
    np.testing.assert_allclose(found, [2, 2.5, 3, 4, 4.5, 5])
