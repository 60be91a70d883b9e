"""The soft top-k on k + 1 anchors, and the softness relative to the cost."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklabelcraft import soft_topk

SCORES = hnp.arrays(
    float, st.tuples(st.integers(1, 3), st.integers(2, 9)), elements=st.floats(-3, 3)
)


def converged_sinkhorn(scores, anchors, masses, epsilon, iterations):
    """The transport plan of each list by plain log-domain iterations, in float64."""
    cost = (scores[:, :, None] - anchors).square()
    cost = cost / cost.amax((1, 2), keepdim=True)
    f, g = torch.zeros_like(cost[:, :, :1]), torch.zeros_like(cost[:, :1])
    log_mass = -math.log(scores.shape[1])
    for _ in range(iterations):
        f = epsilon * (log_mass - ((g - cost) / epsilon).logsumexp(2, keepdim=True))
        g = epsilon * (masses.log() - ((f - cost) / epsilon).logsumexp(1, keepdim=True))
    return ((f + g - cost) / epsilon).exp() * scores.shape[1]


@pytest.mark.parametrize(("epsilon", "iterations"), [(1.0, 500), (0.05, 4000)])
@pytest.mark.parametrize("k", [1, 3])
def test_sorted_equals_converged_sinkhorn(epsilon, iterations, k):
    """Newton finds the plan that 1000s of iterations tend to."""
    torch.manual_seed(0)
    scores = torch.randn(4, 12, dtype=torch.float64)
    anchors = torch.arange(k, -1, -1, dtype=torch.float64)
    masses = torch.full((k + 1,), 1 / 12, dtype=torch.float64)
    masses[-1] = (12 - k) / 12
    plan = converged_sinkhorn(scores, anchors, masses, epsilon, iterations)
    found = soft_topk(scores, k, epsilon=epsilon, method="sorted")
    torch.testing.assert_close(found, plan[..., :-1].sum(2), rtol=0, atol=1e-7)


def test_epsilon_is_relative_to_the_largest_cost():
    """The two-anchor form equals Sinkhorn on the normalised cost of Xie et al."""
    torch.manual_seed(0)
    scores = 3 * torch.randn(4, 12, dtype=torch.float64)
    anchors = torch.tensor([1.0, 0.0], dtype=torch.float64)
    masses = torch.tensor([5 / 12, 7 / 12], dtype=torch.float64)
    plan = converged_sinkhorn(scores, anchors, masses, 0.05, 2000)
    found = soft_topk(scores, 5, epsilon=0.05)
    torch.testing.assert_close(found, plan[..., 0], rtol=0, atol=1e-10)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 5.0])
def test_gradient_is_that_of_finite_differences(temperature):
    """The implicit derivative passes gradcheck, with masked entries too."""
    torch.manual_seed(0)
    scores = torch.randn(3, 7, dtype=torch.float64)
    scores[1, 2] = -torch.inf
    scores.requires_grad_()

    def finite(values):
        return soft_topk(values, 3, temperature=temperature, method="sorted")

    mask = torch.isfinite(scores.detach())
    free = scores.detach()[mask].requires_grad_()

    def of_free(values):
        full = torch.full_like(scores, -torch.inf)
        return finite(full.masked_scatter(mask, values))

    assert torch.autograd.gradcheck(of_free, (free,))


@given(scores=SCORES, k=st.integers(1, 4), log_tau=st.floats(-4, 2))
@settings(max_examples=50, deadline=None)
def test_sorted_sums_to_k_and_is_monotone(scores, k, log_tau):
    """Between 0 and 1, summing to k, the larger the score the larger."""
    alpha = soft_topk(scores, k, temperature=10**log_tau, method="sorted")
    assert alpha.min() >= -1e-12
    assert alpha.max() <= 1 + 1e-12
    np.testing.assert_allclose(alpha.sum(1), min(k, scores.shape[1]), atol=1e-7)
    ordered = np.take_along_axis(alpha, scores.argsort(1), 1)
    assert (np.diff(ordered) >= -1e-9).all()


def test_sorted_at_low_temperature_is_the_hard_topk():
    """Distinct scores are shown or not."""
    alpha = soft_topk(
        np.array([3.0, 1.0, 2.0, 0.0]), 2, temperature=1e-6, method="sorted"
    )
    np.testing.assert_allclose(alpha, [1, 0, 1, 0], atol=1e-12)


def test_sorted_looks_as_far_as_needed():
    """At high temperature entries far from the boundary are shown a little too."""
    scores = torch.linspace(0, 1, 500, dtype=torch.float64)
    alpha = soft_topk(scores, 2, temperature=10.0, method="sorted")
    assert alpha.min() > 1e-4
    assert alpha.sum() == pytest.approx(2)


def test_sorted_trivial_lists_and_masks():
    """Short lists are shown whole, masked entries never, and k = 0 shows nothing."""
    scores = torch.tensor([[1.0, 2.0, -torch.inf], [1.0, 2.0, 3.0]])
    scores.requires_grad_()
    alpha = soft_topk(scores, 2, temperature=0.1, method="sorted")
    assert alpha.dtype == torch.float32
    assert alpha[0].tolist() == [1, 1, 0]
    alpha.square().sum().backward()
    assert scores.grad[0].tolist() == [0, 0, 0]
    assert scores.grad[1].abs().sum() > 0
    nothing = soft_topk(scores.detach(), 0, temperature=0.1, method="sorted")
    assert nothing.sum() == 0


@pytest.mark.parametrize(
    ("k", "options", "message"),
    [
        (2.5, {"temperature": 1.0, "method": "sorted"}, "takes one whole k, got 2.5"),
        ([1, 2], {"temperature": 1.0, "method": "sorted"}, "takes one whole k"),
        (1, {"temperature": 1.0, "method": "soft"}, "method must be one of"),
        (1, {}, "give either temperature or epsilon"),
        (1, {"temperature": 1.0, "epsilon": 1.0}, "give either temperature or epsilon"),
        (1, {"epsilon": -1.0}, "epsilon must be a positive number"),
    ],
)
def test_wrong_options(k, options, message):
    """Each is refused with what was wanted and what was given."""
    with pytest.raises(ValueError, match=message):
        soft_topk(np.zeros((2, 3)), k, **options)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scores_of_any_size(dtype, scale):
    """Scores and temperature scaled together give the same indicator."""
    torch.manual_seed(0)
    scores = torch.randn(5, 40, dtype=dtype)
    expected = soft_topk(scores, 7, temperature=0.3)
    found = soft_topk(scores * scale, 7, temperature=0.3 * scale)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    relative = soft_topk(scores * scale, 7, epsilon=0.1)
    torch.testing.assert_close(
        relative.sum(1), torch.full((5,), 7.0, dtype=dtype), rtol=1e-5, atol=0
    )


def test_second_derivatives_are_refused():
    """There are none, which must not pass for zeros."""
    scores = torch.randn(1, 5, requires_grad=True)
    alpha = soft_topk(scores, 2, temperature=1.0, method="sorted")
    with pytest.raises(NotImplementedError, match="only once"):
        torch.autograd.grad(alpha.sum(), scores, create_graph=True)
