"""What does not show in one call: memory over many fits, and of very many rows.

    python benchmarks/soak.py fits [--n 200]
    python benchmarks/soak.py predict [--rows 10000000]
    python benchmarks/soak.py interrupts [--n 300]

``fits`` fits estimators in turn, in one process, and tells by how much its resident
memory has grown since each was fitted four times. ``predict`` scores a tenth of the
rows and all of them, from memory and from Parquet files, and tells how much memory that
took beyond the rows and their scores, with SHA-256 of the scores. ``interrupts`` sends
a signal at random moments of fits and counts what was not as before: the estimator, or
the number of threads; an interrupt after the last moment leaves a complete fit.
"""

import argparse
import gc
import hashlib
import pickle
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone

from sklabelcraft import (
    D2Q,
    DIN,
    DVR,
    MLP,
    ConditionalCDF,
    D2Co,
    DCNRanker,
    DINRanker,
    FusedRecommender,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
)
from sklabelcraft.datasets import make_short_videos

WARM_UP = 4  # fits of each estimator
N_LEARNED = 100_000  # rows that a ranker learns from, before it scores


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["fits", "predict", "interrupts"])
    parser.add_argument("--n", type=int, default=200, help="fits")
    parser.add_argument("--rows", type=int, default=10_000_000)
    options = parser.parse_args()
    if options.what == "fits":
        measure_fits(options.n)
    elif options.what == "predict":
        measure_predict(options.rows)
    else:
        measure_interrupts(options.n)


def examples(log):
    """Estimators, and what each is fitted to."""
    ranker = MLPRanker(MLP(hidden=(16,)), max_epochs=2)
    crafter = LabelCrafter(ranker, k=5, hidden=(16,), starts=[(0, 1, 1)])
    single = LabelCraftRecommender(WatchTime(), ranker)
    watched = np.minimum(1, log.target["watch_time"] / log.data["duration"])
    labelers = [WatchTime(), D2Q(), ConditionalCDF("user"), DVR(), D2Co(), crafter]
    rankers = [ranker, DCNRanker(max_epochs=2), DINRanker(DIN(10), max_epochs=2)]
    recommenders = [
        LabelCraftRecommender(crafter),
        FusedRecommender([("WT", single)], k=5),
    ]
    return [
        *((labeler, (log.frame,)) for labeler in labelers),
        *((ranker, (log.data, watched)) for ranker in rankers),
        *((one, (log.data, log.target)) for one in recommenders),
    ]


def memory(line="VmRSS"):
    """Bytes of memory of this process: resident now, or at most (``VmHWM``)."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split(f"{line}:")[1].split()[0])


def measure_fits(n):
    """The resident memory over `n` fits in turn."""
    log = make_short_videos(n_users=100, n_items=200, random_state=0)
    turns = examples(log)
    warm = WARM_UP * len(turns)
    for i in range(warm + n):
        estimator, given = turns[i % len(turns)]
        clone(estimator).fit(*given)
        gc.collect()
        if i + 1 == warm:
            before = memory()
            print(f"after {warm} fits to warm up: {before / 2**20:.1f} MiB")
        elif i >= warm and (i + 1 - warm) % 20 == 0:
            grown = memory() / before - 1
            print(f"{i + 1 - warm} more: {memory() / 2**20:.1f} MiB, {grown:+.2%}")


def measure_predict(n_rows):
    """The memory that scores take, beyond the rows and the scores themselves."""
    log = make_short_videos(n_users=N_LEARNED // 60, n_items=2000, random_state=0)
    recommender = LabelCraftRecommender(D2Q(), MLPRanker(max_epochs=1, random_state=0))
    recommender.fit(log.data, log.target)
    for n in (n_rows // 10, n_rows):
        X = repeated(log.data, n)
        print(f"{n} rows, {X.memory_usage(deep=True).sum() / 2**20:.0f} MiB as a frame")
        tell("from memory", recommender.predict, X)
        with tempfile.TemporaryDirectory() as folder:
            stored = Path(folder) / "log"
            stored.mkdir()
            X.to_parquet(stored / "log.parquet", row_group_size=2**17)
            del X
            tell("from files", recommender.predict, stored)
            tell("into files", recommender.predict, stored, Path(folder) / "scores")


def repeated(X, n):
    """Rows drawn from a table, `n` of them."""
    rows = np.random.default_rng(0).integers(len(X), size=n)
    return pd.DataFrame({name: X[name].to_numpy()[rows] for name in X})


def tell(name, predict, *given):
    """Call, and print what the call took."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, begun = memory(), time.perf_counter()
    found = predict(*given)
    seconds, peak = time.perf_counter() - begun, memory("VmHWM")
    kept = found.nbytes if isinstance(found, np.ndarray) else 0
    bits = hashlib.sha256(found).hexdigest()[:16] if kept else "written"
    print(
        f"  {name}: {(peak - before - kept) / 2**20:.0f} MiB beside the scores, "
        f"{seconds:.1f} s, {bits}",
        flush=True,
    )


def measure_interrupts(n):
    """How often something is not as before a fit that was interrupted."""
    log = make_short_videos(n_users=20, n_items=30, n_impressions=30, random_state=0)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    rng, turns, hits, left = np.random.default_rng(0), examples(log), 0, []
    moments = [duration_of(*turn) for turn in turns]
    threads = torch.get_num_threads()
    for i in range(n):
        (estimator, given), longest = turns[i % len(turns)], moments[i % len(turns)]
        tried = clone(estimator)
        if i % 2:
            tried.fit(*given)
        before = pickle.dumps(tried)
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-4, longest))
            tried.fit(*given)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            hits += 1
            if pickle.dumps(tried) != before:
                left.append(type(tried).__name__)
        if torch.get_num_threads() != threads:
            left.append("the number of threads")
    print(f"{hits} interrupts in {n} fits; not as before: {left or 'nothing'}")


def duration_of(estimator, given):
    """Seconds of a fit."""
    begun = time.perf_counter()
    clone(estimator).fit(*given)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
