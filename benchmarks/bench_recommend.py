"""Lists for all users beside ``predict`` on all pairs: how fast, and how much memory.

    python benchmarks/bench_recommend.py [n_users] [n_items]

Each in a process of its own, on one thread; ``predict`` is given the cross join, and
its scores are not even sorted. Further what it costs to keep which items were seen.
"""

import copy
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from _results import keep_frame
from _scale_fits import in_child
from bench_scale import processor

from sklabelcraft import D2Q, LabelCraftRecommender, MLPRanker
from sklabelcraft._log import Log
from sklabelcraft._seen import Seen
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.persistence import save

WAYS = "recommend", "predict"


def fitted(n_users, n_items):
    """A recommender, users, items, and what the fit and what was seen take."""
    log = make_short_videos(n_users, n_items, random_state=0)
    recommender = LabelCraftRecommender(D2Q(), MLPRanker(max_epochs=1), random_state=0)
    start = time.process_time()
    recommender.fit(log.data, log.target)
    costs = {"rows": len(log.data), "fit CPU s": time.process_time() - start}
    start = time.process_time()
    Seen.nothing().grown(Log(log.data), "user_id", "item_id")
    costs |= {"seen CPU s": time.process_time() - start, "MB saved": saved(recommender)}
    costs["MB saved without seen"] = saved(_without_seen(recommender))
    users = pd.DataFrame({"user_id": range(n_users)})
    items = log.data.drop_duplicates("item_id")[["item_id", "duration", "tag"]]
    return recommender, users, items, costs


def _without_seen(recommender):
    other = copy.copy(recommender)
    other.seen_ = None
    return other


def saved(recommender):
    """Megabytes of a save."""
    with TemporaryDirectory() as folder:
        save(recommender, folder)
        return sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6


def score(way, recommender, users, items):
    """Make the lists, or score all pairs."""
    if way == "recommend":
        return {"scored": len(recommender.recommend(users, items))}
    return {"scored": len(recommender.predict(users.merge(items, how="cross")))}


def main(n_users=10_000, n_items=5_000):
    """Compare both ways."""
    torch.set_num_threads(1)
    *given, costs = fitted(int(n_users), int(n_items))
    print(costs, flush=True)
    found = []
    for way in WAYS:
        found.append({"way": way} | in_child(score, way, *given))
        print(found[-1], flush=True)
    found = pd.DataFrame(found)
    found["us per pair"] = 1e6 * found["CPU s"] / (len(given[1]) * len(given[2]))
    found["MB of it"] = found["peak MB"] - found["MB before"]
    print(found.to_string(index=False))
    sizes = {"users": len(given[1]), "items": len(given[2])}
    keep_frame("recommend", found, processor=processor(), **sizes, fit=costs)


if __name__ == "__main__":
    main(*sys.argv[1:])
