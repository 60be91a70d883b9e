"""Logs of tens of millions of rows in files: time, memory, kills and days.

    python benchmarks/bench_scale.py generate FOLDER --rows 50e6
    python benchmarks/bench_scale.py statistics FOLDER
    python benchmarks/bench_scale.py epoch FOLDER [--memory]
    python benchmarks/bench_scale.py kills --kills 30
    python benchmarks/bench_scale.py days --seeds 2

``generate`` writes a planted log, 20 files for 20 days. ``statistics`` passes over it
once for each kind of statistics. ``epoch`` fits a ``LabelCrafter`` for one epoch of
each of its starts, with labels that move from the first step on, and with ``--memory``
from a frame in memory, too. "us per row, epoch" is the time of all epochs by their
number and by the rows trained on; "rest" is all else in the fit by the rows of the log:
what is learned beforehand, what is held out, and which rows to remember. Each
measurement is a child process with one thread; its peak memory is all that it held,
with Python, torch and the libraries, which take "MB before". "CPU s" is the CPU time of
a process, where the machine has other work to do, too.

``kills`` kills a small fit with a checkpoint at random moments, starts it again until
it ends, and compares all that it learned with an undisturbed fit, bit by bit: by one
process, and by two, of which one is killed. ``days`` cuts planted logs by time into
eleven days, learns ten of them day by day and at once, and compares S, the sum of NWTG,
DS and NEG relative to random lists, k = 5, on the eleventh.
"""

import argparse
import time
from pathlib import Path

import pandas as pd
import torch
from _results import keep_frame
from _scale_days import play
from _scale_fits import epoch, statistics
from _scale_kills import kills
from _scale_log import write_log

from sklabelcraft import MLPRanker


def generate(args):
    """Write a planted log."""
    start = time.perf_counter()
    write_log(args.folder, int(args.rows), int(args.users), int(args.items), args.seed)
    seconds = time.perf_counter() - start
    n_bytes = sum(path.stat().st_size for path in args.folder.iterdir())
    print(
        f"{args.rows:.0e} rows, {n_bytes / 2**20:.0f} MB, {seconds:.0f} s, "
        f"{args.rows / seconds:.2e} rows per second"
    )


def show(name, found):
    """Print a table, and keep it."""
    print(found.to_string(index=False, float_format="{:.4g}".format), flush=True)
    keep_frame(name, found, processor=processor())


def processor():
    """The name of the processor, on Linux."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.split(": ")[1] for line in lines if line.startswith("model name"))


def pass_over(args):
    """Statistics of the log in a folder, a pass each."""
    show(f"scale_statistics_{args.folder.name}", statistics(args.folder))


def train(args):
    """One epoch of each start on the log in a folder."""
    settings = {
        "batch_size": args.batch_size,
        "window_bytes": args.window_bytes,
        "one_start": args.one_start,
    }
    kinds = [False, True] if args.memory else [False]
    rows = [epoch(args.folder, kind, settings) | settings for kind in kinds]
    show(f"scale_epoch_{args.folder.name}", pd.DataFrame(rows))


def kill(args):
    """Fits that are killed, by one process and by two."""
    found = pd.DataFrame([kills(args.kills, size) for size in (1, 2)])
    show("scale_kills", found)


def go_on(args):
    """Ten days, one after the other and at once."""
    torch.set_num_threads(1)
    show("scale_days", play(args.seeds))


def read_arguments():
    """The arguments, with the part to run as ``run``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(required=True)
    part = add_part(parts, "generate", generate, folder=True)
    part.add_argument("--rows", type=float, default=1e6)
    part.add_argument("--users", type=float, default=5e5)
    part.add_argument("--items", type=float, default=2e5)
    part.add_argument("--seed", type=int, default=0)
    add_part(parts, "statistics", pass_over, folder=True)
    part = add_part(parts, "epoch", train, folder=True)
    part.add_argument("--memory", action="store_true")
    part.add_argument("--batch-size", type=int, default=4096)
    part.add_argument("--window-bytes", type=int, default=MLPRanker().window_bytes)
    part.add_argument("--one-start", action="store_true")
    part = add_part(parts, "kills", kill, folder=False)
    part.add_argument("--kills", type=int, default=30)
    part = add_part(parts, "days", go_on, folder=False)
    part.add_argument("--seeds", type=int, default=2)
    return parser.parse_args()


def add_part(parts, name, run, *, folder):
    """A part of the command line."""
    part = parts.add_parser(name, help=run.__doc__)
    part.set_defaults(run=run)
    if folder:
        part.add_argument("folder", type=Path)
    return part


def main():
    """Run a part."""
    args = read_arguments()
    args.run(args)


if __name__ == "__main__":
    main()
