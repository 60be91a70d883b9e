"""The training step and the soft top-k on one device, against what the device can do.

    python benchmarks/bench_device.py [cpu|cuda]

Seconds per step (one of the label and one of the ranker), training impressions per
second, and the share of the measured peak of the device's matrix products, at two batch
sizes; the same with products in bfloat16; where the time goes; and the time of the soft
top-k over that of the hard one. On the CPU all is on one thread.
"""

import sys
import time
from functools import partial

import numpy as np
import torch
from _reference_steps import make_problem
from bench_step import ours
from bench_topk import K, at_once, hard
from bench_topk import ours as soft
from torch.profiler import profile
from torch.utils.flop_counter import FlopCounterMode

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def seconds(run, rounds=5):
    """The median time of a run, with all that it has started on the device."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        run()
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()
        times.append(time.perf_counter() - start)
    return np.median(times[1:])


def peak_of_products(device, dtype=torch.float32, n=4096):
    """Operations per second in a product of two matrices."""
    a = torch.randn(n, n, device=device, dtype=dtype)
    return 2 * n**3 / seconds(lambda: a @ a)


def bandwidth(device, n=2**26):
    """Bytes per second, read and written, of a copy."""
    source, target = torch.randn(2, n, device=device)
    return 8 * n / seconds(lambda: target.copy_(source))


def step(kind, batch, device, peaks):
    """Print the cost of a step in both precisions."""
    problem = make_problem(15_000, 13_000, batch, 301, 30)
    for precision, peak in peaks.items():
        run = ours(kind, problem, "adamw", device, precision)
        with FlopCounterMode(display=False) as counter:
            run()
        operations, time = counter.get_total_flops(), seconds(run)
        print(
            f"{kind}, batch {batch:6d}, {precision:8s}: "
            f"{1e3 * time:8.1f} ms a step, {batch / time:10,.0f} impressions/s, "
            f"{operations / 1e9:.1f} GFLOP at {operations / time / peak:.1%} of "
            "the peak",
            flush=True,
        )
        if precision == "float32":
            where_time_goes(run)


def where_time_goes(run, n=8):
    """Print the operations that take most of the time."""
    with profile() as profiled:
        run()
    name = "device" if torch.accelerator.is_available() else "cpu"
    events = profiled.key_averages()
    times = [(getattr(e, f"self_{name}_time_total"), e.key) for e in events]
    total = sum(time for time, _ in times)
    shares = (f"{key} {t / total:.0%}" for t, key in sorted(times, reverse=True)[:n])
    print("  " + ", ".join(shares), flush=True)


def against_hard_topk(device):
    """Print the time of the soft top-k over that of the hard one."""
    for n in (20, 100, 1000):
        scores = torch.randn(8192, n, device=device, requires_grad=True)
        grad = torch.randn(8192, n, device=device)
        runs = (at_once(partial(function, k=K)) for function in (soft, hard))
        mine, theirs = (seconds(partial(run, scores, grad), 20) for run in runs)
        print(
            f"soft top-k, 8192 x {n:4d}: {1e3 * mine:.2f} ms, {mine / theirs:.2f} "
            f"times hard topk + scatter, {24 * scores.numel() / mine / 1e9:.1f} GB/s"
        )


def main(device="cpu"):
    """Measure a device."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {device}")
    peaks = {
        name: peak_of_products(device, dtype) for name, dtype in PRECISIONS.items()
    }
    products = ", ".join(f"{p / 1e9:,.0f} GFLOP/s in {n}" for n, p in peaks.items())
    print(
        f"products: {products}; copies: {bandwidth(device) / 1e9:,.1f} GB/s",
        flush=True,
    )
    against_hard_topk(device)
    for kind in ("MLP", "DIN"):
        for batch in (4096, 65_536):
            step(kind, batch, device, peaks)


if __name__ == "__main__":
    main(*sys.argv[1:])
