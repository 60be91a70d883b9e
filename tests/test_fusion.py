"""How scores are weighed against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft._fusion import fuse
from sklabelcraft._ids import read_ids
from sklabelcraft._judge import Judge
from sklabelcraft._lists import Lists
from sklabelcraft.objectives import Objective

USERS = np.repeat(np.arange(40), 12)
WATCHED, LIKED = Objective("w"), Objective("e")


def judge_of(values, n_resamples=8):
    lists = Lists.of(read_ids(USERS), 2)
    rng = np.random.RandomState(0)
    counts = rng.multinomial(40, np.full(40, 1 / 40), size=n_resamples)
    objectives = [WATCHED, LIKED][: len(values)]
    return Judge(lists, [2, 4], objectives, values, counts)


def noisy(values, noise, seed):
    """Standardised scores that know a value by half."""
    scores = values + noise * np.random.default_rng(seed).normal(size=len(values))
    return (scores - scores.mean()) / scores.std()


@pytest.fixture
def values():
    return list(np.random.default_rng(0).exponential(size=(2, len(USERS))))


def test_a_head_of_noise_gets_next_to_nothing(values):
    """The one that knows the watch time is kept."""
    heads = np.column_stack([noisy(values[0], 0.5, 1), noisy(values[0], 50, 2)])
    ((signal, noise),) = fuse(
        heads, judge_of(values[:1]), np.ones((1, 1)), np.random.RandomState(0)
    )
    assert signal > 0.85
    assert signal + noise == pytest.approx(1)


def test_each_platform_gets_its_own(values):
    """Who wants watch time gets the head of that, who wants likes the other."""
    heads = np.column_stack([noisy(value, 0.5, 1) for value in values])
    platforms = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    found = fuse(heads, judge_of(values), platforms, np.random.RandomState(0))
    assert found[0, 0] > 0.85
    assert found[1, 1] > 0.85
    assert 0.3 < found[2, 0] < 0.7


def test_two_half_blind_heads_are_better_than_one(values):
    """Independent noise averages out: neither is left alone."""
    heads = np.column_stack([noisy(values[0], 1, seed) for seed in (1, 2)])
    judge, all_users = judge_of(values[:1]), judge_of(values[:1], 1)
    (weights,) = fuse(heads, judge, np.ones((1, 1)), np.random.RandomState(0))
    assert (weights > 0.3).all()
    together = all_users(heads @ weights)
    assert (together > [all_users(head) for head in heads.T]).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5), st.integers(0, 1000))
def test_weights_are_a_mean_and_repeat(n_heads, seed):
    """None is negative, they sum to 1, and the same draws give the same ones."""
    rng = np.random.default_rng(seed)
    heads, values = rng.normal(size=(len(USERS), n_heads)), rng.exponential(size=480)
    twice = [
        fuse(heads, judge_of([values]), np.ones((1, 1)), np.random.RandomState(seed))
        for _ in range(2)
    ]
    assert twice[0].tolist() == twice[1].tolist()
    assert (twice[0] >= 0).all()
    assert twice[0].sum() == pytest.approx(1)


def test_a_constant_head_gets_nothing(values):
    """Nor does it take from the others; of nothing but such heads, none has any."""
    heads = np.column_stack([np.zeros(len(USERS)), noisy(values[0], 0.5, 1)])
    judge, platforms = judge_of(values[:1]), np.ones((1, 1))
    assert fuse(heads, judge, platforms, np.random.RandomState(0)).tolist() == [[0, 1]]
    found = fuse(0 * heads, judge, platforms, np.random.RandomState(0))
    assert found.tolist() == [[0, 0]]


def test_where_all_is_equal_heads_are_weighed_alike(values):
    """A floor that all lists reach asks for nothing."""
    heads = np.column_stack([noisy(value, 0.5, 1) for value in values])
    lists = Lists.of(read_ids(USERS), 2)
    floor = Objective("w", at_least=0.0)
    judge = Judge(lists, [2], [floor], values[:1], np.ones((3, 40)))
    found = fuse(heads, judge, np.ones((1, 1)), np.random.RandomState(0))
    np.testing.assert_allclose(found, [[0.5, 0.5]])
