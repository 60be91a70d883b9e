"""Fragility: many seeds, the standard deviation of their labels, and their lists.

No label may collapse (standard deviation below 0.05), and no run be worse than the
median baseline.

    python benchmarks/fragility.py --data kuairand
"""

import argparse

import numpy as np
import pandas as pd
from _logs import load
from _methods import singles, two_headed
from _results import keep_frame

from sklabelcraft import Columns, compare_labelers


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="kuairand", help="as in paper_table.py")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    log, explicit = load(options.data)
    settings = {
        "cv": log.split,
        "columns": Columns(explicit=explicit),
        "n_bootstrap": 1,
        "n_jobs": options.jobs,
        "random_state": 0,
    }
    baselines = singles() | two_headed()
    ours = {"LabelCraft": baselines.pop("LabelCraft")}
    found = compare_labelers(
        ours,
        log.data,
        log.target,
        n_seeds=options.seeds,
        return_estimator=True,
        **settings,
    )
    others = compare_labelers(baselines, log.data, log.target, n_seeds=3, **settings)
    train = log.frame.iloc[log.split.train]
    spread = [
        np.std(fitted.labeler_.transform(train))
        for fitted in found.estimators["LabelCraft"]
    ]
    totals = found.seeds.query("metric == 'S'")["value"].to_numpy()
    baseline = others.table.query("metric == 'S'").set_index("method")["mean"]
    print(f"LabelCraft, {options.seeds} seeds, test part, k = 10")
    print(pd.DataFrame({"S": totals, "label std": spread}).describe().round(3))
    print("\nBaselines, 3 seeds")
    print(baseline.sort_values().round(3).to_string())
    print(f"\ncollapsed labels: {np.sum(np.less(spread, 0.05))}")
    print(f"runs below the median baseline: {(totals < baseline.median()).sum()}")
    print(f"runs below the best baseline: {(totals < baseline.max()).sum()}")
    rows = pd.DataFrame({"S": totals, "label_std": spread})
    keep_frame(f"fragility_{options.data}", rows, baselines=baseline.to_dict())


if __name__ == "__main__":
    main()
