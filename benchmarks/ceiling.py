"""How far any label could lead: mixtures chosen in hindsight, and the planted truth.

On logs other than those of regimes.py. In each family the mixture with the highest mean
S on the test parts is shown, which no method could have chosen:

- feedback: the ranker trained on blends of WT, D2Q, EF and the duration, as ranks;
- noise-free: the same ranker trained on blends of what is expected, given the planted
  truth: watch time, preference and the duration;
- truth: the latter blends themselves as the scores of the test rows.

    python benchmarks/ceiling.py
"""

import argparse
from itertools import product

import numpy as np
import pandas as pd
from _logs import EXPLICIT, REGIMES, planted
from _methods import methods
from _results import keep_frame
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer

from sklabelcraft import (
    D2Q,
    Columns,
    ExplicitFeedback,
    WatchTime,
    compare_labelers,
)

WATCH = [(1, 0), (1, 1), (0, 1)]  # watch time and D2Q, or preference
FEEDBACK = [(*watch, *rest) for watch, *rest in product(WATCH, (0, 1, 3), (0, 0.3, 1))]
TRUTH = [(*watch, *rest) for watch, *rest in product(WATCH, (0, 0.1, 0.3, 1, 3))]

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


class Truth(BaseEstimator):
    """Scores rows by a mixture of what no recommender can see."""

    def __init__(self, frame, label):
        self.frame = frame
        self.label = label

    def fit(self, X, y, X_val=None, y_val=None):
        """Learn the ranks."""
        self.label.fit(self.frame)
        return self

    def predict(self, X):
        """The mixture for each row."""
        return self.label.transform(self.frame.loc[X.index])[:, 0]


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


def measure(regime, seed):
    """S of all methods on one log."""
    log = planted(regime, seed)
    log.target["expected"] = expected_seconds(log, **REGIMES[regime])
    frame = pd.concat([log.data, log.target], axis=1)
    compared = {("method", name): row for name, row in methods().items()}
    for weights in FEEDBACK:
        compared["feedback", weights] = mixture(SIGNALS, weights)
    for weights in TRUTH:
        label = mixture(EXPECTED, weights)
        compared["noise-free", weights] = label
        compared["truth", weights] = Truth(frame, label)
    found = compare_labelers(
        {str(name): row for name, row in compared.items()},
        log.data,
        log.target,
        cv=log.split,
        columns=Columns(explicit=EXPLICIT),
        n_seeds=1,
        n_bootstrap=1,
        random_state=seed,
    )
    total = found.table.set_index("method").query("metric == 'S'")["mean"]
    values = total.loc[map(str, compared)].to_numpy()
    family, name = zip(*compared, strict=True)
    return pd.DataFrame({"family": family, "name": map(str, name), "S": values})


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
        mean = values.groupby(["family", "name"], sort=False)["S"].mean()
        print(f"\n{regime}, {options.logs} logs, test part, k = 10: mean S\n")
        for family, rows in mean.groupby("family", sort=False):
            best = rows.droplevel(0).sort_values(ascending=False)[:3].round(3)
            print(f"{family:10s} {best.to_dict()}", flush=True)
        keep_frame(f"ceiling_{regime.replace(' ', '_')}", values.reset_index("log"))


if __name__ == "__main__":
    main()
