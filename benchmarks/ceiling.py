"""How far any label could lead: alone, and as one more head of the tuned fusion.

On planted logs, in hindsight: the best of 27 labels blended from the ranks of WT, D2Q,
EF and the duration; the expected preference given the feedback, learned from what was
planted; the best of 15 labels without noise, from the ranks of the expected watch time,
the preference and the duration; and the truth itself, tuned, in place of all heads.
"Best" is the highest mean S on the test part, which no method could choose by.

    python benchmarks/ceiling.py
"""

import argparse
from itertools import product

import numpy as np
import pandas as pd
from _logs import EXPLICIT, REGIMES, parts_of, planted
from _methods import HAND_MADE, recommender, singles, two_headed
from _results import keep_frame
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer

from sklabelcraft import (
    D2Q,
    Columns,
    ExplicitFeedback,
    FusedRecommender,
    LabelCrafter,
    WatchTime,
    compare_labelers,
)
from sklabelcraft._estimator import inherit

WATCH = [(1, 0), (1, 1), (0, 1)]  # watch time and D2Q, or preference
FEEDBACK = [(*watch, *rest) for watch, *rest in product(WATCH, (0, 1, 3), (0, 0.3, 1))]
TRUTH = [(*watch, *rest) for watch, *rest in product(WATCH, (0, 0.1, 0.3, 1, 3))]

FEEDBACK_COLUMNS = ["watch_time", "duration", *EXPLICIT]
PARTS = [
    "WT",
    "D2Q",
    "EF",
    "CDF by item",
    "WT+EF",
]  # of the fusion without a learned label
FIRST_LOG = 100


def column(name):
    """A column of the log as it is."""
    return make_column_transformer(("passthrough", [name]))


SIGNALS = {
    "watch": WatchTime(),
    "D2Q": D2Q(),
    "EF": ExplicitFeedback(),
    "duration": column("duration"),
}
EXPECTED = {name: column(name) for name in ("expected", "preference", "duration")}


def mixture(parts, weights):
    """A label: the mean of the ranks of some signals."""
    return make_pipeline(
        FeatureUnion(list(parts.items())),
        QuantileTransformer(subsample=None),
        FunctionTransformer(np.average, kw_args={"axis": 1, "weights": weights}),
        FunctionTransformer(np.reshape, kw_args={"shape": (-1, 1)}),
    )


class Posterior(BaseEstimator):
    """The expected preference given the feedback, as nobody can learn it."""

    def fit(self, log, y=None):
        """Learn it from the planted preference."""
        self.model_ = HistGradientBoostingRegressor(min_samples_leaf=100)
        self.model_.fit(log[FEEDBACK_COLUMNS], log["preference"])
        return self

    def transform(self, log):
        """One label per row."""
        return self.model_.predict(log[FEEDBACK_COLUMNS])[:, None].clip(0, 1)


class Truth(BaseEstimator):
    """Scores rows by what no recommender can see: what is watched, what is wanted."""

    def __init__(self, frame):
        self.frame = frame

    def fit(self, X, y):
        """Learn nothing."""
        self.fitted_ = True
        return self

    def predict(self, X):
        """The logarithm of the expected seconds, and the preference."""
        truth = self.frame.loc[X.index, ["expected", "preference"]].to_numpy()
        return np.column_stack([np.log(truth[:, 0]), truth[:, 1]])


def expected_seconds(log, duration_bias=0.6, noise=0.6, replays=0.1, idle=0.0, **_):
    """Mean watch time given preference and duration, as ``make_short_videos`` draws."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    duration = log.frame["duration"].to_numpy()
    log_duration = np.log(duration)[:, None]
    longer = duration_bias * (log_duration - 3.6)
    mean = 2.2 + 0.8 * log.preference[:, None] + longer
    share = np.exp(mean + noise * nodes - log_duration)
    share = np.where(share < 1, share, 1 + 0.7 * replays)
    return duration * (np.average(share, axis=1, weights=weights) + 2 * idle)


def labels():
    """Labels by family and name."""
    baselines = singles() | {"WT+EF": two_headed()["WT+EF"]}
    made = {("baseline", name): row for name, row in baselines.items()}
    del made["baseline", "LabelCraft"]
    made["LabelCraft", ""] = recommender(LabelCrafter())
    made["posterior", ""] = recommender(Posterior())
    for weights in FEEDBACK:
        made["best blend", weights] = recommender(mixture(SIGNALS, weights))
    for weights in TRUTH:
        made["noise-free", weights] = recommender(mixture(EXPECTED, weights))
    return made


def fitted(estimator, parts, columns, seed):
    """The estimator, trained once and for all."""
    estimator = inherit(estimator, columns=columns, random_state=seed)
    return FrozenEstimator(estimator.fit(*parts["train"], *parts["valid"]))


def measure(regime, seed):
    """S of all labels on one log, alone and as one more head."""
    log = planted(regime, seed)
    log.target["expected"] = expected_seconds(log, **REGIMES[regime])
    columns = Columns(explicit=EXPLICIT)
    parts = parts_of(log)
    alone = {name: fitted(row, parts, columns, seed) for name, row in labels().items()}
    heads = [(name, alone["baseline", name]) for name in PARTS]
    compared = {("alone", *name): row for name, row in alone.items()}
    compared["fused", "baseline", HAND_MADE] = FusedRecommender(heads)
    for (family, name), row in alone.items():
        if family != "baseline":
            more = FusedRecommender([*heads, ("one more", row)])
            compared["fused", family, name] = more
    truth = Truth(pd.concat([log.data, log.target], axis=1))
    compared["fused", "truth", ""] = FusedRecommender([("truth", truth)])
    found = compare_labelers(
        {str(name): row for name, row in compared.items()},
        log.data,
        log.target,
        cv=log.split,
        columns=columns,
        n_seeds=1,
        n_bootstrap=1,
        random_state=seed,
    )
    total = found.table.set_index("method").query("metric == 'S'")["mean"]
    values = total.loc[map(str, compared)].to_numpy()
    how, family, name = zip(*compared, strict=True)
    names = map(str, name)
    return pd.DataFrame({"how": how, "family": family, "name": names, "S": values})


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regimes", nargs="+", default=list(REGIMES))
    parser.add_argument("--logs", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    for regime in options.regimes:
        seeds = range(FIRST_LOG, FIRST_LOG + options.logs)
        found = Parallel(options.jobs)(delayed(measure)(regime, s) for s in seeds)
        values = pd.concat(dict(zip(seeds, found, strict=True)), names=["log"])
        mean = values.groupby(["how", "family", "name"], sort=False)["S"].mean()
        print(f"\n{regime}, {options.logs} logs, test part, k = 10: best mean S\n")
        for how, rows in mean.groupby("how", sort=False):
            best = rows.groupby("family", sort=False).max()
            ahead = best / best["baseline"] - 1
            told = pd.DataFrame(
                {"S": best.round(3), "ahead": ahead.map("{:+.1%}".format)}
            )
            print(f"{how}\n{pd.DataFrame(told).T.to_string()}", flush=True)
        keep_frame(f"ceiling_{regime.replace(' ', '_')}", values.reset_index("log"))


if __name__ == "__main__":
    main()
