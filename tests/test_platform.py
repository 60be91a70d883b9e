"""The objectives on held-out lists."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sklabelcraft._batches import Impressions
from sklabelcraft._platform import Platform, random_references, standardise
from sklabelcraft._user_lists import user_lists
from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.objectives import Objective

GAIN = torch.tensor([4.0, 1.0, 1.0, 9.0, 0.0, 3.0])
USERS = np.array(list("aaabcc"))  # b has too few rows to take part
OBJECTIVES = (Objective("gain"), Objective("gain", measure="spread"))


@pytest.fixture
def platform():
    rows = torch.arange(6)[:, None]
    none = torch.zeros(6, dtype=torch.long)
    impressions = Impressions(
        rows, torch.zeros(6, 0), none, none, none, rows, (0,), torch.empty_like(none)
    )
    lists = user_lists(USERS, 1)
    values = [GAIN[lists.rows]] * 2
    references = random_references(OBJECTIVES, values, lists, 1)
    balancing = SoftmaxBalancing(tau=0.0)
    worth = torch.ones(2)
    return Platform(
        impressions, lists, OBJECTIVES, values, references, worth, balancing, 1, 1e-6
    )


def measured(platform, sign, n_users=2):
    """The objectives of a sample of users, scored by the gain or by its opposite."""
    shown = platform.draw(n_users)
    return platform.measure(sign * GAIN[shown.batch.codes], shown)


def test_lists_shown_at_random_count_as_one(platform):
    """The references are the means (4 + 1 + 1) / 3 and (0 + 3) / 2, averaged."""
    assert platform.references[0] == pytest.approx((2 + 1.5) / 2)


def test_measure_by_hand(platform):
    """Scored by gain itself, each user is shown the best row, which has no spread."""
    values = measured(platform, 1)
    assert values[0] == pytest.approx((4 + 3) / 2 / 1.75)
    assert values[1] == pytest.approx(0, abs=1e-6)
    worst = measured(platform, -1)
    assert worst[0] == pytest.approx((1 + 0) / 2 / 1.75)


def test_measure_of_a_sample_takes_whole_lists(platform):
    """One sampled user's objective is that of the one or the other."""
    torch.manual_seed(0)
    seen = {round(measured(platform, 1, 1)[0].item() * 1.75, 4) for _ in range(20)}
    assert seen == {4.0, 3.0}


def test_balanced_is_the_weighted_sum_with_constant_weights(platform):
    """Equal weights give the mean, and a gradient of one half each."""
    values = torch.tensor([1.0, 3.0], requires_grad=True)
    balanced = platform.balanced(values)
    assert balanced.item() == 2
    (gradient,) = torch.autograd.grad(balanced, values)
    assert gradient.tolist() == [0.5, 0.5]


def test_names_tell_column_and_measure(platform):
    """The history names each objective."""
    assert platform.names == ["gain_mean", "gain_spread"]


def test_scores_are_standardised_list_by_list():
    """Each list gets mean 0 and standard deviation 1; equal scores stay finite."""
    lists = user_lists(np.array([0, 0, 0, 1, 1, 2, 2]), 1)
    scores = torch.tensor([1.0, 2.0, 6.0, 5.0, 5.0, -1.0, 1.0])
    found = standardise(scores, lists).split([3, 2, 2])
    assert found[0].mean() == pytest.approx(0, abs=1e-6)
    assert found[0].std(correction=0) == pytest.approx(1, abs=1e-6)
    assert found[1].tolist() == [0, 0]
    assert found[2].tolist() == pytest.approx([-1, 1])


def test_objectives_to_be_lowered_count_alike():
    """A rate that is wanted low is 1 at random too, and rises as it falls."""
    lists = user_lists(USERS, 1)
    lower = (Objective("gain", sign=-1),)
    values = [GAIN[lists.rows]]
    rows, none = torch.arange(6)[:, None], torch.zeros(6, dtype=torch.long)
    impressions = Impressions(
        rows, torch.zeros(6, 0), none, none, none, rows, (0,), torch.empty_like(none)
    )
    references = random_references(lower, values, lists, 1)
    platform = Platform(
        impressions,
        lists,
        lower,
        values,
        references,
        torch.ones(1),
        SoftmaxBalancing(),
        1,
        1e-6,
    )
    best = measured(platform, -1)
    assert best[0] == pytest.approx(1 + (1.75 - 0.5) / 1.75)


def test_a_unit_may_be_worth_more(platform):
    """Twice the worth counts twice."""
    dear = replace(platform, weights=torch.tensor([2.0, 1.0]))
    assert dear.balanced(torch.tensor([1.0, 3.0])).item() == pytest.approx(2.5)
