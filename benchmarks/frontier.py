"""The frontier: what can be had of watch time, explicit engagement and spread at once.

LabelCraft under ten weightings of the objectives, against the baselines and against the
best hand-made rival, the blends rank(WT) + lambda EF and rank(D2Q) + lambda EF. The
measure is the volume that the methods' NWTG, NEG and DS dominate: each relative to
lists shown at random, above 1; and between the lowest and the highest of any method.

    python benchmarks/frontier.py --data kuairand
"""

import argparse

import numpy as np
import pandas as pd
from _logs import load
from _methods import methods
from _results import keep
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer

from sklabelcraft import (
    D2Q,
    Columns,
    ExplicitFeedback,
    LabelCrafter,
    WatchTime,
    compare_labelers,
)
from sklabelcraft._bootstrap import METRICS, resampled_means

WEIGHTS = [
    (1, 1, 1),
    (3, 1, 1),
    (1, 3, 1),
    (1, 1, 3),
    (3, 3, 1),
    (3, 1, 3),
    (1, 3, 3),
    (9, 1, 1),
    (1, 9, 1),
    (1, 1, 9),
]
LAMBDAS = [0, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100]
K = 10


def blend(labels, weight):
    """The first label plus a weight times the second, within [0, 1]."""
    return (labels @ np.array([[1.0], [weight]])) / (1 + weight)


def hand_made(watch, weight):
    """The label rank(watch) + weight EF."""
    ranked = make_pipeline(watch, QuantileTransformer(subsample=None))
    both = FeatureUnion([("watch", ranked), ("explicit", ExplicitFeedback())])
    return make_pipeline(both, FunctionTransformer(blend, kw_args={"weight": weight}))


def families():
    """The labelers or recommenders of each family, by name."""
    baselines = methods()
    del baselines["LabelCraft"]
    blends = {("WT", weight): hand_made(WatchTime(), weight) for weight in LAMBDAS}
    blends |= {("D2Q", weight): hand_made(D2Q(), weight) for weight in [*LAMBDAS, 200]}
    crafters = {w: LabelCrafter(objective_weights=w) for w in WEIGHTS}
    return {
        "baselines": {f"baseline {name}": row for name, row in baselines.items()},
        "blends": {
            f"blend {name} + {weight} EF": labeler
            for (name, weight), labeler in blends.items()
        },
        "LabelCraft": {f"LabelCraft {w}": crafter for w, crafter in crafters.items()},
    }


def volume(points):
    """Volume above (1, 1, 1) that is dominated by points, (n, 3)."""
    points = np.maximum(points, 1.0)
    axes = [np.unique(np.append(points[:, i], 1.0)) for i in range(3)]
    corners = np.stack(np.meshgrid(*(a[1:] for a in axes), indexing="ij"), axis=-1)
    dominated = (corners[..., None, :] <= points).all(axis=-1).any(axis=-1)
    sizes = [np.diff(axis) for axis in axes]
    return np.einsum("ijk,i,j,k->", dominated.astype(float), *sizes)


def volumes(found, names, n_bootstrap):
    """The volume of some methods, and of resamples of the users."""

    def of(means):
        relative = [mean[K][METRICS] / found.reference[K][METRICS] for mean in means]
        return volume(np.array(relative))

    whole = of([found.users[name].mean() for name in names])
    resampled = [
        resampled_means(found.users[name], n_bootstrap, np.random.RandomState(0))
        for name in names
    ]
    return whole, [of([r.iloc[i] for r in resampled]) for i in range(n_bootstrap)]


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="kuairand", help="as in paper_table.py")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    log, explicit = load(options.data)
    compared = families()
    found = compare_labelers(
        {name: row for family in compared.values() for name, row in family.items()},
        log.data,
        log.target,
        cv=log.split,
        columns=Columns(explicit=explicit),
        k=K,
        n_seeds=options.seeds,
        n_jobs=options.jobs,
        random_state=0,
    )
    means = found.table.pivot(index="method", columns="metric", values="mean")
    names = [name for family in compared.values() for name in family]
    print(means.loc[names, [*METRICS, "S"]].round(3).to_string())
    for part, measured in (("validation", found.validation), ("test", found)):
        print(f"\nDominated volume, {part} part, {options.seeds} seed(s)")
        spread = {}
        for family, rows in compared.items():
            whole, spread[family] = volumes(measured, rows, 200)
            low, high = np.quantile(spread[family], [0.025, 0.975])
            print(f"{family:12s} {whole:.4f} [{low:.4f}, {high:.4f}]")
        for family in ("baselines", "blends"):
            ahead = np.greater(spread["LabelCraft"], spread[family]).mean()
            print(f"LabelCraft above {family} in {ahead:.0%} of the resamples")
        print("\nThe same between the lowest and the highest of any method")
        of_methods = pd.DataFrame({n: measured.users[n].mean()[K] for n in names}).T
        low, high = of_methods.min(), of_methods.max()
        scaled = 1 + (of_methods - low) / (high - low)
        for family, rows in compared.items():
            print(f"{family:12s} {volume(scaled.loc[list(rows), METRICS].values):.4f}")
        others = [*compared["baselines"], *compared["blends"]]
        print(f"{'both rivals':12s} {volume(scaled.loc[others, METRICS].values):.4f}")
    keep(f"frontier_{options.data}", found)


if __name__ == "__main__":
    main()
