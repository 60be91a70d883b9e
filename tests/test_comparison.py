"""Comparing labelers."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, ShuffleSplit
from sklearn.pipeline import Pipeline

from sklabelcraft import (
    D2Q,
    Columns,
    FusedRecommender,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    PlayCompletionRate,
    WatchTime,
    compare_labelers,
    ds_scorer,
    neg_scorer,
    nwtg_scorer,
)
from sklabelcraft._bootstrap import resampled_means, summarise
from sklabelcraft._measuring import Measured
from sklabelcraft._seeds import check_seeds
from sklabelcraft.scorers import ListScorer

QUICK = LabelCraftRecommender(ranker=MLPRanker(max_epochs=1, patience=1))
LABELERS = {"WT": WatchTime(), "D2Q": D2Q()}


class Never(WatchTime):
    """What is refused before any fit, it is not fitted to."""

    def fit(self, log, y=None):
        raise AssertionError("fitted")


def compare(log, labelers=LABELERS, **options):
    options = {
        "cv": log.split,
        "recommender": QUICK,
        "n_seeds": 1,
        "n_bootstrap": 200,
        "random_state": 0,
    } | options
    return compare_labelers(labelers, log.data, log.target, **options)


def means(table):
    """The means by method, k and metric."""
    return table.set_index(["method", "k", "metric"])["mean"]


@pytest.fixture(scope="module")
def found(log):
    return compare(log, k=[5, 10], return_estimator=True)


def test_means_are_those_of_the_scorers(log, found):
    """Every mean is what the scorers say of the fitted estimator."""
    X, y = (part.iloc[log.split.test] for part in (log.data, log.target))
    scorers = {"NWTG": nwtg_scorer, "DS": ds_scorer, "NEG": neg_scorer}
    table = means(found.table)
    for name in LABELERS:
        (estimator,) = found.estimators[name]
        for metric, scorer in scorers.items():
            expected = replace(scorer, k=5)(estimator, X, y)
            assert table[name, 5, metric] == pytest.approx(expected)


def test_sum_is_relative_to_random_lists(found):
    """S sums the three metrics, each over what random lists reach."""
    table = means(found.table).unstack()
    reference = found.reference.unstack()
    for (_, k), row in table.iterrows():
        expected = sum(row[m] / reference.loc[k, m] for m in ("NWTG", "DS", "NEG"))
        assert row["S"] == pytest.approx(expected)


def test_difference_is_to_the_method_named(found, log):
    """The improvement is that of the last method, or of the one that is named."""
    rows = found.table.set_index(["method", "k", "metric"])
    own = rows.loc["D2Q"]
    assert (own[["difference", "low", "high", "improvement"]] == 0).all(axis=None)
    assert (own["p_value"] == 1).all()
    row = rows.loc["WT", 10, "NWTG"]
    assert row["difference"] == pytest.approx(
        rows.loc["D2Q", 10, "NWTG"]["mean"] - row["mean"]
    )
    assert row["low"] < row["difference"] < row["high"]
    other = compare(log, against="WT").table.set_index(["method", "metric"])
    assert other.loc["D2Q", "NWTG"]["difference"] == pytest.approx(-row["difference"])


def test_bootstrap_has_the_error_of_the_mean(found):
    """The bootstrap over users has nearly the textbook's standard error."""
    values = found.users["WT"][10, "DS"]
    row = found.table.set_index(["method", "k", "metric"]).loc["WT", 10, "DS"]
    assert row["se_users"] == pytest.approx(values.sem(), rel=0.2)


def test_resamples_without_any_value_are_undefined():
    """A metric that one of three users has is missing in (2/3)^3 of the resamples."""
    users = pd.DataFrame({"all": [1.0, 2.0, 6.0], "one": [np.nan, 5.0, np.nan]})
    means = resampled_means(users, 2000, np.random.RandomState(0))
    assert means["all"].mean() == pytest.approx(3.0, abs=0.15)
    assert set(means["one"].dropna()) == {5.0}
    assert means["one"].isna().mean() == pytest.approx(8 / 27, abs=0.04)


def test_p_value_counts_only_resamples_with_a_value():
    """Differences -2, 3 and none: 26 of 27 resamples have one, 10 not above 0."""
    cells = pd.MultiIndex.from_product(
        [["A", "B"], [0], range(3)], names=["method", "seed", "user"]
    )
    metric = pd.MultiIndex.from_tuples([(10, "NEG")], names=["k", "metric"])
    values = pd.DataFrame([0.0, 3, np.nan, 2, 0, np.nan], cells, metric)
    measured = Measured(values, 0 * values + 1, values.iloc[:, :0])
    reference = pd.Series([1.0], metric)
    table = summarise(measured, reference, "A", 50_000, 0).table
    of_b = table.set_index(["method", "metric"]).loc["B", "NEG"]
    assert of_b["p_value"] == pytest.approx(2 * 10 / 26, abs=0.01)


def test_validation_part_is_measured_as_well(log, found):
    """Where the split has a part for validation, its table is there too."""
    assert found.validation.table.shape == found.table.shape
    assert not found.validation.table["mean"].equals(found.table["mean"])
    plain = {part: log.split[part] for part in ("train", "test")}
    assert "validation" not in compare(log, cv=plain)


def test_same_seed_same_table(log):
    """One random state decides, however many jobs there are."""
    tables = [compare(log, n_seeds=2, n_jobs=jobs).table for jobs in (1, 2)]
    pd.testing.assert_frame_equal(*tables)
    other = compare(log, n_seeds=2, random_state=1).table
    assert not other["mean"].equals(tables[0]["mean"])


def test_seeds_are_averaged(log):
    """The mean is that of the seeds, whose standard error is stated."""
    found = compare(log, n_seeds=3)
    values = found.seeds.query("method == 'D2Q' and metric == 'NWTG'")["value"]
    row = found.table.query("method == 'D2Q' and metric == 'NWTG'").iloc[0]
    assert len(values) == 3
    assert row["mean"] == pytest.approx(values.mean())
    assert row["se_seeds"] == pytest.approx(values.std() / np.sqrt(3))


def own_mean(values, scores, *, groups, k, average):
    """A metric of users that no order of their lists changes."""
    return np.bincount(groups, values) / np.bincount(groups)


def test_a_user_counts_once_however_many_folds_there_are(log):
    """In the means, those of random lists and S, as for the bootstrap."""
    X = log.data
    kept = np.random.RandomState(0).uniform(size=len(X)) < 0.25
    X = X[kept | (X["user_id"] % 2 == 1)]
    found = compare_labelers(
        {"a": QUICK, "b": clone(QUICK).set_params(labeler=D2Q())},
        X,
        log.target.loc[X.index],
        cv=ShuffleSplit(5, test_size=0.3, random_state=0),
        scorers={"own": ListScorer(own_mean, "duration", "X")},
        n_seeds=2,
        k=5,
        n_bootstrap=2,
        random_state=0,
    )
    table, of_users = means(found.table), found.users["a"][5]
    for metric in ("NWTG", "DS", "NEG", "own"):
        assert table["a", 5, metric] == pytest.approx(of_users[metric].mean())
    assert table["a", 5, "own"] == pytest.approx(found.reference[5, "own"])
    sums = [table["a", 5, m] / found.reference[5, m] for m in ("NWTG", "DS", "NEG")]
    assert table["a", 5, "S"] == pytest.approx(sum(sums))


def test_estimators_are_compared_as_they_are(log):
    """What predicts need not be our recommender, and may rank by any model."""
    boosting = LabelCraftRecommender(D2Q(), HistGradientBoostingRegressor(max_iter=5))
    X = log.data.drop(columns="tag")
    found = compare_labelers(
        {"boosting": boosting, "D2Q": D2Q()},
        X,
        log.target,
        cv=3,
        recommender=QUICK,
        n_seeds=1,
        random_state=0,
    )
    assert found.table["mean"].notna().all()
    assert len(found.users["boosting"]) == log.data["user_id"].nunique()


def test_a_fitted_estimator_is_compared_as_it_is(log):
    """Frozen, it is neither fitted again nor given a seed."""
    fitted = LabelCraftRecommender(D2Q(), QUICK.ranker, random_state=3)
    fitted.fit(log.data, log.target)
    found = compare(log, {"fitted": FrozenEstimator(fitted)}, k=5)
    X, y = (part.iloc[log.split.test] for part in (log.data, log.target))
    expected = replace(nwtg_scorer, k=5)(fitted, X, y)
    assert means(found.table)["fitted", 5, "NWTG"] == pytest.approx(expected)


def test_columns_are_named_by_the_recommender(log):
    """Other names are stated once, on the recommender."""
    X = log.data.rename(columns={"user_id": "uid", "duration": "length"})
    y = log.target.rename(columns={"watch_time": "played", "like": "thumb"})
    names = Columns(
        user="uid",
        duration="length",
        watch_time="played",
        explicit=("thumb", "follow", "comment"),
    )
    options = {"cv": log.split, "n_seeds": 1, "n_bootstrap": 10, "random_state": 0}
    plain = compare(log, n_bootstrap=10)
    for stated in (
        {"recommender": clone(QUICK).set_params(columns=names)},
        {"recommender": QUICK, "columns": names},
    ):
        renamed = compare_labelers(LABELERS, X, y, **stated, **options)
        np.testing.assert_allclose(renamed.table["mean"], plain.table["mean"])


def test_no_explicit_feedback_no_neg(log):
    """Without explicit feedback, S is the sum of the other two."""
    found = compare(log, {"PCR": PlayCompletionRate()}, columns=Columns(explicit=()))
    assert list(found.table["metric"]) == ["NWTG", "DS", "S"]


def test_a_list_of_one_has_no_spread(log):
    """So S sums the other two there, and all three of longer lists."""
    found = compare(log, k=[1, 5])
    table, random = means(found.table), found.reference
    for k, metrics in {1: ["NWTG", "NEG"], 5: ["NWTG", "DS", "NEG"]}.items():
        parts = [table["WT", k, name] / random[k, name] for name in metrics]
        assert table["WT", k, "S"] == pytest.approx(sum(parts))


def test_further_scorers_are_measured_along(log):
    """They have rows of their own, and S is the same as without them."""
    seconds = replace(ds_scorer, column="watch_time", table="y")
    found = means(compare(log, k=5, scorers={"spread": seconds}).table)
    plain = means(compare(log, k=5).table)
    assert found["WT", 5, "spread"] > 0
    assert found["WT", 5, "S"] == pytest.approx(plain["WT", 5, "S"])


def test_parts_must_have_their_names(log):
    """A mapping of other parts is refused with what it has."""
    with pytest.raises(ValueError, match=r"'train' and 'test'.* got \['training'\]"):
        compare(log, cv={"training": log.split.train})
    with pytest.raises(ValueError, match=r"'train' and 'test'.* got \['train', 1\]"):
        compare(log, cv={"train": [0], 1: [1]})


@pytest.mark.parametrize(
    "rows", [3, [[0]], [[0], [1, 2]], ["a"], [0.5], [10**6], [-(10**6)]]
)
def test_parts_must_be_positions_of_rows(log, rows):
    """Anything else is refused by the name of the part."""
    with pytest.raises(ValueError, match="'test' of cv must be positions of the"):
        compare(log, cv={"train": log.split.train, "test": rows})


def test_parts_may_be_masks(log):
    """Of all rows, of which some are in the part."""
    rows = np.arange(len(log.data))
    masks = {part: np.isin(rows, log.split[part]) for part in ("train", "test")}
    plain = {part: np.flatnonzero(mask) for part, mask in masks.items()}
    tables = [compare(log, cv=cv).table for cv in (masks, plain)]
    pd.testing.assert_frame_equal(*tables)
    with pytest.raises(ValueError, match=r"'train' of cv must be positions .* mask"):
        compare(log, cv=masks | {"train": masks["train"][:-5]})
    with pytest.raises(ValueError, match="'test' of cv has no rows"):
        compare(log, cv=masks | {"test": rows < 0})


def test_a_log_in_files_is_refused(log):
    """Whatever the folds are."""
    for cv in (log.split, 3):
        with pytest.raises(ValueError, match=r"table in memory, got 'log\.parq"):
            compare_labelers({"never": Never()}, "log.parquet", log.target, cv=cv)


def test_there_is_a_fold(log):
    """An empty list of them is refused."""
    with pytest.raises(ValueError, match=r"cv must have at least one fold, got \[\]"):
        compare(log, cv=[])


@pytest.mark.parametrize("labeler", [None, 3, WatchTime])
def test_methods_are_estimators(log, labeler):
    """One that is none is named."""
    with pytest.raises(ValueError, match=r"labelers must be estimators, .* for 'a'"):
        compare(log, {"a": labeler})


@pytest.mark.parametrize("name", [None, True, ("a", "b"), b"a"])
@pytest.mark.parametrize("what", ["labelers", "scorers"])
def test_names_are_text(log, what, name):
    """Those of methods and metrics stand in the table, and say so before any fit."""
    named = {"labelers": {name: Never()}, "scorers": {name: ds_scorer}}[what]
    message = f"names in {what} must be text.* got {re.escape(repr(name))}"
    with pytest.raises(ValueError, match=message):
        compare(log, **{"labelers": {"never": Never()}} | {what: named})


@pytest.mark.parametrize("name", ["NWTG", "DS", "NEG", "S"])
def test_names_of_the_metrics_are_taken(log, name):
    """A further scorer would stand in their place, also where NEG is not measured."""
    with pytest.raises(ValueError, match=f"other than .*'S'.*, got '{name}'"):
        compare(log, {"never": Never()}, scorers={name: ds_scorer})


@pytest.mark.parametrize(
    "k", [[], ["a"], [1.5], [10, 0], np.array(1.5), True, [10, True]]
)
def test_lists_have_whole_lengths(log, k):
    """One or several of them."""
    with pytest.raises(ValueError, match="k must be one or several whole numbers"):
        compare(log, k=k)


def test_unknown_method_to_compare_with(log):
    """The method to compare with must be there."""
    with pytest.raises(ValueError, match="against must be one of"):
        compare(log, against="DVR")


def test_methods_inherit_the_longest_k(log):
    """A crafter without a k of its own is trained for it; a stated one is kept."""
    crafter = LabelCrafter(MLPRanker(max_epochs=1), starts=[(0, 1, 1)])
    stated = clone(crafter).set_params(k=4)
    found = compare(
        log,
        {"inherits": crafter, "states": stated},
        k=[3, 5],
        recommender=None,
        return_estimator=True,
    )
    trained = {name: e[0].labeler_.k for name, e in found.estimators.items()}
    assert trained == {"inherits": 5, "states": 4}


STATED = MLPRanker(max_epochs=1, random_state=0)
SETTLED = {
    "the whole": LabelCraftRecommender(WatchTime(), QUICK.ranker, random_state=0),
    "its ranker": LabelCraftRecommender(WatchTime(), STATED),
    "its default ranker": LabelCraftRecommender(WatchTime(), random_state=0),
    "both": LabelCraftRecommender(LabelCrafter(random_state=0), STATED),
    "another library's": LabelCraftRecommender(
        D2Q(), HistGradientBoostingRegressor(random_state=0)
    ),
    "a fusion": FusedRecommender([("WT", QUICK), ("D2Q", QUICK)], random_state=0),
    "within": Pipeline([("all", clone(QUICK).set_params(random_state=0))]),
}


@pytest.mark.parametrize("case", SETTLED)
def test_seeds_must_make_a_difference(log, case):
    """A random state that is stated, or inherited from one, makes all fits the same."""
    methods = {"WT": WatchTime(), "same": SETTLED[case]}
    with pytest.raises(ValueError, match="2 fits of 'same' would be the same"):
        compare(log, methods, n_seeds=2)


OPEN = {
    "a crafter": LabelCraftRecommender(LabelCrafter(), STATED),
    "the default of a part": LabelCraftRecommender(ranker=STATED),
    "the weights of a fusion": FusedRecommender(
        [("a", SETTLED["its ranker"]), ("b", SETTLED["its ranker"])]
    ),
    "another library's": LabelCraftRecommender(
        D2Q(), HistGradientBoostingRegressor(), random_state=None
    ),
    "nothing that draws": LabelCraftRecommender(D2Q(), Ridge()),
}


@pytest.mark.parametrize("case", OPEN)
def test_a_part_that_is_open_follows_the_seeds(case):
    """However many others state theirs; and what draws nothing is the user's choice."""
    check_seeds("method", OPEN[case], 2)


def test_missing_users_are_one_user_everywhere(log):
    """Table, values of users and their intervals count them alike."""
    X = log.data.assign(user_id=log.data["user_id"].where(log.data["user_id"] > 5))
    found = compare_labelers(
        {"WT": WatchTime()},
        X,
        log.target,
        cv=log.split,
        recommender=QUICK,
        n_seeds=1,
        k=5,
        random_state=0,
    )
    users = found.users["WT"]
    assert len(users) == 40 - 6 + 1
    expected = users[5, "NWTG"].mean()
    assert means(found.table)["WT", 5, "NWTG"] == pytest.approx(expected)


REFUSED = {
    "another y": ({"cv": 3, "y": np.ones(9)}, "so y must be one with the feedback"),
    "one pair": ({"cv": ([0, 1, 2], [3, 4])}, r"say \[\(train, test\)\]"),
    "groups": ({"cv": GroupKFold(3)}, "cross-validator that needs no groups"),
    "empty part": (
        {"cv": {"train": np.arange(99), "valid": [], "test": np.arange(99)}},
        "the part 'valid' of cv has no rows",
    ),
    "no methods": ({"labelers": {}}, "at least one method"),
    "scorer by name": ({"scorers": {"x": "r2"}}, "or LogScorers, got 'r2' for 'x'"),
    "several outputs": ({"labelers": {"r": Ridge()}}, "one per row, .* got .*4"),
    "too long a list": ({"k": 60}, "more than k=60 rows in the part 'test' of cv"),
    "too short a part": (
        {"cv": {"train": np.arange(99), "valid": np.arange(9), "test": np.arange(99)}},
        "no user has more than k=10 rows in the part 'valid' of cv; the longest of 1",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compared(log, case):
    """The error says what was wanted and what was got."""
    options, message = REFUSED[case]
    numbers = log.data.drop(columns="tag") if "labelers" in options else log.data
    with pytest.raises((ValueError, TypeError), match=message):
        compare_labelers(
            **{"labelers": LABELERS, "X": numbers, "y": log.target, "cv": log.split}
            | {"recommender": QUICK, "n_seeds": 1}
            | options
        )


def test_too_long_lists_are_told_before_any_fit(log):
    """Nothing is fitted for nothing."""
    with pytest.raises(ValueError, match="no user has more than k=60 rows"):
        compare(log, {"never": Never()}, k=[5, 60])


def test_parameters_of_what_is_compared_are_checked(log):
    """Those of labelers and of the ranker that they share."""
    wrong = clone(QUICK).set_params(ranker__loss="mse")
    with pytest.raises(ValueError, match="The 'loss' parameter"):
        compare(log, recommender=wrong)


def test_what_is_no_table_is_told(log):
    """Before anything is fitted, also where a row of it could be taken."""
    sparse = csr_array(np.ones((len(log.data), 4)))
    with pytest.raises(TypeError, match="dense data is required"):
        compare_labelers(LABELERS, sparse, np.ones(len(log.data)), cv=log.split)


@pytest.mark.parametrize("kind", [pl.from_pandas, pd.DataFrame.to_numpy])
def test_a_row_that_cannot_be_measured_is_named_before_any_fit(log, kind):
    """By where it is in the log, not in its part; rows in no part are not looked at."""
    bad = log.target.assign(like=log.target["like"].where(log.data.index != 2000, -1))
    positions = Columns(0, 1, 2, 3, watch_time=0, explicit=(1, 2, 3))
    columns = Columns() if kind is pl.from_pandas else positions
    data, options = (kind(log.data), kind(bad)), {"n_seeds": 1, "columns": columns}
    never = {"never": Never()}
    within, before = ([([0, 1], np.arange(1600, end))] for end in (2100, 2000))
    with pytest.raises(ValueError, match=r"the first is row 2000: -1"):
        compare_labelers(never, *data, cv=within, **options)
    with pytest.raises(AssertionError, match="fitted"):
        compare_labelers(never, *data, cv=before, **options)
