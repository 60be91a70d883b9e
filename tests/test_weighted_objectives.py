"""Objectives on rows that have weights, such as inverse propensities."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hypergradient import make_platform
from test_objectives import LISTS, SHOWN, VALUES, double

from sklabelcraft.objectives import MEASURES, Objective, list_mean, list_spread
from sklabelcraft.training._platform import random_references

modest = settings(max_examples=40, deadline=None)
WEIGHTS = torch.tensor([2, 0.5, 9, 9, 1, 3], **double)
measures = pytest.mark.parametrize("measure", MEASURES)


def test_means_by_hand():
    """A shown value counts by its weight: (20 + 15) / 2 and (7 + 15) / 2."""
    assert list_mean(SHOWN, VALUES, LISTS, WEIGHTS).tolist() == [17.5, 11]
    assert Objective("x")(SHOWN, VALUES, LISTS, weights=WEIGHTS).item() == 14.25


def test_gains_by_hand():
    """Weight times value is gained, also by the best list."""
    second = 1 / np.log2(3)
    expected = [
        (15 + 20 * second) / (99 * 9 + 20 * second),
        (7 + 15 * second) / (99 * 9 + 15 * second),
    ]
    objective = Objective("x", "gain")
    found = objective(SHOWN, VALUES, LISTS, weights=WEIGHTS)
    assert found.item() == pytest.approx(np.mean(expected))
    ideal = objective.ideal(VALUES, LISTS, 2, WEIGHTS)
    assert objective(SHOWN, VALUES, LISTS, ideal, WEIGHTS) == found


def test_spreads_by_hand():
    """The weighted standard deviation of the shown values."""
    expected = [
        np.sqrt(np.average((values - np.average(values, weights=w)) ** 2, weights=w))
        for values, w in (([10, 30], [2, 0.5]), ([7, 5], [1, 3]))
    ]
    found = list_spread(SHOWN, VALUES, LISTS, WEIGHTS)
    np.testing.assert_allclose(found, expected)


def test_a_list_without_a_weight_has_no_spread():
    """It is left out of the mean, as one without gain is."""
    weights = WEIGHTS * (LISTS == 0)
    for measure in ("gain", "spread"):
        objective = Objective("x", measure)
        total, n_lists = objective.sum(SHOWN, VALUES, LISTS, weights=weights)
        alone = LISTS == 0
        part = SHOWN[:, alone], VALUES[alone], LISTS[alone]
        assert n_lists == 1
        assert total == objective(*part, weights=weights[alone])


def test_a_shown_list_without_a_weight_has_slopes():
    """They are finite, whatever is shown."""
    weights = torch.tensor([0, 0, 1, 1, 1, 1], **double)
    alpha = SHOWN.clone().requires_grad_()
    list_spread(alpha, VALUES, LISTS, weights).sum().backward()
    assert alpha.grad.isfinite().all()


@pytest.mark.parametrize("unit", [3e-17, 1e-12, 1e20])
@pytest.mark.parametrize("of_lists", [list_mean, list_spread])
def test_the_unit_of_weights_has_no_part_in_a_spread(of_lists, unit):
    """Only their ratios matter; a mean is as many times as high."""
    found = of_lists(SHOWN, VALUES, LISTS, WEIGHTS * unit)
    expected = of_lists(SHOWN, VALUES, LISTS, WEIGHTS)
    expected = expected * unit if of_lists is list_mean else expected
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


def test_a_spread_is_that_of_all_ranks_that_are_shown():
    """Of four, the first three: 3, 1 and 5, the last of which weighs twice as much."""
    alpha = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]], **double)
    values, lists = torch.tensor([3, 1, 5, 9], **double), torch.zeros(4).long()
    weights = torch.tensor([1, 1, 2, 7], **double)
    found = list_spread(alpha, values, lists, weights).item()
    assert found == pytest.approx(np.std([3, 1, 5, 5]))


@measures
@given(weight=st.floats(1e-3, 1e3))
def test_equal_weights_change_no_share(measure, weight):
    """A mean is so many times as high; gain and spread stay, to rounding."""
    of_lists = MEASURES[measure]
    found = of_lists(SHOWN, VALUES, LISTS, weights=torch.full((6,), weight, **double))
    times = weight if measure == "mean" else 1
    np.testing.assert_allclose(found, times * of_lists(SHOWN, VALUES, LISTS), rtol=1e-9)


@modest
@given(counts=st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_the_spread_of_whole_weights_is_that_of_repeated_entries(counts):
    """Each as often as its weight says, with the share that it has."""
    counts = torch.tensor(counts)
    kept = [n for n in (0, 1) if (counts * SHOWN[-1])[n == LISTS].any()]
    weights = counts.to(**double)
    found = list_spread(SHOWN, VALUES, LISTS, weights)
    there = weights.new_zeros(2).index_add(0, LISTS, weights).gt(0)
    for n in kept:
        own = (n == LISTS) & (SHOWN[-1] > 0)
        values = VALUES[own].repeat_interleave(counts[own])
        position = int(there[:n].sum())
        expected = values.std(correction=0)
        assert found[position].item() == pytest.approx(expected.item(), abs=1e-12)


def test_inverse_propensities_are_unbiased():
    """The mean over what is seen, weighted, is on average that over all there is."""
    rng = np.random.default_rng(0)
    chance, n = torch.tensor([0.2, 0.9, 0.5, 0.4, 0.7, 0.6], **double), 20_000
    seen = torch.from_numpy(rng.random((n, 6))) < chance
    found = torch.stack([list_mean(SHOWN, VALUES, LISTS, s / chance) for s in seen])
    expected = list_mean(SHOWN, VALUES, LISTS)
    error = found.std(0) / n**0.5
    assert ((found.mean(0) - expected).abs() < 4 * error).all()
    plain = torch.stack([list_mean(SHOWN, VALUES * s, LISTS) for s in seen[:100]])
    assert (plain.mean(0) < 0.9 * expected).all()


@measures
def test_values_of_weight_0_do_not_matter(measure):
    """Whatever they are."""
    weights = WEIGHTS * torch.tensor([1, 0, 1, 0, 1, 1], **double)
    other = torch.where(weights > 0, VALUES, 1e3 * VALUES + 5)
    pair = [
        MEASURES[measure](SHOWN, v, LISTS, weights=weights) for v in (VALUES, other)
    ]
    torch.testing.assert_close(*pair, rtol=1e-12, atol=0)


def weighted(platform, weights):
    """The platform with weights of its held-out rows."""
    lists, values = platform.lists, platform.values
    references = random_references(
        platform.objectives, values, lists, platform.k, weights
    )
    return replace(platform, row_weights=weights, references=references)


def test_a_platform_is_the_plain_one_where_weights_are_alike():
    """To rounding, whatever they are."""
    plain = make_platform()
    alike = torch.full((len(plain.lists.rows),), 3.0).to(plain.values[0])
    logits = torch.linspace(-1, 1, len(plain.lists.rows))[:, None].to(plain.values[0])
    shown = plain.draw(10**6)
    found = [p.measure(logits, shown) for p in (plain, weighted(plain, alike))]
    torch.testing.assert_close(*found)


def test_a_platform_measures_some_users_by_their_own_weights():
    """As one of these users alone, beside the same random lists."""
    platform = make_platform()
    weights, logits = torch.rand(2, len(platform.lists.rows), **double)
    platform, logits = weighted(platform, weights), logits[:, None]
    shown = platform.draw(2, torch.Generator().manual_seed(3))
    found = platform.measure(logits[shown.positions], shown)
    alone = replace(
        platform,
        lists=shown.lists,
        values=[value[shown.positions] for value in platform.values],
        row_weights=platform.row_weights[shown.positions],
    )
    whole = shown._replace(
        users=torch.arange(2), positions=torch.arange(len(shown.positions))
    )
    torch.testing.assert_close(found, alone.measure(logits[shown.positions], whole))
    plain = replace(platform, row_weights=None)
    assert (found - plain.measure(logits[shown.positions], shown)).abs().max() > 1e-3
