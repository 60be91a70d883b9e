"""Eight threads that ask one fitted estimator at once, against eight calls in turn.

    python benchmarks/bench_threads.py [--rows 20000]

The ratio is the time in turn over that at once, the median of rounds in which both are
timed alternately, with the quartiles: above 1 the threads gain. Both give the same
bits, which is checked.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sklabelcraft import (
    D2Q,
    DINRanker,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
)
from sklabelcraft.datasets import make_short_videos

N_THREADS, N_ROUNDS = 8, 9


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    n_users = max(1, parser.parse_args().rows // 60)
    log = make_short_videos(n_users=n_users, random_state=0)
    watched = np.minimum(1, log.target["watch_time"] / log.data["duration"])
    ranker = MLPRanker(max_epochs=1)
    asked = {
        "D2Q.transform": D2Q().fit(log.frame).transform,
        "LabelCrafter.transform": LabelCrafter(ranker).fit(log.frame).transform,
        "MLPRanker.predict": MLPRanker(max_epochs=1).fit(log.data, watched).predict,
        "DINRanker.predict": DINRanker(max_epochs=1).fit(log.data, watched).predict,
        "LabelCraftRecommender.predict": LabelCraftRecommender(WatchTime(), ranker)
        .fit(log.data, log.target)
        .predict,
    }
    with ThreadPoolExecutor(N_THREADS) as pool:
        for name, ask in asked.items():
            X = log.frame if name.endswith("transform") else log.data
            low, median, high = np.quantile(ratios(ask, X, pool), [0.25, 0.5, 0.75])
            print(f"{name:30} {median:.2f} [{low:.2f}, {high:.2f}]")


def ratios(ask, X, pool):
    """The time in turn over that at once, round by round."""
    expected = ask(X)
    found = []
    for _ in range(N_ROUNDS):
        in_turn, answers = timed(map, ask, X)
        at_once, others = timed(pool.map, ask, X)
        for answer in [*answers, *others]:
            np.testing.assert_array_equal(answer, expected)
        found.append(in_turn / at_once)
    return found


def timed(each, ask, X):
    """Seconds for as many calls as there are threads, and what they return."""
    begun = time.perf_counter()
    answers = list(each(ask, [X] * N_THREADS))
    return time.perf_counter() - begun, answers


if __name__ == "__main__":
    main()
