"""How objectives are balanced."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklabelcraft import MLP, LabelCrafter, MLPRanker
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
@given(gradients, st.integers(-1070, 1014))
def test_weights_do_not_depend_on_the_size_of_gradients(rule, rows, power):
    """Neither where products are as small nor as large as floats are."""
    square = rows @ rows.T
    expected = rule(torch.ones(3, **double), lambda: torch.tensor(square))
    scaled = torch.tensor(np.ldexp(square, power))
    assert torch.equal(rule(torch.ones(3, **double), lambda: scaled), expected)


@pytest.mark.parametrize("rule", [MinNormBalancing(), ConflictFreeBalancing()])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_products_that_are_no_numbers_are_refused(rule, odd):
    """They are told."""
    with pytest.raises(ValueError, match="inner products of the gradients must be fin"):
        rule(torch.ones(2), lambda: torch.tensor([[1.0, odd], [odd, 1.0]]))


@pytest.mark.parametrize("tau", [np.nan, -np.inf, "1", 1j, 10**400, torch.ones(2)])
def test_tau_is_a_number(tau):
    """Anything else is refused when the rule is made."""
    with pytest.raises(ValueError, match="tau must be a finite number"):
        SoftmaxBalancing(tau)


@pytest.mark.parametrize(
    ("tau", "value"), [(0.5, np.nan), (0, np.inf), (1e300, 1e30), (-1e20, 3e38)]
)
def test_objectives_that_are_no_numbers_are_refused(tau, value):
    """So are those whose product with tau is none."""
    with pytest.raises(ValueError, match=r"objectives times tau=.* must be finite"):
        SoftmaxBalancing(tau)(torch.tensor([1.0, value]))


@pytest.mark.parametrize("rule", [MinNormBalancing(), ConflictFreeBalancing()])
def test_gradients_may_vanish(rule):
    """Where nothing can be raised, the weights are still numbers."""
    weights = rule(torch.ones(3), products(np.zeros((3, 2), np.float32)))
    assert weights.dtype == torch.float32
    assert torch.isfinite(weights).all()


def test_softmax_needs_no_gradients():
    """The published rule is one of the values alone."""
    assert SoftmaxBalancing()(torch.ones(2)).tolist() == [0.5, 0.5]


@pytest.fixture
def weighting_rule():
    """Makes a rule of the name of a weighting of torchjd."""
    aggregation = pytest.importorskip("torchjd.aggregation")

    def make(name):
        weighting = getattr(aggregation, name)()
        return lambda values, gram: weighting(gram())

    return make


@pytest.mark.parametrize(
    ("name", "ours", "times"),
    [
        ("MGDAWeighting", MinNormBalancing(), 1),
        ("PCGradWeighting", ConflictFreeBalancing(), 2),  # the sum, not the mean
    ],
)
def test_weightings_of_torchjd_are_rules(weighting_rule, name, ours, times):
    """Of two objectives, theirs and ours agree."""
    values, gram = torch.ones(2, **double), products(np.array([[1.0, 0], [-1, 1]]))
    found = weighting_rule(name)(values, gram)
    torch.testing.assert_close(found, times * ours(values, gram))


@pytest.mark.parametrize("name", ["IMTLGWeighting", "AlignedMTLWeighting"])
def test_a_label_is_learned_with_a_weighting_of_torchjd(weighting_rule, log, name):
    """It is given as the balancing, and its weights are recorded."""
    ranker = MLPRanker(MLP(embedding_dim=2, hidden=(4,)), max_epochs=2)
    crafter = LabelCrafter(
        ranker, balancing=weighting_rule(name), k=5, random_state=0
    ).fit(log.frame)
    weights = [value for key, value in crafter.history_[-1].items() if "weight_" in key]
    assert len(weights) == 3
    assert np.isfinite(weights).all()


def test_the_lagging_objective_counts_most_by_hand():
    """At tau = 1/2, values 1 and 3 weigh 1 / (1 + 1/e) and 1 / (1 + e)."""
    weights = SoftmaxBalancing()(torch.tensor([1.0, 3.0], **double))
    expected = [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))]
    assert weights.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("size", [1e-10, 1e10])
@pytest.mark.parametrize("rule", [MinNormBalancing(), ConflictFreeBalancing()])
def test_the_size_of_the_gradients_does_not_matter(rule, size):
    """All of them times a number are balanced alike."""
    rows = np.array([[1.0, 0.0], [-0.5, 2.0], [0.2, 0.1]])
    found, expected = [
        rule(torch.ones(3, **double), products(each)) for each in (size * rows, rows)
    ]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("n", [2, 5])
def test_equal_gradients_share_a_weight(n):
    """As one of them, beside another one: n times (1, 0) weigh 0.8 beside (0, 2)."""
    rows = np.array([[1.0, 0.0]] * n + [[0.0, 2.0]])
    weights = MinNormBalancing()(torch.ones(n + 1, **double), products(rows))
    assert weights[:n].sum().item() == pytest.approx(0.8)


@pytest.mark.parametrize(
    "rule", [SoftmaxBalancing(0.3), MinNormBalancing(), ConflictFreeBalancing()]
)
def test_rules_are_values(rule):
    """Equal rules are one key of a dict."""
    assert {rule: "found"}[replace(rule)] == "found"
