"""The soft top-k reaches the precision of its numbers, value and gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import soft_topk
from sklabelcraft.topk import _indicator

PRECISIONS = {torch.float32: (5e-7, 5e-7), torch.float64: (5e-15, 1e-10)}


def exact_topk(scores, k, temperature):
    """The indicator of each list by bisection in extended precision."""
    tau = np.longdouble(torch.tensor(temperature, dtype=scores.dtype).item())
    x = scores.numpy().astype(np.longdouble)
    boundary = np.sort(x)[:, -int(np.ceil(k)), None]
    x = (x - boundary) / tau
    low, high = x.min(1, keepdims=True) - 50, x.max(1, keepdims=True) + 50

    def indicator(threshold):
        return 1 / (1 + np.exp(np.clip(threshold - x, -11000, 11000)))

    for _ in range(150):
        threshold = (low + high) / 2
        above = indicator(threshold).sum(1, keepdims=True) > k
        low, high = np.where(above, threshold, low), np.where(above, high, threshold)
    return indicator(threshold)


def exact_gradient(alpha, grad):
    """The gradient in the scores, times the temperature, in extended precision."""
    slope = alpha * (1 - alpha)
    mean = (slope * grad).sum(1, keepdims=True) / slope.sum(1, keepdims=True)
    return slope * (grad - mean)


def check_value(scores, k, temperature):
    """Compare indicator and sum; the indicator found, and the exact one."""
    tolerance, _ = PRECISIONS[scores.dtype]
    alpha = soft_topk(scores, k, temperature=temperature).detach()
    exact = exact_topk(scores.detach(), k, temperature)
    assert np.abs(alpha.numpy() - exact).max() <= tolerance
    error = np.abs(alpha.numpy().astype(np.longdouble).sum(1) - k).max()
    assert error <= tolerance * max(k, scores.shape[1] - k)
    return alpha, exact


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2, 300),
    st.floats(0.001, 0.999),
    st.booleans(),
    st.floats(-5, 3),
    st.sampled_from(list(PRECISIONS)),
    st.integers(0, 2**32 - 1),
)
def test_value_and_gradient_are_exact(n, share, whole, log_temperature, dtype, seed):
    """Any length, k, temperature: as exact as numbers of that precision can be."""
    k = min(n - 1, max(1, round(share * n))) if whole else share * n
    temperature = 10**log_temperature
    rng = np.random.default_rng(seed)
    scores = torch.tensor(rng.normal(size=(8, n)), dtype=dtype, requires_grad=True)
    alpha, exact = check_value(scores.detach(), k, temperature)
    order = scores.detach().argsort(1)
    assert (alpha.gather(1, order).diff() >= 0).all()

    grad = torch.tensor(rng.uniform(-1, 1, size=(8, n)), dtype=dtype)
    soft_topk(scores, k, temperature=temperature).backward(grad)
    expected = exact_gradient(exact, grad.numpy())
    error = np.abs(temperature * scores.grad.numpy() - expected).max()
    assert error <= PRECISIONS[dtype][1]


@pytest.mark.parametrize("temperature", [1e-4, 5e-3, 0.1, 1.0, 100.0])
@pytest.mark.parametrize("dtype", list(PRECISIONS))
@pytest.mark.parametrize(("n", "k"), [(37, 5), (300, 2.5), (1000, 500), (3000, 40)])
def test_precision_on_long_lists(n, k, dtype, temperature):
    """The same where only a part of a list is looked at."""
    torch.manual_seed(0)
    check_value(torch.randn(20, n, dtype=dtype), k, temperature)


@pytest.mark.parametrize("k", [0.999, 1.5, 2.001, 2.999])
@pytest.mark.parametrize("temperature", [1e-5, 0.03, 1.0])
def test_single_precision_is_reached_in_each_of_many_lists(k, temperature):
    """Many lists at once, with k close to a whole number: the slowest to be solved."""
    scores = torch.tensor(np.random.default_rng(0).normal(size=(2000, 4))).float()
    check_value(scores, k, temperature)


SHAPES = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(size=shape),
    "heavy tails": lambda rng, shape: rng.standard_cauchy(shape),
    "far from 0": lambda rng, shape: 1000 + rng.normal(size=shape),
    "two heaps": lambda rng, shape: (
        rng.normal(size=shape) + 9 * (rng.random(shape) < 0.1)
    ),
    "ties": lambda rng, shape: rng.integers(3, size=shape).astype(float),
}


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("dtype", list(PRECISIONS))
@pytest.mark.parametrize("kind", SHAPES)
def test_both_ways_to_the_threshold_are_exact(kind, dtype, soft, monkeypatch):
    """Whichever is taken, and wherever the first gives up, few or most are shown."""
    monkeypatch.setattr(_indicator, "is_soft", lambda *_: soft)
    scores = SHAPES[kind](np.random.default_rng(0), (6, 200))
    for k in (0.3, 1, 7.5, 100, 110.25):
        for temperature in (1e-6, 1e-3, 0.02, 0.3, 4.0, 1e3):
            check_value(torch.tensor(scores, dtype=dtype), k, temperature)


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("dtype", list(PRECISIONS))
def test_both_ways_leave_masked_entries_out(dtype, soft, monkeypatch):
    """A list with masked entries is as the list without them."""
    monkeypatch.setattr(_indicator, "is_soft", lambda *_: soft)
    rng = np.random.default_rng(0)
    scores, there = (
        torch.tensor(rng.normal(size=(6, 60)), dtype=dtype),
        rng.random((6, 60)),
    )
    for k in (0.3, 7.5, 25):
        for temperature in (1e-3, 0.3, 4.0):
            mask = torch.tensor(there < 0.6)
            alpha = soft_topk(scores, k, temperature=temperature, mask=mask)
            assert (alpha[~mask] == 0).all()
            for row, own, shown in zip(scores, mask, alpha, strict=True):
                check = soft_topk(row[own], k, temperature=temperature)
                tolerance = 2 * PRECISIONS[dtype][0]
                torch.testing.assert_close(shown[own], check, rtol=0, atol=tolerance)


@pytest.mark.parametrize("n", [40, 1000, 5000])
@pytest.mark.parametrize("draw", [torch.randn, torch.rand])
def test_lists_are_sorted_only_where_few_entries_count(n, draw):
    """And where most of a list is 1 beside a narrow boundary, for exactness."""
    torch.manual_seed(0)
    scores, k = draw(1, 50, n), torch.full((1, 50, 1), 8.0)
    for temperature, soft in ((1e-3, False), (0.25, True), (4.0, True)):
        tau = torch.full((1, 50, 1), temperature)
        assert _indicator.is_soft(scores, k, tau) == soft
    tau = torch.full((1, 50, 1), 1e-3)
    assert not _indicator.is_soft(scores, torch.full_like(k, n // 2), tau)
