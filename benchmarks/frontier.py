"""The frontier: what can be had of watch time, explicit engagement and spread at once.

One fit of a FusedRecommender and its ``frontier``, against ten fits of LabelCraft under
other weights of the objectives, the baselines, and 25 hand-made blends, rank(WT) +
lambda EF and rank(D2Q) + lambda EF, with the CPU time that each family takes. The
measure is the volume that the methods' NWTG, NEG and DS dominate: between the lowest
and the highest of any method; and each relative to lists shown at random, above 1.

    python benchmarks/frontier.py --data kuairand
"""

import argparse
import time

import numpy as np
import pandas as pd
import torch
from _logs import load, parts_of, planted
from _methods import FUSED, fusions, methods, recommender
from _results import keep_frame
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer
from threadpoolctl import threadpool_limits

from sklabelcraft import (
    D2Q,
    Columns,
    ExplicitFeedback,
    LabelCrafter,
    WatchTime,
    compare_labelers,
)
from sklabelcraft._bootstrap import METRICS, resampled_means
from sklabelcraft._estimator import inherit
from sklabelcraft._fusion import usual_platforms

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
    """The recommenders of each family, by name."""
    baselines = methods()
    for name in ("LabelCraft", FUSED):
        del baselines[name]
    blends = {f"WT + {weight} EF": hand_made(WatchTime(), weight) for weight in LAMBDAS}
    blends |= {
        f"D2Q + {weight} EF": hand_made(D2Q(), weight) for weight in [*LAMBDAS, 200]
    }
    crafters = {
        f"LabelCraft {weights}": LabelCrafter(objective_weights=weights)
        for weights in usual_platforms(3)
    }
    return {
        "baselines": baselines,
        "blends": {name: recommender(labeler) for name, labeler in blends.items()},
        "ten fits": {name: recommender(labeler) for name, labeler in crafters.items()},
        "one fit": {FUSED: fusions()[FUSED]},
    }


def fit(estimator, parts, columns, seed):
    """The fitted estimator, or the points of its front, and the seconds of CPU."""
    estimator = inherit(clone(estimator), columns=columns, k=K, random_state=seed)
    with threadpool_limits(1):
        torch.set_num_threads(1)
        start = time.process_time()
        estimator.fit(*parts["train"], *parts["valid"])
        front = {"": estimator}
        if hasattr(estimator, "frontier"):
            front = estimator.frontier(*parts["valid"])
        return front, time.process_time() - start


def volume(points):
    """Volume above (1, 1, 1) that is dominated by points, (n, 3)."""
    points = np.maximum(points, 1.0)
    axes = [np.unique(np.append(points[:, i], 1.0)) for i in range(3)]
    corners = np.stack(np.meshgrid(*(a[1:] for a in axes), indexing="ij"), axis=-1)
    dominated = (corners[..., None, :] <= points).all(axis=-1).any(axis=-1)
    sizes = [np.diff(axis) for axis in axes]
    return np.einsum("ijk,i,j,k->", dominated.astype(float), *sizes)


def run(log, columns, seed, jobs):
    """What was found on test and validation part, names and seconds of each family."""
    parts = parts_of(log)
    rows = [
        (family, name, estimator)
        for family, members in families().items()
        for name, estimator in members.items()
    ]
    fits = Parallel(jobs)(
        delayed(fit)(estimator, parts, columns, seed) for _, _, estimator in rows
    )
    compared, names, seconds = {}, {}, {}
    for (family, name, _), (front, spent) in zip(rows, fits, strict=True):
        seconds[family] = seconds.get(family, 0) + spent
        if family != "one fit":
            front = front if len(front) == 1 else {"": front["(1, 1, 1)"]}
        for point, estimator in front.items():
            names.setdefault(family, []).append(f"{name} {point}".strip())
            compared[f"{name} {point}".strip()] = FrozenEstimator(estimator)
    found = compare_labelers(
        compared,
        log.data,
        log.target,
        cv=log.split,
        columns=columns,
        k=K,
        n_seeds=1,
        n_bootstrap=1,
        random_state=seed,
    )
    return found, names, seconds


def volumes(found, names):
    """The volume that each family dominates, between the extremes and above chance."""
    every = [name for family in names.values() for name in family]
    means = pd.DataFrame({name: found.users[name].mean()[K] for name in every}).T
    low, high = means.min(), means.max()
    groups = names | {"baselines, blends": names["baselines"] + names["blends"]}
    rows = {}
    for family, members in groups.items():
        inside, above = (
            volume(relative.loc[members, METRICS].to_numpy())
            for relative in (
                1 + (means - low) / (high - low),
                means / found.reference[K],
            )
        )
        rows[family] = {"between extremes": inside, "above chance": above}
    return pd.DataFrame(rows).T


def shares(found, names, n_resamples=200):
    """Resamples of the users in which the one fit has 95 % of the ten, and all."""
    resampled = {
        name: resampled_means(found.users[name], n_resamples, np.random.RandomState(0))
        for family in ("ten fits", "one fit")
        for name in names[family]
    }
    ratio = []
    for i in range(n_resamples):
        means = pd.DataFrame({n: r.iloc[i][K] for n, r in resampled.items()}).T[METRICS]
        scaled = 1 + (means - means.min()) / (means.max() - means.min())
        one, ten = (
            volume(scaled.loc[names[family]].to_numpy())
            for family in ("one fit", "ten fits")
        )
        ratio.append(one / ten)
    return np.mean(np.array(ratio) > 0.95), np.mean(np.array(ratio) > 1)


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="kuairand", help="as in paper_table.py")
    parser.add_argument("--regime", help="a planted log instead, see _logs.py")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    log, explicit = load(options.data if not options.regime else "synthetic")
    if options.regime:
        log = planted(options.regime, 0)
        log.target = log.target.drop(columns="preference")
    columns = Columns(explicit=explicit)
    runs = [run(log, columns, seed, options.jobs) for seed in range(options.seeds)]
    points = pd.concat(
        {
            seed: found.table.pivot(index="method", columns="metric", values="mean")
            for seed, (found, *_) in enumerate(runs)
        },
        names=["seed"],
    )
    print("Test part, k = 10, mean of the seeds\n")
    shown = [name for names in runs[0][1].values() for name in names]
    print(points.groupby("method").mean().loc[shown].round(3).to_string())
    for part in ("validation", "test"):
        tables = [
            volumes(found if part == "test" else found.validation, names)
            for found, names, _ in runs
        ]
        print(f"\nDominated volume, {part} part, {options.seeds} seed(s)\n")
        print((sum(tables) / len(tables)).round(4).to_string())
    for seed, (found, names, seconds) in enumerate(runs):
        most, whole = shares(found, names)
        costs = {family: round(spent, 1) for family, spent in seconds.items()}
        print(
            f"\nseed {seed}: seconds of CPU {costs}; the one fit took "
            f"{seconds['one fit'] / seconds['ten fits']:.2f} of the ten; it has 95 % "
            f"of their volume in {most:.0%} of the resamples, and more than they in "
            f"{whole:.0%}"
        )
    name = options.regime.replace(" ", "_") if options.regime else options.data
    seconds = [spent for *_, spent in runs]
    keep_frame(f"frontier_{name}", points.reset_index(), seconds=seconds)


if __name__ == "__main__":
    main()
