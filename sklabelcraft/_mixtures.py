"""Mixtures of two Gaussians, fitted to counted numbers.

The steps and the rule of stopping are those of scikit-learn's ``GaussianMixture``,
which has no weights for its rows: its cost grows with their number, and its result
hangs on their order. The start is the best split in two, not one of several by chance.
"""

import numpy as np
from scipy.special import expit

MAX_ITER = 500
TOLERANCE = 1e-3  # of the mean log likelihood
LEAST_VARIANCE = 1e-6


def two_means(values, counts):
    """Means of the two components, the lower first.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Distinct numbers, ascending.
    counts : ndarray of shape (n_values,)
        How often each occurs.

    Returns
    -------
    ndarray of shape (2,)
        Of a single number, twice that.
    """
    if len(values) == 1:
        return values.repeat(2)
    upper, last = _above_best_split(values, counts), -np.inf
    for _ in range(MAX_ITER):
        likelihood, upper = _expect(values, counts, *_maximise(values, counts, upper))
        if likelihood - last < TOLERANCE:
            break
        last = likelihood
    _, means, _ = _maximise(values, counts, upper)
    return np.sort(means)


def _above_best_split(values, counts):
    """Which values lie above the split in two of the least squared distances."""
    values = values - values.mean()
    size, total = np.cumsum(counts), np.cumsum(counts * values)
    low, high = total[:-1] ** 2 / size[:-1], (total[-1] - total[:-1]) ** 2
    between = low + high / (size[-1] - size[:-1])
    return (np.arange(len(values)) > between.argmax()).astype(float)


def _maximise(values, counts, upper):
    """Weights, means and variances of the components, each of shape (2,)."""
    rows = np.stack([1 - upper, upper]) * counts
    size = rows.sum(1) + 10 * np.finfo(float).eps
    means = (rows * values).sum(1) / size
    squares = (rows * (values - means[:, None]) ** 2).sum(1)
    return size / size.sum(), means, squares / size + LEAST_VARIANCE


def _expect(values, counts, weights, means, variances):
    """The mean log likelihood, and the upper component's share in each value."""
    distance = (values - means[:, None]) ** 2 / variances[:, None]
    scale = np.log(weights) - np.log(2 * np.pi * variances) / 2
    low, high = scale[:, None] - distance / 2
    likelihood = (counts * np.logaddexp(low, high)).sum() / counts.sum()
    return likelihood, expit(high - low)
