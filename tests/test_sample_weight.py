"""Rows count by their weights: in the loss of a ranker, and in objectives."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklabelcraft import (
    D2Q,
    MLP,
    Columns,
    DINRanker,
    ExplicitFeedback,
    FusedRecommender,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    PlayCompletionRate,
    WatchTime,
    persistence,
)
from sklabelcraft._log import Log
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.rankers._weights import weights_of

LOG = make_short_videos(n_users=20, n_items=30, n_impressions=30, random_state=0)
N = len(LOG.data)
Y = LOG.preference
IDS = LOG.data[["user_id", "item_id"]].astype(str)
SMALL = MLP(embedding_dim=2, hidden=(4,))
QUICK = {"max_epochs": 2, "batch_size": 50, "random_state": 0}
RANKER = MLPRanker(SMALL, **QUICK)
CRAFTER = LabelCrafter(
    MLPRanker(SMALL, **QUICK),
    k=3,
    starts=[(0, 1, 1)],
    hidden=(4,),
    warmup_epochs=0,
    steps_per_move=1,
    validation_users=10,
    random_state=0,
)
FULL_BATCH = MLPRanker(
    SMALL,
    weight_decay=0,
    validation_fraction=0,
    learning_rate=0.02,
    max_epochs=20,
    batch_size=10**6,
    min_count=1,
    precision="float64",
    columns=Columns(duration=None, timestamp=None),
    random_state=0,
)
LINEAR = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LinearRegression())


def weights_drawn(seed=0, n=N):
    """Weights as of positions: from 0 to 5, some of them 0."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.2, 0, rng.exponential(size=n)).clip(max=5)


def learned(estimator):
    """What a fitted estimator has learned, as an array."""
    if isinstance(estimator, LabelCrafter):
        return estimator.transform(LOG.frame)
    return estimator.predict(LOG.data)


def fitted(estimator, **weights):
    """A clone that is fitted to the log."""
    estimator = clone(estimator)
    if isinstance(estimator, LabelCrafter):
        return estimator.fit(LOG.frame, **weights)
    y = LOG.target if hasattr(estimator, "labeler") else Y
    return estimator.fit(LOG.data, y, **weights)


RANKERS = [RANKER, DINRanker(max_epochs=1, random_state=0)]
RECOMMENDERS = [
    LabelCraftRecommender(D2Q(), RANKER, k=3),
    LabelCraftRecommender(CRAFTER, k=3),
    LabelCraftRecommender(PlayCompletionRate(), LINEAR, k=3),
    LabelCraftRecommender(
        PlayCompletionRate(),
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
    ),
]
TAKING = [*RANKERS, CRAFTER, *RECOMMENDERS]
each = pytest.mark.parametrize("estimator", TAKING, ids=range(len(TAKING)))


@each
def test_weights_change_what_is_learned(estimator):
    """They reach what is trained."""
    one, other = (fitted(estimator, sample_weight=w) for w in (None, weights_drawn()))
    assert np.abs(learned(one) - learned(other)).max() > 1e-6


@each
@pytest.mark.parametrize("weight", [1, 0.1, 3e7])
def test_equal_weights_are_none(estimator, weight):
    """Bit by bit, whatever they are; for models of other libraries, to rounding."""
    expected = learned(fitted(estimator))
    found = learned(fitted(estimator, sample_weight=np.full(N, weight)))
    ours = isinstance(getattr(estimator, "ranker", None), type(RANKER) | None)
    if ours or not hasattr(estimator, "labeler"):
        np.testing.assert_array_equal(found, expected)
    elif weight == 1:
        np.testing.assert_allclose(found, expected, atol=1e-4)


@given(
    weight=st.floats(1e-30, 1e30),
    factors=st.lists(st.floats(0, 100), min_size=1, max_size=30),
)
def test_relative_weights_have_the_mean_1(weight, factors):
    """Equal ones are exactly 1, whatever they are; of others, ratios stay."""
    log = Log(pd.DataFrame({"row": np.arange(len(factors))}))
    alike = weights_of(np.full(len(factors), weight), log).relative_to(log)
    assert (alike.of(log) == 1).all()
    factors = np.array([1.0, *factors[1:]])
    found = weights_of(weight * factors, log).relative_to(log).of(log)
    assert found.mean() == pytest.approx(1)
    np.testing.assert_allclose(found / found[0], factors, rtol=1e-12, atol=1e-99)
    part = log.rows(np.arange(0, len(factors), 2))
    np.testing.assert_array_equal(
        weights_of(weight * factors, log).relative_to(log).of(part), found[::2]
    )


@pytest.mark.parametrize("estimator", [*RANKERS, CRAFTER, *RECOMMENDERS[:2]])
def test_only_ratios_of_weights_matter(estimator):
    """To the bit where the factor is a power of 2."""
    weights = weights_drawn()
    found = [
        learned(fitted(estimator, sample_weight=w)) for w in (weights, weights * 4)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("adversary_weight", [0, 0.1])
def test_a_row_of_weight_0_teaches_nothing(adversary_weight):
    """Whatever its label is, it is as if it had another."""
    weights, rng = weights_drawn(), np.random.default_rng(0)
    ranker = clone(RANKER).set_params(adversary_weight=adversary_weight)
    other = np.where(weights > 0, Y, 1e6 * rng.normal(size=N))
    one = clone(ranker).fit(LOG.data, Y, sample_weight=weights)
    two = clone(ranker).fit(LOG.data, other, sample_weight=weights)
    np.testing.assert_array_equal(one.predict(LOG.data), two.predict(LOG.data))
    assert one.history_ == two.history_


def test_a_row_of_weight_0_is_no_row():
    """Of the loss of all rows at once, where it changes nothing that is encoded."""
    twice, other = pd.concat([IDS, IDS]), np.concatenate([Y, -Y])
    weights = np.repeat([1.0, 0.0], N)
    expected = clone(FULL_BATCH).fit(IDS, Y)
    found = clone(FULL_BATCH).fit(twice, other, sample_weight=weights)
    np.testing.assert_allclose(found.predict(IDS), expected.predict(IDS), atol=1e-9)
    assert np.ptp(expected.predict(IDS)) > 0.01


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_whole_weights_are_repeated_rows(seed):
    """In the loss of all rows at once and its gradient, to rounding."""
    times = np.random.default_rng(seed).integers(0, 4, size=N)
    times[:30] += 1  # each value of a column is there
    labels = np.column_stack([Y, np.where(times > 2, np.nan, Y**2)])
    everything = pd.concat([IDS, IDS.iloc[np.repeat(np.arange(N), times)]])
    repeated = np.concatenate([labels, labels[np.repeat(np.arange(N), times)]])
    ranker = clone(FULL_BATCH).set_params(max_epochs=3)
    expected = clone(ranker).fit(everything, repeated)
    found = clone(ranker).fit(IDS, labels, sample_weight=1 + times)
    losses = [[epoch["loss"] for epoch in r.history_] for r in (found, expected)]
    np.testing.assert_allclose(*losses, rtol=1e-9)
    scores = [r.head_scores(IDS) for r in (found, expected)]
    np.testing.assert_allclose(*scores, atol=1e-7)


def test_the_loss_is_the_weighted_mean():
    """By hand: before any step, sum w l / sum w, as it is for the rows held out."""
    weights = weights_drawn()
    ranker = clone(FULL_BATCH).set_params(learning_rate=1e-12, max_epochs=1)
    valid = {"X_val": IDS[:9], "y_val": Y[:9], "sample_weight_val": weights[:9]}
    ranker.fit(IDS, Y, **valid, sample_weight=weights)
    losses = (ranker.head_scores(IDS)[:, 0] - Y) ** 2
    (epoch,) = ranker.history_
    assert epoch["loss"] == pytest.approx(np.average(losses, weights=weights))
    held_out = np.average(losses[:9], weights=weights[:9])
    assert epoch["validation_loss"] == pytest.approx(held_out)


def test_rows_that_are_held_out_keep_their_weights():
    """Those that a ranker holds out of its rows itself."""
    weights = np.random.default_rng(0).random(N)
    ranker = clone(RANKER).set_params(max_epochs=1)
    times = LOG.data["timestamp"]
    last = times >= times.groupby(LOG.data["user_id"]).transform("quantile", 0.9)
    ranker.fit(LOG.data, Y, sample_weight=weights)
    found = ranker.history_[0]["validation_loss"]
    changed = np.where(last, weights[::-1], weights)
    ranker.fit(LOG.data, Y, sample_weight=changed)
    assert found != ranker.history_[0]["validation_loss"]


@pytest.mark.parametrize(
    "kind", [list, pd.Series, pl.Series, pa.array, torch.tensor, np.float32]
)
def test_weights_come_in_any_array(kind):
    """With the result of an ndarray."""
    weights = weights_drawn().astype(np.float32).astype(np.float64)
    expected = clone(RANKER).fit(LOG.data, Y, sample_weight=weights)
    found = clone(RANKER).fit(LOG.data, Y, sample_weight=kind(weights))
    np.testing.assert_array_equal(found.predict(LOG.data), expected.predict(LOG.data))


def stored(folder, **columns):
    """The log in a file, with further columns."""
    folder.mkdir(exist_ok=True)
    LOG.frame.assign(**columns).to_parquet(folder / "log.parquet", row_group_size=100)
    return folder


def test_a_ranker_reads_weights_from_a_column(tmp_path):
    """With the result of the same in memory, bit by bit, and no feature of it."""
    weights = weights_drawn()
    folder = stored(tmp_path / "log", target=Y, weight=weights)
    names = Columns(features=("user_id", "item_id", "duration"))
    for columns in (names, None):
        one = clone(RANKER).set_params(columns=names)
        other = clone(RANKER).set_params(columns=columns)
        for _ in range(2):
            one.partial_fit(LOG.data, Y, sample_weight=weights)
            other.partial_fit(folder, "target", sample_weight="weight")
        assert "weight" not in other.features_
        if columns is not None:
            scores = [ranker.predict(LOG.data) for ranker in (one, other)]
            np.testing.assert_array_equal(*scores)
            assert one.history_ == other.history_


CRAFTER_IN_UNION = LabelCraftRecommender(FeatureUnion([("a", CRAFTER)]), RANKER, k=3)


@pytest.mark.parametrize("estimator", [CRAFTER, *RECOMMENDERS[:2], CRAFTER_IN_UNION])
def test_labels_and_recommenders_read_weights_from_a_column(tmp_path, estimator):
    """With the result of the same in memory."""
    weights = weights_drawn()
    folder = stored(tmp_path / "log", weight=weights)
    names = Columns(features=("user_id", "item_id", "duration"))
    one, other = (clone(estimator).set_params(columns=names) for _ in range(2))
    for _ in range(2):
        data = (LOG.frame,) if estimator is CRAFTER else (LOG.data, LOG.target)
        one.partial_fit(*data, sample_weight=weights)
        other.partial_fit(folder, sample_weight="weight")
    np.testing.assert_array_equal(learned(one), learned(other))
    unnamed = clone(estimator).fit(folder, sample_weight="weight")
    ranker = unnamed.ranker_
    assert "weight" not in ranker.features_


def test_weights_of_a_day_are_relative_to_that_day():
    """So that a day without weights, or in other units, counts as much as another."""
    days = LOG.data[: N // 2], LOG.data[N // 2 :]
    labels, factors = (Y[: N // 2], Y[N // 2 :]), (1, 8)
    weights = [weights_drawn(i, N // 2) for i in range(2)]
    one, other = clone(RANKER), clone(RANKER)
    for day, y, w, factor in zip(days, labels, weights, factors, strict=True):
        one.partial_fit(day, y, sample_weight=w)
        other.partial_fit(day, y, sample_weight=factor * w)
    np.testing.assert_array_equal(one.predict(LOG.data), other.predict(LOG.data))
    kept = one.training_state_["memory"].rows.weights
    assert kept.std() > 0.1
    assert kept.mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("estimator", [RANKER, CRAFTER], ids=["ranker", "label"])
def test_what_is_saved_goes_on(tmp_path, estimator):
    """With the weights of the rows that are remembered."""
    weights = weights_drawn()
    one = fitted(estimator, sample_weight=weights)
    persistence.save(one, tmp_path / "saved")
    other = persistence.load(tmp_path / "saved")
    for part in (one, other):
        data = (LOG.frame,) if estimator is CRAFTER else (LOG.data, Y)
        part.partial_fit(*data, sample_weight=weights)
    np.testing.assert_array_equal(learned(one), learned(other))


def test_weights_of_held_out_rows_steer_the_label():
    """Those of the rows that it is trained on the same."""
    half = N // 2
    train, valid = LOG.frame[:half], LOG.frame[half:]
    found = [
        clone(CRAFTER).fit(train, log_val=valid, sample_weight_val=weights)
        for weights in (None, np.full(N - half, 2.5), weights_drawn(1, N - half))
    ]
    labels = [crafter.transform(LOG.frame) for crafter in found]
    np.testing.assert_array_equal(labels[0], labels[1])
    assert np.abs(labels[0] - labels[2]).max() > 1e-6
    assert found[0].history_[0]["loss"] != found[2].history_[0]["loss"]


def test_weights_reach_what_is_nested():
    """A pipeline's regressor: the weighted least squares by hand."""
    weights = weights_drawn()
    ranker = make_pipeline(OneHotEncoder(sparse_output=False), LinearRegression())
    columns = Columns(features=("user_id", "item_id"), duration=None)
    recommender = LabelCraftRecommender(WatchTime(), ranker, columns=columns)
    recommender.fit(IDS, LOG.target, sample_weight=weights)
    labels = recommender.labeler_.transform(LOG.target)[:, 0]
    design = OneHotEncoder(sparse_output=False).fit_transform(IDS)
    root = np.sqrt(weights)
    solution = np.linalg.lstsq(
        np.column_stack([design, np.ones(N)]) * root[:, None], labels * root
    )[0]
    expected = np.column_stack([design, np.ones(N)]) @ solution
    np.testing.assert_allclose(recommender.predict(IDS), expected, atol=1e-6)


def test_rankers_of_other_libraries_go_on_with_weights():
    """If their partial_fit takes them."""
    weights = weights_drawn()
    data = LOG.data[["user_id", "item_id"]].astype(float), LOG.target
    columns = Columns(duration=None)
    pairs = []
    for second in (None, weights):
        ranker = SGDRegressor(random_state=0, eta0=1e-6)
        recommender = LabelCraftRecommender(WatchTime(), ranker, columns=columns)
        recommender.partial_fit(*data).partial_fit(*data, sample_weight=second)
        pairs.append(recommender.predict(data[0]))
    assert np.abs(pairs[0] - pairs[1]).max() > 0


def fused(*parts):
    """A fusion of recommenders."""
    named = [(f"part{i}", part) for i, part in enumerate(parts)]
    return FusedRecommender(named, k=3, random_state=0)


def test_a_fusion_hands_weights_on():
    """To all its recommenders, which learn what they would learn alone."""
    weights = weights_drawn()
    part = LabelCraftRecommender(WatchTime(), RANKER)
    half = N // 2
    train = LOG.data[:half], LOG.target[:half]
    valid = LOG.data[half:], LOG.target[half:]
    given_weights = {
        "sample_weight": weights[:half],
        "sample_weight_val": weights[half:],
    }
    found = fused(part).fit(*train, *valid, **given_weights)
    alone = clone(part).set_params(k=3).fit(*train, *valid, **given_weights)
    of_part = found.recommenders_["part0"]
    np.testing.assert_array_equal(learned(of_part), learned(alone))
    itself = fused(part).fit(LOG.data, LOG.target, sample_weight=weights)
    assert (learned(itself) != learned(fused(part).fit(LOG.data, LOG.target))).any()


WEIGHTS = weights_drawn()
NEIGHBOURS = make_pipeline(OneHotEncoder(), KNeighborsRegressor())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WEIGHTS[1:], r"sample_weight must have one number per row, of shape \(600,\)"),
        (WEIGHTS[:, None], r"one number per row, of shape \(600,\), got \(600, 1\)"),
        (-WEIGHTS, r"must lie between 0 and 1e\+100; .* the first is row"),
        (WEIGHTS * 1e101, "must lie between 0 and 1e"),
        (np.where(WEIGHTS == 0, np.nan, 1), "Input sample_weight contains NaN"),
        (np.zeros(N), "sample_weight must be non-zero in some row, got 0 in all"),
        ("weight", "must hold a number for each row, got 'weight'"),
        (pd.Series([pd.NA, *WEIGHTS[1:]]), "Input sample_weight contains NaN"),
        (np.full(N, np.timedelta64(1, "ns")), "sample_weight must be .* got timedelta"),
        (["a"] * N, "sample_weight must be an array of real numbers: could not"),
        ([[1.0], [1.0, 2.0]] * (N // 2), "sample_weight must be an array of real"),
        ({"a": 1}, "sample_weight must be an array of real numbers"),
        (torch.ones(N, requires_grad=True), "sample_weight must be an array of real"),
    ],
)
@each
def test_what_are_no_weights_is_refused(estimator, weights, message):
    """It is named, and nothing is left."""
    estimator = clone(estimator)
    before = set(vars(estimator))
    data = (LOG.data, LOG.target if hasattr(estimator, "labeler") else Y)
    if isinstance(estimator, LabelCrafter):
        data = (LOG.frame,)
    with pytest.raises(ValueError, match=message):
        estimator.fit(*data, sample_weight=weights)
    assert set(vars(estimator)) == before


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WEIGHTS, "sample_weight of a log in files must be the name of one of its"),
        ("nowhere", "must be the name of one of its columns, got 'nowhere'"),
        ("low", "column 'low' must be finite and >= 0; 540 of 540"),
        ("none", "sample_weight must be non-zero in some of the training rows"),
    ],
)
def test_what_is_no_column_of_weights_is_refused(tmp_path, weights, message):
    """It is named."""
    folder = stored(tmp_path / "log", target=Y, low=-1.0, none=0.0)
    with pytest.raises(ValueError, match=message):
        clone(RANKER).fit(folder, "target", sample_weight=weights)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (
            lambda w: RANKER.fit(LOG.data, Y, sample_weight_val=w),
            "sample_weight_val needs X_val, which is None",
        ),
        (
            lambda w: CRAFTER.fit(LOG.frame, sample_weight_val=w),
            "sample_weight_val needs log_val, which is None",
        ),
        (
            lambda w: RECOMMENDERS[0].fit(LOG.data, LOG.target, sample_weight_val=w),
            "sample_weight_val needs X_val, which is None",
        ),
        (
            lambda w: fused(RECOMMENDERS[0]).fit(
                LOG.data, LOG.target, sample_weight_val=w
            ),
            "sample_weight_val needs X_val, which is None",
        ),
        (
            lambda w: CRAFTER.fit(LOG.frame, None, LOG.frame, None, np.zeros(N)),
            "sample_weight_val must be non-zero in some row",
        ),
        (
            lambda w: LabelCraftRecommender(D2Q(), NEIGHBOURS).fit(
                LOG.data, LOG.target, sample_weight=w
            ),
            r"must take sample_weight, KNeighborsRegressor\(\) does not",
        ),
        (
            lambda w: fused(NEIGHBOURS).fit(LOG.data, LOG.target, sample_weight=w),
            "fit of the recommender 'part0' does not take sample_weight",
        ),
        (
            lambda w: (
                LabelCraftRecommender(D2Q(), NoWeightsLater())
                .fit(LOG.data, LOG.target)
                .partial_fit(LOG.data, LOG.target, sample_weight=w)
            ),
            "partial_fit of NoWeightsLater.. does not take sample_weight",
        ),
    ],
)
def test_weights_that_nobody_takes_are_refused(fit, message):
    """Never left aside."""
    with pytest.raises(ValueError, match=message):
        fit(WEIGHTS)


class NoWeightsLater(SGDRegressor):
    """A model that does not go on with weights."""

    def partial_fit(self, X, y):
        return self

    def fit(self, X, y):
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


def test_a_search_routes_weights():
    """To a ranker that requests them, split as the rows are."""
    seen = []

    class Watching(MLPRanker):
        def fit(self, X, y, sample_weight=None):
            seen.append((len(X), len(sample_weight)))
            return super().fit(X, y, sample_weight=sample_weight)

    with config_context(enable_metadata_routing=True):
        ranker = Watching(SMALL, **QUICK).set_fit_request(sample_weight=True)
        ranker.set_score_request(sample_weight=True)
        search = GridSearchCV(ranker, {"learning_rate": [0.01, 0.1]}, cv=2)
        search.fit(LOG.data, Y, sample_weight=weights_drawn())
    assert seen == [(N // 2, N // 2)] * 4 + [(N, N)]


@pytest.mark.parametrize("estimator", RECOMMENDERS[:3], ids=range(3))
def test_a_search_over_recommenders_routes_weights(estimator):
    """With the result of the best one fitted alone."""
    weights = weights_drawn()
    with config_context(enable_metadata_routing=True):
        recommender = clone(estimator).set_fit_request(sample_weight=True)
        search = GridSearchCV(recommender, {"k": [3]}, cv=2)
        search.fit(LOG.data, LOG.target, sample_weight=weights)
        expected = clone(estimator).set_params(k=3)
        expected.fit(LOG.data, LOG.target, sample_weight=weights)
    np.testing.assert_array_equal(search.predict(LOG.data), learned(expected))


def test_a_union_of_labels_is_learned_with_weights():
    """Several heads count by the weights of their rows."""
    both = FeatureUnion([("watch", WatchTime()), ("explicit", ExplicitFeedback())])
    recommender = LabelCraftRecommender(both, RANKER, k=3)
    one, other = (fitted(recommender, sample_weight=w) for w in (None, WEIGHTS))
    moved = one.head_scores(LOG.data) - other.head_scores(LOG.data)
    assert (np.abs(moved).max(axis=0) > 1e-6).all()


def test_a_crafter_in_a_union_gets_the_weights():
    """As it does alone, in `fit` and in `partial_fit`."""
    both = FeatureUnion([("a", FeatureUnion([("crafter", CRAFTER)])), ("b", D2Q())])
    recommender = fitted(
        LabelCraftRecommender(both, RANKER, k=3), sample_weight=WEIGHTS
    )
    alone = fitted(CRAFTER, sample_weight=WEIGHTS)
    labels = recommender.labeler_.transform(LOG.frame)
    np.testing.assert_array_equal(labels[:, :1], learned(alone))
    recommender.partial_fit(LOG.data, LOG.target, sample_weight=WEIGHTS)
    alone.partial_fit(LOG.frame, sample_weight=WEIGHTS)
    later = recommender.labeler_.transform(LOG.frame)
    np.testing.assert_array_equal(later[:, :1], learned(alone))
    assert (later != labels).any()


@pytest.mark.parametrize("estimator", [RANKER, CRAFTER], ids=["ranker", "label"])
def test_remembered_rows_keep_their_weights(estimator):
    """What is learned from them again would be another with weights of 1."""
    found = []
    for changed in (False, True):
        made = fitted(estimator, sample_weight=WEIGHTS)
        weights = made.training_state_["memory"].rows.weights
        assert (weights == 0).any()
        if changed:
            weights[:] = 1
        day = (LOG.frame[:99],) if estimator is CRAFTER else (LOG.data[:99], Y[:99])
        found.append(learned(made.partial_fit(*day)))
    assert (found[0] != found[1]).any()


def test_a_day_of_which_nothing_is_held_out_has_weights():
    """A label goes on with it, and is measured on what was held out before."""
    crafter = fitted(CRAFTER, sample_weight=WEIGHTS)
    before = crafter.training_state_["held_out"].weights
    day = LOG.frame.groupby("user_id").head(2)[:8]
    crafter.partial_fit(day, sample_weight=np.arange(8))
    np.testing.assert_array_equal(crafter.training_state_["held_out"].weights, before)


class Stopped(Exception):
    """What ends a fit in its first epoch."""


class Stopping:
    """A callback that ends a fit after its first epoch."""

    def setup(self, estimator, context):
        """Nothing."""

    def teardown(self, estimator, context):
        """Nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Raise where the second epoch begins."""
        if context.task_name == "epoch" and context.task_id == 1:
            raise Stopped

    def on_fit_task_end(self, estimator, context):
        """Nothing."""


@pytest.mark.parametrize("in_files", [False, True])
@pytest.mark.parametrize("estimator", [RANKER, CRAFTER], ids=["ranker", "label"])
def test_a_fit_with_other_weights_is_another_fit(tmp_path, estimator, in_files):
    """It does not go on from what was saved of the first one."""
    folder = stored(tmp_path / "log", target=Y, one=WEIGHTS, other=WEIGHTS[::-1])
    path = {"checkpoint": tmp_path / "saved"}
    if estimator is CRAFTER:
        path = {f"ranker__{name}": value for name, value in path.items()}
    made = clone(estimator).set_params(**path)
    data = (LOG.frame,) if estimator is CRAFTER else (LOG.data, Y)
    weights = WEIGHTS, WEIGHTS[::-1]
    if in_files:
        data = (folder,) if estimator is CRAFTER else (folder, "target")
        weights = "one", "other"
    with pytest.raises(Stopped):
        clone(made).set_callbacks(Stopping()).fit(*data, sample_weight=weights[0])
    with pytest.raises(ValueError, match="is of another fit"):
        made.fit(*data, sample_weight=weights[1])
    made.fit(*data, sample_weight=weights[0])
