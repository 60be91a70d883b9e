"""Newton's method on the potentials of sorted anchors: start, steps and looks."""

import math

import numpy as np
import pytest
import torch

from sklabelcraft import soft_topk
from sklabelcraft.topk import _sorted_anchors


@pytest.fixture
def calls(monkeypatch):
    """What the functions inside are given, by their names."""
    found = {"_ordered": [], "_newton": [], "_descend": []}

    def watched(name, function):
        return lambda *given: found[name].append(given) or function(*given)

    for name in found:
        function = getattr(_sorted_anchors, name)
        monkeypatch.setattr(_sorted_anchors, name, watched(name, function))
    return found


def shown(scores, k):
    return soft_topk(np.array(scores, float), k, temperature=1.0, method="sorted")


@pytest.mark.parametrize(
    ("k", "step", "n", "widths"),
    [
        (2, 3, 100, [18]),  # 16 ranks beyond the second
        (2, 1, 100, [18, 66]),  # four times as many, where e^-16 of the last is shown
        (2, 0.1, 400, [18, 66, 258, 400]),
        (2, 1, 10, [10]),
        (17, 3, 100, [33]),
    ],
)
def test_as_many_entries_are_looked_at_as_are_shown_at_all(k, step, n, widths, calls):
    """Scores that fall by a step from rank to rank."""
    alpha = shown(-step * np.arange(n), k)
    assert alpha.sum() == pytest.approx(k, rel=1e-10)
    assert [width for *_, width in calls["_ordered"]] == widths


def test_the_start_and_the_end_by_hand(calls):
    """Potentials in which one rank gives place to the next halfway between scores.

    Counted from the second score, y is 2, 0, -1 and 1, 0, -2: the ends are 1 and -0.5,
    0.5 and -1. At the end the columns sum to 1, up to 1e-11.
    """
    lists = [[3.0, 1.0, 0.0, -4.0], [5.0, 4.0, 2.0, 0.0]]
    shown(lists, 2)
    ((y, start, ranks),) = calls["_newton"]
    assert start.tolist() == [[0.5, -0.5], [1.0, 0.5]]
    assert len(calls["_descend"]) == 4
    end = _sorted_anchors._newton(y, start, ranks)
    plan = _sorted_anchors._plan(y, end, ranks)
    np.testing.assert_allclose(plan[..., 1:].sum(1), 1, rtol=0, atol=1e-11)


def test_a_potential_moves_by_8_at_most_in_a_step(calls):
    """From where nothing is shown, and so no slope is left."""
    y, ranks = torch.tensor([[0.0, 0.0]]).double(), torch.tensor([1.0]).double()
    end = _sorted_anchors._newton(y, torch.tensor([[-60.0]]).double(), ranks)
    assert end.item() == pytest.approx(0, abs=1e-11)
    steps = [step.item() for _, _, step, *_ in calls["_descend"]]
    assert steps[0] == -8


@pytest.mark.parametrize(
    ("h", "step", "reached"),
    [
        (3.0, 12.0, 0.0),  # -9 and -3 are no lower than 3
        (3.0, 4.0, -1.0),
        (-3.0, -24.0, 0.0),
        (3.0, 3.0, 0.0),
    ],
)
def test_steps_are_halved_until_they_lead_down(h, step, reached):
    """f(h) = 2 log(1 + e^h) - h, which is even: of two scores 0 one is shown."""
    y, ranks = torch.zeros(1, 2).double(), torch.ones(1).double()
    h, step = (torch.tensor([[value]]).double() for value in (h, step))
    excess = 2 * h.sigmoid() - 1
    found = _sorted_anchors._descend(y, h, step, excess, ranks)
    assert found.item() == reached
    steps = torch.cat([step, h])  # the other list goes right to its minimum
    y, h, excess = (x.repeat(2, 1) for x in (y, h, excess))
    both = _sorted_anchors._descend(y, h, steps, excess, ranks)
    assert both.flatten().tolist() == [reached, 0]


def test_a_step_within_rounding_is_made():
    """Its gain, 2.5e-17, is less than the rounding of 1.4."""
    y, ranks = torch.zeros(1, 2).double(), torch.ones(1).double()
    h = torch.tensor([[1e-8]]).double()
    excess = h / 2
    for step in (1e-8, -1e-8):
        found = _sorted_anchors._descend(y, h, torch.full_like(h, step), excess, ranks)
        assert found.item() == pytest.approx(1e-8 - step, abs=1e-15)


def test_lists_of_fewer_entries_than_k_are_shown_whole_beside_others():
    """And have no potentials, as nothing is to be solved."""
    scores = torch.tensor([[1.0, -math.inf, -math.inf], [1.0, 2.0, 3.0]])
    k, tau = torch.full((2, 1), 2.0), torch.ones(2, 1)
    alpha, potentials = _sorted_anchors.SortedTopK.apply(scores, k, tau)
    assert alpha[0].tolist() == [1, 0, 0]
    assert alpha[1].sum().item() == pytest.approx(2)
    assert potentials[0].tolist() == [0, 0]
    assert potentials[1].all()
