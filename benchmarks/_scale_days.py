"""Ten days learned one after the other, against all of them at once."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd

from sklabelcraft import (
    D2Q,
    LabelCrafter,
    LabelCraftRecommender,
    WatchTime,
    ds_scorer,
    neg_scorer,
    nwtg_scorer,
)
from sklabelcraft.datasets import make_short_videos

N_DAYS, PER_DAY, N_USERS, N_ITEMS, K = 11, 24_000, 2000, 4000, 5
FEEDBACK = ["watch_time", "like", "follow", "comment"]
N_RANDOM = 20  # random rankings that S is relative to
LABELERS = {"WT": WatchTime(), "D2Q": D2Q(), "LabelCraft": LabelCrafter()}
SCORERS = [replace(scorer, k=K) for scorer in (nwtg_scorer, ds_scorer, neg_scorer)]


def days_of(seed):
    """A planted log in order of time, cut into days of equal size."""
    n_impressions = N_DAYS * PER_DAY // N_USERS
    log = make_short_videos(
        N_USERS, N_ITEMS, n_impressions=n_impressions, random_state=seed
    )
    frame = log.frame.sort_values("timestamp", kind="stable", ignore_index=True)
    return [frame[i : i + PER_DAY] for i in range(0, len(frame), PER_DAY)]


def parted(frame):
    """Impressions and feedback."""
    return frame.drop(columns=FEEDBACK), frame[FEEDBACK]


def metrics(scores, day):
    """NWTG, DS and NEG of the lists that scores make of a day."""
    values = [scorer.per_user(scores, day, day).mean() for scorer in SCORERS]
    return np.array(values)


def sum_of(recommender, day, random):
    """S: the sum of the metrics, each relative to lists shown at random."""
    return (metrics(recommender.predict(day), day) / random).sum()


def unknown(days, key):
    """The share of rows on a day after the first whose value no earlier day had."""
    known, shares = set(days[0][key]), []
    for day in days[1:]:
        shares.append((~day[key].isin(known)).mean())
        known |= set(day[key])
    return np.mean(shares)


def cpu_seconds(task, *args):
    """The CPU time of a task."""
    start = time.process_time()
    task(*args)
    return time.process_time() - start


def compare(name, days, seed):
    """A row: a recommender that learned all days at once, and one day by day."""
    *known, last = days
    rng = np.random.default_rng(seed)
    random = [metrics(rng.random(len(last)), last) for _ in range(N_RANDOM)]
    at_once, by_days = (
        LabelCraftRecommender(LABELERS[name], k=K, random_state=seed) for _ in range(2)
    )
    seconds = cpu_seconds(at_once.fit, *parted(pd.concat(known)))
    costs, sums = [], []
    for day in known:
        costs.append(cpu_seconds(by_days.partial_fit, *parted(day)) / seconds)
        sums.append(sum_of(by_days, last, np.mean(random, axis=0)))
    all_at_once = sum_of(at_once, last, np.mean(random, axis=0))
    return {
        "label": name,
        "seed": seed,
        "S, all at once": all_at_once,
        "S, first day": sums[0],
        "S, ten days": sums[-1],
        "ratio": sums[-1] / all_at_once,
        "fit on all, CPU s": seconds,
        "cost of a day": np.mean(costs[1:]),
        "dearest day": max(costs[1:]),
    }


def play(n_seeds):
    """A row for each label and seed."""
    rows = []
    for seed in range(n_seeds):
        days = days_of(seed)
        shares = {
            f"unknown {key}": unknown(days, key) for key in ("user_id", "item_id")
        }
        rows += [compare(name, days, seed) | shares for name in LABELERS]
        print(pd.DataFrame(rows[-len(LABELERS) :]).to_string(index=False), flush=True)
    return pd.DataFrame(rows)
