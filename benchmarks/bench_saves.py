"""Saves that are corrupted, killed and timed.

    python benchmarks/bench_saves.py corrupt --cases 1000 --seed 0
    python benchmarks/bench_saves.py kills --kills 100
    python benchmarks/bench_saves.py times

A corrupted save must be refused by a ``ValueError`` or a ``TypeError``, or a
``FileNotFoundError`` where a file is gone, or load equal; with digests that were made
right again it may also load as another estimator, which then labels or scores, or says
by such an error why not.
"""

import argparse
import multiprocessing
import resource
import shutil
import time
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from _corrupt_saves import WAYS, corrupt
from _logs import load as log_of

from sklabelcraft import (
    DIN,
    DVR,
    MLP,
    ConditionalCDF,
    DINRanker,
    FusedRecommender,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
)
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.persistence import load, save

REFUSED = ValueError, TypeError, FileNotFoundError
MEMORY = 2**31  # bytes beyond what is taken before the first case
LOG = make_short_videos(n_users=20, n_items=20, n_impressions=20, random_state=0)
SMALL = {"embedding_dim": 2, "hidden": (4,)}
TRAINED = {"max_epochs": 1, "random_state": 0}
RANKER = MLPRanker(MLP(**SMALL), adversary_weight=0.1, **TRAINED)
PLAIN = MLPRanker(MLP(**SMALL), **TRAINED)
PAST = DINRanker(DIN(history_length=3, **SMALL), **TRAINED)


def estimators():
    """Small fitted estimators, by name."""
    single = LabelCraftRecommender(WatchTime(), PLAIN)
    random = np.random.RandomState(0)
    return {
        "ranker": LabelCraftRecommender(DVR(5), RANKER).fit(LOG.data, LOG.target),
        "past": PAST.fit(LOG.data, LOG.preference),
        "groups": ConditionalCDF(by=("user", "duration", "tag")).fit(LOG.frame),
        "crafter": LabelCrafter(PAST, k=3, random_state=random).fit(LOG.frame),
        "fused": FusedRecommender([("one", single)], k=3).fit(LOG.data, LOG.target),
    }


def used(estimator):
    """Labels or scores, and the labels turned back."""
    if hasattr(estimator, "transform"):
        return estimator.transform(LOG.frame)
    return estimator.predict(LOG.data)


def outcome(folder, expected):
    """What becomes of a save that was corrupted."""
    try:
        loaded = load(folder)
    except REFUSED:
        return "refused"
    except BaseException as error:
        return f"another exception in load: {type(error).__name__}: {error}"
    try:
        found = used(loaded)
    except REFUSED:
        return "loaded, and said why it cannot be used"
    except BaseException as error:
        return f"another exception in use: {type(error).__name__}: {error}"
    if np.array_equal(found, expected, equal_nan=True):
        return "loaded, of equal labels or scores"
    return "loaded, of other labels or scores"


def corrupted(n_cases, seed):
    """Counts of what became of corrupted saves, and the worst of each."""
    rng = np.random.default_rng(seed)
    counts, slowest = Counter(), 0.0
    with TemporaryDirectory() as folder:
        whole = Path(folder)
        known = estimators()
        expected = {name: used(estimator) for name, estimator in known.items()}
        for name, estimator in known.items():
            save(estimator, whole / name)
            outcome(whole / name, expected[name])  # imports what is imported late
        before = peak()
        limit_memory()
        for case in range(n_cases):
            name = str(rng.choice(list(known)))
            way, signed = WAYS[case % len(WAYS)], bool(case // len(WAYS) % 2)
            copy = whole / "copy"
            shutil.copytree(whole / name, copy)
            corrupt(copy, way, rng, signed)
            start = time.perf_counter()
            found = outcome(copy, expected[name])
            slowest = max(slowest, time.perf_counter() - start)
            counts["right digests" if signed else "digests left", found] += 1
            if "another exception" in found:
                print(case, name, way.__name__, signed, found, flush=True)
            shutil.rmtree(copy)
    print(f"peak memory {before / 1e6:.0f} MB before, {peak() / 1e6:.0f} MB after")
    print(f"longest case {slowest:.2f} s")
    return counts


def peak():
    """The largest resident memory so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def limit_memory():
    """Let nothing allocate more than ``MEMORY`` from here on."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def save_without_end(pair, folder, started):
    """Save one estimator after the other; to be killed at any moment."""
    while True:
        for estimator in pair:
            save(estimator, folder)
            started.set()


def killed(n_kills, seed):
    """Counts of what a killed save has left."""
    rng, context = np.random.default_rng(seed), multiprocessing.get_context("fork")
    known = estimators()
    pair = known["crafter"], known["fused"]
    expected = [used(estimator) for estimator in pair]
    counts = Counter()
    with TemporaryDirectory() as folder:
        folder = Path(folder) / "saved"
        start = time.perf_counter()
        for estimator in pair:
            save(estimator, folder)
        longest = time.perf_counter() - start
        for _ in range(n_kills):
            started = context.Event()
            options = {"args": (pair, folder, started)}
            process = context.Process(target=save_without_end, **options)
            process.start()
            started.wait()
            time.sleep(rng.uniform(0, longest))
            process.kill()
            process.join()
            counts["in the middle of a save"] += len(list(folder.iterdir())) > 2
            counts["with the old arrays aside"] += (
                folder / "model.before.safetensors"
            ).exists()
            try:
                found = used(load(folder))
            except Exception as error:
                counts[f"unreadable: {error}"] += 1
                continue
            complete = any(np.array_equal(found, each) for each in expected)
            counts["the old or the new" if complete else "something else"] += 1
    return counts


def timed(name, estimator):
    """A row of the time that a save and its loading take."""
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        save(estimator, folder)
        saved = time.perf_counter()
        load(folder)
        end = time.perf_counter()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    return {
        "what": name,
        "MB": size / 1e6,
        "save, s": saved - start,
        "load, s": end - saved,
    }


def times():
    """Of a large vocabulary of texts, and of a model of KuaiRand."""
    n = 1_000_000
    ids = [f"item-{i:08d}" for i in range(n)]
    seconds = np.random.default_rng(0).uniform(0, 30, n)
    log = pd.DataFrame({"item_id": ids, "watch_time": seconds, "duration": 30.0})
    rows = [timed("10^6 text ids", ConditionalCDF(by="item").fit(log))]
    log, _ = log_of("kuairand")
    for ranker in (MLPRanker(max_epochs=1), DINRanker(max_epochs=1)):
        fitted = LabelCraftRecommender(WatchTime(), ranker).fit(log.data, log.target)
        rows.append(timed(f"KuaiRand-Pure, {type(ranker).__name__}", fitted))
    return pd.DataFrame(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("corrupt", "kills", "times"))
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of numbers that were made infinite
    if options.what == "times":
        print(times().round(2).to_string(index=False))
        return
    counts = (
        corrupted(options.cases, options.seed)
        if options.what == "corrupt"
        else killed(options.kills, options.seed)
    )
    for found, n in sorted(counts.items(), key=str):
        print(n, *([found] if isinstance(found, str) else found), sep=", ")


if __name__ == "__main__":
    main()
