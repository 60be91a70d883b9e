"""Which way to the threshold is taken: told by hand from where the scores lie."""

import numpy as np
import pytest
import torch

from sklabelcraft import soft_topk
from sklabelcraft.topk import _indicator
from sklabelcraft.topk._indicator import is_soft


def told(lists, k, tau=1.0):
    """Whether Newton's method is to run over the lists; k and tau of each."""
    scores = torch.as_tensor(np.array(lists, dtype=float))[None]
    shape = 1, scores.shape[1], 1
    k, tau = (torch.full(shape, float(value)).double() for value in (k, tau))
    return is_soft(scores, k, tau)


@pytest.mark.parametrize("k", range(1, 8))
def test_a_gap_at_the_boundary_is_sharp(k):
    """Half of it, 40, is far from all; any other boundary would lie amid ties."""
    lists = np.repeat([100.0, 20.0], [k, 8 - k])
    assert not told([lists], k)


@pytest.mark.parametrize("k", [600, 1000, 1400])
def test_every_second_entry_of_a_long_list_is_looked_at(k):
    """Of 2000, with the boundary where it is among those."""
    lists = np.repeat([100.0, 20.0], [k, 2000 - k])
    assert not told([lists], k)
    assert told([np.repeat([1.0, -1.0], [k, 2000 - k])], k)


@pytest.mark.parametrize(
    ("k", "away", "soft"),
    [
        # 16 v(away) beside 0.12 times 8 or 4, with v the slope of the sigmoid
        (8, 2.6, True),
        (8, 2.8, False),
        (4, 3.4, True),
        (4, 3.5, False),
        (12, 3.4, True),
        (12, 3.5, False),
    ],
)
@pytest.mark.parametrize("tau", [1.0, 2.0])
@pytest.mark.parametrize("times", [1, 100])
def test_the_slope_that_is_needed(k, away, soft, tau, times):
    """As a share of what is shown or of what is not, whichever is less."""
    heaps = [1000.9 + away, 1000.9 - away]
    lists = np.repeat(heaps, [times * k, times * (16 - k)])
    assert told([tau * lists], times * k, tau) == soft
    assert told([tau * lists, tau * lists], times * k, tau) == soft


@pytest.mark.parametrize("k", [1e-18, 20 - 1e-14])
def test_next_to_nothing_is_shown_or_left(k):
    """The boundary lies behind the first or the last entry."""
    assert told([np.zeros(20)], k)
    assert not told([np.repeat([50.0, 0.0, -50.0], [1, 18, 1])], k)


def test_the_slope_of_entries_that_are_not_looked_at():
    """Of 2047 only 1024 are: theirs times 2047 / 1024 is as if all were."""
    lists = np.repeat([1002.6, 997.4], [1024, 1023])
    assert told([lists], 1023.5)


@pytest.mark.parametrize(
    ("near", "away", "soft"),
    [(26, 19.5, True), (26, 20.5, False), (25, 19.5, False)],
)
def test_a_quarter_of_the_entries_must_count(near, away, soft):
    """Of 100, those nearer than 20 temperatures; 22 of them have all of the slope."""
    heaps = [1000.0, away, 1.0, -1.0, -1000.0]
    counts = [15, near - 22, 11, 11, 85 - near]
    assert told([np.repeat(heaps, counts)], near + 4) == soft


@pytest.mark.parametrize(
    ("lists", "n", "seen"),
    [
        (15, 1023, (15, 1023)),
        (16, 1024, (8, 512)),
        (47, 3000, (16, 1000)),
        (50, 5000, (13, 1000)),
    ],
)
def test_some_entries_of_some_lists_are_looked_at(lists, n, seen, monkeypatch):
    """No more than 16 lists and 1024 entries, as far apart as they can be."""
    shapes, sort = [], np.sort
    monkeypatch.setattr(np, "sort", lambda x: shapes.append(x.shape) or sort(x))
    told(np.zeros((lists, n)), 5)
    assert shapes == [seen]


@pytest.mark.parametrize(("k", "soft"), [([4.0, 12.0], True), ([12.0, 4.0], False)])
def test_of_several_k_the_last_decides(k, soft):
    """Twelve ties beside four that are far above."""
    scores = (
        torch.tensor([1000.0, 0.0]).double().repeat_interleave(torch.tensor([4, 12]))
    )
    k = torch.tensor(k).double().view(2, 1, 1)
    assert is_soft(scores.view(1, 1, 16), k, torch.ones_like(k)) == soft


@pytest.mark.parametrize(("temperature", "way"), [(1.0, "moments"), (0.01, "sorting")])
def test_soft_lists_go_the_one_way_and_sharp_ones_the_other(
    temperature, way, monkeypatch
):
    """Both are exact, and each is the faster for its lists."""
    ways = []

    def named(name):
        call = getattr(_indicator, f"by_{name}")
        return lambda *given: ways.append(name) or call(*given)

    for name in ("moments", "sorting"):
        monkeypatch.setattr(_indicator, f"by_{name}", named(name))
    scores = torch.tensor(np.random.default_rng(0).normal(size=(9, 100)))
    soft_topk(scores, 10, temperature=temperature)
    assert ways == [way]
