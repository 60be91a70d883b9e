"""The fused recommender, alone and inside scikit-learn's tools."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion

from sklabelcraft import (
    D2Q,
    Columns,
    ExplicitFeedback,
    FusedRecommender,
    LabelCrafter,
    LabelCraftRecommender,
    ObjectiveTradeoffDisplay,
    WatchTime,
    compare_labelers,
    ds_scorer,
    neg_scorer,
    nwtg_scorer,
)
from sklabelcraft._fusion import usual_platforms
from sklabelcraft._log import Log
from sklabelcraft.objectives import (
    Objective,
    explicit_objective,
    watch_time_objective,
)


class Hint(RegressorMixin, BaseEstimator):
    """Scores impressions by some of their columns."""

    def __init__(self, *, names=()):
        self.names = names

    def fit(self, X, y):
        """Learn nothing."""
        self.fitted_ = True
        return self

    def predict(self, X):
        """The columns; a single one is a vector."""
        scores = np.asarray(X[list(self.names)])
        return scores[:, 0] if len(self.names) == 1 else scores


@pytest.fixture(scope="module")
def hinted(log):
    """Impressions and feedback of each part, with noisy hints of the latter."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(3, len(log.data)))
    liked = log.target[["like", "follow", "comment"]].any(axis=1)
    X = log.data.assign(
        watched=np.log1p(log.target["watch_time"]) + noise[0],
        liked=liked + noise[1],
        nothing=noise[2],
    )
    return {
        part: (X.iloc[rows], log.target.iloc[rows]) for part, rows in log.split.items()
    }


@pytest.fixture
def hints():
    """One head of the watch time, and one recommender with two heads."""
    both = Hint(names=["liked", "nothing"])
    pairs = [("watched", Hint(names=["watched"])), ("both", both)]
    return FusedRecommender(pairs, k=5, random_state=0)


@pytest.fixture
def fitted(hints, hinted):
    return hints.fit(*hinted["train"], *hinted["valid"])


@pytest.fixture
def parts(log):
    """Impressions and feedback of each part of the log."""
    return {
        part: (log.data.iloc[rows], log.target.iloc[rows])
        for part, rows in log.split.items()
    }


@pytest.fixture
def fused(fast_ranker):
    """Watch time alone, and two labels on one network."""
    both = FeatureUnion([("quantile", D2Q()), ("explicit", ExplicitFeedback())])
    pairs = [
        ("WT", LabelCraftRecommender(WatchTime(), fast_ranker)),
        ("both", LabelCraftRecommender(both, clone(fast_ranker))),
    ]
    return FusedRecommender(pairs, k=5, random_state=0)


def test_heads_are_weighed_apart(fitted, hinted):
    """Each has a weight, and the duration; the score is their standardised sum."""
    assert list(fitted.weights_) == ["watched", "both 0", "both 1", "duration"]
    weights = np.array(list(fitted.weights_.values()))
    assert weights.sum() == pytest.approx(1)
    assert weights[2] < 0.1 < weights[0]
    train, X = hinted["train"][0], hinted["test"][0]
    names = ["watched", "liked", "nothing"]
    heads = (X[names] - train[names].mean()) / train[names].std(ddof=0)
    points = np.quantile(train["duration"], np.linspace(0, 1, 1000))
    extreme, known = (
        (2 * np.interp(d, points, np.linspace(0, 1, 1000)) - 1) ** 2
        for d in (X["duration"], train["duration"])
    )
    expected = heads.to_numpy() @ weights[:3]
    expected += weights[3] * (extreme - known.mean()) / known.std()
    assert np.corrcoef(fitted.predict(X), expected)[0, 1] > 0.999


def test_labels_of_one_network_are_heads_apart(fused, parts):
    """They are weighed as logits, before they are one score."""
    fused.fit(*parts["train"], *parts["valid"])
    assert list(fused.weights_) == ["WT", "both 0", "both 1", "duration"]
    X, _ = parts["test"]
    logits = fused.recommenders_["both"].head_scores(X)
    scaled = (logits - fused.heads_.mean[1:3]) / fused.heads_.scale[1:3]
    np.testing.assert_array_equal(fused.heads_(Log(X))[:, 1:3], scaled)


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (Columns(), ["LabelCraft", "WT", "D2Q", "CDF by item", "EF", "WT+EF"]),
        (Columns(explicit=()), ["LabelCraft", "WT", "D2Q", "CDF by item"]),
        (Columns(item=None), ["LabelCraft", "WT", "D2Q", "EF", "WT+EF"]),
    ],
)
def test_the_usual_recommenders(columns, names, log):
    """The learned label and hand-made ones, as the log allows."""
    usual = FusedRecommender(columns=columns)._named(Log(log.data))
    assert [name for name, _ in usual] == names


def test_the_usual_ones_can_be_fitted(parts):
    """With nothing stated, a learned label is among what is weighed."""
    fused = FusedRecommender(k=5, random_state=0).fit(*parts["train"])
    assert isinstance(fused.recommenders_["LabelCraft"].labeler_, LabelCrafter)
    assert len(fused.weights_) == 8


class Chance:
    """Scores at random."""

    def predict(self, X):
        """One random score per row."""
        return np.random.default_rng(0).uniform(size=len(X))


def test_fused_lists_are_worth_more_than_single_ones(fitted, hinted):
    """On rows not seen, by the sum of the metrics relative to random lists."""
    X, y = hinted["test"]

    def total(estimator):
        scorers = (s.of(fitted) for s in (nwtg_scorer, neg_scorer, ds_scorer))
        return sum(s(estimator, X, y) / s(Chance(), X, y) for s in scorers)

    singles = [Hint(names=[name]) for name in ("watched", "liked", "nothing")]
    assert total(fitted) > max(total(single) for single in singles)


def test_what_a_weight_asks_for_moves(fitted, hinted):
    """On rows not seen, whoever wants one of the metrics gets more of it."""
    values = {}
    for weights in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        tuned = fitted.tune(*hinted["valid"], objective_weights=weights)
        values[weights] = [
            scorer.of(fitted)(tuned, *hinted["test"])
            for scorer in (nwtg_scorer, neg_scorer, ds_scorer)
        ]
    table = np.array(list(values.values()))
    assert table.argmax(axis=0).tolist() == [0, 1, 2]


def test_tuning_trains_nothing(fitted, hinted):
    """The recommenders stay the same objects; the same rows give the same weights."""
    before, weights = dict(fitted.recommenders_), fitted.weights_
    fitted.tune(*hinted["test"])
    assert fitted.weights_ != weights
    assert dict(fitted.recommenders_) == before
    again = fitted.tune(*hinted["valid"], objective_weights=(1, 1, 1)).weights_
    assert again == fitted.tune(*hinted["valid"]).weights_


def test_fit_and_tune_choose_alike(fitted, hinted):
    """The same rows and wishes give the same weights."""
    weights = dict(fitted.weights_)
    assert fitted.tune(*hinted["valid"]).weights_ == weights


def test_the_order_of_the_held_out_rows_decides_nothing(fitted, hinted):
    """Neither inside of a list nor among the users."""
    X, y = hinted["valid"]
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = fitted.tune(X.iloc[order], y.iloc[order]).weights_
    assert shuffled == fitted.tune(X, y).weights_


class Asking(Hint):
    """Wants validation data by name, behind another argument."""

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Note what was given."""
        self.given_ = y.ndim, sample_weight, len(X_val), len(y_val)
        return self


def test_recommenders_get_what_they_ask_for(hinted):
    """Validation data by name; a single column of feedback as a vector."""
    (X, y), (X_val, y_val) = hinted["train"], hinted["valid"]
    fused = FusedRecommender(
        [("a", Asking(names=["watched"]))], columns=Columns(explicit=()), k=5
    )
    fused.fit(X, y["watch_time"], X_val, y_val["watch_time"])
    assert fused.recommenders_["a"].given_ == (1, None, len(X_val), len(X_val))


def test_the_usual_label_is_learned_for_what_the_platform_wants(log):
    """The objectives stated are those of the crafter, too."""
    stated = {"objectives": [explicit_objective], "objective_weights": (2,)}
    usual = dict(FusedRecommender(**stated)._named(Log(log.data)))
    labeler = usual["LabelCraft"].labeler
    assert labeler.objectives == stated["objectives"]
    assert labeler.objective_weights == (2,)


def test_frontier_holds_a_recommender_for_each_platform(fitted, hinted):
    """They share what was trained; the fitted one is not changed."""
    weights = dict(fitted.weights_)
    front = fitted.frontier(*hinted["valid"], objective_weights=[(1, 0, 0), (0, 0, 1)])
    assert list(front) == ["(1, 0, 0)", "(0, 0, 1)"]
    assert fitted.weights_ == weights
    assert fitted.objective_weights is None
    for name, point in front.items():
        assert point.recommenders_ is fitted.recommenders_
        assert str(point.objective_weights) == name
    spread = [ds_scorer.of(fitted)(p, *hinted["test"]) for p in front.values()]
    assert spread[1] > spread[0]


def test_platforms_may_be_named(fitted, hinted):
    """By the names of their objectives, of which those left out are worth 1."""
    valid = hinted["valid"]
    listed = [(1, 3, 1), (0, 0, 1)]
    named = [{"explicit_gain": 3}, {"watch_time_gain": 0, "explicit_gain": 0}]
    fronts = [fitted.frontier(*valid, objective_weights=w) for w in (listed, named)]
    assert list(fronts[1]) == ["explicit_gain 3", "watch_time_gain 0, explicit_gain 0"]
    weights = [[point.weights_ for point in front.values()] for front in fronts]
    assert weights[0] == weights[1]
    point = fronts[1]["explicit_gain 3"]
    assert point.objective_weights == {"explicit_gain": 3}
    tuned = [
        clone(point).fit(*hinted["train"], *valid).tune(*valid, objective_weights=w)
        for w in (listed[0], named[0], None)
    ]
    assert tuned[0].weights_ == tuned[1].weights_ == tuned[2].weights_
    with pytest.raises(ValueError, match=r"by names of objectives, .*; got 'likes'"):
        fitted.tune(*valid, objective_weights={"likes": 1})


def test_platforms_have_names_of_their_own(fitted, hinted):
    """Weights that differ in their last digits do, too; the same ones are refused."""
    valid = hinted["valid"]
    platforms = [(1, 1e7, 1), (1, 1e7 + 1, 1), (0.1, 3, 1 / 3), {}]
    front = fitted.frontier(*valid, objective_weights=platforms)
    assert list(front) == [
        "(1, 1e+07, 1)",
        "(1, 10000001.0, 1)",
        "(0.1, 3, 0.3333333333333333)",
        "(1, 1, 1)",
    ]
    for twice in ([(1, 3, 1), (1.0, 3.0, 1.0)], [{}, (1, 1, 1)]):
        with pytest.raises(ValueError, match=r"each platform once, got '.*' twice"):
            fitted.frontier(*valid, objective_weights=twice)


@pytest.mark.parametrize("weight", [1e308, 1e-300])
def test_platforms_that_cannot_be_computed_with(fitted, hinted, weight):
    """They are refused by name; the weights stay."""
    before = fitted.weights_
    with pytest.raises(ValueError, match="objective_weights must be 0 or from 1e-12"):
        fitted.tune(*hinted["valid"], objective_weights=[weight] * 3)
    assert fitted.weights_ is before


def test_a_frontier_is_compared_and_drawn(fitted, hinted):
    """Frozen, its points are methods like any other."""
    front = fitted.frontier(*hinted["valid"])
    X, y = (pd.concat(data) for data in zip(*hinted.values(), strict=True))
    n = len(hinted["train"][0])
    found = compare_labelers(
        {name: FrozenEstimator(point) for name, point in front.items()},
        X,
        y,
        cv={"train": np.arange(n), "test": np.arange(n, len(X))},
        k=5,
        n_seeds=1,
        n_bootstrap=10,
        random_state=0,
    )
    display = ObjectiveTradeoffDisplay.from_comparison(found)
    assert list(display.means.index) == list(front)
    assert len(front) == len(usual_platforms(3)) == 10


def test_usual_platforms():
    """1 each, 3 for one or two, 9 for one."""
    assert usual_platforms(1) == [(1,), (3,), (9,)]
    assert (3, 1, 3) in usual_platforms(3)


def test_a_floor_is_held(hints, hinted):
    """The higher the floor, the more spread there is, and the less of the rest."""
    values = {}
    for floor in (None, 1.15, 1.3):
        spread = Objective("duration", "spread", "scale", at_least=floor)
        hints.set_params(
            objectives=[watch_time_objective, spread], objective_weights=(1, 0.1)
        )
        fused = clone(hints).fit(*hinted["train"], *hinted["valid"])
        values[floor] = [
            s.of(fused)(fused, *hinted["valid"]) for s in (ds_scorer, nwtg_scorer)
        ]
    assert values[None][0] < values[1.15][0] < values[1.3][0]
    assert values[1.15][1] > values[1.3][1]


def test_frozen_recommenders_are_taken_as_they_are(fused, parts):
    """Nothing is trained again; beside them, others are."""
    X, _ = parts["test"]
    old = fused.recommenders[0][1].fit(*parts["train"])
    pairs = [("old", FrozenEstimator(old)), fused.recommenders[1]]
    fused.set_params(recommenders=pairs).fit(*parts["train"], *parts["valid"])
    assert fused.recommenders_["old"].predict(X).tolist() == old.predict(X).tolist()


def test_equal_recommenders_get_seeds_of_their_own(fused, parts):
    """Two of the same kind are two networks; the whole repeats."""
    one = fused.recommenders[0][1]
    fused.set_params(recommenders=[("one", one), ("two", one)])
    first, second = (clone(fused).fit(*parts["train"]) for _ in range(2))
    X, _ = parts["test"]
    scores = [part.predict(X) for part in first.recommenders_.values()]
    assert (scores[0] != scores[1]).any()
    assert first.predict(X).tolist() == second.predict(X).tolist()


def test_a_stated_seed_is_kept(fused, parts):
    """It makes the recommender that it makes alone."""
    alone = clone(fused.recommenders[0][1]).set_params(random_state=3)
    fused.set_params(recommenders=[("WT", alone)])
    fused.fit(*parts["train"], *parts["valid"])
    alone.fit(*parts["train"], *parts["valid"])
    X, _ = parts["test"]
    assert fused.recommenders_["WT"].predict(X).tolist() == alone.predict(X).tolist()


def test_the_duration_can_be_left_out(hints, hinted):
    """Then there is no column needed for it."""
    hints.set_params(duration_term=False).fit(*hinted["train"], *hinted["valid"])
    assert "duration" not in hints.weights_


def test_an_objective_that_does_not_vary_is_left_out(hints, hinted):
    """With a warning, and its weight with it."""
    (X, y), valid = hinted["train"], hinted["valid"]
    objectives = [Objective("never"), explicit_objective]
    hints.set_params(objectives=objectives, objective_weights=(5, 1))
    with pytest.warns(UserWarning, match="is left out: its column is 0"):
        hints.fit(X, y.assign(never=0), valid[0], valid[1].assign(never=0))
    alone = (
        clone(hints)
        .set_params(objectives=objectives[1:], objective_weights=None)
        .fit(X, y, *valid)
    )
    assert hints.weights_ == alone.weights_


def test_parameters_of_recommenders_have_their_names(fused):
    """They are set, cloned and replaced by them."""
    fused.set_params(WT__ranker__max_epochs=1, both__ranker__max_epochs=3)
    assert fused.get_params()["WT__ranker__max_epochs"] == 1
    assert clone(fused).recommenders[1][1].ranker.max_epochs == 3
    fused.set_params(WT=LabelCraftRecommender(D2Q()))
    assert isinstance(fused.recommenders[0][1].labeler, D2Q)
    assert FusedRecommender().get_params()["recommenders"] is None


def test_grid_search(hints, hinted):
    """Over its own parameters and those of the recommenders."""
    grid = {"duration_term": [True, False], "watched__names": [["watched"], ["liked"]]}
    search = GridSearchCV(hints, grid, cv=2, scoring=nwtg_scorer)
    search.fit(*hinted["train"])
    assert search.best_params_["watched__names"] == ["watched"]


def test_rows_are_held_out_by_default(hints, hinted):
    """The latest of each user, as many as are stated."""
    X, y = hinted["train"]
    first = clone(hints).fit(X, y).weights_
    assert clone(hints).set_params(validation_fraction=0.4).fit(X, y).weights_ != first


def test_polars_and_pandas_agree(fused, parts):
    """To the last bit."""
    X, _ = parts["test"]
    scores = clone(fused).fit(*parts["train"], *parts["valid"]).predict(X)
    frames = [pl.from_pandas(f) for p in ("train", "valid") for f in parts[p]]
    found = clone(fused).fit(*frames).predict(pl.from_pandas(X))
    assert found.tolist() == scores.tolist()


def test_arrays_with_positions(fast_ranker, parts):
    """Columns named by position, in X and in y."""
    columns = Columns(user=0, item=1, duration=2, watch_time=0, explicit=(1, 2, 3))
    pairs = [("WT", LabelCraftRecommender(WatchTime(), fast_ranker))]
    fused = FusedRecommender(pairs, k=5, columns=columns, random_state=0)
    numbers = ["user_id", "item_id", "duration"]
    arrays = {p: (X[numbers].to_numpy(), y.to_numpy()) for p, (X, y) in parts.items()}
    fused.fit(*arrays["train"], *arrays["valid"])
    X, _ = arrays["test"]
    assert fused.predict(X).shape == (len(X),)


def test_pickle(fitted, hinted):
    """It scores as before, and can be tuned."""
    X, y = hinted["test"]
    loaded = pickle.loads(pickle.dumps(fitted))
    assert loaded.predict(X).tolist() == fitted.predict(X).tolist()
    assert loaded.tune(X, y).weights_ == fitted.tune(X, y).weights_


def test_score_of_a_row_is_the_same_in_any_call(fused, parts):
    """With the same bits, whatever other rows are there."""
    fused.fit(*parts["train"], *parts["valid"])
    X, _ = parts["test"]
    scores = fused.predict(X)
    assert fused.predict(X.iloc[::-1])[::-1].tolist() == scores.tolist()
    assert fused.predict(X.iloc[7:8])[0] == scores[7]


def test_progress_is_told_of_the_recommenders(fused, parts, capsys):
    """Each is a task, and so are its epochs."""
    fused.set_callbacks(ProgressBar(max_propagation_depth=None))
    fused.fit(*parts["train"], *parts["valid"])
    shown = capsys.readouterr().out
    assert "FusedRecommender" in shown
    assert "WT" in shown
    assert "epoch" in shown


TWICE = [("a", LabelCraftRecommender()), ("a", LabelCraftRecommender())]


@pytest.mark.parametrize(
    ("recommenders", "message"),
    [
        ([], "at least one pair"),
        ([WatchTime()], "pair \\(name, recommender\\)"),
        ([("WT", WatchTime())], "a labeler becomes one as"),
        (TWICE, "not unique"),
        ([("duration", LabelCraftRecommender())], "not unique"),
        ([("k", LabelCraftRecommender())], "conflict with constructor"),
        ([("a__b", LabelCraftRecommender())], "must not contain __"),
        ([(1, LabelCraftRecommender())], "must be a str, got 1"),
        ([("a", LogisticRegression())], "scores, not classes"),
    ],
)
def test_bad_recommenders(recommenders, message, log):
    """The error says what was wanted."""
    with pytest.raises(ValueError, match=message):
        FusedRecommender(recommenders).fit(log.data, log.target)


def test_bad_input(hints, hinted):
    """What cannot be weighed says why, and leaves nothing behind."""
    X, y = hinted["train"]
    with pytest.raises(ValueError, match="X_val and y_val"):
        hints.fit(X, y, X)
    with pytest.raises(ValueError, match="no user has more than k=50"):
        clone(hints).set_params(k=50).fit(X, y, *hinted["valid"])
    with pytest.raises(ValueError, match="objective_weights must be 3"):
        clone(hints).set_params(objective_weights=(1, 1)).fit(X, y)
    with pytest.raises(ValueError, match="duration_term=True needs"):
        hints.set_params(columns=Columns(duration=None)).fit(X, y)
    assert not hasattr(hints, "weights_")


@pytest.mark.parametrize(
    "platforms",
    [
        *([(1, 1)], [("a", 1, 1)], [(0, 0, 0)], [3], [], [None], [(1, 1, 10**400)]),
        *((1, 1, 1), 3, np.array(1.0), object()),
    ],
)
def test_bad_platforms(fitted, hinted, platforms):
    """Each must have a weight for each objective."""
    with pytest.raises(ValueError, match="objective_weights must"):
        fitted.frontier(*hinted["valid"], objective_weights=platforms)


def test_held_out_feedback_without_columns_is_told(fused, parts):
    """By the recommender that wants one."""
    X_val, y_val = parts["valid"]
    with pytest.raises(ValueError, match="column 'watch_time' is not in the log"):
        fused.fit(*parts["train"], X_val, y_val.iloc[:, :0])


def test_gains_are_of_what_is_not_negative(hints, hinted):
    """Anything else says so."""
    (X, y), valid = hinted["train"], hinted["valid"]
    hints.set_params(objectives=[Objective("nothing", "gain")])
    with pytest.raises(ValueError, match="is the gain of its column"):
        hints.fit(X, y, *valid)


def test_a_row_is_named_as_it_was_given(hints, hinted):
    """Also where rows are held out of the log."""
    X, y = hinted["train"]
    X = X.assign(signed=np.where(np.arange(len(X)) == len(X) - 1, np.inf, 1.0))
    hints.set_params(objectives=[Objective("signed"), watch_time_objective])
    for frame in (X, X.reset_index(drop=True)):
        feedback = y.set_index(frame.index)
        with pytest.raises(ValueError, match=rf"'signed' .* row {len(X) - 1}( |:)"):
            hints.fit(frame, feedback)


@pytest.mark.parametrize("method", ["predict", "tune", "frontier"])
def test_unfitted_says_so(method, log):
    """As scikit-learn does."""
    data = (log.data, log.target)[: 1 + (method != "predict")]
    with pytest.raises(NotFittedError):
        getattr(FusedRecommender(), method)(*data)
