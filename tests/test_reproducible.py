"""One random_state decides everything, on any number of threads."""

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed

from sklabelcraft import (
    DIN,
    MLP,
    DINRanker,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
)

TINY = {"embedding_dim": 4, "hidden": (8,)}
RANKERS = [
    MLPRanker(MLP(**TINY), max_epochs=2),
    DINRanker(DIN(history_length=5, **TINY), max_epochs=2),
]


@pytest.fixture(params=RANKERS, ids=["MLPRanker", "DINRanker"])
def fit(request, log):
    def fit(seed):
        crafter = LabelCrafter(request.param, validation_users=10)
        recommender = LabelCraftRecommender(crafter, random_state=seed)
        recommender.fit(log.data, log.target)
        return recommender.labeler_.transform(log.frame), recommender.predict(log.data)

    return fit


def test_same_seed_same_bits(fit):
    """The same seed gives equal labels and scores; another gives others."""
    first, again, other = fit(0), fit(0), fit(1)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[1] != other[1]).any()


def test_number_of_threads_does_not_matter(fit):
    """One thread or two: the same labels and scores."""
    results, threads = [], torch.get_num_threads()
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            results.append(fit(0))
            assert torch.get_num_threads() == n
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_global_generators_are_untouched(fit):
    """Fitting neither reads nor moves numpy's and torch's global state."""
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = fit(0)
    torch.manual_seed(4)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    again = fit(0)
    np.testing.assert_array_equal(expected[1], again[1])
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_fits_in_threads_do_not_disturb_each_other(fit):
    """Two fits at once in one process give what each gives alone."""
    alone = fit(0)[1]
    at_once = Parallel(2, backend="threading")(delayed(fit)(0) for _ in range(2))
    for _, scores in at_once:
        np.testing.assert_array_equal(scores, alone)
