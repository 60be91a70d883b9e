"""The platform's objectives and how they are balanced."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import nwtg_score
from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.objectives import (
    Objective,
    list_gain,
    list_mean,
    list_spread,
    units_of,
)

modest = settings(max_examples=50, deadline=None)
objective_values = st.lists(st.floats(-5, 5), min_size=1, max_size=6)
double = {"dtype": torch.float64}

# two lists of 3, of which the hard indicator shows 2: first the second entry of each
LISTS = torch.tensor([0, 0, 0, 1, 1, 1])
SHOWN = torch.tensor([[0, 1, 0, 0, 1, 0], [1, 1, 0, 0, 1, 1]], **double)
VALUES = torch.tensor([10, 30, 99, 99, 7, 5], **double)


def test_mean_by_hand():
    """The shown values average to 20 and 6, over the lists to 13."""
    assert list_mean(SHOWN, VALUES, LISTS).tolist() == [20, 6]
    assert Objective("x")(SHOWN, VALUES, LISTS).item() == 13


def test_gain_by_hand():
    """The second rank counts 1 / log2(3); a list of zeros is left out."""
    second = 1 / np.log2(3)
    gain = list_gain(SHOWN, VALUES, LISTS)
    expected = [
        (30 + 10 * second) / (99 + 30 * second),
        (7 + 5 * second) / (99 + 7 * second),
    ]
    np.testing.assert_allclose(gain.numpy(), expected, rtol=1e-14)
    first = VALUES * (LISTS == 0)
    assert list_gain(SHOWN, first, LISTS).tolist() == gain[:1].tolist()
    assert Objective("x", measure="gain")(SHOWN, 0 * VALUES, LISTS) == 0


@modest
@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_gain_of_hard_lists_is_the_metric(k, seed):
    """With the first 1 to k entries shown in turn, it is NWTG@k of each list."""
    rng = np.random.default_rng(seed)
    users = np.repeat([0, 1, 2], [5, 8, 6])
    values, scores = rng.exponential(size=19), rng.permutation(19)
    rank = np.array(
        [(scores[users == u] > s).sum() for u, s in zip(users, scores, strict=True)]
    )
    alpha = torch.tensor(rank < np.arange(1, k + 1)[:, None], **double)
    gain = list_gain(alpha, torch.tensor(values), torch.tensor(users))
    expected = nwtg_score(values, scores, groups=users, k=k, average=None)
    np.testing.assert_allclose(gain.numpy(), expected, rtol=1e-12)


def test_gain_has_a_gradient_beside_lists_of_zeros():
    """They leave no NaN behind; each rank counts by the fall of the discount."""
    alpha = SHOWN.clone().requires_grad_()
    list_gain(alpha, VALUES * (LISTS == 0), LISTS).sum().backward()
    second = 1 / np.log2(3)
    falls = torch.tensor([1 - second, second], **double)
    ideal = 99 + 30 * second
    expected = falls[:, None] * VALUES * (LISTS == 0) / ideal
    torch.testing.assert_close(alpha.grad, expected)


def test_spread_by_hand():
    """The shown values spread by 10 and 1, over the lists by 5.5 on average."""
    spread = list_spread(SHOWN, VALUES, LISTS)
    torch.testing.assert_close(spread, torch.tensor([10, 1], **double))
    value = Objective("x", measure="spread")(SHOWN, VALUES, LISTS)
    assert value.item() == pytest.approx(5.5, rel=1e-14)


@pytest.mark.parametrize("measure", ["mean", "spread"])
def test_what_the_platform_wants_low_is_negated(measure):
    """sign = -1 turns the objective around."""
    high = Objective("hate", measure=measure)(SHOWN, VALUES, LISTS)
    low = Objective("hate", measure=measure, sign=-1)(SHOWN, VALUES, LISTS)
    assert low == -high


@modest
@given(st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=8), min_size=1))
def test_spread_of_a_hard_list_is_the_standard_deviation(rows):
    """With the first k of each list shown, it is np.std of them."""
    k = min(len(row) for row in rows) - 1
    lists = torch.arange(len(rows)).repeat_interleave(
        torch.tensor([len(row) for row in rows])
    )
    rank = torch.tensor([i for row in rows for i in range(len(row))])
    alpha = (rank < torch.arange(1, k + 1)[:, None]).double()
    values = torch.tensor([value for row in rows for value in row], **double)
    spread = list_spread(alpha, values, lists)
    expected = [np.std(row[:k]) for row in rows]
    np.testing.assert_allclose(spread.numpy(), expected, rtol=0, atol=1e-12)


def test_soft_entries_count_by_their_share():
    """Half of each of four entries, k = 2: plain mean and standard deviation."""
    alpha = torch.tensor([[0.25] * 4, [0.5] * 4], **double)
    lists = torch.zeros(4, dtype=torch.long)
    values = torch.tensor([0, 0, 1, 3], **double)
    assert list_mean(alpha, values, lists).item() == pytest.approx(1, rel=1e-14)
    spread = list_spread(alpha, values, lists).item()
    assert spread == pytest.approx(np.std([0, 0, 1, 3]), rel=1e-14)


def test_gradients_in_the_indicator():
    """All measures have the gradients of finite differences."""
    soft = [[0.5, 0.4, 0.1, 0.2, 0.4, 0.4], [0.9, 0.8, 0.3, 0.5, 0.7, 0.8]]
    alpha = torch.tensor(soft, **double, requires_grad=True)
    for measure in (list_mean, list_gain, list_spread):
        assert torch.autograd.gradcheck(
            lambda a, measure=measure: measure(a, VALUES / 10, LISTS), (alpha,)
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 0.7])
def test_gradient_of_the_spread_is_finite_when_all_values_are_equal(value, dtype):
    """At spread 0, where the root has no slope, the gradient is as good as 0."""
    alpha = torch.tensor([[0.1, 0.2, 0.7]], dtype=dtype, requires_grad=True)
    lists = torch.zeros(3, dtype=torch.long)
    values = torch.full((3,), value, dtype=dtype)
    list_spread(alpha, values, lists).sum().backward()
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
    weights = SoftmaxBalancing(1.0)(torch.tensor([np.log(2), 0.0], **double))
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


def test_a_floor_caps_what_a_value_is_worth():
    """Above it nothing more, below ten times what is missing; without, the value."""
    values = torch.tensor([1.5, 1.2, 1.1], **double)
    floor = Objective("x", at_least=1.2)
    torch.testing.assert_close(
        floor.worth(values), torch.tensor([1.2, 1.2, 0.2], **double)
    )
    np.testing.assert_allclose(floor.worth(values.numpy()), [1.2, 1.2, 0.2])
    assert Objective("x").worth(values) is values


@pytest.mark.parametrize("floor", [1e9, -1e9])
def test_the_highest_floor_is_a_billion(floor):
    """Times what random lists reach, or less; not even a little more."""
    assert Objective("x", at_least=floor).at_least == floor
    with pytest.raises(ValueError, match="at_least must be a finite number from"):
        Objective("x", at_least=np.nextafter(floor, 2 * floor))


@pytest.mark.parametrize("floor", [np.inf, np.nan, "1.2", True, 10**400, -1e300])
def test_a_floor_is_a_number(floor):
    """Anything else says so."""
    with pytest.raises(ValueError, match="at_least must be a finite number from"):
        Objective("x", at_least=floor)


def test_a_gain_of_the_least_normal_number_counts():
    """Of half of it, a list is left out, as if it had none."""
    tiny = torch.finfo(torch.float64).tiny
    shown = torch.tensor([[1.0, 0.0, 1.0, 0.0]], **double)
    values = torch.tensor([tiny, 0.0, tiny / 2, 0.0], **double)
    gain = list_gain(shown, values, torch.tensor([0, 0, 1, 1]))
    assert gain.tolist() == [1]


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_units_by_hand(kind):
    """A reference counts by its size, and by 1 where it is a millionth of what is."""
    references = kind([-3.0, 0.5, 0.0, 4e-6, -6e-6, 0.0])
    units = units_of(references, kind([5.0, 1.0, 2.0, 5.0, 5.0, 0.0]))
    assert units.tolist() == [3, 0.5, 1, 1, pytest.approx(6e-6), 1]


@pytest.mark.parametrize("measure", ["mean", "gain", "spread"])
def test_only_a_gain_has_an_ideal(measure):
    """Of the best two of (10, 30, 99) and (99, 7, 5); of others there is none."""
    ideal = Objective("x", measure).ideal(VALUES, LISTS, 2)
    if measure != "gain":
        assert ideal is None
        return
    second = 1 / np.log2(3)
    assert ideal.tolist() == pytest.approx([99 + 30 * second, 99 + 7 * second])


@pytest.mark.parametrize("column", [None, 1.5, True, ("a",)])
def test_a_column_has_a_name_or_a_position(column):
    """Anything else says so."""
    with pytest.raises(ValueError, match="column must be the name or position"):
        Objective(column)


@pytest.mark.parametrize(
    "sign",
    [0, "1", None, np.array([1, 2]), torch.tensor([1, 2]), np.timedelta64(1, "s")],
)
def test_a_sign_is_one_of_two(sign):
    """Whatever else is given is told."""
    with pytest.raises(ValueError, match=r"sign must be one of \(1, -1\), got"):
        Objective("x", sign=sign)


@pytest.mark.parametrize("measure", ["mean", "spread"])
@pytest.mark.parametrize("odd", [np.nan, np.inf, 1.7e308])
def test_sums_that_are_no_numbers_are_refused(measure, odd):
    """They name the column, and how large its values are."""
    values = VALUES.where(LISTS == 0, odd)
    with pytest.raises(ValueError, match=f"the {measure} of column 'x' must be finite"):
        Objective("x", measure)(SHOWN, values, LISTS)


def test_a_list_of_tiny_values_has_a_finite_slope():
    """Where their sum is no normal number, it is left out as one of zeros."""
    values = VALUES.where(LISTS == 0, 1e-320)
    shown = SHOWN.clone().requires_grad_()
    gain = list_gain(shown, values, LISTS)
    assert len(gain) == 1
    gain.sum().backward()
    assert shown.grad.isfinite().all()


def test_one_list_is_its_own_mean():
    """Of the first list alone the mean is 20."""
    assert Objective("x")(SHOWN[:, :3], VALUES[:3], LISTS[:3]) == 20


def test_the_last_list_may_have_one_entry():
    """The means of (10, 30) and (7) are 20 and 7."""
    lists, shown = torch.tensor([0, 0, 1]), torch.tensor([[0.5, 0.5, 1.0]], **double)
    values = torch.tensor([10.0, 30.0, 7.0], **double)
    assert list_mean(shown, values, lists).tolist() == [20, 7]


def test_objectives_are_values():
    """Equal ones are one key of a dict."""
    assert {Objective("x", sign=-1): "found"}[Objective("x", sign=-1)] == "found"


@pytest.mark.parametrize(
    "wrong", [{"measure": "median"}, {"transform": "log"}, {"sign": 0}]
)
def test_what_is_measured_is_one_of_a_few(wrong):
    """The error tells which."""
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must be one of .*, got"):
        Objective("x", **wrong)
