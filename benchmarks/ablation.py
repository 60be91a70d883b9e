"""What each part of LabelCraft is worth: the paper's ablations, ours, and balancing.

RI is the relative improvement of the whole over the row.

    python benchmarks/ablation.py --data kuairand
"""

import argparse

from _logs import load, planted
from _results import keep, show
from _variants import BALANCING, OF_THE_PAPER, OURS, variants

from sklabelcraft import LabelCrafter, LabelCraftRecommender, compare_labelers


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="kuairand", help="as in paper_table.py")
    parser.add_argument("--regime", help="a planted log instead, see _logs.py")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    log, explicit = load(options.data)
    if options.regime:
        log = planted(options.regime, 0)
        log.target = log.target.drop(columns="preference")
    compared = variants(OF_THE_PAPER | OURS | BALANCING, explicit)
    plain = LabelCrafter.as_published()
    compared["Algorithm 1, plain"] = LabelCraftRecommender(plain, explicit=explicit)
    found = compare_labelers(
        compared,
        log.data,
        log.target,
        cv=log.split,
        recommender=LabelCraftRecommender(explicit=explicit),
        n_seeds=options.seeds,
        against="LabelCraft",
        n_jobs=options.jobs,
        random_state=0,
    )
    print(log.DESCR)
    print(f"Test part, {options.seeds} seed(s)\n")
    print(show(found))
    name = options.regime.replace(" ", "_") if options.regime else options.data
    keep(f"ablation_{name}", found)


if __name__ == "__main__":
    main()
