"""Transfer: labels learned along with one ranker, used to train others.

For each seed a LabelCrafter learns its label along with an MLPRanker. The finished
label, frozen, and the baselines' labels then train a fresh MLPRanker, a DINRanker and
scikit-learn's gradient boosting on target encodings. +- is the standard error over
seeds.

    python benchmarks/transfer.py --data kuairand
"""

import argparse

import pandas as pd
from _logs import load, parts_of
from _methods import singles, with_explicit
from _results import keep_frame
from joblib import Parallel, delayed
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder

from sklabelcraft import (
    DIN,
    Columns,
    DINRanker,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
    compare_labelers,
)

SINGLE = ["PC", "PCR", "WT", "EF", "D2Q", "DVR"]
NUMBERS = ["duration", "hour"]


def rankers(log):
    """The models that the labels train."""
    categories = [c for c in log.data if c not in [*NUMBERS, "timestamp"]]
    numbers = [column for column in NUMBERS if column in log.data]
    encoded = make_column_transformer(
        (TargetEncoder(target_type="continuous"), categories), ("passthrough", numbers)
    )
    return {
        "MLPRanker": MLPRanker(),
        "DINRanker": DINRanker(DIN(history_length=20)),
        "boosting": make_pipeline(encoded, HistGradientBoostingRegressor()),
    }


def run(log, explicit, seed):
    """S and the metrics of every label with every ranker, for one seed."""
    parts = parts_of(log)
    columns, paper = Columns(explicit=explicit), singles()
    joint = paper["LabelCraft"].set_params(columns=columns, random_state=seed)
    joint.fit(*parts["train"], *parts["valid"])
    labelers = {"LabelCraft": FrozenEstimator(joint.labeler_)}
    labelers |= {name: paper[name].labeler for name in SINGLE}
    compared = {
        f"{model} on {name}": LabelCraftRecommender(labeler, ranker)
        for model, ranker in rankers(log).items()
        for name, labeler in labelers.items()
    }
    for model in ("MLPRanker", "DINRanker"):
        compared[f"{model} on WT+EF"] = LabelCraftRecommender(
            with_explicit(WatchTime()), rankers(log)[model]
        )
    compared["joint"] = FrozenEstimator(joint)
    found = compare_labelers(
        compared,
        log.data,
        log.target,
        cv=log.split,
        columns=columns,
        n_seeds=1,
        n_bootstrap=1,
        random_state=seed + 100,
    )
    table = found.table.pivot(index="method", columns="metric", values="mean")
    return table.loc[list(compared), ["NWTG", "DS", "NEG", "S"]]


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="kuairand", help="as in paper_table.py")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    log, explicit = load(options.data)
    found = Parallel(options.jobs)(
        delayed(run)(log, explicit, seed) for seed in range(options.seeds)
    )
    values = pd.concat(dict(enumerate(found)), names=["seed"])
    by_method = values.groupby("method", sort=False)
    mean, error = by_method.mean(), by_method.sem()
    shown = mean.map("{:.3f}".format) + error.map(" +-{:.3f}".format)
    shown["S of joint"] = (mean["S"] / mean.loc["joint", "S"]).map("{:.1%}".format)
    print(f"Test part, k = 10, {options.seeds} seed(s)\n")
    print(shown.to_string())
    keep_frame(f"transfer_{options.data}", values.reset_index())


if __name__ == "__main__":
    main()
