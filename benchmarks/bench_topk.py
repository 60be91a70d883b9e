"""Time and memory of the soft top-k against its peers.

One process, one thread, the same scores for all; forward and backward unless said
otherwise. Every row is the ratio of the peer's time to ours, the median of several
rounds in which both are timed alternately, with the quartiles of the ratio; a peer that
takes seconds is timed once, against the median of five of ours.

    python benchmarks/bench_topk.py

Peers that are not installed (torchsort, POT, difftopk) are left out, and named. The two
Sinkhorn peers are our own plain writing of the published operator: k + 1 anchors and
1000 stabilised iterations, over all lists at once and list by list in a Python loop.
"""

import gc
import subprocess
import sys
import time
from functools import partial

import numpy as np
import torch

from sklabelcraft import soft_topk

K, TEMPERATURE = 10, 5e-3
TEMPERATURES = (5e-5, 5e-3, 0.05, 0.25, 1.0)
EPSILON, ITERATIONS = 1e-4, 1000


def sinkhorn(scores, k, epsilon=EPSILON, iterations=ITERATIONS):
    """The k + 1 anchor operator: log-domain Sinkhorn on (L, n) scores."""
    n = scores.shape[1]
    anchors = torch.arange(k, -1, -1, dtype=scores.dtype)
    cost = (scores[:, :, None] - anchors).square()
    cost = cost / cost.detach().amax((1, 2), keepdim=True)
    log_mu = -np.log(n)
    nu = torch.full((k + 1,), 1 / n)
    nu[-1] = (n - k) / n
    f, g = torch.zeros(len(scores), n, 1), torch.zeros(len(scores), 1, k + 1)
    for _ in range(iterations):
        f = epsilon * (log_mu - ((g - cost) / epsilon).logsumexp(2, keepdim=True))
        g = epsilon * (nu.log() - ((f - cost) / epsilon).logsumexp(1, keepdim=True))
    plan = ((f + g - cost) / epsilon).exp() * n
    return plan[:, :, :-1].sum(2)


class Bisection(torch.autograd.Function):
    """The two-anchor operator by 64 halvings in float64."""

    @staticmethod
    def forward(ctx, scores, k):
        """Halve the bracket of the threshold."""
        x = scores.double() / TEMPERATURE
        low, high = x.amin(1, keepdim=True) - 50, x.amax(1, keepdim=True) + 50
        for _ in range(64):
            middle = (low + high) / 2
            above = torch.sigmoid(x - middle).sum(1, keepdim=True) > k
            low, high = (
                torch.where(above, middle, low),
                torch.where(above, high, middle),
            )
        alpha = torch.sigmoid(x - (low + high) / 2).to(scores)
        ctx.save_for_backward(alpha)
        return alpha

    @staticmethod
    def backward(ctx, grad):
        """The implicit derivative."""
        (alpha,) = ctx.saved_tensors
        slope = alpha * (1 - alpha)
        total = slope.sum(1, keepdim=True).clamp(min=1e-30)
        mean = (slope * grad).sum(1, keepdim=True) / total
        return slope * (grad - mean) / TEMPERATURE, None


def hard(scores, k):
    """Hard top-k and scatter, which has no gradient."""
    index = scores.topk(k).indices
    return torch.zeros_like(scores).scatter(1, index, 1.0)


def ours(scores, k, temperature=TEMPERATURE):
    """The operator under test."""
    return soft_topk(scores, k, temperature=temperature)


def optional_peers():
    """Peers from PyPI, those that are installed."""
    peers = {}
    try:
        import torchsort

        peers["torchsort"] = lambda s, k: torchsort.soft_rank(s)
    except ImportError:
        print("torchsort is not installed: left out.")
    try:
        import ot

        peers["POT"] = lambda s, k: pot(ot, s, k)
    except ImportError:
        print("POT is not installed: left out.")
    try:
        import difftopk

        peers["difftopk"] = lambda s, k: difftopk.DiffTopkNet(
            "odd_even", s.shape[1], k, sparse=False
        )(s)[1].sum(2)
    except ImportError:
        print("difftopk is not installed: left out.")
    return peers


def pot(ot, scores, k):
    """The two-anchor problem, list by list, by POT's log-domain Sinkhorn."""
    n = scores.shape[1]
    a, b = torch.full((n,), 1 / n), torch.tensor([(n - k) / n, k / n])
    anchors = torch.tensor([0.0, 1.0])
    plans = [
        ot.bregman.sinkhorn_log(
            a, b, (row[:, None] - anchors).square(), 2 * TEMPERATURE, warn=False
        )
        for row in scores
    ]
    return torch.stack([plan[:, 1] * n for plan in plans])


def at_once(function):
    """Run forward and, where there is a gradient, backward over all lists at once."""

    def run(scores, grad):
        out = function(scores)
        if out.requires_grad:
            torch.autograd.grad(out, scores, grad)

    return run


def one_by_one(function):
    """Run forward and backward list by list, as the published code does."""

    def run(scores, grad):
        for i in range(len(scores)):
            row = scores[i : i + 1].detach().requires_grad_()
            torch.autograd.grad(function(row), row, grad[i : i + 1])

    return run


def seconds(run, scores, grad):
    """Time of one run."""
    start = time.perf_counter()
    run(scores, grad)
    return time.perf_counter() - start


def ratio(peer, own, shape, rounds, backward=True, draw=torch.randn):
    """Quartiles of peer's time over ours, and the medians of both in ms."""
    torch.manual_seed(0)
    scores, grad = draw(shape, requires_grad=backward), torch.randn(shape)
    if rounds > 2:
        seconds(peer, scores, grad)
    for _ in range(3):
        seconds(own, scores, grad)
    times = []
    for _ in range(rounds):
        gc.collect()
        if rounds == 1:
            theirs = seconds(peer, scores, grad)
            mine = np.median([seconds(own, scores, grad) for _ in range(5)])
            times.append((theirs, mine))
            continue
        pairs = [
            (seconds(peer, scores, grad), seconds(own, scores, grad)) for _ in range(3)
        ]
        times.append(np.median(pairs, axis=0))
    times = np.array(times)
    quartiles = np.percentile(times[:, 0] / times[:, 1], [25, 50, 75])
    return quartiles, 1e3 * np.median(times, axis=0)


def report(name, peer, own, shape, rounds=9, **options):
    """Print one row."""
    quartiles, (theirs, mine) = ratio(peer, own, shape, rounds, **options)
    low, median, high = quartiles
    shape = " x ".join(map(str, shape))
    print(
        f"{name:44s} {shape:12s} {median:10.2f}x [{low:.2f}, {high:.2f}]"
        f"   {theirs:10.2f} / {mine:.2f} ms",
        flush=True,
    )


def peak_memory(code):
    """Peak resident memory in bytes of a fresh process that runs `code`, on Linux."""
    program = f"{code}\nprint(open('/proc/self/status').read())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return 1024 * int(done.stdout.split("VmHWM:")[1].split()[0])


def extra_memory():
    """Peak memory of forward and backward beyond scores and their gradient."""
    setup = (
        "import torch; from sklabelcraft import soft_topk; torch.set_num_threads(1); "
        "w = torch.randn(8, 1000, requires_grad=True); "
        "torch.autograd.grad(soft_topk(w, 10, temperature=5e-3), w, w.detach()); "
        "s = torch.randn(8192, 1000, requires_grad=True); g = torch.randn(8192, 1000); "
    )
    run = "a = soft_topk(s, 10, temperature=5e-3); torch.autograd.grad(a, s, g)"
    return (peak_memory(setup + run) - peak_memory(setup)) / (8192 * 1000 * 4)


def against_published(own):
    """The comparisons with 1000 Sinkhorn iterations, some minutes long."""
    published = "k+1 anchors, 1000 iterations, list by list"
    for shape in [(64, 20), (64, 100), (1024, 100)]:
        peer = one_by_one(lambda s: sinkhorn(s, K))
        report(published, peer, own, shape, rounds=1)
    newton = at_once(lambda s: soft_topk(s, K, epsilon=EPSILON, method="sorted"))
    for shape in [(64, 20), (64, 100), (64, 1000)]:
        peer = one_by_one(lambda s: sinkhorn(s, K))
        report("the same against method='sorted'", peer, newton, shape, rounds=1)
    for shape in [(64, 20), (64, 100)]:
        peer = at_once(lambda s: sinkhorn(s, K))
        report("k+1 anchors, 1000 iterations, batched", peer, own, shape, rounds=1)


def against_hard():
    """The hard top-k, at all temperatures; below 1x it is the faster one."""
    peer = at_once(lambda s: hard(s, K))
    for kind, draw in (("normal", torch.randn), ("uniform", torch.rand)):
        for tau in TEMPERATURES:
            own = at_once(partial(ours, k=K, temperature=tau))
            name = f"hard topk + scatter, {kind}, tau {tau:g}"
            report(name, peer, own, (8192, 1000), draw=draw)


def as_crafted():
    """As a LabelCrafter asks: 128 lists of 11 to 40 entries, every k from 1 to 10."""
    lengths = torch.randint(11, 41, (128,), generator=torch.Generator().manual_seed(0))
    first = np.arange(1, K + 1)

    def several(scores):
        return soft_topk(scores, first[:, None], temperature=0.25, lengths=lengths)

    def one_list_each(scores):
        k = first.repeat(len(lengths))
        repeated, many = scores.repeat(K), lengths.repeat(K)
        return soft_topk(repeated, k, temperature=0.25, lengths=many).view(K, -1)

    def run(function):
        def of_one_row(scores, grad):
            out = function(scores[0])
            torch.autograd.grad(out, scores, grad.expand_as(out))

        return of_one_row

    shape = 1, int(lengths.sum())
    report(
        "k = 1..10, each as a list of its own", run(one_list_each), run(several), shape
    )


def main():
    """Run all comparisons, or with ``--quick`` those that take no minutes."""
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, numpy {np.__version__}, one thread, float32\n")

    own = at_once(lambda s: ours(s, K))
    if "--quick" not in sys.argv:
        against_published(own)
    peers = optional_peers()
    if "POT" in peers:
        peer = one_by_one(lambda s: peers["POT"](s, K))
        report("POT sinkhorn_log, list by list", peer, own, (64, 20), rounds=1)
    if "difftopk" in peers:
        peer = at_once(lambda s: peers["difftopk"](s, K))
        report("difftopk", peer, own, (64, 20), rounds=3)
    if "torchsort" in peers:
        for n in (20, 100, 1000):
            peer = at_once(lambda s: peers["torchsort"](s, K))
            report("torchsort", peer, own, (8192, n))
    for n in (20, 100):
        peer = at_once(lambda s: Bisection.apply(s, K))
        report("bisection in float64", peer, own, (8192, n))
    against_hard()
    as_crafted()
    many = at_once(lambda s: ours(s, 1000))
    report("torch.sort, forward", at_once(torch.msort), many, (10**6,), backward=False)
    if sys.platform == "linux":
        print(f"\nextra peak memory, 8192 x 1000: {extra_memory():.2f} x the input")


if __name__ == "__main__":
    main()
