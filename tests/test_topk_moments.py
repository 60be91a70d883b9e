"""Newton's method over whole lists: its start, its end, and where it gives up."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from sklabelcraft import soft_topk
from sklabelcraft.topk import _chunks
from sklabelcraft.topk._by_moments import by_moments


def solved(scores, k, tau, dtype=torch.float64):
    """All that is found of lists, (L, n), with one k and one tau."""
    scores = torch.as_tensor(scores, dtype=dtype)[None]
    masked = scores == -torch.inf
    k, tau = (scores.new_full((1, scores.shape[1], 1), value) for value in (k, tau))
    return by_moments(scores, k, tau, masked if masked.any() else None)


@pytest.mark.parametrize("more", [[], [-np.inf, -np.inf]])
@pytest.mark.parametrize(
    ("scores", "k", "tau", "start"),
    [
        # mean 2 and variance 1: 2 + 0.6745 sqrt(1 + 4 pi^2 / 3), of a share of 1/4
        ([1.0, 3.0], 0.5, 2.0, 4.538043),
        ([-1.0, -3.0], 1.5, 2.0, -4.538043),
        # mean -0.4, the furthest above it 2.4: all as that would be at 2 + 0.5 log 4
        ([-10.0, 2.0, 2.0, 2.0, 2.0], 1.0, 0.5, 2.693147),
        ([10.0, -2.0, -2.0, -2.0, -2.0], 4.0, 0.5, -2.693147),
    ],
)
def test_the_start_by_hand(scores, k, tau, start, more):
    """Normal scores' threshold, no further away than that of the outermost score."""
    _, boundary, _, _ = solved([scores + more], k, tau)
    assert boundary.item() == pytest.approx(start, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("masked", [False, True])
def test_lists_of_normal_scores_need_no_other_way(share, temperature, masked):
    """All are solved in the few steps that there are: k entries are shown."""
    scores = np.random.default_rng(0).normal(size=(50, 100))
    scores = np.pad(scores, ((0, 0), (0, 9)), constant_values=-np.inf * masked)
    scores = scores if masked else scores[:, :100]
    alpha, boundary, z, left = solved(scores, 100 * share, temperature)
    assert not left.any()
    np.testing.assert_allclose(alpha.sum(-1), 100 * share, rtol=1e-13)
    threshold = (boundary + temperature * z)[0].numpy()
    by_hand = expit((scores - threshold) / temperature)
    np.testing.assert_allclose(alpha[0], by_hand, rtol=1e-9, atol=0)


@pytest.mark.parametrize(("heap", "left"), [(3, False), (7, False), (8, True)])
def test_a_sum_of_few_that_change_among_many_is_left(heap, left):
    """One entry of slope 1/4 for m + 1/2 that are shown: 0.06 (m - 3.5) or less."""
    scores = np.repeat([100.0, 0.0, -100.0], [heap, 1, heap])
    assert solved(scores[None], heap + 0.5, 1.0)[3].item() is left


@pytest.mark.parametrize(("score", "left"), [(5.0, False), (6.0, True)])
def test_a_threshold_of_nearly_no_slope_is_left(score, left):
    """Two are shown; four slopes of 0.0066 or of 0.0025, and 0.02 are needed."""
    scores = [score, score, -score, -score]
    assert solved([scores], 2.0, 1.0)[3].item() is left


@pytest.mark.parametrize(
    ("scores", "k", "left"),
    [([0.0, 10.0], 0.5, False), ([0.0, 10.0, 0.0], 1.5, True)],
)
def test_six_steps_are_made(scores, k, left):
    """The first list needs six of them, the second seven."""
    assert solved([scores], k, 1.0)[3].item() is left


def test_a_threshold_far_from_the_start_is_left():
    """Scores of little weight there are cut off at 36 below the start.

    Without that, the threshold would be where these add up to k.
    """
    scores = np.append(np.linspace(-100.0, 0.0, 2000), np.full(20, 5000.0))
    _, _, z, left = solved(scores[None], 1010, 1.0, torch.float32)
    assert z.abs().item() > 30
    assert left.item()
    shown = soft_topk(torch.tensor(scores), 1010, temperature=1.0)
    np.testing.assert_allclose(
        soft_topk(torch.tensor(scores).float(), 1010, temperature=1.0), shown, atol=1e-5
    )


@pytest.mark.parametrize("k", [2.0, 6.0])
def test_lists_in_several_parts(k, monkeypatch):
    """They are as together."""
    scores = np.random.default_rng(0).normal(size=(20, 8))
    scores[3, 0] = -np.inf
    together = solved(scores, k, 1.0)
    monkeypatch.setattr(_chunks, "CHUNK", 32)
    for whole, parted in zip(together, solved(scores, k, 1.0), strict=True):
        torch.testing.assert_close(whole, parted, rtol=1e-12, atol=1e-12)
