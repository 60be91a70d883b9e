"""The learned label."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

from sklabelcraft import (
    DIN,
    MLP,
    Columns,
    DINRanker,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    neg_score,
)
from sklabelcraft.balancing import (
    ConflictFreeBalancing,
    MinNormBalancing,
    SoftmaxBalancing,
)
from sklabelcraft.modules import Feedback
from sklabelcraft.objectives import (
    Objective,
    duration_objective,
    explicit_objective,
    watch_time_objective,
)


@pytest.fixture
def crafter(fast_ranker):
    return LabelCrafter(fast_ranker, k=5, random_state=0)


def test_label_lies_between_0_and_1_and_varies(crafter, log):
    """The label is a proper, informative target."""
    label = crafter.fit(log.frame).transform(log.frame)
    assert label.shape == (len(log.frame), 1)
    assert label.min() >= 0
    assert label.max() <= 1
    assert label.std() > 0.05


@pytest.mark.parametrize("ranker", [MLPRanker, DINRanker])
def test_label_learned_in_half_precision(log, ranker):
    """Its gradient goes through rounded products, and leads to nearly the same."""
    labels = {}
    for precision in ("float32", "bfloat16"):
        small = ranker(precision=precision, max_epochs=2)
        crafter = LabelCrafter(
            small, k=5, learning_rate=1e-2, starts=[(0, 1, 0.5)], random_state=1
        )
        labels[precision] = crafter.fit(log.frame).transform(log.frame)[:, 0]
    rule = crafter.set_params(learning_rate=1e-12).fit(log.frame).transform(log.frame)
    moves = [label - rule[:, 0] for label in labels.values()]
    assert np.abs(moves[0] - moves[1]).max() > 0
    assert np.corrcoef(moves)[0, 1] > 0.99


def test_plain_gradient_steps_move_the_label(crafter, log):
    """Algorithm 1 as published, with plain steps of ranker and label network."""
    crafter.set_params(
        ranker=clone(crafter.ranker).set_params(optimizer="sgd", learning_rate=1.0),
        optimizer="sgd",
    )
    start = clone(crafter).set_params(learning_rate=1e-12).fit(log.frame)
    moved = crafter.set_params(learning_rate=30.0).fit(log.frame)
    before, after = (c.transform(log.frame)[:, 0] for c in (start, moved))
    assert abs(after - before).max() > 0.01


def test_the_published_algorithm_is_named(log):
    """As published, the labels hardly move from where they start."""
    crafter = LabelCrafter.as_published(k=5, random_state=0)
    assert crafter.optimizer == "sgd"
    assert crafter.fit(log.frame).transform(log.frame).std() < 0.01
    assert LabelCrafter.as_published(averaging=0.9).averaging == 0.9


def test_labels_may_move_at_some_steps_only(crafter, log):
    """With more steps than an epoch has, they move at the first of each epoch."""
    moves = []
    weights = SoftmaxBalancing()

    def balancing(values, gram):
        moves.append(len(moves))
        return weights(values)

    crafter.set_params(steps_per_move=1000, balancing=balancing, starts=[(1, 0, 3)])
    crafter.fit(log.frame)
    n_epochs = len(crafter.history_)
    assert len(moves) == n_epochs - crafter.warmup_epochs


def test_label_starts_from_watch_time_and_explicit_feedback(crafter, log):
    """Before it moves, the label rises with watch time and with explicit feedback."""
    crafter.set_params(learning_rate=1e-12, starts=[(1, 0, 3)])
    still = crafter.fit(log.frame)
    rows = log.frame.iloc[[0, 0, 0]].assign(
        watch_time=[1.0, 6.0, 6.0], like=[0, 0, 1], follow=0, comment=0
    )
    assert (np.diff(still.transform(rows).ravel()) > 0).all()


def test_label_of_a_row_is_the_same_in_any_call(crafter, log):
    """Bit by bit: single rows, random subsets, any order."""
    crafter.fit(log.frame)
    together = crafter.transform(log.frame)
    rng = np.random.RandomState(0)
    for size in [1] * 10 + [2, 7, 100, len(log.frame)]:
        rows = rng.permutation(len(log.frame))[:size]
        labels = crafter.transform(log.frame.iloc[rows])
        np.testing.assert_array_equal(labels, together[rows])


def test_both_ways_give_the_same_label(log, fast_ranker):
    """Fitted on the log or by a recommender on X and y, by name."""
    crafter = LabelCrafter(fast_ranker, k=5, random_state=0)
    alone = clone(crafter).fit(log.frame)
    recommender = LabelCraftRecommender(crafter).fit(log.data, log.target)
    labels = [c.transform(log.frame) for c in (alone, recommender.labeler_)]
    np.testing.assert_array_equal(*labels)
    scores = [e.predict(log.data) for e in (alone.ranker_, recommender)]
    np.testing.assert_array_equal(*scores)
    inherits = LabelCraftRecommender(LabelCrafter(fast_ranker), k=5, random_state=0)
    inherits.fit(log.data, log.target)
    np.testing.assert_array_equal(inherits.labeler_.transform(log.frame), labels[0])


def test_label_serves_the_objective_it_is_asked_for(log):
    """With the spread of durations alone wanted, that spread beats watch time's."""
    train, valid = log.frame.iloc[log.split.train], log.frame.iloc[log.split.valid]
    ranker = MLPRanker(max_epochs=15, patience=15, learning_rate=5e-3, batch_size=256)
    reached = {}
    for objective in (watch_time_objective, duration_objective):
        crafter = LabelCrafter(
            ranker, objectives=[objective], k=5, learning_rate=0.01, random_state=0
        )
        crafter.fit(train, log_val=valid)
        name = f"{objective.column}_{objective.measure}"
        reached[name] = max(epoch[name] for epoch in crafter.history_)
        assert reached[name] > crafter.history_[0][name]
    assert reached["watch_time_gain"] > 1.2
    assert reached["duration_spread"] > 1.1


def test_the_start_that_leads_furthest_is_kept(crafter, log):
    """With a second start, the objective is no lower than with the first alone."""
    reached = []
    for starts in ([(0, 1, 0)], [(0, 1, 0), (1, 0, 3)]):
        history = crafter.set_params(starts=starts).fit(log.frame).history_
        reached.append(max(epoch["objective"] for epoch in history))
        assert crafter.start_ in starts
    assert reached[1] >= reached[0]


@pytest.mark.parametrize("starts", [[(1, 0)], [1, 0, 3], [(np.nan, 0, 1)]])
def test_a_start_has_three_weights(crafter, log, starts):
    """One for each signal, all finite."""
    with pytest.raises(ValueError, match="three weights for each starting rule"):
        crafter.set_params(starts=starts).fit(log.frame)


@pytest.mark.parametrize(
    "weights",
    [(1, 1), (1, -1, 1), (0, 0, 0), (1, np.nan, 1), (np.inf, 1, 1)],
)
def test_objective_weights_are_checked(crafter, log, weights):
    """One for each objective, finite, none negative, not all 0."""
    with pytest.raises(ValueError, match="objective_weights must be 3 finite numbers"):
        crafter.set_params(objective_weights=weights).fit(log.frame)


@pytest.mark.parametrize("weight", [1e39, 1e308, 1.1e12, 0.9e-12, 1e-300])
def test_objective_weights_are_what_can_be_computed_with(crafter, log, weight):
    """What would make sums overflow or vanish is refused by name, before training."""
    for weights in ([weight] * 3, {"explicit_gain": weight}):
        with pytest.raises(
            ValueError, match=r"objective_weights must be 0 or from 1e-"
        ):
            crafter.set_params(objective_weights=weights).fit(log.frame)


def test_objective_weights_at_their_bounds(crafter, log):
    """The label is finite."""
    crafter.set_params(objective_weights=(1e12, 0, 1e-12)).fit(log.frame)
    assert np.isfinite(crafter.transform(log.frame)).all()


def test_objective_weights_may_be_named(crafter, log):
    """Those left out are worth 1; the names are those that the history tells."""
    named = clone(crafter).set_params(objective_weights={"explicit_gain": 3})
    listed = crafter.set_params(objective_weights=(1, 3, 1)).fit(log.frame)
    assert named.fit(log.frame).history_ == listed.history_
    assert "explicit_gain" in listed.history_[0]
    names = "'watch_time_gain', 'explicit_gain', 'duration_spread'"
    with pytest.raises(ValueError, match=f"{names}.*; got 'likes'"):
        crafter.set_params(objective_weights={"likes": 3}).fit(log.frame)


def test_own_objective_and_balancing_are_used(crafter, log):
    """Any column can be an objective, any function of the values its weights."""
    frame = log.frame.assign(hate=(log.preference < -1).astype(float))
    hate = Objective("hate", transform="indicator", sign=-1)
    seen = []

    def only_the_last(values, gram):
        seen.append(values)
        return torch.eye(len(values))[-1]

    crafter.set_params(objectives=[watch_time_objective, hate], balancing=only_the_last)
    crafter.fit(frame)
    final = crafter.history_[-1]
    mean = (final["watch_time_gain"] + final["hate_mean"]) / 2
    assert final["objective"] == pytest.approx(mean)
    assert final["hate_mean"] != 1
    assert seen


@pytest.mark.parametrize("rule", [MinNormBalancing(), ConflictFreeBalancing()])
def test_other_balancing_rules(crafter, log, rule):
    """Rules that ask for the gradients lead to another label than the default one."""
    default = clone(crafter).fit(log.frame).transform(log.frame)
    label = crafter.set_params(balancing=rule).fit(log.frame).transform(log.frame)
    assert np.isfinite(label).all()
    assert (label != default).any()


def test_an_objective_of_weight_0_is_only_measured(crafter, log):
    """It is in the history, and the label is that made without it."""
    shorter = [watch_time_objective, explicit_objective]
    without = clone(crafter).set_params(objectives=shorter).fit(log.frame)
    crafter.set_params(objective_weights=(1, 1, 0)).fit(log.frame)
    assert "duration_spread" in crafter.history_[0]
    np.testing.assert_allclose(
        crafter.transform(log.frame), without.transform(log.frame), rtol=1e-6
    )


def test_inputs_that_are_left_out_do_not_matter(crafter, log):
    """Neither the label network nor the starting rule reads them."""
    crafter.set_params(inputs=["watch_time", "explicit"]).fit(log.frame)
    other = log.frame.assign(duration=3.0)
    np.testing.assert_array_equal(
        crafter.transform(other), crafter.transform(log.frame)
    )
    with pytest.raises(ValueError, match=r"inputs must be some of .* got \['likes'\]"):
        crafter.set_params(inputs=["likes"]).fit(log.frame)


def test_the_label_may_start_from_nothing_and_go_anywhere(crafter, log):
    """Without a rule the label starts at 1/2; without a bound it may leave it far."""
    crafter.set_params(starts=[(0, 0, 0)], bound=None, learning_rate=1e-12)
    assert crafter.fit(log.frame).transform(log.frame) == pytest.approx(0.5, abs=1e-3)
    crafter.set_params(learning_rate=1e-2, steps_per_move=1)
    label = crafter.fit(log.frame).transform(log.frame)
    assert label.std() > 0.01


def test_history_and_best_weights_agree(crafter, log):
    """Training stops after `patience` epochs without progress; the best one is kept."""
    network = MLP(embedding_dim=4, hidden=(8,))
    ranker = MLPRanker(network, max_epochs=30, patience=2)
    crafter.set_params(ranker=ranker, learning_rate=0.05)
    crafter.fit(log.frame)
    objective = [epoch["objective"] for epoch in crafter.history_[1:]]
    assert len(objective) < 30
    assert len(objective) - 1 - int(np.argmax(objective)) == 2


def test_history_tells_the_metric_of_the_held_out_lists(crafter, log):
    """Of the epoch that is kept, NEG of the ranker relative to lists at random."""
    train, valid = (log.frame.iloc[log.split[part]] for part in ("train", "valid"))
    valid = valid.drop_duplicates(["user_id", "item_id"])  # so that no scores are tied
    valid = valid.groupby("user_id").filter(lambda rows: len(rows) > 5)
    crafter.fit(train, log_val=valid)
    liked = valid[["like", "follow", "comment"]].any(axis=1)
    scores = crafter.ranker_.predict(valid)
    reached = neg_score(liked, scores, groups=valid["user_id"], k=5, average=None)

    discount = 1 / np.log2(np.arange(2, 7))
    of_users = liked.groupby(valid["user_id"], sort=False)
    ideal = of_users.sum().clip(upper=5).map(lambda n: discount[:n].sum())
    at_random = (of_users.mean() * discount.sum() / ideal)[ideal > 0].mean()
    best = max(crafter.history_[1:], key=lambda epoch: epoch["objective"])
    expected = np.nanmean(reached) / at_random
    assert best["explicit_gain"] == pytest.approx(expected, rel=1e-5)


def test_history_tells_the_weights_of_the_objectives(crafter, log):
    """From the first epoch in which the label moves, and only of those that count."""
    crafter.set_params(objective_weights=(1, 1, 0)).fit(log.frame)
    warmup, *moving = crafter.history_
    assert not [name for name in warmup if name.startswith("weight_")]
    for epoch in moving:
        weights = [epoch["weight_watch_time_gain"], epoch["weight_explicit_gain"]]
        assert sum(weights) == pytest.approx(1, abs=1e-5)
        assert "weight_duration_spread" not in epoch


def test_feedback_never_becomes_a_feature(crafter, log):
    """A ranker sees all columns but the clock, the feedback and the objectives."""
    frame = log.frame.assign(dislike=0, click=1, saves=log.frame["like"], tab=3)
    saves = Objective("saves", transform="indicator")
    crafter.set_params(objectives=[watch_time_objective, saves]).fit(frame)
    assert crafter.ranker_.features_ == ["user_id", "item_id", "duration", "tag", "tab"]
    own = Columns(features=("user_id", "item_id", "tag"))
    crafter.set_params(columns=own).fit(frame)
    assert crafter.ranker_.features_ == ["user_id", "item_id", "tag"]


def test_feedback_is_told_in_arrays_too(crafter, log):
    """Where columns have positions, those of the feedback are stated."""
    names = ["user_id", "item_id", "duration", "timestamp", "watch_time", "like"]
    numbers = log.frame[names].to_numpy()
    positions = Columns(
        user=0, item=1, duration=2, timestamp=3, watch_time=-2, explicit=(-1,)
    )
    crafter.set_params(columns=positions).fit(numbers)
    assert crafter.ranker_.features_ == [0, 1, 2]
    assert crafter.explicit_ == [-1]


def test_columns_are_named_once(crafter, log):
    """Also for the ranker; other names make no other label."""
    names = {"user_id": "uid", "duration": "seconds", "watch_time": "played"}
    expected = crafter.fit(log.frame).transform(log.frame)
    own = Columns(user="uid", duration="seconds", watch_time="played")
    renamed = clone(crafter).set_params(columns=own)
    frame = log.frame.rename(columns=names)
    np.testing.assert_array_equal(renamed.fit(frame).transform(frame), expected)


def test_what_its_ranker_states_is_kept(crafter, log):
    """Its columns and its random state act; what is left open is inherited."""
    few = Columns(features=("user_id", "item_id"))
    crafter.ranker.set_params(columns=few)
    crafter.set_params(starts=[(0, 1, 1)])
    assert crafter.fit(log.frame).ranker_.features_ == ["user_id", "item_id"]
    assert crafter.ranker_.random_state == 0

    def labels(**random_states):
        made = clone(crafter).set_params(**random_states)
        return made.fit(log.frame).transform(log.frame)

    stated = labels(ranker__random_state=7)
    assert (stated != labels(ranker__random_state=8)).any()
    np.testing.assert_array_equal(labels(ranker__random_state=7), stated)
    np.testing.assert_array_equal(
        labels(ranker__random_state=0), labels(ranker__random_state=None)
    )


def test_without_explicit_feedback(crafter, log):
    """A log that has none is crafted from watch time and duration alone."""
    frame = log.frame.drop(columns=["like", "follow", "comment"])
    with pytest.raises(ValueError, match=r"none of the columns \['like'"):
        crafter.fit(frame)
    crafter.set_params(columns=Columns(explicit=()))
    label = crafter.fit(frame).transform(frame)
    assert np.isfinite(label).all()
    assert "explicit_gain" not in crafter.history_[0]


@pytest.mark.parametrize("role", ["user", "item", "duration", "timestamp"])
def test_a_column_that_is_not_there_is_an_error(crafter, log, role):
    """A stated name is wanted, and nothing half-fitted is left."""
    crafter.set_params(columns=Columns(**{role: "no_such"}))
    before = dict(vars(crafter))
    with pytest.raises(ValueError, match="column 'no_such' is not in the log"):
        crafter.fit(log.frame)
    assert vars(crafter) == before


def test_explanation_is_faithful_and_readable(crafter, log):
    """A dozen rules tell most of the label, more rules tell more of it."""
    crafter.fit(log.frame)
    short, long = (crafter.explain(log.frame, max_leaf_nodes=n) for n in (12, 100))
    assert 0.6 < short.fidelity < long.fidelity <= 1
    assert short.tree.get_n_leaves() == 12
    assert len(short.rules) == 12
    assert short.rules["share of rows"].sum() == pytest.approx(1, abs=0.01)


def test_din_ranker(crafter, log):
    """The ranker trained along may be any of ours."""
    network = DIN(history_length=5, embedding_dim=4, hidden=(8,))
    din = DINRanker(network, max_epochs=1)
    crafter.set_params(ranker=din).fit(log.frame)
    assert isinstance(crafter.ranker_, DINRanker)
    assert np.isfinite(crafter.ranker_.predict(log.data)).all()


def test_no_validation_user_is_long_enough(crafter, log):
    """The error says how long the lists are, and nothing is left behind."""
    with pytest.raises(ValueError, match="no user has more than k=50 validation rows"):
        crafter.set_params(k=50).fit(log.frame)
    assert not [name for name in vars(crafter) if name.endswith("_")]


def test_a_failing_refit_keeps_what_was_fitted(crafter, log):
    """A fit on bad data does not take the earlier one away."""
    before = crafter.fit(log.frame).transform(log.frame)
    with pytest.raises(ValueError, match="Negative values in data"):
        crafter.fit(log.frame.assign(watch_time=-1.0))
    np.testing.assert_array_equal(crafter.transform(log.frame), before)


def test_an_error_names_the_row_of_the_log(crafter, log):
    """Not its place among the rows that are left after some were held out."""
    frame = log.frame.copy()
    frame.loc[2399, "like"] = -1
    with pytest.raises(ValueError, match=r"1 of 480 rows are not, .* row 2399"):
        crafter.fit(frame)


def test_objectives_are_plain_data():
    """Objectives and balancing are compared and varied by value."""
    assert replace(explicit_objective, sign=-1).sign == -1
    assert SoftmaxBalancing(2.0) == SoftmaxBalancing(tau=2.0)


def test_last_batch_of_one_row(crafter, log):
    """A single row left over joins the batch before it."""
    ranker = MLPRanker(batch_size=len(log.split.train) - 1, max_epochs=1)
    train, valid = log.frame.iloc[log.split.train], log.frame.iloc[log.split.valid]
    crafter.set_params(ranker=ranker).fit(train, log_val=valid)
    assert np.isfinite(crafter.transform(train)).all()


def test_what_a_crafter_takes_of_its_ranker(crafter, log):
    """An adversary, steps of one row and rows of its own are refused, not ignored."""
    crafter.set_params(ranker=MLPRanker(adversary_weight=0.1))
    with pytest.raises(ValueError, match=r"no adversary .* adversary_weight=0\.1"):
        crafter.fit(log.frame)
    crafter.set_params(ranker=MLPRanker(validation_fraction=0.1))
    with pytest.raises(ValueError, match=r"validation_fraction=0\.1 on it and not on"):
        crafter.fit(log.frame)


def test_a_crafter_trains_our_rankers_only(crafter, log):
    """The error says where another model goes."""
    crafter.set_params(ranker=LinearRegression())
    with pytest.raises(ValueError, match="give it to LabelCraftRecommender"):
        crafter.fit(log.frame)


def test_objective_that_cannot_vary_is_left_out(crafter, log):
    """One duration for all has no spread: a warning, and the others are raised."""
    frame = log.frame.assign(duration=37.3)
    with pytest.warns(UserWarning, match=r"column='duration'.* left out"):
        crafter.fit(frame)
    assert "duration_spread" not in crafter.history_[0]
    crafter.set_params(objectives=[duration_objective])
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(ValueError, match="no objective has a column that varies"),
    ):
        crafter.fit(frame)


@pytest.mark.parametrize("wrong", [{"measure": "max"}, {"transform": "log"}])
def test_objectives_are_checked(wrong):
    """An unknown measure or transform is refused when it is written."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be one of"):
        Objective("hate", **wrong)
    with pytest.raises(ValueError, match="sign must be one of"):
        Objective("hate", sign=3)


def test_objectives_must_be_objectives(crafter, log):
    """Names alone are refused."""
    with pytest.raises(ValueError, match="sequence of at least one Objective"):
        crafter.set_params(objectives=["like"]).fit(log.frame)


@pytest.mark.parametrize("learning_rate", [1e8, 1e30])
def test_diverging_training_is_an_error(crafter, log, learning_rate):
    """It names both learning rates, and nothing half-fitted is left."""
    steep = {"optimizer": "sgd", "loss": "squared_error"}
    crafter.ranker.set_params(learning_rate=learning_rate, **steep)
    crafter.set_params(starts=[(0, 1, 1)])
    before = dict(vars(crafter))
    with pytest.raises(ValueError, match=r"training diverged.*label's learning_rate="):
        crafter.fit(log.frame)
    assert vars(crafter) == before


@pytest.mark.parametrize("wrong", [{"optimizer": "adam"}, {"loss": "mse"}])
def test_parameters_of_the_ranker_are_checked(crafter, log, wrong):
    """Though its own fit is never called."""
    crafter.ranker.set_params(**wrong)
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter of MLP"):
        crafter.fit(log.frame)


@pytest.mark.parametrize("name", ["temperature", "bound"])
def test_parameters_are_numbers_that_float64_has(crafter, log, name):
    """None is infinite."""
    for value in (np.inf, 10**400):
        with pytest.raises(ValueError, match=f"The '{name}' parameter"):
            crafter.set_params(**{name: value}).fit(log.frame)


@pytest.mark.parametrize("k", [10**18, 2**63])
def test_lists_longer_than_any_log_are_told(crafter, log, k):
    """However long they are."""
    with pytest.raises(ValueError, match=f"more than k={k} validation rows"):
        crafter.set_params(k=k).fit(log.frame)


def test_ids_of_another_kind_are_an_error(crafter, log):
    """For the ranker that was trained along; the label itself reads no ids."""
    crafter.fit(log.frame)
    other = log.frame.assign(user_id="u7")
    with pytest.raises(ValueError, match="'user_id' held numbers in fit and holds"):
        crafter.ranker_.predict(other)
    np.testing.assert_array_equal(
        crafter.transform(other), crafter.transform(log.frame)
    )


def test_nested_parameters_bring_the_ranker_into_being(log):
    """Of a part that is None, its default is what they are set on."""
    crafter = LabelCrafter(k=3, random_state=0)
    crafter.set_params(ranker__max_epochs=1, ranker__network__hidden=(4,))
    assert isinstance(crafter.ranker, MLPRanker)
    crafter.set_params(starts=[(0, 1, 1)]).fit(log.frame)
    assert len(crafter.history_) == 2
    assert crafter.ranker_.model_.module.dense[0].out_features == 4
    with pytest.raises(ValueError, match="Invalid parameter 'epochs'"):
        LabelCrafter().set_params(ranker__epochs=1)


def test_the_label_is_one_module(crafter, log):
    """Seconds and feedback in, label out; its size does not grow with the log."""
    crafter.fit(log.frame)
    explicit = log.frame[["like", "follow", "comment"]].max(axis=1)
    columns = log.frame["watch_time"], log.frame["duration"], explicit
    feedback = Feedback(*(torch.tensor(c.to_numpy()).double() for c in columns))
    with torch.no_grad():
        labels = crafter.label_net_(feedback)
    assert labels.shape == (len(log.frame), 1)
    np.testing.assert_allclose(labels, crafter.transform(log.frame), atol=1e-5)
    twice = pd.concat([log.frame, log.frame])
    sizes = [
        sum(value.numel() for value in fitted.label_net_.state_dict().values())
        for fitted in (crafter, clone(crafter).fit(twice))
    ]
    assert sizes[0] == sizes[1]


def test_a_label_of_one_row_or_none(crafter, log):
    """A single row gets its label; an empty log is an error."""
    crafter.fit(log.frame)
    assert crafter.transform(log.frame.iloc[:1]).shape == (1, 1)
    with pytest.raises(ValueError, match="0 rows"):
        crafter.transform(log.frame.iloc[:0])
