"""The platform's objectives and how they are balanced."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.objectives import (
    Objective,
    list_mean,
    list_share,
    list_spread,
)

modest = settings(max_examples=50, deadline=None)
objective_values = st.lists(st.floats(-5, 5), min_size=1, max_size=6)
double = {"dtype": torch.float64}

# two lists of 3, of which the hard indicator shows 2
LISTS = torch.tensor([0, 0, 0, 1, 1, 1])
SHOWN = torch.tensor([1, 1, 0, 0, 1, 1], **double)
VALUES = torch.tensor([10, 30, 99, 99, 7, 5], **double)


def test_mean_by_hand():
    """The shown values average to 20 and 6, over the lists to 13."""
    assert list_mean(SHOWN, VALUES, LISTS, 2).tolist() == [20, 6]
    assert Objective("x")(SHOWN, VALUES, LISTS, 2).item() == 13


def test_share_by_hand():
    """40 of the best 129 and 12 of the best 106; a list of zeros is left out."""
    share = list_share(SHOWN, VALUES, LISTS, 2)
    expected = torch.tensor([40 / 129, 12 / 106], **double)
    torch.testing.assert_close(share, expected)
    first = VALUES * (LISTS == 0)
    assert list_share(SHOWN, first, LISTS, 2).tolist() == share[:1].tolist()
    assert Objective("x", measure="share")(SHOWN, 0 * VALUES, LISTS, 2) == 0


def test_share_has_a_gradient_beside_lists_of_zeros():
    """They leave no NaN behind."""
    alpha = SHOWN.clone().requires_grad_()
    list_share(alpha, VALUES * (LISTS == 0), LISTS, 2).sum().backward()
    expected = VALUES * (LISTS == 0) / 129
    torch.testing.assert_close(alpha.grad, expected)


def test_spread_by_hand():
    """The shown values spread by 10 and 1, over the lists by 5.5 on average."""
    spread = list_spread(SHOWN, VALUES, LISTS, 2)
    torch.testing.assert_close(spread, torch.tensor([10, 1], **double))
    value = Objective("x", measure="spread")(SHOWN, VALUES, LISTS, 2)
    assert value.item() == pytest.approx(5.5, rel=1e-14)


@pytest.mark.parametrize("measure", ["mean", "spread"])
def test_what_the_platform_wants_low_is_negated(measure):
    """sign = -1 turns the objective around."""
    high = Objective("hate", measure=measure)(SHOWN, VALUES, LISTS, 2)
    low = Objective("hate", measure=measure, sign=-1)(SHOWN, VALUES, LISTS, 2)
    assert low == -high


@modest
@given(st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=8), min_size=1))
def test_spread_of_a_hard_list_is_the_standard_deviation(rows):
    """With the first k of each list shown, it is np.std of them."""
    k = min(len(row) for row in rows) - 1
    lists = torch.arange(len(rows)).repeat_interleave(
        torch.tensor([len(row) for row in rows])
    )
    alpha = torch.tensor([float(i < k) for row in rows for i in range(len(row))])
    values = torch.tensor([value for row in rows for value in row], **double)
    spread = list_spread(alpha.double(), values, lists, k)
    expected = [np.std(row[:k]) for row in rows]
    np.testing.assert_allclose(spread.numpy(), expected, rtol=0, atol=1e-12)


def test_soft_entries_count_by_their_share():
    """Half of each of four entries, k = 2: plain mean and standard deviation."""
    alpha, lists = torch.full((4,), 0.5, **double), torch.zeros(4, dtype=torch.long)
    values = torch.tensor([0, 0, 1, 3], **double)
    assert list_mean(alpha, values, lists, 2).item() == pytest.approx(1, rel=1e-14)
    spread = list_spread(alpha, values, lists, 2).item()
    assert spread == pytest.approx(np.std([0, 0, 1, 3]), rel=1e-14)


def test_gradients_in_the_indicator():
    """Mean and spread have the gradients of finite differences."""
    alpha = torch.tensor([0.9, 0.8, 0.3, 0.5, 0.7, 0.8], **double, requires_grad=True)
    for measure in (list_mean, list_spread):
        assert torch.autograd.gradcheck(
            lambda a, measure=measure: measure(a, VALUES / 10, LISTS, 2), (alpha,)
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 0.7])
def test_gradient_of_the_spread_is_finite_when_all_values_are_equal(value, dtype):
    """At spread 0, where the root has no slope, the gradient is as good as 0."""
    alpha = torch.tensor([0.1, 0.2, 0.7], dtype=dtype, requires_grad=True)
    lists = torch.zeros(3, dtype=torch.long)
    values = torch.full((3,), value, dtype=dtype)
    list_spread(alpha, values, lists, 1).sum().backward()
    torch.testing.assert_close(alpha.grad, torch.zeros_like(alpha))


@modest
@given(objective_values, st.floats(0, 5))
def test_weights_are_a_share_of_1_and_favour_the_laggard(values, tau):
    """Weights are positive, sum to 1, and fall with the objective."""
    values = torch.tensor(values, **double)
    weights = SoftmaxBalancing(tau)(values)
    assert (weights > 0).all()
    assert weights.sum().item() == pytest.approx(1, rel=1e-12)
    assert weights[values.argmin()] == weights.max()
    assert (weights[values.argsort()].diff() <= 1e-15).all()


def test_weights_by_hand():
    """Objectives log 2 and 0 at tau 1 weigh 1/3 and 2/3."""
    weights = SoftmaxBalancing()(torch.tensor([np.log(2), 0.0], **double))
    torch.testing.assert_close(weights, torch.tensor([1 / 3, 2 / 3], **double))


@modest
@given(objective_values)
def test_tau_0_weighs_all_equally(values):
    """The ablation without balancing."""
    weights = SoftmaxBalancing(tau=0.0)(torch.tensor(values, **double))
    np.testing.assert_allclose(weights.numpy(), 1 / len(values), rtol=1e-14)


def test_no_gradient_flows_through_the_weights():
    """The gradient of the balanced sum is the weights themselves."""
    values = torch.tensor([0.5, 2.0, 1.0], **double, requires_grad=True)
    weights = SoftmaxBalancing(tau=2.0)(values)
    assert not weights.requires_grad
    (weights * values).sum().backward()
    torch.testing.assert_close(values.grad, weights)
