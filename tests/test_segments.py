"""Comparing by segment of the users, with further metrics."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator

from sklabelcraft import (
    Columns,
    ObjectiveTradeoffDisplay,
    auc_scorer,
    compare_labelers,
    ds_scorer,
    gauc_scorer,
    neg_scorer,
    nwtg_scorer,
    split_by_time,
    top_k_coverage_scorer,
    top_k_recall_scorer,
)

FURTHER = {
    "AUC": auc_scorer,
    "GAUC": gauc_scorer,
    "recall": top_k_recall_scorer,
    "coverage": top_k_coverage_scorer,
}
SCORERS = {"NWTG": nwtg_scorer, "DS": ds_scorer, "NEG": neg_scorer} | FURTHER
KEY = ["method", "k", "metric"]


class ByColumn(BaseEstimator):
    """Ranks by a column, with some noise of its seed."""

    def __init__(self, column="duration", noise=0.0, random_state=None):
        self.column, self.noise, self.random_state = column, noise, random_state

    def fit(self, X, y):
        return self

    def predict(self, X):
        rng = np.random.RandomState(self.random_state)
        noise = self.noise * rng.normal(size=len(X))
        return np.asarray(X[self.column], dtype=float) + noise


METHODS = {"long": ByColumn(), "item": ByColumn("item_id"), "noise": ByColumn(noise=99)}


def options_of(log):
    """What all comparisons here are made with, unless they say otherwise."""
    return {
        "cv": {"train": log.split.train, "test": log.split.test},
        "scorers": FURTHER,
        "n_seeds": 2,
        "n_bootstrap": 50,
        "random_state": 0,
    }


def compare(log, X=None, **options):
    X = log.data if X is None else X
    return compare_labelers(METHODS, X, log.target, **options_of(log) | options)


def means(table):
    """The means by method, k and metric."""
    return table.set_index(KEY)["mean"]


@pytest.fixture(scope="module")
def country(log):
    """Users of two countries, of one country with a single user, and of none known."""
    names = np.array(["AT", "BR", "CZ", None], dtype=object)
    user = log.data["user_id"].to_numpy()
    return names[np.select([user == 7, user == 8], [2, 3], user % 2)]


@pytest.fixture(scope="module")
def found(log, country):
    return compare(log, k=[5, 10], segment=country)


def test_further_metrics_are_those_of_their_scorers(log, found):
    """GAUC by impressions, AUC and coverage of all lists together."""
    X, y = (part.iloc[log.split.test] for part in (log.data, log.target))
    table = means(found.table[found.table["segment"] == "all users"])
    for metric, scorer in SCORERS.items():
        for k in (5, 10):
            expected = replace(scorer, k=k)(ByColumn(), X, y)
            assert table["long", k, metric] == pytest.approx(expected, rel=1e-12)


def test_metrics_stand_in_their_order(found):
    """First ours, then those that were asked for, and S."""
    order = [*SCORERS, "S"]
    assert found.table["metric"].head(8).tolist() == order
    assert found.reference[5].index.tolist() == order[:-1]


def test_random_lists_are_worth_what_chance_is(found):
    """Half of all pairs, k of n liked ones, and more items than any method shows."""
    chance = found.reference[5]
    assert chance["AUC"] == pytest.approx(0.5, abs=0.02)
    assert chance["GAUC"] == pytest.approx(0.5, abs=0.03)
    assert chance["recall"] == pytest.approx(5 / 15, abs=0.03)
    assert chance["coverage"] > means(found.segments["AT"].table)["item", 5, "coverage"]


def test_gauc_counts_users_by_impressions(log):
    """Also in the bootstrap: its error is that of a weighted mean."""
    rows = log.split.test[7:]  # of the first user, half
    cv = {"train": log.split.train, "test": rows}
    found = compare(log, cv=cv, k=5, n_bootstrap=2000)
    of_users = found.users["long"][5, "GAUC"]
    weights = np.array([8] + [15] * 39) * of_users.notna()
    mean = np.average(of_users.fillna(0), weights=weights)
    row = found.table.set_index(KEY).loc["long", 5, "GAUC"]
    assert row["mean"] == pytest.approx(mean, rel=1e-12)
    shares = weights / weights.sum()
    error = np.sqrt((shares**2 * (of_users - mean).fillna(0) ** 2).sum())
    assert row["se_users"] == pytest.approx(error, rel=0.15)


def test_what_only_all_users_have_has_no_error_over_users(found):
    """Of AUC and coverage there is the error over seeds, and the difference."""
    rows = found.table.set_index(["segment", *KEY]).loc["all users"]
    for metric in ("AUC", "coverage"):
        row = rows.loc["noise", 5, metric]
        assert row[["se_users", "low", "high", "p_value"]].isna().all()
        assert row["se_seeds"] > 0
        assert row["difference"] == 0
        assert (5, metric) not in found.users["noise"]
    assert rows.loc["noise", 5, "GAUC"]["se_users"] > 0


def test_all_users_are_told_first_and_as_without_segments(log, found):
    """The segment is the first column, and changes nothing of the whole."""
    plain = compare(log, k=[5, 10])
    names = found.table["segment"].unique()
    assert names[:2].tolist() == ["all users", "AT"]
    assert found.table.columns[0] == "segment"
    whole = found.table[found.table["segment"] == "all users"]
    pd.testing.assert_frame_equal(whole.drop(columns="segment"), plain.table)
    pd.testing.assert_series_equal(found.reference, plain.reference)
    assert "segments" not in plain


def test_a_segment_is_measured_as_a_log_of_its_own(log, country, found):
    """All metrics, also those of all users together; S, by random lists of its own."""
    mine = (country == "BR")[log.split.test]
    X, y = (part.iloc[log.split.test][mine] for part in (log.data, log.target))
    table = found.table.set_index(["segment", *KEY])["mean"]
    for metric, scorer in SCORERS.items():
        expected = replace(scorer, k=5)(ByColumn("item_id"), X, y)
        assert table["BR", "item", 5, metric] == pytest.approx(expected, rel=1e-12)
    brazil = found.segments["BR"]
    assert set(brazil.users["item"].index) == set(X["user_id"])
    parts = [
        table["BR", "item", 5, metric] / brazil.reference[5, metric]
        for metric in ("NWTG", "DS", "NEG")
    ]
    assert table["BR", "item", 5, "S"] == pytest.approx(sum(parts))
    assert brazil.reference[5, "DS"] != found.reference[5, "DS"]
    of_segment = found.table[found.table["segment"] == "BR"].drop(columns="segment")
    assert of_segment.reset_index(drop=True).equals(brazil.table)


def test_users_are_counted(log, country, found):
    """Those that have the metric; of all together, those that take part."""
    rows = found.table.set_index(["segment", *KEY])["n_users"]
    liked = log.target.loc[log.split.test, ["like", "follow", "comment"]].any(axis=1)
    users = log.data.loc[log.split.test, "user_id"]
    some = set(users[liked])
    assert rows["all users", "long", 5, "NEG"] == len(some)
    assert rows["all users", "long", 5, "S"] == len(some)
    assert rows["all users", "long", 5, "AUC"] == 40
    assert rows["AT", "long", 5, "recall"] == len([u for u in some if u % 2 == 0]) - (
        8 in some
    )
    assert rows["AT", "long", 5, "coverage"] == rows["AT", "long", 5, "DS"] == 19


def test_one_user_has_no_error_over_users(found):
    """Nor an interval; a segment that is not known is one, too."""
    table = found.table
    for mine in (table["segment"] == "CZ", table["segment"].isna()):
        rows = table[mine & (table["metric"] == "DS")]
        assert (rows["n_users"] == 1).all()
        assert rows["mean"].notna().all()
        assert rows[["se_users", "low", "high", "p_value"]].isna().all(axis=None)
        assert not rows["best"].any()


def test_a_metric_of_one_user_has_no_error(log):
    """Nor has S, of which it is a part, though other metrics have it."""
    y = log.target * [1, 0, 0, 0]
    y.loc[log.split.test[3], "like"] = 1
    found = compare_labelers(METHODS, log.data, y, **options_of(log), k=5)
    rows = found.table.query("method == 'long'").set_index("metric")
    for metric in ("NEG", "GAUC", "recall", "S"):
        assert rows.loc[metric, "n_users"] == 1
        assert rows.loc[metric, ["se_users", "low", "high", "p_value"]].isna().all()
    assert rows.loc["NWTG", "n_users"] == 40
    assert rows.loc["NWTG", "se_users"] > 0
    best = found.table["metric"][found.table["best"]]
    assert set(best) <= {"NWTG", "DS"}


def test_a_segment_with_too_short_lists_has_no_values(log):
    """Its rows say so; one with lists for the shorter k has those."""
    kept = np.ones(len(log.data), dtype=bool)
    for user, n_rows in {3: 4, 4: 9}.items():
        rows = log.split.test[log.data["user_id"].iloc[log.split.test] == user]
        kept[rows[n_rows:]] = False
    test = log.split.test[kept[log.split.test]]
    segment = log.data["user_id"].map({3: "none", 4: "short"}).fillna("long")
    cv = {"train": log.split.train, "test": test}
    found = compare(log, cv=cv, k=[5, 10], segment=segment)
    rows = found.table.set_index(["segment", *KEY])
    assert len(rows) == 4 * 3 * 2 * 8
    for name, k in [("none", 5), ("none", 10), ("short", 10)]:
        none = rows.xs((name, k), level=["segment", "k"])
        assert none["mean"].isna().all()
        assert (none["n_users"] == 0).all()
    assert rows.loc["short", "long", 5, "DS"]["n_users"] == 1
    assert list(found.segments) == ["long", "short"]
    assert "-" in found.summary().loc["none"].to_numpy()


def test_segments_of_several_folds(log, country):
    """Users are met in several of them, and count once."""
    found = compare(log, cv=3, k=5, segment=country)
    X, scorer = log.data[country == "BR"], replace(ds_scorer, k=5)
    folds = [X[(X.index >= low) & (X.index < low + 800)] for low in (0, 800, 1600)]
    values = [scorer.per_user(fold["duration"], fold) for fold in folds]
    brazil = means(found.segments["BR"].table)
    of_users = pd.concat(values).groupby(level=0).mean()
    assert brazil["long", 5, "DS"] == pytest.approx(of_users.mean())


def test_a_column_or_values_beside_it(log, country, found):
    """Both say the same, of any kind of table; validation has segments, too."""
    X = log.data.assign(country=country)
    named = compare(log, X, k=[5, 10], segment="country")
    pd.testing.assert_frame_equal(named.table, found.table)
    frame = pl.DataFrame(log.data.to_dict("list"))
    frame = frame.with_columns(pl.Series("country", list(country)))
    target = pl.DataFrame(log.target.to_dict("list"))
    for segment in ("country", frame["country"]):
        other = compare_labelers(
            METHODS, frame, target, **options_of(log), k=[5, 10], segment=segment
        )
        pd.testing.assert_series_equal(other.table["mean"], found.table["mean"])


def test_validation_has_segments_as_well(log, country):
    """In a table of its own."""
    found = compare(log, cv=log.split, k=5, segment=country)
    assert set(found.validation.segments) == set(found.segments)
    assert not found.validation.table["mean"].equals(found.table["mean"])


def test_new_users_are_a_segment(log):
    """After a global cut, those of whom nothing was learned."""
    late = log.data["user_id"] > 29
    X = log.data.assign(timestamp=log.data["timestamp"] + 60 * late)
    cv = split_by_time(X, by="global", valid=0, test=45)
    del cv["valid"]
    segment = np.where(X["user_id"].isin(X["user_id"].iloc[cv.train]), "known", "new")
    found = compare(log, X, cv=cv, k=5, segment=segment)
    assert set(found.segments["new"].users["long"].index) == set(range(30, 40))
    assert set(found.segments["known"].users["long"].index) == set(range(30))


def test_a_user_of_two_segments_is_named(log):
    """Only measured rows count."""
    segment = np.zeros(len(log.data))
    segment[log.split.train] = 1
    assert list(compare(log, k=5, segment=segment).segments) == [0]
    segment[log.split.test[-1]] = 2
    with pytest.raises(ValueError, match=r"each user, got \[0, 2\] for user 39"):
        compare(log, k=5, segment=segment)


REFUSED = {
    "no column": ("country", "column 'country' is not in the log"),
    "other length": ([1, 2], "segment must have a value for each of the 2400 rows"),
    "several columns": (np.zeros((2400, 2)), "segment must be one column"),
    "taken name": (["all users"] * 2400, "no segment may be called 'all users'"),
    "a number": (1.5, "The 'segment' parameter"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_segment(log, case):
    """The error names the parameter."""
    segment, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        compare(log, segment=segment)


def test_all_rows_may_be_one_users(log):
    """Then they are of one segment."""
    columns = Columns(user=None)
    found = compare(log, k=5, columns=columns, segment=np.zeros(2400))
    assert len(found.segments[0].users["long"]) == 1


def test_the_tradeoff_is_drawn_of_all_users_or_of_a_segment(found):
    """It takes the rows that belong together."""
    pytest.importorskip("matplotlib").use("Agg")
    table = found.table[found.table["segment"] == "all users"]
    for comparison, of in [(found, table), (found.segments["BR"], None)]:
        of = comparison.table if of is None else of
        display = ObjectiveTradeoffDisplay.from_comparison(comparison)
        assert display.means["DS"]["long"] == means(of)["long", 5, "DS"]
