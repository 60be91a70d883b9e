"""What each part of LabelCraft is worth: the paper's ablations, ours, and balancing.

RI is the relative improvement of the whole over the row. Where the log has a column
"hate", a fourth objective is to have less of it; HATE is the normalised gain of those,
the lower the better.

    python benchmarks/ablation.py --data kuairand
"""

import argparse
from dataclasses import replace

from _logs import load, planted
from _results import keep, show
from _variants import BALANCING, FOURTH, OF_THE_PAPER, OURS, variants

from sklabelcraft import Columns, LabelCrafter, compare_labelers, neg_scorer


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="kuairand", help="as in paper_table.py")
    parser.add_argument("--regime", help="a planted log instead, see _logs.py")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", help="names of rows; all by default")
    parser.add_argument("--keep", help="name of a file of results to write")
    options = parser.parse_args()
    log, explicit = load(options.data)
    if options.regime:
        log = planted(options.regime, 0)
        log.target = log.target.drop(columns="preference")
    changes, scorers = OF_THE_PAPER | OURS | BALANCING, {}
    if "hate" in log.target:
        changes |= FOURTH
        scorers = {"HATE": replace(neg_scorer, column=("hate",))}
    compared = variants(changes)
    compared["Algorithm 1, plain"] = LabelCrafter.as_published()
    if options.only:
        compared = {name: compared[name] for name in ["LabelCraft", *options.only]}
    found = compare_labelers(
        compared,
        log.data,
        log.target,
        cv=log.split,
        columns=Columns(explicit=explicit),
        scorers=scorers,
        n_seeds=options.seeds,
        against="LabelCraft",
        n_jobs=options.jobs,
        random_state=0,
    )
    print(log.DESCR)
    print(f"Test part, {options.seeds} seed(s)\n")
    print(show(found))
    if options.keep:
        keep(options.keep, found)


if __name__ == "__main__":
    main()
