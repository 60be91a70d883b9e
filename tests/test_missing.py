"""What is missing in a log: explicit feedback that is not known, and numbers."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import FeatureUnion
from test_streams import stored

from sklabelcraft import (
    CWM,
    D2Q,
    DVR,
    MLP,
    Columns,
    ConditionalCDF,
    D2Co,
    ExplicitFeedback,
    FusedRecommender,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
    compare_labelers,
    neg_scorer,
    nwtg_scorer,
)
from sklabelcraft._counts import FeedbackCounts
from sklabelcraft._ids import read_ids
from sklabelcraft._judge import Judge
from sklabelcraft._lists import Lists
from sklabelcraft._log import Log
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.modules import Feedback, LearnedLabel, Signals, StartingRule
from sklabelcraft.modules._chance import N_BINS, ExplicitChance
from sklabelcraft.objectives import Objective
from sklabelcraft.persistence import load, save
from sklabelcraft.training import Platform
from sklabelcraft.training._platform import Shown, random_references

modest = settings(max_examples=30, deadline=None)
NAN = np.nan
SIGNALS = ["like", "follow", "comment"]
WATCHED = [
    WatchTime(),
    PlayCompletion(),
    PlayCompletionRate(),
    D2Q(n_groups=4),
    DVR(n_groups=4),
    D2Co(n_groups=4),
    CWM(),
    ConditionalCDF(("user", "duration"), n_groups=4),
]
OBJECTIVES = [
    Objective("hate", "gain", "indicator"),
    Objective("hate", "mean", "identity"),
    Objective("hate", "spread", "identity", sign=-1),
]
UNKNOWN = "ignore:(the explicit feedback|objectives leave out|'explicit' is not known)"
unknown_is_told_elsewhere = pytest.mark.filterwarnings(UNKNOWN)


def tiny(**params):
    return MLPRanker(
        MLP(embedding_dim=2, hidden=(4,)), max_epochs=2, batch_size=64, **params
    )


def tiny_crafter(**params):
    options = {"k": 3, "starts": [(0, 1, 1)], "hidden": (4,), "warmup_epochs": 0}
    options |= {"validation_users": 10, "random_state": 0}
    return LabelCrafter(tiny(), **options | params)


@pytest.fixture(scope="module")
def log():
    return make_short_videos(n_users=20, n_items=30, n_impressions=30, random_state=0)


def with_gaps(frame, share=0.3, seed=0):
    """The same rows, in which some are missing in all columns of explicit feedback."""
    missing = np.random.default_rng(seed).random(len(frame)) < share
    frame = frame.astype(dict.fromkeys([c for c in SIGNALS if c in frame], float))
    frame.loc[missing, [name for name in SIGNALS if name in frame]] = NAN
    return frame, missing


@pytest.mark.parametrize("labeler", WATCHED, ids=lambda labeler: type(labeler).__name__)
@pytest.mark.parametrize("container", ["frame", "array"])
def test_labels_of_watch_time_do_not_read_explicit_feedback(labeler, container, log):
    """They are the same where it is missing, is text, or is not there at all."""
    frame = log.frame[["user_id", "duration", "watch_time", "like"]]
    gaps, _ = with_gaps(frame)
    wanted = clone(labeler).fit_transform(frame)
    names = Columns(user=0, duration=1, watch_time=2, explicit=(3,))
    if container == "array":
        labeler = clone(labeler).set_params(columns=names)
        assert np.array_equal(labeler.fit_transform(gaps.to_numpy()), wanted)
        return
    assert np.array_equal(clone(labeler).fit_transform(gaps), wanted)
    without = frame.drop(columns="like")
    assert np.array_equal(clone(labeler).fit_transform(without), wanted)
    assert np.array_equal(clone(labeler).fit_transform(frame.assign(like="?")), wanted)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_recommenders_of_watch_time_do_not_need_it(share, log):
    """They learn the same, whatever is missing."""
    gaps, _ = with_gaps(log.target, share)
    recommender = LabelCraftRecommender(D2Q(), tiny(), random_state=0)
    wanted = recommender.fit(log.data, log.target).predict(log.data)
    assert np.array_equal(recommender.fit(log.data, gaps).predict(log.data), wanted)


def test_explicit_feedback_by_hand():
    """1 where any signal is above 0, 0 where none is, NaN where that is not known."""
    frame = pd.DataFrame({"like": [0, 1, NAN, NAN, 0], "follow": [0, NAN, 3, 0, NAN]})
    labeler = ExplicitFeedback()
    with pytest.warns(UserWarning, match="feedback of 2 of 5 rows is not known"):
        found = labeler.fit(frame).transform(frame)
    assert np.array_equal(found[:, 0], [0, 1, 1, NAN, NAN], equal_nan=True)
    assert labeler.n_unknown_ == 2
    labeler.fit(frame[:3])
    assert labeler.n_unknown_ == 0
    with pytest.warns(UserWarning, match="2 of 5 rows"):
        labeler.partial_fit(frame[3:])
    assert labeler.n_unknown_ == 2
    with pytest.raises(ValueError, match=r"all 2 rows is missing in \['like', 'follow"):
        clone(labeler).fit(frame[3:])


@unknown_is_told_elsewhere
def test_a_head_of_explicit_feedback_learns_from_known_rows_alone(log):
    """The other head learns from all: neither hangs on what a missing one might be."""
    gaps, missing = with_gaps(log.target)
    both = FeatureUnion([("watch", WatchTime()), ("explicit", ExplicitFeedback())])
    recommender = LabelCraftRecommender(both, tiny(), random_state=0)
    scores = recommender.fit(log.data, gaps).head_scores(log.data)
    assert np.isfinite(scores).all()
    labels = recommender.labeler_.transform(gaps)
    assert np.array_equal(np.isnan(labels[:, 1]), missing)
    assert np.isfinite(labels[:, 0]).all()
    alone = tiny(random_state=0).fit(log.data, labels)
    assert np.array_equal(alone.head_scores(log.data), scores)


@unknown_is_told_elsewhere
@pytest.mark.parametrize("labelers", [1, 2])
def test_other_rankers_get_the_rows_whose_labels_are_known(labelers, log):
    """A regression on them alone is the same."""
    X, y = log.data[["user_id", "duration"]], log.target
    gaps, missing = with_gaps(y)
    labeler = ExplicitFeedback()
    if labelers == 2:
        labeler = FeatureUnion([("watch", WatchTime()), ("explicit", labeler)])
    names = Columns(item=None)
    recommender = LabelCraftRecommender(labeler, LinearRegression(), columns=names)
    found = recommender.fit(X, gaps).head_scores(X)
    labels = recommender.labeler_.transform(gaps)[~missing]
    wanted = LinearRegression().fit(X[~missing], labels).predict(X)
    assert np.allclose(found, wanted, rtol=1e-9)
    with pytest.raises(ValueError, match="is missing in"):
        recommender.fit(X, with_gaps(y, 1.0)[0])


def lists_platform(users, values, objectives, k=1):
    """A platform of some rows, of which nothing but the objectives matters."""
    lists = Lists.of(read_ids(users), k)
    columns = [torch.from_numpy(values)[lists.rows]] * len(objectives)
    rest = random_references(objectives, columns, lists, k), torch.ones(len(columns))
    return Platform(None, lists, objectives, columns, *rest, None, k, 0.5)


def measure(platform, scores):
    """The objectives that some scores of all rows lead to, and their slopes in them."""
    scores = torch.from_numpy(scores).requires_grad_()
    logits = scores[platform.lists.rows, None]
    values = platform.measure(logits, shown_whole(platform))
    (slopes,) = torch.autograd.grad(values.sum(), scores)
    return values.detach().numpy(), slopes.numpy()


def shown_whole(platform):
    return Shown(None, platform.lists, *platform.lists.everything())


@st.composite
def gapped_lists(draw):
    """Users, nonnegative values, scores, and which rows are known; k is 1 or 2."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k, n_users = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    users = rng.permutation(np.repeat(np.arange(n_users), rng.integers(1, 8, n_users)))
    users = np.append(users, [99] * (k + 1))
    known = rng.random(len(users)) < 0.7
    known[users == 99] = True
    values = rng.integers(0, 3, len(users)).astype(float)
    values[users == 99] = np.arange(k + 1)
    return users, values, rng.normal(size=len(users)), known, k


@modest
@given(case=gapped_lists())
def test_objectives_of_rows_not_known_are_those_without_them(case):
    """Values and slopes, of means, gains and spreads, whatever the other scores are."""
    users, values, scores, known, k = case
    gaps = np.where(known, values, NAN)
    found = measure(lists_platform(users, gaps, OBJECTIVES, k), scores)
    alone = lists_platform(users[known], values[known], OBJECTIVES, k)
    wanted = measure(alone, scores[known])
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-9)
    np.testing.assert_allclose(found[1][known], wanted[1], rtol=1e-7, atol=1e-9)
    assert not found[1][~known].any()


@modest
@given(case=gapped_lists())
def test_a_judge_of_rows_not_known_judges_as_without_them(case):
    """Also beside an objective that is known on all rows."""
    users, values, scores, known, k = case

    def judged(rows, columns):
        lists = Lists.of(read_ids(users[rows]), k)
        counts = np.ones((1, len(lists.lengths)))
        objectives = OBJECTIVES[: len(columns)]
        return Judge(lists, [k], objectives, columns, counts)(scores[rows])[0]

    gaps, rows = np.where(known, values, NAN), np.arange(len(users))
    found = judged(rows, [gaps, values, gaps])
    alone = judged(known, [values[known]] * 3)
    np.testing.assert_allclose(found[[0, 2]], alone[[0, 2]], rtol=1e-9)
    whole = judged(rows, [values] * 3)
    assert found[1] == whole[1]


def test_a_sample_without_a_known_list_has_no_slope():
    """A user whose rows are not known is shown no list where that is measured."""
    users, values = np.array([0, 0, 1, 1]), np.array([1.0, 0.0, NAN, 1.0])
    platform = lists_platform(users, values, OBJECTIVES[:1])
    lists, *places = platform.lists.only(torch.tensor([False, False, True, True]), 1)
    shown = shown_whole(platform)._replace(
        lists=lists, users=places[0], positions=places[1]
    )
    logits = torch.ones(2, 1, dtype=torch.float64, requires_grad=True)
    (slopes,) = torch.autograd.grad(platform.measure(logits, shown).sum(), logits)
    assert not slopes.any()


def test_counts_tell_what_is_not_known():
    """Feedback that is not known is a combination of its own, whatever is beside it."""
    watched, duration = np.array([5.0, 5.0, 5.0, 7.0]), np.array([9.0, 9.0, 9.0, 8.0])
    counts = FeedbackCounts.of(watched, duration, np.array([0, 1, NAN, NAN]))
    assert counts.n_unknown == 2
    rows = zip(counts.watched, counts.duration, counts.explicit, strict=True)
    assert sorted(map(str, rows)) == sorted(
        str(tuple(map(np.float64, row)))
        for row in [(5, 9, 0), (5, 9, 1), (5, 9, NAN), (7, 8, NAN)]
    )
    assert counts.watch_times().table()[0].tolist() == [5, 7]
    known = counts.known()
    assert (known.watched.tolist(), known.largest.tolist()) == ([5, 5], [5, 9])
    both = counts.merged(known)
    assert (both.n_unknown, both.counts.sum()) == (2, 6)


def test_the_chance_of_explicit_feedback_by_hand():
    """In each bin of the watch time, the share of the rows that are known."""
    watched = np.repeat([1.0, 2.0, 3.0], 40)
    explicit = np.tile([0.0, 1.0, 0.0, NAN], 30)
    explicit[watched == 2] = 0
    counts = FeedbackCounts.of(watched, 2 * watched, explicit)
    chance = ExplicitChance.learn(counts)
    found = chance(torch.tensor([0.0, 1.0, 1.5, 2.0, 3.0, 9.0]))
    assert found.tolist() == pytest.approx([1 / 3, 1 / 3, 0, 0, 1 / 3, 1 / 3])
    many = np.random.default_rng(0).exponential(size=5000)
    counts = FeedbackCounts.of(many, many, np.zeros(5000))
    assert len(ExplicitChance.learn(counts).shares) == N_BINS


def make_label(seed=0):
    """A label with weights of some size, and feedback, some of it not known."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    watched, duration = rng.exponential(9, 60), rng.uniform(1, 30, 60)
    explicit = rng.choice([0, 1, NAN], 60)
    counts = FeedbackCounts.of(watched, duration, explicit)
    signals = Signals.learn(counts, ("watch_time", "duration", "explicit"))
    distinct = signals(Feedback.counted(counts))[1]
    rule = StartingRule((0, 1, 2), distinct, torch.from_numpy(counts.counts))
    label = LearnedLabel(signals, rule, (8,), 2.0).double()
    torch.nn.init.normal_(label.correction[-1].weight)
    return label, Feedback(*map(torch.from_numpy, (watched, duration, explicit)))


def test_a_label_of_what_is_not_known_is_its_expectation():
    """(1 - p) g(w, d, 0) + p g(w, d, 1), and in training the same with its slopes."""
    label, feedback = make_label()
    none, some = (label(feedback.supposing(e))[:, 0] for e in (0, 1))
    chance = label.signals.chance(feedback.watch_time)
    wanted = torch.where(feedback.unknown, (1 - chance) * none + chance * some, none)
    found = label(feedback)[:, 0]
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)
    np.testing.assert_allclose(label.exact(feedback), wanted.detach(), rtol=1e-6)
    weights = label.correction[0].weight
    slopes = [torch.autograd.grad(y.sum(), weights)[0] for y in (found, wanted)]
    torch.testing.assert_close(*slopes)
    known = feedback.rows(~feedback.unknown)
    narrow, wide = label.prepare(known), label.prepare(known, may_be_unknown=True)
    assert torch.equal(label.craft(narrow), label.craft(wide))


def test_a_rule_is_learned_from_what_is_known():
    """Explicit feedback is standardised by the rows where it is known."""
    labels = torch.tensor([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0], [1.0, 0.0, NAN]]).double()
    counts = torch.tensor([1, 1, 5])
    alone = StartingRule((0, 0, 1), labels[:2], counts[:2])
    rule = StartingRule((0, 0, 1), labels, counts)
    assert torch.equal(rule.weights, alone.weights)
    assert torch.equal(rule.ends, alone.ends)


def test_a_crafter_labels_what_is_not_known_by_watch_time(log):
    """It tells how many rows that are; each lies between the two labels it may have."""
    gaps, missing = with_gaps(log.frame)
    crafter = tiny_crafter()
    told = f"explicit feedback of {missing.sum()} of {len(gaps)} rows is not known"
    with pytest.warns(UserWarning, match=told):
        labels = crafter.fit(gaps).transform(gaps)[:, 0]
    assert crafter.n_unknown_ == missing.sum()
    some, none = (
        crafter.transform(log.frame.assign(like=e, follow=0, comment=0))[:, 0]
        for e in (1, 0)
    )
    low, high = np.minimum(some, none), np.maximum(some, none)
    assert ((low <= labels) & (labels <= high)).all()
    between = (low < labels) & (labels < high)
    assert between[missing].mean() > 0.5
    known = log.frame[SIGNALS].to_numpy().any(axis=1)
    assert np.array_equal(labels[~missing], np.where(known, some, none)[~missing])
    assert crafter.explain(gaps).fidelity == crafter.explain(gaps[~missing]).fidelity


def test_a_crafter_without_missing_feedback_labels_it_later(log):
    """Nothing is told in fit; new rows that are not known are labelled all the same."""
    crafter = tiny_crafter().fit(log.frame)
    assert crafter.n_unknown_ == 0
    gaps, missing = with_gaps(log.frame)
    found, known = crafter.transform(gaps), crafter.transform(log.frame)
    assert np.array_equal(found[~missing], known[~missing])
    assert np.isfinite(found).all()


def test_a_crafter_needs_some_row_that_is_known(log):
    """If there is none, it says what to do; without explicit feedback it does not."""
    gaps, _ = with_gaps(log.frame, 1.0)
    crafter = tiny_crafter()
    with pytest.raises(ValueError, match=r"of all \d+ rows .* say explicit=\(\)"):
        crafter.fit(gaps)
    crafter.set_params(columns=Columns(explicit=())).fit(gaps)
    assert np.isfinite(crafter.transform(gaps)).all()


@unknown_is_told_elsewhere
def test_a_day_without_missing_feedback_and_one_with(log):
    """Each is learned from; on each day what is not known is told."""
    first, then = log.frame[:400], with_gaps(log.frame[400:])[0]
    crafter = tiny_crafter().partial_fit(first)
    assert crafter.n_unknown_ == 0
    crafter.partial_fit(then)
    assert crafter.n_unknown_ == then["like"].isna().sum()
    crafter.partial_fit(first)
    assert crafter.n_unknown_ == 0
    assert np.isfinite(crafter.transform(then)).all()


@unknown_is_told_elsewhere
@pytest.mark.parametrize(
    "make",
    [
        lambda: tiny_crafter(),
        lambda: ExplicitFeedback(),
        lambda: LabelCraftRecommender(ExplicitFeedback(), tiny(), random_state=0),
    ],
    ids=["LabelCrafter", "ExplicitFeedback", "LabelCraftRecommender"],
)
def test_a_log_in_files_is_learned_from_as_in_memory(make, log, tmp_path):
    """Also where a part of it has nothing that is known; saved, it says the same."""
    frame, _ = with_gaps(log.frame)
    frame["price"] = np.where(frame["item_id"] % 3, frame["duration"], NAN)
    frame.loc[:60, [*SIGNALS, "price"]] = NAN
    features = ("user_id", "item_id", "duration", "price")
    folder = tmp_path / "log"
    folder.mkdir()
    stored(folder, frame)
    made = make().set_params(columns=Columns(features=features))
    if isinstance(made, LabelCraftRecommender):
        X, y = frame[[*features, "timestamp"]], frame[["watch_time", *SIGNALS]]
        memory, files = clone(made).fit(X, y).predict, clone(made).fit(folder).predict
        assert np.array_equal(memory(frame), files(frame))
        return
    memory, files = clone(made).fit(frame), clone(made).fit(folder)
    found = memory.transform(frame)
    assert np.array_equal(found, files.transform(folder), equal_nan=True)
    save(memory, tmp_path / "saved")
    again = load(tmp_path / "saved")
    assert np.array_equal(again.transform(frame), found, equal_nan=True)
    assert again.n_unknown_ == memory.n_unknown_


def test_objectives_of_a_column_of_ones_own_leave_out_what_is_missing(log):
    """The fit tells in how many rows; one of which too little is known is left out."""
    rng = np.random.default_rng(0)
    frame = log.frame.assign(hate=rng.choice([0.0, 1.0, NAN], len(log.frame)))
    frame["rare"] = np.where(np.arange(len(frame)) % 30, NAN, frame["hate"])
    wanted = [
        Objective("watch_time", "gain"),
        Objective("hate", transform="indicator", sign=-1),
        Objective("rare"),
    ]
    crafter = tiny_crafter(objectives=wanted)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        crafter.fit(frame)
    told = " ".join(str(one.message) for one in warned)
    assert "objectives leave out those of the 120 held-out rows" in told
    assert "'hate' in " in told
    assert "its column is known on more than 3 held-out rows of no user" in told
    names = list(crafter.history_[0])
    assert "hate_mean" in names
    assert "rare_mean" not in names


def test_a_scorer_leaves_out_rows_that_are_not_known(log):
    """As if they were not there; a user with too few others has no score."""
    gaps, missing = with_gaps(log.target)
    gaps.loc[log.data["user_id"] == 3, SIGNALS] = NAN
    missing |= log.data["user_id"].to_numpy() == 3
    recommender = LabelCraftRecommender(D2Q(), tiny(), random_state=0, k=3)
    recommender.fit(log.data, log.target)
    told = f"'explicit' is not known in {missing.sum()} of {len(gaps)} rows"
    with pytest.warns(UserWarning, match=told):
        found = neg_scorer(recommender, log.data, gaps)
    rows = ~missing
    assert found == neg_scorer(recommender, log.data[rows], log.target[rows])
    scores = recommender.predict(log.data)
    users = neg_scorer.of(recommender).per_user(scores, log.data, gaps)
    wanted = nwtg_scorer.of(recommender).per_user(scores, log.data, gaps)
    assert list(users.index) == list(wanted.index)
    assert np.isnan(users[3])


def test_a_comparison_tells_once_of_what_is_not_known(log):
    """Its NEG is that of the known rows; watch time is measured on all."""
    gaps, missing = with_gaps(log.target)
    labelers = {"WT": WatchTime(), "D2Q": D2Q()}
    options = {"cv": log.split, "n_seeds": 1, "n_bootstrap": 10, "k": 2}
    options |= {"recommender": LabelCraftRecommender(ranker=tiny()), "random_state": 0}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = compare_labelers(labelers, log.data, gaps, **options)
    told = [str(w.message) for w in warned if "not known" in str(w.message)]
    assert len(told) == 1
    assert f"explicit feedback of {missing.sum()} of {len(gaps)} rows" in told[0]
    whole = compare_labelers(labelers, log.data, log.target, **options)
    found, whole = (
        bunch.table.set_index(["metric", "method"])["mean"] for bunch in (found, whole)
    )
    assert found["NWTG"].equals(whole["NWTG"])
    assert not found["NEG"].equals(whole["NEG"])
    assert np.isfinite(found).all()


def test_a_fusion_is_judged_on_rows_that_are_known(log):
    """It tells how many are not; and finds weights where an objective knows a few."""
    gaps, _ = with_gaps(log.target)
    single = [(n, LabelCraftRecommender(m, tiny())) for n, m in [("WT", WatchTime())]]
    fused = FusedRecommender(single, k=3, random_state=0).fit(log.data, log.target)
    told = r"of the 600 held-out rows .* 'explicit' in \d+ of them"
    with pytest.warns(UserWarning, match=told):
        fused.tune(log.data, gaps)
    assert sum(fused.weights_.values()) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["frame", "array"])
def test_numbers_that_are_missing_are_learned_from(kind, log, tmp_path):
    """As a rank in the middle and an indicator; saved, a ranker says the same."""
    X = log.data[["user_id", "item_id", "duration"]].copy()
    X["price"] = np.where(log.preference > 0, NAN, X["duration"])
    names = Columns(timestamp=None)
    if kind == "array":
        X, names = X.to_numpy(), Columns(user=0, item=1, duration=2, timestamp=None)
    ranker = tiny(random_state=0, columns=names).fit(X, log.preference)
    encoder = ranker.model_.encoder
    assert encoder.n_numeric == 3
    found = ranker.predict(X)
    assert np.isfinite(found).all()
    save(ranker, tmp_path / "saved")
    assert np.array_equal(load(tmp_path / "saved").predict(X), found)
    ranker.partial_fit(X, log.preference)
    assert np.isfinite(ranker.predict(X)).all()
    codes, numbers = encoder.encode(Log(pd.DataFrame(X)) if kind == "array" else Log(X))
    assert len(codes) == len(numbers) == len(found)


CONTAINERS = {
    "polars": lambda frame: pl.from_pandas(frame),
    "polars with NaN": lambda frame: pl.from_pandas(frame, nan_to_null=False),
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "nullable": lambda frame: frame.convert_dtypes(),
    "arrow-backed": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda frame: frame.astype(dict.fromkeys(SIGNALS, object)),
    "array": lambda frame: frame.to_numpy(dtype=float),
    "array of objects": lambda frame: frame.convert_dtypes().to_numpy(dtype=object),
}


@unknown_is_told_elsewhere
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    "make", [ExplicitFeedback, tiny_crafter], ids=["ExplicitFeedback", "LabelCrafter"]
)
def test_what_is_missing_is_so_in_any_container(make, container, log):
    """NaN, None, NA and null are one, in explicit feedback and in numbers."""
    frame, _ = with_gaps(log.frame[["user_id", "duration", "watch_time", *SIGNALS]])
    frame["price"] = np.where(frame["user_id"] % 3, frame["duration"] + 0.25, NAN)
    features = ("user_id", "duration", "price")
    names = Columns(item=None, timestamp=None, features=features)
    wanted = make().set_params(columns=names).fit(frame).transform(frame)
    if container.startswith("array"):
        names = Columns(0, None, 1, None, 2, (3, 4, 5), (0, 1, 6))
    given = CONTAINERS[container](frame)
    labeler = make().set_params(columns=names).fit(given)
    assert np.array_equal(labeler.transform(given), wanted, equal_nan=True)
    if isinstance(labeler, LabelCrafter):
        assert labeler.ranker_.model_.encoder.n_numeric == 3


@unknown_is_told_elsewhere
def test_arrays_of_objects_are_read_as_the_frame(log):
    """Their numbers stay numbers beside NA, and feedback may be missing as NA."""
    frame, target = log.data.drop(columns="tag"), log.target.copy()
    X = frame.convert_dtypes().assign(price=pd.array(frame["duration"], "Float64"))
    X["price"] += 0.25
    X.loc[::3, "price"] = pd.NA
    y = target.convert_dtypes().astype({"like": "Int64"})
    y.loc[::9, "like"] = pd.NA
    positions = Columns(0, 1, 2, 3, watch_time=0, explicit=(1, 2, 3))
    found = []
    for columns, *data in (None, X, y), (positions, X.to_numpy(), y.to_numpy()):
        made = LabelCraftRecommender(ExplicitFeedback(), tiny(), columns=columns)
        made.set_params(random_state=0).fit(*data)
        assert made.ranker_.model_.encoder.n_numeric == 3
        found.append(made.predict(data[0]))
    np.testing.assert_array_equal(*found)
