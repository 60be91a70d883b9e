"""How objectives are balanced."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklabelcraft.balancing import (
    ConflictFreeBalancing,
    MinNormBalancing,
    SoftmaxBalancing,
)

double = {"dtype": torch.float64}
gradients = arrays(np.float64, (3, 4), elements=st.integers(-9, 9).map(float))


def products(rows):
    """What a rule is given of the gradients."""
    rows = torch.as_tensor(rows)
    return lambda: rows @ rows.T


def test_shortest_sum_by_hand():
    """Of two orthogonal gradients, the longer one gets the smaller weight."""
    weights = MinNormBalancing()(torch.ones(2, **double), products([[1.0, 0], [0, 2]]))
    assert weights.tolist() == pytest.approx([0.8, 0.2])


@given(gradients)
def test_shortest_sum_raises_all_alike(rows):
    """No objective falls along it, and none of positive weight rises more."""
    weights = MinNormBalancing()(torch.ones(3, **double), products(rows)).numpy()
    along = rows @ (weights @ rows)
    scale = max(1.0, (rows**2).sum())
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    assert (along >= weights @ along - 1e-6 * scale).all()


def test_conflicts_are_taken_out_by_hand():
    """(1, 0) and (-1, 1) become (1/2, 1/2) and (0, 1): their mean is (1/4, 3/4)."""
    rows = np.array([[1.0, 0], [-1, 1]])
    weights = ConflictFreeBalancing()(torch.ones(2, **double), products(rows))
    assert (weights.numpy() @ rows).tolist() == pytest.approx([0.25, 0.75])


@given(gradients)
def test_without_conflicts_the_gradients_are_averaged(rows):
    """Gradients that agree are left as they are."""
    weights = ConflictFreeBalancing()(torch.ones(3, **double), products(abs(rows)))
    assert weights.tolist() == pytest.approx([1 / 3] * 3)


@given(arrays(np.float64, (2, 4), elements=st.integers(-9, 9).map(float)))
def test_of_two_objectives_none_falls(rows):
    """The mean of two gradients without their conflict lowers neither objective."""
    weights = ConflictFreeBalancing()(torch.ones(2, **double), products(rows)).numpy()
    assert (rows @ (weights @ rows) >= -1e-9).all()


@pytest.mark.parametrize("rule", [MinNormBalancing(), ConflictFreeBalancing()])
def test_gradients_may_vanish(rule):
    """Where nothing can be raised, the weights are still numbers."""
    weights = rule(torch.ones(3), products(np.zeros((3, 2), np.float32)))
    assert weights.dtype == torch.float32
    assert torch.isfinite(weights).all()


def test_softmax_needs_no_gradients():
    """The published rule is one of the values alone."""
    assert SoftmaxBalancing()(torch.ones(2)).tolist() == [0.5, 0.5]
