"""Mixtures of two Gaussians."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from sklabelcraft._mixtures import two_means

wholes = st.lists(st.integers(0, 500), min_size=1, max_size=30).map(np.array)


def means(values):
    return two_means(*np.unique(np.asarray(values, float), return_counts=True))


def test_components_far_apart_have_the_means_of_their_values():
    """Nothing of one component is in the other."""
    np.testing.assert_allclose(means([1, 1, 4, 90, 90, 96]), [2, 92])


def test_a_single_value_is_both_means():
    """There is nothing to tell apart."""
    assert means([7, 7, 7]).tolist() == [7, 7]


@pytest.mark.parametrize("seed", range(4))
def test_they_are_those_of_scikit_learn(seed):
    """From the same start, each row by itself, the mixture is the same."""
    rng = np.random.default_rng(seed)
    short, long = rng.exponential(4, 700), rng.normal(30, 6, 500).clip(0, 40)
    rows = np.concatenate([short, long]).round(1)[:, None]
    upper = KMeans(2, n_init=10, random_state=0).fit(rows).labels_
    parts = [rows[upper == part] for part in (0, 1)]
    peer = GaussianMixture(
        covariance_type="spherical",
        n_components=2,
        max_iter=500,
        weights_init=[len(part) / len(rows) for part in parts],
        means_init=[part.mean(axis=0) for part in parts],
        precisions_init=[1 / (part.var() + 1e-6) for part in parts],
        random_state=0,
    )
    expected = np.sort(peer.fit(rows).means_[:, 0])
    np.testing.assert_allclose(means(rows), expected, rtol=1e-9)


@given(wholes, st.integers(1, 5))
def test_means_lie_among_the_values(values, times):
    """They are ascending, and the same if each value occurs several times as often."""
    found = means(values)
    assert found[0] <= found[1]
    assert values.min() - 1e-9 <= found[0]
    assert found[1] <= values.max() + 1e-9
    np.testing.assert_allclose(means(np.repeat(values, times)), found, rtol=1e-6)
