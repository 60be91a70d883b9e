"""Which changes of the code no test notices.

    python benchmarks/mutants.py [--module NAME ...] [--share 0.1 --seed 0] [--keep]

cosmic-ray's operators change one thing at a time in the modules that compute. The tests
that run the changed line are run, those that noticed most first, for a few seconds. A
mutant is killed by a test that fails or by one that does not end. The survivors are
kept in `results/mutants.json`, each with its reason from `mutants_explained.toml`.
"""

import argparse
import ast
import gc
import math
import os
import sys
import tomllib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import coverage
import matplotlib.pyplot  # noqa: F401
import numpy as np
import pandas as pd
import polars  # noqa: F401
import pyarrow.parquet  # noqa: F401
import sklearn.utils.estimator_checks  # noqa: F401
import torch._decomp.decompositions_for_jvp
import torch._dynamo  # noqa: F401
from _forks import Watched, in_fork, run_changed, run_tests
from _mutations import lines_of_statement, mutants_of
from _results import records, write

ROOT = Path(__file__).resolve().parents[1]
EXPLAINED = Path(__file__).with_name("mutants_explained.toml")
KILLED = 0.9  # the share that must be
ENOUGH = 2.0  # seconds of tests that a mutant is given
TESTS = {
    "topk": [
        "topk",
        "topk_inputs",
        "topk_transforms",
        "sorted_topk",
        "topk_precision",
        "topk_moments",
        "topk_sorting",
        "topk_chunks",
        "topk_ragged",
        "topk_indicator",
        "sorted_anchors",
    ],
    "scaling": ["scaling", "labels_turned_back"],
    "objectives": ["objectives", "weighted_objectives", "platform"],
    "balancing": ["balancing", "platform"],
    "metrics": [
        "metrics",
        "retrieval_metrics",
        "missing",
        "numbers",
        "contracts_declared",
    ],
    "_lists": ["lists", "platform"],
    "_platform": ["platform", "platform_of_logs", "weighted_objectives", "labelcraft"],
    "training/_platform": ["platform", "weighted_objectives", "hypergradient"],
    "training/_hypergradient": ["hypergradient"],
    "training/_optimizers": ["optimizers", "hypergradient"],
    "labelers": [
        "labelers",
        "labels_turned_back",
        "conditional",
        "d2co",
        "quantiles",
        "partial_fit",
        "missing",
        "misread",
        "stated",
        "contracts_declared",
    ],
}


class Baseline:
    """What the tests of a part run and how long they take, on the code as it is."""

    def __init__(self, part):
        self.files = files_of(part)
        tests = [f"tests/test_{name}.py" for name in TESTS[part]]
        answer = in_fork(partial(watch, [*tests, *self.files], self.files), 900)
        if not isinstance(answer, tuple):
            sys.exit(f"the tests of {part} fail on the code as it is: {answer}.")
        self.seconds, self.running = answer
        self.kills = Counter()

    def outcome(self, mutant, tree):
        """Whether a mutant is killed, survives or takes too long."""
        tests = self.first(self.tests(mutant, tree))
        if not tests:
            return "survived"
        name = mutant.file.removesuffix(".py").replace("/", ".")
        path = ROOT / mutant.file
        work = partial(run_changed, name, path, mutant.source, tests)
        usual = sum(self.seconds[test] for test in tests)
        answer = in_fork(work, math.ceil(3 * usual + 5))
        if answer == "timeout":
            return "timeout"
        passed, failed = answer or (False, None)
        self.kills[failed] += 1
        return "survived" if passed else "killed"

    def tests(self, mutant, tree):
        """The tests that run a mutant's line; all where it runs on import."""
        running = self.running[mutant.file]
        lines = lines_of_statement(tree, mutant.line)
        found = set().union(*(running.get(line, ()) for line in lines))
        return self.seconds if "" in found else found

    def first(self, tests):
        """The tests in order of kills a second, as many as there is time for."""
        rate = {test: (1 + self.kills[test]) / self.seconds[test] for test in tests}
        order = sorted(tests, key=lambda test: -rate[test])
        spent = np.cumsum([self.seconds[test] for test in order])
        return [test for test, end in zip(order, spent, strict=True) if end < ENOUGH]


def files_of(part):
    """The files of a part of the package."""
    place = ROOT / "sklabelcraft" / part
    found = sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    return [str(path.relative_to(ROOT)) for path in found]


def watch(tests, files):
    """Seconds of each test, and by file and line which tests run it; 5 if one fails."""
    tracer = coverage.Coverage(data_file=None, config_file=False, include=files)
    watched = Watched(tracer)
    tracer.start()
    status = run_tests(tests, watched)
    tracer.stop()
    if status:
        return status
    data = tracer.get_data()
    running = {file: data.contexts_by_lineno(str(ROOT / file)) for file in files}
    return watched.seconds, running


def judge(part, share=1.0, seed=0):
    """The mutants of a part with their outcomes: all or a share of them."""
    baseline, rows = Baseline(part), []
    for file in baseline.files:
        mutants = list(mutants_of(ROOT, file))
        tree = ast.parse((ROOT / file).read_text())
        chosen = np.random.default_rng(seed).random(len(mutants)) < share
        for mutant in (m for m, wanted in zip(mutants, chosen, strict=True) if wanted):
            outcome = baseline.outcome(mutant, tree)
            rows.append({**vars(mutant), "outcome": outcome})
            if outcome == "survived":
                print(f"{file}:{mutant.line} {mutant.becomes}", flush=True)
    return pd.DataFrame(rows).drop(columns="source")


def table(rows):
    """How many mutants of each file there are, and what became of them."""
    counts = pd.crosstab(rows["file"], rows["outcome"])
    counts = counts.reindex(columns=["killed", "timeout", "survived"], fill_value=0)
    counts.loc["all"] = counts.sum()
    counts.insert(0, "mutants", counts.sum(axis=1))
    return counts.assign(score=1 - counts["survived"] / counts["mutants"])


def survivors_of(rows):
    """The mutants that survived, each with the reason that is written down for it."""
    explained = tomllib.loads(EXPLAINED.read_text())
    lines = {
        (entry["file"], entry["was"], becomes): entry["why"]
        for entry in explained["mutants"]
        for becomes in entry["becomes"]
    }

    def reason(mutant):
        of_kind = [kind["why"] for kind in explained["kinds"] if is_of(kind, mutant)]
        return lines.get((mutant.file, mutant.was, mutant.becomes), *of_kind[:1])

    found = rows[rows["outcome"].eq("survived")].drop(columns="outcome")
    changes = list(zip(found["file"], found["was"], found["becomes"], strict=True))
    stale = [change for change in lines if change not in changes]
    return found.assign(why=[reason(m) for m in found.itertuples()]), stale


def is_of(kind, mutant):
    """Whether a mutant is of a kind: of its file and operator, if it states them."""
    stated = {name: kind[name] for name in ("file", "operator") if name in kind}
    same = all(getattr(mutant, name) == value for name, value in stated.items())
    return same and kind["within"] in mutant.was


def main():
    """Judge, print the table, and keep the report if that is wanted."""
    arguments = read_arguments()
    gc.freeze()  # forks need not look through what is imported here
    parts = arguments.module or list(TESTS)
    work = partial(judge, share=arguments.share, seed=arguments.seed)
    if arguments.jobs > 1:
        with ProcessPoolExecutor(arguments.jobs, get_context("fork")) as pool:
            rows = pd.concat(pool.map(work, parts))
    else:
        rows = pd.concat(map(work, parts))
    counts = table(rows)
    print(counts.to_string(float_format="{:.1%}".format))
    survivors, stale = survivors_of(rows)
    print(f"{survivors['why'].isna().sum()} survivors are not explained")
    if arguments.keep:
        keep(counts, survivors, arguments)
        print(*(f"no longer a survivor: {change}" for change in stale), sep="\n")
    if counts.loc["all", "score"] < KILLED:
        sys.exit(f"fewer than {KILLED:.0%} of the mutants are killed.")


def keep(counts, survivors, arguments):
    """Write the report."""
    how = {"share": arguments.share, "seed": arguments.seed, "seconds": ENOUGH}
    counts = records(counts.rename_axis("file").reset_index())
    write("mutants", how | {"files": counts, "survivors": records(survivors)})


def read_arguments():
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", nargs="*", choices=TESTS, help="parts to change")
    parser.add_argument("--share", type=float, default=1.0, help="of all mutants")
    parser.add_argument("--seed", type=int, default=0, help="decides which share")
    parser.add_argument("--keep", action="store_true", help="write the report")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
