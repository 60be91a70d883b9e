"""The objectives on held-out lists."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sklabelcraft import Columns
from sklabelcraft._batches import Impressions, Pasts
from sklabelcraft._counts import Numbers
from sklabelcraft._ids import read_ids
from sklabelcraft._lists import Lists
from sklabelcraft._platform import MeasuredColumn, count_scaled
from sklabelcraft._reading import as_log
from sklabelcraft.balancing import MinNormBalancing, SoftmaxBalancing
from sklabelcraft.objectives import Objective
from sklabelcraft.training import Platform
from sklabelcraft.training._distributed import Alone
from sklabelcraft.training._platform import random_references, soft_ranks, standardise

GAIN = torch.tensor([4.0, 1.0, 1.0, 9.0, 0.0, 3.0])
USERS = np.array(list("aaabcc"))  # b has too few rows to take part
OBJECTIVES = (Objective("gain"), Objective("gain", measure="spread"))


def user_lists(users, k):
    """The lists of those users who have more than k rows."""
    return Lists.of(read_ids(users), k)


def make_platform(objectives):
    """One row of GAIN shown to each user."""
    rows = torch.arange(6)[:, None]
    none = torch.zeros(6, dtype=torch.long)
    pasts = Pasts(none, none, none, rows, (0,), torch.empty_like(none))
    lists = user_lists(USERS, 1)
    values = [GAIN[lists.rows]] * len(objectives)
    return Platform(
        impressions=Impressions(rows, torch.zeros(6, 0), pasts),
        lists=lists,
        objectives=objectives,
        values=values,
        references=random_references(objectives, values, lists, 1),
        weights=torch.ones(len(objectives)),
        balancing=SoftmaxBalancing(tau=0.0),
        k=1,
        temperature=1e-6,
    )


@pytest.fixture
def platform():
    return make_platform(OBJECTIVES)


def measured(platform, sign, n_users=2, generator=None):
    """The objectives of a sample of users, scored by the gain or by its opposite."""
    shown = platform.draw(n_users, generator)
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
    generator = torch.Generator().manual_seed(0)
    found = [measured(platform, 1, 1, generator)[0].item() for _ in range(20)]
    seen = {round(1.75 * value, 4) for value in found}
    assert seen == {4.0, 3.0}


def test_a_sample_is_drawn_from_the_generator_that_is_given(platform):
    """The same seed draws the same users; the global generator is left alone."""
    before = torch.get_rng_state()
    drawn = [
        platform.draw(1, torch.Generator().manual_seed(seed)).positions.tolist()
        for seed in [0, 0, *range(10)]
    ]
    assert drawn[0] == drawn[1]
    assert len({tuple(positions) for positions in drawn}) == 2
    assert torch.equal(torch.get_rng_state(), before)


def test_value_is_the_weighted_sum_with_constant_weights(platform):
    """Equal weights give the mean, and the gradient of the mean."""
    logits = torch.randn(5, 1, dtype=torch.float64, requires_grad=True)
    soft = replace(platform, temperature=0.5)
    shown = soft.draw(2)
    value, balance = soft.value(logits, shown)
    mean = soft.measure(logits, shown).mean()
    assert balance.tolist() == [0.5, 0.5]
    assert not balance.requires_grad
    assert value.item() == pytest.approx(mean.item())
    slopes = [torch.autograd.grad(v, logits)[0] for v in (value, mean)]
    assert slopes[0].abs().max() > 1e-3
    torch.testing.assert_close(*slopes)


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
    platform = make_platform((Objective("gain", sign=-1),))
    best = measured(platform, -1)
    assert best[0] == pytest.approx(1 + (1.75 - 0.5) / 1.75)


def test_a_unit_may_be_worth_more(platform):
    """Twice the worth counts twice."""
    dear = replace(platform, weights=torch.tensor([2.0, 1.0]))
    logits = GAIN[:5, None].double()
    shown = dear.draw(2)
    first, second = dear.measure(logits, shown)
    value, _ = dear.value(logits, shown)
    assert first != second
    assert value.item() == pytest.approx(first.item() + second.item() / 2)


def test_what_is_worth_nothing_is_only_measured(platform):
    """It is neither balanced nor part of the value, but of what is told."""
    one = replace(platform, weights=torch.tensor([1.0, 0.0]))
    logits = GAIN[one.lists.rows][:, None].requires_grad_()
    shown = one.draw(2)
    value, balance = one.value(logits, shown)
    assert balance.tolist() == [1]
    assert value.item() == one.measure(logits, shown)[0].item()
    assert one.weight_names == ["weight_gain_mean"]
    assert list(one.progress(logits)) == ["objective", "gain_mean", "gain_spread"]


def test_progress_is_told_of_all_lists(platform):
    """By name, and as their mean by weight."""
    dear = replace(platform, weights=torch.tensor([3.0, 1.0]))
    told = dear.progress(GAIN[dear.lists.rows][:, None])
    assert told["gain_mean"] == pytest.approx((4 + 3) / 2 / 1.75)
    assert told["gain_spread"] == pytest.approx(0, abs=1e-6)
    assert told["objective"] == pytest.approx(0.75 * told["gain_mean"])


def test_rules_of_balancing_are_given_inner_products_of_gradients(platform):
    """In the logits, of each objective times its weight."""
    seen = []

    def rule(values, gram):
        seen.append(gram())
        return torch.ones(2)

    own = replace(platform, balancing=rule, temperature=0.5, weights=torch.ones(2) * 2)
    logits = torch.randn(5, 1, dtype=torch.float64, requires_grad=True)
    shown = own.draw(2)
    own.value(logits, shown)
    slopes = [
        torch.autograd.grad(2 * value, logits, retain_graph=True)[0].ravel()
        for value in own.measure(logits, shown)
    ]
    torch.testing.assert_close(seen[0], torch.stack(slopes) @ torch.stack(slopes).T)


def test_a_gain_is_that_of_the_drawn_lists():
    """What is known of all lists beforehand is that of the users who are drawn."""
    gain = Objective("gain", measure="gain")
    platform = make_platform((gain,))
    shown = platform.draw(1, torch.Generator().manual_seed(0))
    alpha = torch.rand(1, len(shown.positions))
    value = platform.values[0][shown.positions]
    (ideal,) = platform.ideals
    known = gain(alpha, value, shown.lists.ids, ideal[shown.users])
    assert known == gain(alpha, value, shown.lists.ids)
    raw = platform.references + (measured(platform, 1, 1) - 1) * platform.references
    torch.testing.assert_close(raw, torch.ones(1), rtol=0, atol=1e-5)


def test_a_gain_is_relative_whatever_unit_its_column_has():
    """Random lists have a share of the largest possible, of millions, too."""
    platform = make_platform((Objective("gain", measure="gain"),))
    found = measured(platform, 1)
    millions = [value * 2**22 for value in platform.values]
    platform = replace(platform, values=millions)
    torch.testing.assert_close(measured(platform, 1), found, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("measure", "reference", "unit"),
    # a gain is a share of 1, and the mean of the column is 1.8
    [("gain", 1.5e-6, 1.5e-6), ("gain", 0.5e-6, 1), ("mean", 1.5e-6, 1)],
)
def test_a_reference_that_is_rounding_is_no_unit(measure, reference, unit):
    """That is one of less than a millionth of what is measured."""
    platform = make_platform((Objective("gain", measure=measure),))
    platform = replace(platform, references=torch.tensor([reference]))
    assert platform.units.tolist() == pytest.approx([unit])


def test_a_sample_of_users_without_any_gain_measures_nothing():
    """As if they were shown nothing: 1 less what random lists reach, in their unit."""
    platform = make_platform((Objective("gain", measure="gain"),))
    platform = replace(platform, values=[torch.tensor([4.0, 1.0, 1.0, 0.0, 0.0])])
    draws = (platform.draw(1, torch.Generator().manual_seed(i)) for i in range(20))
    shown = next(shown for shown in draws if shown.users.tolist() == [1])
    assert platform.measure(torch.ones(2, 1), shown).tolist() == [0]


class Part(Alone):
    """One of several processes, whose sums are those of all."""

    size = 3

    def __init__(self, rank, sums=None):
        self.rank, self.sums = rank, sums

    def total_through(self, value, what):
        return value if self.sums is None else self.sums + value - value.detach()


def test_the_parts_of_a_sample_measure_the_whole():
    """Sums and counts of lists are added up; slopes are those of the whole.

    One of three processes has none of the two lists.
    """
    platform = make_platform((OBJECTIVES[0], Objective("gain", "gain", at_least=50.0)))
    platform = replace(platform, temperature=1.0)
    logits = torch.randn(5, 1, dtype=torch.float64, requires_grad=True)
    shown = platform.draw(2)
    whole = platform.measure(logits, shown)
    slopes = torch.autograd.grad(platform.worth(whole).sum(), logits)[0]
    shown = shown._replace(batch=shown.batch._replace(numeric=logits))
    assert shown.part(Alone()) is shown
    parts = [shown.part(Part(rank)) for rank in range(3)]
    assert [len(part.users) for part in parts] == [0, 1, 1]
    own = torch.cat([part.batch.numeric for part in parts])
    torch.testing.assert_close(own, logits)
    sums = sum(platform._sums(part.batch.numeric, part) for part in parts).detach()
    for part in parts:
        part = part._replace(group=Part(part.group.rank, sums))
        values = platform.measure(part.batch.numeric, part)
        torch.testing.assert_close(values, whole)
        slopes = (
            slopes
            - torch.autograd.grad(
                platform.worth(values).sum(), logits, retain_graph=True
            )[0]
        )
    assert slopes.abs().max() < 1e-12


def test_what_lies_above_its_floor_is_not_raised(platform):
    """It neither adds slope nor value; below, its slope is ten times as steep."""
    held, missed = (
        make_platform((Objective("gain", at_least=floor),)) for floor in (0.1, 50.0)
    )
    logits = GAIN[:5, None].double().requires_grad_()
    slopes = []
    for one in (make_platform(OBJECTIVES[:1]), held, missed):
        soft = replace(one, temperature=1.0)
        value, _ = soft.value(logits, soft.draw(2))
        slopes.append(torch.autograd.grad(value, logits)[0])
    assert slopes[1].abs().max() == 0
    torch.testing.assert_close(slopes[2], 10 * slopes[0])
    assert held.progress(GAIN[held.lists.rows][:, None])["objective"] == (
        pytest.approx(0.1)
    )


def test_what_lies_below_its_floor_has_its_part_in_the_balance():
    """Beside one without a floor and one that is above it."""
    floors = (Objective("gain", at_least=floor) for floor in (50.0, -9.0))
    platform = replace(make_platform((OBJECTIVES[0], *floors)), temperature=1.0)
    logits = torch.randn(5, 1, requires_grad=True)
    _, balance = platform.value(logits, platform.draw(2))
    assert balance.tolist() == [0.5, 0.5, 0]


def test_what_is_just_at_its_floor_is_met():
    """And has no part in the balance."""
    platform = make_platform(OBJECTIVES[:1] * 2)
    logits = torch.randn(5, 1, requires_grad=True)
    shown = platform.draw(2)
    floor = platform.measure(logits, shown)[1].item()
    objectives = OBJECTIVES[0], replace(OBJECTIVES[0], at_least=floor)
    _, balance = replace(platform, objectives=objectives).value(logits, shown)
    assert balance.tolist() == [1, 0]


def test_what_lies_above_its_floor_has_no_part_in_the_balance():
    """The shortest of the gradients' mixtures would be that of nothing to do."""
    objectives = OBJECTIVES[0], Objective("gain", measure="spread", at_least=-9.0)
    platform = replace(
        make_platform(objectives), balancing=MinNormBalancing(), temperature=1.0
    )
    logits = torch.tensor([[0.3], [0.5], [0.1], [0.4], [0.2]], requires_grad=True)
    value, balance = platform.value(logits, platform.draw(2))
    assert balance.tolist() == [1, 0]
    assert torch.autograd.grad(value, logits)[0].abs().max() > 1e-3


SCALED = Objective("watch_time", transform="scale")
NAMES = Columns(), []  # of columns, and those of explicit feedback
MEASURES = (SCALED, Objective("hate"), Objective("hate", "spread", "scale"))


class Days:
    """A log in parts, such as files."""

    def __init__(self, frames):
        self.frames = frames

    def parts(self, keys):
        yield from map(as_log, self.frames)


def feedback_frame():
    rng = np.random.default_rng(0)
    columns = {"watch_time": rng.exponential(20, 90), "hate": rng.integers(0, 9, 90)}
    return pd.DataFrame(columns)


@pytest.mark.parametrize("objective", MEASURES, ids=str)
def test_a_column_is_measured_alike_from_a_table_and_from_parts(objective):
    """To the last bit; what is not scaled needs no counts."""
    frame = feedback_frame()
    whole = as_log(frame)
    known = count_scaled(MEASURES, Days([frame[50:], frame[:20], frame[20:50]]), *NAMES)
    assert known.keys() == {"watch_time", "hate"}
    numbers = known[objective.column] if objective.transform == "scale" else None
    counted = MeasuredColumn(objective, numbers, *NAMES)
    known = count_scaled(MEASURES, whole, *NAMES)
    values = MeasuredColumn(objective, known.get(objective.column), *NAMES).of(whole)
    np.testing.assert_array_equal(counted.of(whole), values)


def test_scaled_columns_are_counted_by_hand():
    """Knee and maximum of 0, 1, ..., 10; nothing else is read."""
    log = as_log(pd.DataFrame({"watch_time": np.arange(11.0)}))
    (known,) = count_scaled(MEASURES[:2], log, *NAMES).values()
    assert known.table()[0].tolist() == list(range(11))
    column = MeasuredColumn(SCALED, Numbers.of(np.arange(11.0)), *NAMES)
    assert (column.knee, column.maximum) == (9, 10)


def test_a_scaled_column_is_not_negative():
    """Not in any part."""
    frame = feedback_frame()
    days = Days([frame, frame[:0], frame.assign(hate=-1)])
    with pytest.raises(ValueError, match="must not be negative"):
        count_scaled(MEASURES, days, *NAMES)


def test_random_lists_of_two_by_hand():
    """Of 4, 1 and 1 each rank shows 2 on average; the best list shows 4, then 1."""
    lists = user_lists(USERS, 2)
    objectives = Objective("gain"), Objective("gain", measure="gain")
    values = [GAIN[lists.rows].double()] * 2
    second = 1 / np.log2(3)
    expected = [2, (2 + 2 * second) / (4 + second)]
    found = random_references(objectives, values, lists, 2)
    assert found.tolist() == pytest.approx(expected)


def test_the_first_three_of_four_at_random():
    """Each entry is among the first 1, 2, 3 of a list of four by 1/4, 2/4, 3/4."""
    lists, gain = user_lists(np.zeros(4), 3), GAIN[2:]
    objectives = Objective("gain"), Objective("gain", measure="gain")
    ranks = 1 / np.log2([2, 3, 4])
    expected = [13 / 4, 13 / 4 * ranks.sum() / (ranks @ [9, 3, 1])]
    found = random_references(objectives, [gain, gain], lists, 3)
    assert found.tolist() == pytest.approx(expected)


def test_soft_ranks_of_two_are_two():
    """Of each list one entry is the first, and two are among the first two."""
    lists = user_lists(USERS, 1)
    alpha = soft_ranks(GAIN[lists.rows], lists, 2, 0.1)
    assert alpha.shape == (2, 5)
    torch.testing.assert_close(alpha[:, :3].sum(1), torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(alpha[:, 3:].sum(1), torch.tensor([1.0, 2.0]))


def test_a_process_without_lists_adds_nothing():
    """Neither to the sums nor to the counts, for each objective."""
    platform = make_platform(OBJECTIVES)
    part = platform.draw(2).part(Part(0))
    assert len(part.users) == 0
    assert platform._sums(torch.ones(0, 1), part).tolist() == [[0, 0], [0, 0]]


def test_names_that_would_be_two_are_numbered():
    """Those of two objectives, and of one and a weight."""
    same = Objective("gain"), Objective("gain", sign=-1), Objective("weight_gain")
    other = Objective("hate"), Objective("weight_hate"), Objective("gain", "spread")
    names = make_platform(same + other).names
    assert names[:2] == ["gain_mean_0", "gain_mean_1"]
    assert names[2:4] == ["weight_gain_mean_2", "hate_mean"]
    assert names[4:] == ["weight_hate_mean_4", "gain_spread"]


def gapped(*gaps):
    """Two objectives; of the rows of the lists, the first knows these alone."""
    platform = make_platform((Objective("gain", "gain"), OBJECTIVES[0]))
    values = [torch.tensor(gaps), platform.values[1]]
    rest = platform.objectives, values, platform.lists, 1
    return replace(platform, values=values, references=random_references(*rest))


def test_rows_that_are_not_known_are_in_no_list():
    """The best of a is one: 0.5 of at most 0.5, where 0.375 of that are at random.

    With 3 of 3 and 1.5 of that, 1 beside 0.625; the other column is measured on all.
    """
    platform = gapped(np.nan, 0.5, 0.25, 0.0, 3.0)
    shown = platform.draw(2)
    logits = torch.tensor([9.0, 2.0, 1.0, 0.0, 0.0, 3.0])[shown.batch.codes]
    assert platform.measure(logits, shown).tolist() == pytest.approx([1 / 0.625, 2])


def test_users_of_too_few_known_rows_are_not_counted():
    """Neither among sums nor among counts, and the other column is measured."""
    platform = gapped(np.nan, np.nan, 0.25, 0.0, 3.0)
    draws = (platform.draw(1, torch.Generator().manual_seed(i)) for i in range(20))
    shown = next(shown for shown in draws if shown.users.tolist() == [0])
    logits = torch.tensor([[1.0], [0.0], [-1.0]], requires_grad=True)
    sums = platform._sums(logits, shown)
    assert sums.tolist() == [[0, 4], [0, 1]]
    assert torch.autograd.grad(sums[0, 0], logits)[0].tolist() == [[0]] * 3


@pytest.mark.parametrize("weights", [None, torch.tensor([9.0, 1.0, 2.0, 3.0, 4.0])])
def test_lists_at_random_are_those_without_the_rows_that_are_not_known(weights):
    """And without their weights; a user of too few has none."""
    values = torch.tensor([np.nan, 0.5, 0.25, 0.0, 3.0])
    known = np.array([1, 2, 3, 4])
    users = np.array(list("aaacc"))
    lists = user_lists(users, 1), user_lists(users[known], 1)
    own = None if weights is None else weights[known]
    for measure in ("mean", "gain", "spread"):
        objectives = [Objective("gain", measure)]
        found = random_references(objectives, [values], lists[0], 1, weights)
        without = random_references(objectives, [values[known]], lists[1], 1, own)
        torch.testing.assert_close(found, without)
