"""The threshold by sorting: how far it looks, what it sorts, and how many steps."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklabelcraft.topk import _by_sorting, _chunks
from sklabelcraft.topk._by_sorting import LOOK, by_sorting, largest

EPS = torch.finfo(torch.float64).eps
ONE_STEP = [1.0, 0.0, -1000.0]  # for k = 1 the middle of the gap is the threshold
FOUR_STEPS = [1.0, 0.0, -1.0]


class Seen:
    """What is looked at, as (lists, ranks), sorted, and the steps in each way."""

    def __init__(self):
        self.looks, self.sorted, self.steps = [], [], []


@pytest.fixture
def seen(monkeypatch):
    """A record of what is done from now on."""
    record = Seen()
    window, newton = _by_sorting._window, _by_sorting._newton

    def looked(ordered, shown, least, most, reach):
        record.looks.append((len(ordered), reach))
        return window(ordered, shown, least, most, reach)

    def sorted_(scores, w):
        record.sorted.append(w)
        return largest(scores, w)

    def counted(sides, part):
        of_sides = newton(sides, part)
        place = len(record.steps)
        record.steps.append(0)

        def step(z):
            record.steps[place] += 1
            return of_sides(z)

        return step

    monkeypatch.setattr(_by_sorting, "_window", looked)
    monkeypatch.setattr(_by_sorting, "largest", sorted_)
    monkeypatch.setattr(_by_sorting, "_newton", counted)
    return record


def check(lists, k):
    """Solve lists at temperature 1 and see that k entries of each are shown."""
    scores = torch.tensor(np.array(lists), dtype=torch.float64)
    k = torch.full((len(scores),), k, dtype=torch.float64)
    boundary, z = by_sorting(scores, k, torch.ones_like(k))
    alpha = (scores - boundary[:, None] - z[:, None]).sigmoid()
    np.testing.assert_allclose(alpha.sum(1), k, rtol=1e-14)


def ladder(step, n=1000):
    """Scores that fall by a step from rank to rank."""
    return -step * np.arange(n)


def test_lists_with_a_gap_need_one_look(seen):
    """5 ranks on either side; of the 1000 scores 3 + 4 x 5 are sorted, once."""
    check([ladder(20)] * 9, 3)
    assert (seen.looks, seen.sorted, seen.steps) == ([(9, 5)], [23], [1])


@pytest.mark.parametrize(
    ("step", "n", "further", "sorted_"),
    [
        # those count that are nearer than log(1000) - log(eps) + 1 = 43.95, and the
        # 5 ranks span 4 steps
        (1, 1000, [55], [23, 223]),
        (8, 1000, [10], [23]),  # twice as far at least, which is sorted already
        (0, 1000, [220, 997], [23, 883, 1000]),  # ties span nothing
        (1, 30, [27], [23, 30]),  # no further than there are ranks
        (9, 1000, [10], [23]),
        (10, 1000, [], [23]),
    ],
)
def test_where_all_lists_are_too_soft_the_next_look_is_as_wide_as_needed(
    step, n, further, sorted_, seen
):
    """All look again, as far as the scores that were seen let one expect."""
    check([ladder(step, n)] * 9, 3)
    assert seen.looks == [(9, reach) for reach in (5, *further)]
    assert seen.sorted == sorted_


@pytest.mark.parametrize("k", [3, 20, 80])
def test_an_eighth_of_the_lists_goes_on_alone(k, seen):
    """Each look is 4 times as wide; the second is sorted with the first."""
    check([ladder(20)] * 7 + [ladder(1)], k)
    assert seen.looks == [(8, 5), (1, 20), (1, 80)]
    assert seen.sorted == [k + 20, k + 320]


def test_a_list_does_not_hang_on_the_others():
    """All between two far scores shows one; the threshold is the middle of these."""
    scores = torch.tensor([[1000.0, 0.0, -1000.0], [2.0, 1.0, 0.0]])
    _, z = by_sorting(scores, torch.tensor([1.0, 1.5]), torch.ones(2))
    assert z[0].item() == 500


def test_more_than_an_eighth_are_too_many_to_go_on_alone(seen):
    """By the list in the middle twice as far is enough, again and again."""
    check([ladder(20)] * 6 + [ladder(1)], 3)
    assert seen.looks == [(7, 5), (7, 10), (7, 20), (7, 40), (7, 80)]
    assert seen.sorted == [23, 163]


def test_two_tries_are_made_without_brackets(monkeypatch):
    """The third that a list needs is between brackets."""
    tries = []

    def named(way):
        return lambda *given: tries.append(way.__name__) or way(*given)

    for way in (_by_sorting._plain, _by_sorting._bracketed):
        monkeypatch.setattr(_by_sorting, way.__name__, named(way))
    check([ladder(20)] * 7 + [ladder(1)], 3)
    assert tries == ["_plain", "_plain", "_bracketed"]


def test_lists_are_looked_at_some_at_a_time(seen, monkeypatch):
    """So many that what is looked at of them stays in the cache: 23 // 5 = 4."""
    monkeypatch.setattr(_by_sorting, "CHUNK", 23)
    check([ladder(20)] * 10, 3)
    assert seen.looks == [(4, 5), (4, 5), (2, 5)]
    monkeypatch.setattr(_by_sorting, "CHUNK", 1)
    seen.looks.clear()
    check([ladder(20), ladder(1)], 3)
    assert seen.looks == [(1, 5), (1, 5), (1, 55)]


@pytest.mark.parametrize(
    ("lists", "steps"), [(1, [3, 1]), (LOOK + 7, [3, 1]), (LOOK + 8, [1, 3])]
)
def test_steps_of_all_lists_end_where_few_need_more(lists, steps, seen):
    """One in 8 beyond the 2048 whose step takes as long as to look again."""
    check([FOUR_STEPS] + [ONE_STEP] * (lists - 1), 1)
    assert seen.steps == steps
    assert LOOK == 2048


@pytest.mark.parametrize("start", [-100.0, -3.0, 0.5, 100.0])
def test_brackets_find_the_root_from_everywhere(start, seen):
    """And end there: A = sigmoid(-z) + sigmoid(-1 - z), B = sigmoid(z - 1)."""
    sides = torch.tensor([[[-1.0], [0.0]], [[-1.0], [-math.inf]]]).double()
    part = torch.zeros(1, dtype=torch.float64)
    z, left = _by_sorting._bracketed(sides, part, part + start)
    alpha = (torch.tensor([1.0, 0.0, -1.0]).double() - z).sigmoid()
    assert alpha.sum().item() == pytest.approx(1, rel=1e-15)
    assert not left.any()
    assert seen.steps[0] < 20


def test_a_step_is_at_most_8_temperatures():
    """Where the entries of one side are far, the step that they ask for is 8 or -8."""
    sides = torch.tensor([[[-20.0, -30.0]], [[-30.0, -20.0]]]).double()
    step = _by_sorting._newton(sides, torch.zeros(2).double())
    value, size = step(torch.zeros(2).double())
    assert value.tolist() == pytest.approx([10, -10], rel=1e-3)
    assert size.tolist() == pytest.approx([5, -5], rel=1e-3)
    _, size = step(torch.tensor([-10.0, 10.0]).double())
    assert size.tolist() == [8, -8]


def test_no_step_is_far_where_only_rounding_is_left():
    """All but 16 eps of one entry is to be shown, and it is, with a slope of e^-40."""
    sides = torch.tensor([[[40.0]], [[-800.0]]]).double()
    part = torch.tensor([1 - 16 * EPS], dtype=torch.float64)
    step = _by_sorting._newton(sides, part)
    value, size = step(torch.zeros(1).double())
    assert value.item() == pytest.approx(16 * EPS, rel=0.1, abs=0)
    assert size.item() == pytest.approx(16 / 4, rel=0.1)


@pytest.mark.parametrize(
    ("rest", "top", "z", "narrow"),
    [
        (-50.0, -50.0, 0.0, False),
        (-40.0, -40.0, 0.0, False),
        (-39.0, -50.0, 0.0, True),
        (-50.0, -39.0, 0.0, True),
        (-45.0, -39.0, -3.0, False),
        (-42.0, -45.0, -3.0, True),
        (-39.0, -45.0, 3.0, False),
        (-45.0, -42.0, 3.0, True),
    ],
)
def test_where_more_must_be_looked_at(rest, top, z, narrow):
    """Where the outermost of the rest or of the shown is nearer than 40."""
    sides = torch.tensor([[[rest], [0.0]], [[-0.1], [top]]])
    assert _by_sorting._narrow(sides, torch.tensor([z]), 40.0).tolist() == [narrow]


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 3), st.integers(1, 40))),
    st.floats(0.01, 1),
)
def test_the_largest_are_those_of_a_sort(scores, share):
    """In ascending order, however many are wanted."""
    scores = np.nan_to_num(scores)
    w = math.ceil(share * scores.shape[1])
    found = largest(torch.from_numpy(scores), w)
    np.testing.assert_array_equal(found, np.sort(scores)[:, -w:])


@pytest.mark.parametrize(
    ("w", "sorts"),
    [
        # of three blocks of 256 the 5 largest and what is left, 232
        (5, [(2, 3, 256), (2, 247)]),
        (100, [(2, 2, 400), (2, 400)]),  # blocks of four times what is wanted
        (300, [(2, 1000)]),
        (64, [(2, 3, 256), (2, 1, 256), (2, 232)]),
    ],
)
def test_long_lists_are_sorted_by_short_blocks(w, sorts, monkeypatch):
    """In each round a block leaves what is wanted of it."""
    shapes, sort = [], np.sort
    values = np.random.default_rng(0).normal(size=(2, 1000))
    expected = sort(values)[:, -w:]
    monkeypatch.setattr(np, "sort", lambda x: shapes.append(x.shape) or sort(x))
    found = largest(torch.from_numpy(values), w)
    np.testing.assert_array_equal(found, expected)
    assert shapes == sorts


def test_many_lists_are_sorted_some_at_a_time(monkeypatch):
    """The parts are put together again."""
    monkeypatch.setattr(_chunks, "CHUNK", 10)
    values = np.random.default_rng(0).normal(size=(7, 5))
    found = largest(torch.from_numpy(values), 2)
    np.testing.assert_array_equal(found, np.sort(values)[:, -2:])
