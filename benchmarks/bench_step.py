"""Time and memory of one step of training against its peers.

One process, one thread, the same rows and validation users for all. A step is one of
the label and one of the ranker. Every ratio is the peer's time over ours, the median of
rounds in which both are timed alternately, with the quartiles; the published step takes
tens of seconds and is timed once, against the median of five of ours. The whole fit of
a LabelCrafter is compared, in CPU time, with that of a ranker on a hand-made label.

    python benchmarks/bench_step.py [--quick | --fits]

The published step is our own plain writing of it: a Python loop over users, 1000
Sinkhorn iterations for each, ``create_graph=True``. The engineer's step is what one
would write today, with all users at once and our soft top-k. Both and the libraries
``higher`` and ``torchopt`` (left out where not installed) are in _reference_steps.py.
``--quick`` leaves out what takes minutes, ``--fits`` all but the fits.
"""

import gc
import sys
import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from _logs import kuairand_folder, load
from _reference_steps import (
    PublishedDIN,
    PublishedLabeler,
    engineer_step,
    higher_step,
    make_problem,
    published_step,
    torchopt_step,
)
from bench_topk import peak_memory
from torch import nn

from sklabelcraft import (
    DIN,
    MLP,
    Columns,
    DCNRanker,
    DINRanker,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
)
from sklabelcraft._lists import Lists
from sklabelcraft._log import Log
from sklabelcraft._model import RankerModel
from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.losses import brier_loss
from sklabelcraft.objectives import (
    duration_objective,
    explicit_objective,
    watch_time_objective,
)
from sklabelcraft.training import BilevelStep, Platform, RankerSteps
from sklabelcraft.training._distributed import ALONE
from sklabelcraft.training._optimizers import SGD
from sklabelcraft.training._platform import Shown

OBJECTIVES = watch_time_objective, explicit_objective, duration_objective
K, TEMPERATURE, RATE = 10, 0.25, 0.1
PAST_COLUMNS = (1, 2, 3)
NETWORKS = {"MLP": MLP(), "DIN": DIN(embedding_dim=12, hidden=(200, 80))}


def make_module(kind, problem):
    """A ranker that gives logits; our MLP is the default, our DIN as wide as theirs."""
    if kind == "published DIN":
        return PublishedDIN(problem.cardinalities, output=nn.Identity())
    return NETWORKS[kind](problem.cardinalities, 1, 1, PAST_COLUMNS)


def ours(
    kind, problem, optimizer="sgd", device="cpu", precision="float32", group=ALONE
):
    """Our step on a problem, ready to run, perhaps by several processes."""
    problem = moved(problem, device)
    rows = torch.arange(int(problem.lengths.sum()), device=device)
    lists = Lists(rows, problem.lengths)
    platform = Platform(
        None,
        lists,
        OBJECTIVES,
        [problem.watch, problem.explicit, problem.duration],
        torch.ones(3, device=device),
        torch.ones(3, device=device),
        SoftmaxBalancing(0.5),
        K,
        TEMPERATURE,
    )
    shown = Shown(problem.validation, lists, *lists.everything())
    settings = SimpleNamespace(
        optimizer=optimizer, learning_rate=RATE, weight_decay=0.0, precision=precision
    )
    module = make_module(kind, problem).to(device)
    steps = RankerSteps(module, PAST_COLUMNS, 1, settings, group)
    labeler = PublishedLabeler().to(device)
    label_optimizer = SGD(labeler, 1e-4)
    step = BilevelStep(steps, brier_loss, labeler, label_optimizer, platform)
    weights = torch.ones(len(problem.feedback), 1, device=device)
    return lambda: step.take(problem.training, problem.feedback, weights, shown)


def moved(value, device):
    """The same tensors, alone or in tuples, on a device."""
    if isinstance(value, tuple):
        return type(value)(*(moved(part, device) for part in value))
    return value.to(device) if torch.is_tensor(value) else value


def published(problem):
    """The published step on a problem, ready to run."""
    module = PublishedDIN(problem.cardinalities)
    return peer_of(published_step, module, problem)


def engineer(kind, problem, step=engineer_step):
    """The engineer's step, or that with a library."""
    return peer_of(step, make_module(kind, problem), problem, brier_loss)


def peer_of(step, module, problem, *loss):
    """A peer's step, ready to run."""
    labeler = PublishedLabeler()
    optimizers = (
        torch.optim.SGD(module.parameters(), lr=RATE),
        torch.optim.SGD(labeler.parameters(), lr=1e-4),
    )
    return lambda: step(module, labeler, problem, *loss, optimizers)


def seconds(run, clock=time.perf_counter):
    """Time of one run."""
    gc.collect()
    start = clock()
    run()
    return clock() - start


def compare(name, peer, own, rounds=5, clock=time.perf_counter):
    """Print one row: the ratio with its quartiles, and both times."""
    for _ in range(2):
        own()
    if rounds == 1:
        theirs, mine = seconds(peer, clock), [seconds(own, clock) for _ in range(5)]
        times = np.array([(theirs, one) for one in mine])
    else:
        peer()
        times = [(seconds(peer, clock), seconds(own, clock)) for _ in range(rounds)]
        times = np.array(times)
    low, median, high = np.percentile(times[:, 0] / times[:, 1], [25, 50, 75])
    theirs, mine = 1e3 * np.median(times, axis=0)
    print(
        f"{name:52s} {median:8.2f}x [{low:.2f}, {high:.2f}]"
        f"   {theirs:10.1f} / {mine:.1f} ms",
        flush=True,
    )


def added_memory(run, n_users):
    """Peak memory in MB that some steps add to a process that has the problem."""
    setup = (
        "import sys; sys.path.insert(0, 'benchmarks'); import torch, bench_step as b; "
        "torch.set_num_threads(1); small = b.make_problem(1000, 1000, 64, 4, 30); "
        f"large = b.make_problem(15_000, 13_000, 4096, {n_users}, 30); "
        f"b.{run.format('small')}(); "
    )
    before = peak_memory(setup + "pass")
    return (peak_memory(f"{setup}b.{run.format('large')}()") - before) / 2**20


def against_published():
    """DIN with 100 past items, batch 4096."""
    for n_users in (301, 1000):
        problem = make_problem(15_000, 13_000, 4096, n_users, 30)
        peer, own = published(problem), ours("DIN", problem)
        compare(f"published, DIN, {n_users} users", peer, own, rounds=1)
        theirs = added_memory("published({})", n_users)
        mine = added_memory("ours('DIN', {})", n_users)
        print(
            f"  memory {theirs:.0f} / {mine:.0f} MB, {theirs / mine:.1f}x", flush=True
        )


def against_engineers():
    """The same loss and users by ``create_graph=True``."""
    problem = make_problem(15_000, 13_000, 4096, 301, 30)
    peer = peer_of(
        engineer_step, make_module("published DIN", problem), problem, brier_loss
    )
    compare("engineer, published DIN module", peer, ours("DIN", problem))
    peer = engineer("DIN", problem)
    compare("engineer, our DIN module", peer, ours("DIN", problem))
    for name, step in (("higher", higher_step), ("torchopt", torchopt_step)):
        try:
            compare(
                f"{name}, DIN", engineer("DIN", problem, step), ours("DIN", problem)
            )
        except ImportError:
            print(f"{name} is not installed: left out.")
    small = make_problem(1000, 1000, 4096, 301, 30)
    compare("engineer, MLP, 1e3 items", engineer("MLP", small), ours("MLP", small))
    large = make_problem(10**4, 10**7, 4096, 301, 30)
    peer = engineer("MLP", large)
    compare("engineer, MLP, 1e7 items", peer, ours("MLP", large), rounds=3)


def flatness():
    """Our step by the size of the vocabulary, at the same number of touched rows."""
    for optimizer in ("sgd", "adamw"):
        for kind in ("MLP", "DIN"):
            small = make_problem(10**4, 10**4, 4096, 301, 30)
            own = ours(kind, small, optimizer)
            for size in (10**5, 10**6, 10**7):
                large = ours(kind, make_problem(size, size, 4096, 301, 30), optimizer)
                name = f"ours, {kind}, {optimizer}, {size:.0e} users and items"
                compare(f"{name} / 1e4", large, own)


def against_plain_fit():
    """CPU time of a ranker with a label that is learned, or with a hand-made one."""
    small = make_short_videos(200, random_state=0)
    plain_fit("1.2e4 rows", [small.data, small.target])
    large = make_short_videos(8000, 20_000, n_impressions=125, random_state=0)
    plain_fit("1e6 rows, 3 epochs", [large.data, large.target], 2, max_epochs=3)
    if kuairand_folder() is None:
        print("KuaiRand-Pure was not found: left out.")
        return
    log, explicit = load("kuairand")
    rows = log.split.train, log.split.valid
    parts = [part.iloc[index] for index in rows for part in (log.data, log.target)]
    plain_fit("KuaiRand", parts, columns=Columns(explicit=explicit))


def plain_fit(name, parts, rounds=3, columns=None, **params):
    """Compare the fits on one log."""
    crafted, plain = (
        LabelCraftRecommender(
            labeler, MLPRanker(**params), columns=columns, random_state=0
        )
        for labeler in (LabelCrafter(), WatchTime())
    )
    compare(
        f"LabelCrafter.fit against a plain fit, {name}",
        lambda: crafted.fit(*parts),
        lambda: plain.fit(*parts),
        rounds,
        time.process_time,
    )


def prepare(log):
    """Learn the encoding of a log, encode it with histories, and find its lists."""
    settings = DINRanker(DIN(history_length=100)).settings()
    random = np.random.RandomState(0)
    model = RankerModel.prepare(
        [log], Columns(), settings, random, n_outputs=1, loss=brier_loss
    )
    model.remembered(log, 0)
    Lists.of(log.ids("user_id"), K)


def throughput():
    """Impressions per second of data preparation and prediction."""
    random, n = np.random.default_rng(0), 10**6
    log = pd.DataFrame(
        {
            "user_id": random.integers(0, 15_000, n),
            "item_id": random.zipf(1.3, n) % 50_000,
            "author": random.integers(0, 5000, n),
            "tag": random.integers(0, 80, n),
            "duration": random.gamma(2, 30, n),
            "timestamp": random.integers(0, 10**6, n),
        }
    )
    prepared = seconds(partial(prepare, Log(log)))
    print(f"preparing {n:.0e} impressions with 100-long histories: {prepared:.2f} s")
    label = random.random(n)
    for ranker in (MLPRanker(), DCNRanker(), DINRanker(DIN(history_length=100))):
        ranker.set_params(max_epochs=1, batch_size=8192, random_state=0)
        ranker.fit(log[: n // 5], label[: n // 5])
        times = [seconds(partial(ranker.predict, log)) for _ in range(3)]
        rows = ", ".join(f"{n / one:,.0f}" for one in times)
        print(f"{type(ranker).__name__}.predict, rows per second: {rows}", flush=True)


def main():
    """Run all comparisons."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, one thread, float32\n")
    if "--fits" in sys.argv:
        against_plain_fit()
        return
    if "--quick" not in sys.argv:
        against_published()
    against_engineers()
    flatness()
    against_plain_fit()
    throughput()


if __name__ == "__main__":
    main()
