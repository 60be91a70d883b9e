"""The platform of held-out rows, as a log and its objectives make it."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.utils import Bunch

from sklabelcraft import Columns
from sklabelcraft._batches import Impressions
from sklabelcraft._counts import Numbers
from sklabelcraft._ids import read_ids
from sklabelcraft._lists import Lists
from sklabelcraft._platform import (
    N_RESAMPLES,
    MeasuredColumn,
    checked_weights,
    make_judge,
    make_platform,
    measured_columns,
    objectives_of,
    read_measured,
    varying,
    warn_of_gaps,
    weights_in,
)
from sklabelcraft._reading import as_log
from sklabelcraft.balancing import MinNormBalancing, SoftmaxBalancing
from sklabelcraft.objectives import (
    Objective,
    duration_objective,
    explicit_objective,
    watch_time_objective,
)

USERS = np.array(list("aaabcc"))
GAIN = np.array([4.0, 1.0, 1.0, 9.0, 0.0, 3.0])
LIKED = np.array([0.0, 2.0, 0.0, 1.0, 0.0, 0.0])
PLAIN, RARE = Objective("gain"), Objective("liked", transform="indicator")
SAME = Objective("same", measure="spread")


def test_usual_objectives():
    """Watch time and duration, with explicit feedback between them if there is some."""
    params = Bunch(objectives=None, objective_weights=None)
    objectives, weights = objectives_of(params, has_explicit=True)
    assert objectives == (watch_time_objective, explicit_objective, duration_objective)
    assert weights == [1, 1, 1]
    objectives, weights = objectives_of(params, has_explicit=False)
    assert objectives == (watch_time_objective, duration_objective)
    assert weights == [1, 1]


def test_own_objectives():
    """As they are given, with what a unit of each is worth."""
    params = Bunch(objectives=[PLAIN, RARE], objective_weights=[0, 2])
    assert objectives_of(params, has_explicit=True) == ((PLAIN, RARE), [0.0, 2.0])


@pytest.mark.parametrize("objectives", [[], [PLAIN, "gain"], ["gain"]])
def test_what_are_no_objectives(objectives):
    """None, or other things, even beside one."""
    params = Bunch(objectives=objectives, objective_weights=None)
    with pytest.raises(ValueError, match="at least one Objective, got"):
        objectives_of(params, has_explicit=True)


@pytest.mark.parametrize(
    "weights", [[1.0], [1.0, 2.0, 3.0], [0, 0], [1, -1], [1, np.inf], [1, "a"], "ab", 1]
)
def test_wrong_weights(weights):
    """Too few or many, none above 0, one below, and what are no numbers."""
    with pytest.raises(ValueError, match="must be 2 finite numbers, none negative"):
        checked_weights(weights, [PLAIN, RARE])


def of_log(objectives, weights=None, balancing=None, users=USERS, dtype=torch.float64):
    """A platform of lists of one, of three columns."""
    params = Bunch(
        objectives=objectives,
        objective_weights=weights,
        balancing=balancing,
        temperature=0.5,
    )
    columns = {"gain": GAIN, "liked": LIKED, "same": np.full(6, 2.0)}
    ones = np.ones(len(users))
    held_out = Bunch(users=read_ids(users), columns=columns, weights=ones)
    impressions = Impressions(
        torch.arange(6)[:, None], torch.zeros(6, 0).to(dtype), None
    )
    scaled = {"gain": Numbers.of(np.arange(11.0))}
    return make_platform(params, 1, held_out, impressions, scaled, has_explicit=False)


def test_platform_by_hand():
    """b has one row and takes no part; a and c are shown 2 and 1.5 on average."""
    platform = of_log([PLAIN, RARE], [3.0, 1.0])
    assert platform.lists.rows.tolist() == [0, 1, 2, 4, 5]
    assert [v.tolist() for v in platform.values] == [[4, 1, 1, 0, 3], [0, 1, 0, 0, 0]]
    np.testing.assert_allclose(platform.references, [3.5 / 2, 1 / 3 / 2])
    assert platform.weights.tolist() == [3, 1]
    assert (platform.k, platform.temperature) == (1, 0.5)
    assert platform.values[0].dtype == platform.weights.dtype == torch.float64
    assert of_log([PLAIN], dtype=torch.float32).values[0].dtype == torch.float32


def test_columns_that_are_scaled_by_the_training_rows():
    """The knee of 0, 1, ..., 10 is 9, up to which values take a fifth of the scale."""
    platform = of_log([Objective("gain", transform="scale")])
    by_hand = np.array([4, 1, 1, 0, 3]) / 9 / 5
    assert platform.values[0].tolist() == pytest.approx(by_hand)


def test_what_an_indicator_tells():
    """Whether a value is above 0."""
    column = MeasuredColumn(RARE, None, None, None)
    assert column.measured(np.array([-1.0, 0.0, 0.5, 2.0])).tolist() == [0, 0, 1, 1]


def test_balancing_is_that_of_softmax_unless_another_is_given():
    """Without a rule of one's own."""
    assert isinstance(of_log([PLAIN]).balancing, SoftmaxBalancing)
    own = MinNormBalancing()
    assert of_log([PLAIN], balancing=own).balancing is own


def test_no_list_is_long_enough():
    """The error says of which rows, and what to do."""
    with pytest.raises(ValueError, match=r"k=1 validation rows; .* has 1. Lower k,"):
        of_log([PLAIN], users=np.arange(6))


def test_a_column_that_does_not_vary_is_left_out_and_told():
    """With its number and how many rows there are; its weight goes with it."""
    message = "spread.* is left out: its column is 2 on all 5 held-out rows"
    with pytest.warns(UserWarning, match=message):
        platform = of_log([SAME, PLAIN], [5.0, 2.0])
    assert platform.objectives == (PLAIN,)
    assert platform.weights.tolist() == [2]
    with (
        pytest.warns(UserWarning, match="is left out"),
        pytest.raises(ValueError, match="no objective has a column that varies"),
    ):
        of_log([SAME])
    triples = [(SAME, np.full(3, 1 / 3)), (PLAIN, GAIN)]
    with pytest.warns(UserWarning, match="its column is 0.333333 on all 3") as told:
        (kept,) = varying(triples, lambda values: values, 1)
    assert kept == (PLAIN, GAIN)
    assert told[0].filename == __file__  # who asked


@pytest.mark.parametrize(
    ("weights", "known"),
    [
        ([2.0] * 6, None),
        ([1.0, 1.0, 1.0, 9.0, 1.0, 1.0], None),  # b takes no part
        ([1.0, 1.0, 1.0, 1.0, 1.0, 0.5], [1, 1, 1, 1, 0.5]),
        ([1.0, 2.0, 3.0, 1.0, 4.0, 5.0], [1, 2, 3, 4, 5]),
        ([2.0, 1.0, 1.0, 1.0, 1.0, 2.0], [2, 1, 1, 1, 2]),
    ],
)
def test_weights_of_rows_are_kept_if_they_differ(weights, known):
    """Of the rows in lists, in their order."""
    lists = Lists.of(read_ids(USERS), 1)
    found = weights_in(lists, np.array(weights), torch.ones(1))
    assert found is None if known is None else found.tolist() == known


def test_weights_of_0_alone_are_refused():
    """In all lists; a row that is in none does not help."""
    lists = Lists.of(read_ids(USERS), 1)
    weights = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="non-zero in some held-out list"):
        weights_in(lists, weights, torch.ones(1))


def with_gaps(column, places):
    """A column that is not known at some places."""
    gaps = np.array(column)
    gaps[places] = np.nan
    return gaps


def test_gaps_in_held_out_columns_are_told_to_who_asked():
    """By name and number, of those that have some."""
    columns = {"gain": with_gaps(GAIN, [0, 5]), "liked": LIKED, "w": with_gaps(GAIN, 3)}
    message = "of the 6 held-out rows .* known: 'gain' in 2 of them, 'w' in 1 of them."
    with pytest.warns(UserWarning, match=message) as told:
        (lambda: warn_of_gaps(columns))()
    assert told[0].filename == __file__
    warn_of_gaps({"liked": LIKED})


def platform_with(columns, objectives):
    """A platform of lists of one, of columns with gaps."""
    params = Bunch(
        objectives=objectives, objective_weights=None, balancing=None, temperature=0.5
    )
    held_out = Bunch(users=read_ids(USERS), columns=columns, weights=np.ones(6))
    impressions = Impressions(torch.arange(6)[:, None], torch.zeros(6, 0), None)
    return make_platform(params, 1, held_out, impressions, {}, has_explicit=True)


def test_a_platform_tells_of_gaps_but_not_in_explicit_feedback():
    """Of which the estimators tell themselves."""
    columns = {
        "explicit": with_gaps(LIKED, 0),
        "duration": with_gaps(GAIN, 5),
        "w": with_gaps(GAIN, 1),
    }
    objectives = explicit_objective, Objective("duration"), Objective("w")
    with pytest.warns(UserWarning, match="known: 'duration' in 1 .*, 'w' in 1") as told:
        platform = platform_with(columns, objectives)
    assert [str(warning.message).count("explicit") for warning in told] == [0]
    assert platform.objectives == objectives


@pytest.mark.parametrize(
    ("gaps", "kept"),
    [
        ([0], True),  # two of a and two of c are known
        ([0, 5], True),  # two of a
        ([0, 1, 5], False),  # one of each
        ([0, 1, 2, 5], False),  # none of a and one of c
        ([0, 1], True),  # two of c
    ],
)
def test_what_is_known_of_no_user_is_left_out(gaps, kept):
    """A column counts by users with more than k rows in which it is known."""
    columns = {"w": with_gaps(GAIN, gaps), "gain": GAIN}
    with pytest.warns(UserWarning, match="leave out|is left out") as told:
        platform = platform_with(columns, (Objective("w"), PLAIN))
    assert (Objective("w") in platform.objectives) == kept
    messages = [str(warning.message) for warning in told]
    assert any("more than 1 held-out rows of no user" in m for m in messages) != kept


@pytest.mark.parametrize(
    ("gaps", "kept"), [([0], [0, 1]), ([0, 5], [0, 1]), ([0, 1, 5], [1])]
)
def test_a_judge_leaves_out_what_is_known_of_no_user(gaps, kept):
    """The same where lists are judged."""
    frame = FEEDBACK.assign(w=with_gaps(GAIN, gaps))
    measures = measured_columns((Objective("w"), PLAIN), {}, *NAMES)
    rng = np.random.RandomState(0)
    with pytest.warns(UserWarning, match="not known|no user"):
        _, found = make_judge(measures, as_log(frame), read_ids(USERS), 1, rng)
    assert found == kept


FEEDBACK = pd.DataFrame(
    {
        "gain": GAIN,
        "liked": LIKED,
        "like": LIKED,
        "share": LIKED[::-1],
        "wt": GAIN[::-1],
    }
)
NAMES = Columns(watch_time="wt", duration="gain"), ["like", "share"]


def read(objective):
    return read_measured([objective], as_log(FEEDBACK), *NAMES)[objective.column]


def test_columns_of_a_log_by_role_or_by_name():
    """Explicit feedback is whether any of its columns is above 0."""
    assert read(Objective("watch_time")).tolist() == GAIN[::-1].tolist()
    assert read(Objective("duration")).tolist() == GAIN.tolist()
    assert read(Objective("liked")).tolist() == LIKED.tolist()
    assert read(Objective("explicit")).tolist() == [0, 1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Objective("x", transform="scale"), "scales its column"),
        (Objective("x", measure="gain"), "is the gain of its column"),
        (Objective("x", "gain", "scale"), "scales its column"),
    ],
)
def test_what_must_not_be_negative(objective, message):
    """A column that is scaled, or summed as a gain; 0 is allowed."""
    read_measured([objective], as_log(pd.DataFrame({"x": [0.0, 1.0]})), *NAMES)
    log = as_log(pd.DataFrame({"x": [1.0, -0.5]}))
    with pytest.raises(ValueError, match=f"{message}, which must not be negative"):
        read_measured([objective], log, *NAMES)


def test_other_columns_may_be_negative():
    """Those that are as they are, or of which only the sign matters."""
    log = as_log(pd.DataFrame({"x": [1.0, -0.5]}))
    for objective in (Objective("x"), Objective("x", "spread", "indicator")):
        assert read_measured([objective], log, *NAMES)["x"].tolist() == [1, -0.5]


def judge_of(k, users, objectives=(PLAIN, RARE), seed=0):
    """A judge of lists of k and of half as many."""
    measures = measured_columns(objectives, {}, *NAMES)
    rng = np.random.RandomState(seed)
    return make_judge(measures, as_log(FEEDBACK), read_ids(users), k, rng)


@pytest.mark.parametrize(("k", "ks"), [(1, [1]), (2, [1, 2]), (3, [1, 3]), (5, [2, 5])])
def test_a_judge_looks_at_lists_of_k_and_of_half_as_many(k, ks):
    """At least of one; users with more rows than half take part."""
    judge, kept = judge_of(k, np.zeros(6))
    assert judge.ks == ks
    assert kept == [0, 1]
    assert judge.lists.lengths.tolist() == [6]


def test_a_judge_takes_users_with_more_rows_than_half():
    """But needs one with more than k."""
    judge, _ = judge_of(2, USERS)
    assert judge.lists.lengths.tolist() == [3, 2]
    with pytest.raises(ValueError, match=r"k=3 validation rows; .* has 3. Lower k,"):
        judge_of(3, USERS)


def test_resamples_are_drawn_for_users_by_name():
    """Twenty of as many users as there are, whatever the order of the rows is."""
    shares = []
    for order in (np.arange(6), np.array([4, 5, 3, 0, 1, 2])):
        measures = measured_columns((PLAIN,), {}, *NAMES)
        log = as_log(FEEDBACK.iloc[order])
        rng = np.random.RandomState(0)
        judge, _ = make_judge(measures, log, read_ids(USERS[order]), 1, rng)
        (share,) = judge.shares[1]
        assert share.shape == (N_RESAMPLES, 2) == (20, 2)
        np.testing.assert_allclose(share.sum(1), 1)
        shares.append(share)
    np.testing.assert_array_equal(shares[0], shares[1][:, ::-1])
    drawn = np.random.RandomState(0).randint(2, size=(20, 2))
    np.testing.assert_array_equal(shares[0][:, 0], (drawn == 0).mean(1))


def test_a_judge_leaves_out_what_does_not_vary():
    """And says which it takes."""
    frame = FEEDBACK.assign(same=2.0)
    measures = measured_columns((SAME, PLAIN), {}, *NAMES)
    rng = np.random.RandomState(0)
    with pytest.warns(UserWarning, match="is left out"):
        judge, kept = make_judge(measures, as_log(frame), read_ids(USERS), 1, rng)
    assert kept == [1]
    assert [objective for objective, _ in judge.measured] == [PLAIN]
