"""What lists of held-out users are worth, by resample of the users."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import ds_score, nwtg_score
from sklabelcraft._ids import read_ids
from sklabelcraft._judge import Judge
from sklabelcraft._lists import Lists
from sklabelcraft.objectives import Objective

GAIN, SPREAD = Objective("w", measure="gain"), Objective("d", measure="spread")
USERS = np.array(list("aaabbb"))
WATCHED = np.array([4.0, 1.0, 1.0, 9.0, 0.0, 3.0])


def make_judge(objectives, values, users=USERS, ks=(1,), counts=None):
    """A judge of the users with more rows than the shortest list, each once."""
    lists = Lists.of(read_ids(users), min(ks))
    if counts is None:
        counts = np.ones((1, len(lists.lengths)))
    return Judge(lists, ks, objectives, values, np.asarray(counts))


def test_gain_and_mean_by_hand():
    """At random, a user of 4, 1, 1 sees 2 on average and one of 9, 0, 3 sees 4."""
    judge = make_judge([GAIN, Objective("w")], [WATCHED, WATCHED])
    best = judge(WATCHED)
    at_random = (2 / 4 + 4 / 9) / 2
    np.testing.assert_allclose(best, [[1 / at_random, (4 + 9) / 2 / 3]])
    worst = judge(-WATCHED)  # the two seconds of a are tied, 0 is the least of b
    np.testing.assert_allclose(worst, [[1 / 4 / 2 / at_random, (1 + 0) / 2 / 3]])


def test_what_is_wanted_low():
    """1 at random, and higher as it falls."""
    judge = make_judge([Objective("w", sign=-1)], [WATCHED])
    assert judge(-WATCHED)[0, 0] == pytest.approx(1 + (3 - 0.5) / 3)


def test_resamples_count_users():
    """A resample that holds only one user, twice, is worth what that user's list is."""
    judge = make_judge([Objective("w")], [WATCHED], counts=[[2, 0], [0, 2], [1, 1]])
    np.testing.assert_allclose(judge(WATCHED)[:, 0], [4 / 3, 9 / 3, 6.5 / 3])


def test_lists_of_several_lengths_are_averaged():
    """Users with few rows take part in the shorter one alone."""
    users = np.array(list("aaabb"))
    watched = np.array([4.0, 1.0, 1.0, 6.0, 2.0])
    judge = make_judge([Objective("w")], [watched], users, ks=(1, 2))
    one, two = (4 + 6) / 2 / ((2 + 4) / 2), (4 + 1) / 2 / 2
    assert judge(watched)[0, 0] == pytest.approx((one + two) / 2)


def test_users_without_any_gain_are_left_out():
    """Their gain is not defined; a resample of none but them is as good as random."""
    watched = WATCHED * (USERS == "a")
    judge = make_judge([GAIN], [watched], counts=[[1, 1], [0, 2]])
    np.testing.assert_allclose(judge(watched)[:, 0], [1 / (2 / 4), 1])


def test_a_gain_that_is_next_to_none_is_none():
    """One whose share cannot be told in float64."""
    watched = np.where(USERS == "a", WATCHED, [0, 0, 0, 1e-310, 0, 0])
    alone = make_judge([GAIN], [WATCHED * (USERS == "a")])(WATCHED)
    np.testing.assert_array_equal(make_judge([GAIN], [watched])(WATCHED), alone)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_judges_as_the_metrics_do(k, seed):
    """Relative to the metrics of tied scores, in any order of the rows."""
    rng = np.random.default_rng(seed)
    users = np.repeat([0, 1, 2], [5, 8, 6])
    watched, duration = rng.exponential(size=(2, 19))
    scores = rng.integers(0, 6, size=19).astype(float)
    shuffled = rng.permutation(19)
    for order in (slice(None), shuffled):
        values = [watched[order], duration[order]]
        judge = make_judge([GAIN, SPREAD], values, users[order], ks=(k,))
        found = judge(scores[order])[0]
        for value, metric, values in zip(
            found, (nwtg_score, ds_score), (watched, duration), strict=True
        ):
            measure = [
                metric(values, s, groups=users, k=k) for s in (scores, 0 * users)
            ]
            if measure[1] > 0:
                assert value == pytest.approx(measure[0] / measure[1], rel=1e-9)


@pytest.mark.parametrize("measure", ["mean", "gain", "spread"])
@pytest.mark.parametrize("unit", [2.0**20, 2.0**-20, 2.0**900, 2.0**1020])
def test_values_may_have_any_unit(measure, unit):
    """What is judged is relative, also where sums are beyond the largest float."""
    objective = Objective("w", measure=measure)
    plain = make_judge([objective], [WATCHED], ks=(1, 2))(WATCHED)
    other = make_judge([objective], [WATCHED * unit], ks=(1, 2))(WATCHED)
    np.testing.assert_array_equal(other, plain)


def test_floors_cap_what_an_objective_counts_for():
    """Above the floor nothing more, below ten times what is missing."""
    floor = Objective("w", at_least=1.2)
    judge = make_judge([floor, SPREAD], [WATCHED, WATCHED])
    values = np.array([[1.5, 7.0], [1.1, 7.0]])
    np.testing.assert_allclose(judge.worth(values), [[1.2, 7], [1.2 - 10 * 0.1, 7]])


def test_a_reference_of_rounding_is_no_unit():
    """A centred column is measured as it is."""
    values = np.array([0.1, 0.2, -0.3] * 2)
    judge = make_judge([Objective("p")], [values])
    np.testing.assert_allclose(judge(values), [[1 + 0.2]])
