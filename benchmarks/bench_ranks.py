"""What a step of several processes costs, by the number of users that are known.

    torchrun --nproc-per-node 2 benchmarks/bench_ranks.py

A step is one of the label and one of the ranker, on as many touched rows for each
size of the vocabulary; the sizes are timed alternately, and the median is told.
Bytes are those of the tensors that a process gives to be summed in a step: with two
processes, each sends as many. Without torchrun one process takes the same step.
"""

import time

import numpy as np
import torch
from _reference_steps import make_problem
from bench_step import ours

from sklabelcraft.training import processes

SIZES = 10**4, 10**6, 10**7
ROUNDS = 15


def compare(kind, group, rounds=ROUNDS):
    """Print the cost of a step for each size of the vocabulary."""
    torch.manual_seed(0)
    problems = [make_problem(size, 10_000, 4096, 64, 100) for size in SIZES]
    steps = [ours(kind, problem, group=group) for problem in problems]
    times = np.array([[seconds(step) for step in steps] for _ in range(rounds)])
    for size, spent, step in zip(SIZES, np.median(times, axis=0), steps, strict=True):
        sums = summed(step, group)
        if group.rank == 0:
            print(
                f"{kind}, {size:.0e} users, {group.size} processes: "
                f"{1000 * spent:.0f} ms, {sum(sums) / 2**20:.2f} MiB in {len(sums)} "
                "sums",
                flush=True,
            )


def seconds(step):
    """The time of one step."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def summed(step, group):
    """The bytes of each sum of a step."""
    found, total = [], group.total

    def counted(tensors, what):
        found.append(sum(tensor.nbytes for tensor in tensors))
        return total(tensors, what)

    group.total = counted
    step()
    group.total = total
    return found


def main():
    """Compare the sizes of the vocabulary for two networks."""
    torch.set_num_threads(1)
    with processes() as group:
        for kind in ("MLP", "DIN"):
            compare(kind, group)


if __name__ == "__main__":
    main()
