"""What is equal from one processor to another, for ``machines.sh``.

    python benchmarks/_machine_numbers.py FOLDER SETTING    # compute, and keep
    python benchmarks/_machine_numbers.py FOLDER            # compare what is kept

The first setting also keeps the log and what it fitted, from which the other settings
compute labels and scores, so that the numbers of a fit are told from those of its use.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
import torch

from sklabelcraft import (
    CWM,
    D2Q,
    DCN,
    DIN,
    DVR,
    MLP,
    ConditionalCDF,
    D2Co,
    DCNRanker,
    DINRanker,
    LabelCrafter,
    MLPRanker,
    PlayCompletionRate,
    WatchTime,
    ds_score,
    neg_score,
    nwtg_score,
    soft_topk,
)
from sklabelcraft.datasets import make_short_videos

SMALL = {"embedding_dim": 8, "hidden": (32, 16)}
RULES = [
    WatchTime(),
    PlayCompletionRate(),
    D2Q(n_groups=5),
    ConditionalCDF(("user", "duration"), n_groups=5),
    DVR(n_groups=5),
    D2Co(n_groups=5),
    CWM(),
]
RANKERS = [
    MLPRanker(MLP(**SMALL), max_epochs=3, random_state=0),
    DCNRanker(DCN(**SMALL), max_epochs=3, random_state=0),
    DINRanker(DIN(history_length=5, **SMALL), max_epochs=3, random_state=0),
]
CRAFTER = LabelCrafter(RANKERS[0], k=5, random_state=0)


def draw_log():
    """A log, drawn on this machine."""
    return make_short_videos(80, 120, n_impressions=40, random_state=0)


def fit_all(log):
    """A fitted ranker of each kind, and a fitted label."""
    label = WatchTime().fit_transform(log.frame)
    fitted = {type(r).__name__: r.fit(log.data, label) for r in RANKERS}
    return fitted | {"LabelCrafter": CRAFTER.fit(log.frame)}


def use(models, log):
    """What fitted estimators say of a log, by their names."""
    return {
        name: model.transform(log.frame)[:, 0]
        if name == "LabelCrafter"
        else model.predict(log.data)
        for name, model in models.items()
    }


def numbers(log, models):
    """Everything that is compared, by kind and name."""
    own = {f"fit and use: {name}": x for name, x in use(fit_all(log), log).items()}
    given = {f"use: {name}": x for name, x in use(models, log).items()}
    rules = {f"label: {rule!r}": rule.fit_transform(log.frame)[:, 0] for rule in RULES}
    drawn = {
        "make_short_videos": draw_log().frame.select_dtypes("number").to_numpy(float)
    }
    scores = np.random.default_rng(0).normal(size=len(log.frame))
    return drawn | rules | metrics(log, scores) | topk(scores) | given | own


def metrics(log, scores):
    """The metrics of each list."""
    frame, shared = log.frame, {"groups": log.frame["user_id"], "k": 5, "average": None}
    return {
        "metric: NWTG": nwtg_score(frame["watch_time"], scores, **shared),
        "metric: NEG": neg_score(frame["like"], scores, zero_division=0, **shared),
        "metric: DS": ds_score(frame["duration"], scores, **shared),
    }


def topk(scores):
    """Soft indicators and their slope, in both precisions."""
    found = {}
    for dtype in (torch.float32, torch.float64):
        given = torch.tensor(scores[:960], dtype=dtype, requires_grad=True)
        soft = soft_topk(given, 5, temperature=0.5, lengths=[40] * 24)
        soft.square().sum().backward()
        found[f"soft_topk, {dtype}"] = soft.detach().numpy()
        found[f"slope of soft_topk, {dtype}"] = given.grad.numpy()
    return found


def compare(folder):
    """Print, for each number, in which settings it is that of the first one."""
    kept = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime)
    found = {path.stem: dict(np.load(path)) for path in kept}
    first = found[kept[0].stem]
    for name, expected in first.items():
        off = {setting: distance(x[name], expected) for setting, x in found.items()}
        off = {setting: f"{gap:.0e}" for setting, gap in off.items() if gap}
        print(f"{name:40} {off or 'equal in all'}")


def distance(values, expected):
    """The largest difference, relative to the largest value."""
    return np.abs(values - expected).max() / np.abs(expected).max()


def main(folder, setting=None):
    """Compute under a setting, or compare."""
    folder = Path(folder)
    if setting is None:
        return compare(folder)
    given = folder / "given.joblib"
    if not given.exists():
        log = draw_log()
        joblib.dump((log, fit_all(log)), given)
    log, models = joblib.load(given)
    np.savez(folder / f"{setting}.npz", **numbers(log, models))


if __name__ == "__main__":
    main(*sys.argv[1:])
