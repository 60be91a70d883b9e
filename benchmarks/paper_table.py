"""The paper's table: labels and fusions of them on three metrics, and their sum S.

Every method trains the same ranker on the training part, stops early on the validation
part, by its own criterion or, with two heads, by S, and is measured once on the test
part. Fusions are tuned on the validation part. S sums the metrics, each relative to
lists shown at random. RI is the relative improvement of the last row over the others,
with a star where the paired bootstrap over users gives p < 0.05; +- is the standard
error over users of the mean over seeds.

    python benchmarks/paper_table.py --data kuairand --k 5 10
"""

import argparse
import time
import warnings
from pathlib import Path

from _logs import load
from _methods import methods
from _results import keep, show

from sklabelcraft import Columns, compare_labelers


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        default="auto",
        help="auto, kuairand, kuairand-pooled, synthetic, or a folder with log.parquet "
        "or log.csv, its columns named as in the README and perhaps a column split",
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--k", type=int, nargs="+", default=[10])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", help="name of a file of results to write")
    parser.add_argument("--figures", type=Path, help="folder to save the figures in")
    options = parser.parse_args()
    # a worker that has grown by 300 MB is replaced, after its fit, by a new one
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    start = time.perf_counter()
    log, explicit = load(options.data)
    print(log.DESCR)
    found = compare_labelers(
        methods(),
        log.data,
        log.target,
        cv=log.split,
        columns=Columns(explicit=explicit),
        k=options.k,
        n_seeds=options.seeds,
        return_estimator=options.figures is not None,
        n_jobs=options.jobs,
        random_state=0,
    )
    print(f"Test part, {options.seeds} seed(s)\n")
    print(show(found))
    print(f"\n{time.perf_counter() - start:.0f} s")
    if options.keep:
        keep(options.keep, found, data=options.data)
    if options.figures:
        from _figures import save_figures

        save_figures(options.figures, log, found)


if __name__ == "__main__":
    main()
