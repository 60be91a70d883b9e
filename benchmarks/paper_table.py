"""The paper's table: nine baselines and LabelCraft on three metrics.

Every method trains the same ranker on the training part, stops early on the validation
part, and is measured once on the test part. RI is LabelCraft's relative improvement
over the row; +- is the standard error over users of the mean over seeds.

    python benchmarks/paper_table.py --data kuairand --seeds 3
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _data import load
from joblib import Parallel, delayed
from sklearn.pipeline import FeatureUnion

from sklabelcraft import (
    D2Q,
    DVR,
    ExplicitFeedback,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
    ds_score,
    neg_score,
    nwtg_score,
)

EXPLICIT = ["like", "follow", "comment"]
METRICS = ["NWTG", "DS", "NEG"]


def methods():
    """The labeler and the ranker of each row of the table."""
    plain, debiased = MLPRanker(), MLPRanker(adversary_weight=0.1)

    def with_explicit(labeler):
        return FeatureUnion([("watch", labeler), ("explicit", ExplicitFeedback())])

    return {
        "PC": (PlayCompletion(), plain),
        "PCR": (PlayCompletionRate(), plain),
        "WT": (WatchTime(), plain),
        "EF": (ExplicitFeedback(), plain),
        "D2Q": (D2Q(), plain),
        "DVR": (DVR(), debiased),
        "WT+EF": (with_explicit(WatchTime()), plain),
        "D2Q+EF": (with_explicit(D2Q()), plain),
        "DVR+EF": (with_explicit(DVR()), debiased),
        "LabelCraft": (LabelCrafter(), plain),
    }


def run(log, name, seed):
    """Fit one method with one seed; its recommender and its scores of the test part."""
    train, valid, test = (log.split[part] for part in ("train", "valid", "test"))
    labeler, ranker = methods()[name]
    recommender = LabelCraftRecommender(labeler, ranker, random_state=seed)
    recommender.fit(
        log.data.iloc[train],
        log.target.iloc[train],
        log.data.iloc[valid],
        log.target.iloc[valid],
    )
    return recommender, recommender.predict(log.data.iloc[test])


def per_user(log, scores, k):
    """The metrics of each user with more than k rows in the test part."""
    test = log.frame.iloc[log.split.test]
    options = {"groups": test["user_id"], "k": k, "average": None}
    return {
        "NWTG": nwtg_score(test["watch_time"], scores, **options),
        "DS": ds_score(test["duration"], scores, **options),
        "NEG": neg_score(test[EXPLICIT], scores, **options),
    }


def user_means(log, scores, k):
    """The metrics of each user, averaged over the seeds."""
    seeds = [per_user(log, seed_scores, k) for seed_scores in scores]
    return {m: np.mean([seed[m] for seed in seeds], axis=0) for m in METRICS}


def tabulate(log, runs, k):
    """The table, from the scores of each method, one array per seed."""
    users = {name: user_means(log, scores, k) for name, scores in runs.items()}
    ours = users["LabelCraft"]
    return pd.DataFrame({name: line(row, ours, k) for name, row in users.items()}).T


def line(row, ours, k):
    """Mean and standard error of each metric, and LabelCraft's improvement over it."""
    cells = {}
    for metric in METRICS:
        values = row[metric][np.isfinite(row[metric])]
        mean, error = values.mean(), values.std() / np.sqrt(len(values))
        digits = 1 if metric == "DS" else 4
        cells[f"{metric}@{k}"] = f"{mean:.{digits}f} +-{error:.{digits}f}"
        cells[f"RI {metric}"] = f"{np.nanmean(ours[metric]) / mean - 1:+.1%}"
    return cells


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", choices=["auto", "kuairand", "synthetic"], default="auto"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--k", type=int, nargs="+", default=[10])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--figures", type=Path, help="folder to save the figures in")
    options = parser.parse_args()
    start = time.perf_counter()
    name, log = load(options.data)
    print(log.DESCR)
    cells = [(m, seed) for m in reversed(methods()) for seed in range(options.seeds)]
    results = Parallel(options.jobs)(delayed(run)(log, *cell) for cell in cells)
    fitted = dict(zip(cells, results, strict=True))
    runs = {m: [fitted[m, seed][1] for seed in range(options.seeds)] for m in methods()}
    for k in options.k:
        print(f"{name}, test part, users with more than {k} rows, ", end="")
        print(f"{options.seeds} seed(s)\n")
        print(tabulate(log, runs, k).to_string(), end="\n\n")
    print(f"{time.perf_counter() - start:.0f} s")
    if options.figures:
        from _figures import save_figures

        crafter = fitted["LabelCraft", 0][0].labeler_
        save_figures(options.figures, log, crafter, {m: s[0] for m, s in runs.items()})


if __name__ == "__main__":
    main()
