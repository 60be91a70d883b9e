"""One pass over a log in files, and a fit: how long it takes, and how much memory."""

import multiprocessing
import os
import time
from pathlib import Path

import pandas as pd
import torch

from sklabelcraft import D2Q, Columns, LabelCrafter, MLPRanker, WatchTime
from sklabelcraft._encoder import Encoder
from sklabelcraft._features import in_one_table
from sklabelcraft._holdout import hold_out
from sklabelcraft._parquet import StoredLog


def in_child(task, *args):
    """What a task returns, a dict, in a process of its own, with that one's memory."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measured, (task, *args))


def _measured(task, *args):
    torch.set_num_threads(1)
    before, start, cpu = peak(), time.perf_counter(), time.process_time()
    found = task(*args)
    return found | {
        "seconds": time.perf_counter() - start,
        "CPU s": time.process_time() - cpu,
        "MB before": before,
        "peak MB": peak(),
    }


def peak():
    """The most memory that this process has had so far, in MB of 2**20 bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**10


def statistics(folder):
    """A row for each kind of statistics: how fast one pass is, and its memory."""
    rows = [{"pass": name} | in_child(one_pass, name, folder) for name in PASSES]
    found = pd.DataFrame(rows)
    found["us per row"] = 1e6 * found["seconds"] / found["rows"]
    found["rows per s"] = (found["rows"] / found["seconds"]).round()
    return found


def one_pass(name, folder):
    """Pass over the rows of a folder."""
    log = StoredLog(folder)
    PASSES[name](log, folder)
    return {"rows": len(log)}


def _encoder(log):
    columns = in_one_table(Columns(), log)
    return Encoder(columns, list(columns.features), 2).learn(log)


def _encode(log):
    encoder = _encoder(log)
    for part in log.parts(encoder.features):
        encoder.encode(part)


PASSES = {
    "WatchTime().fit": lambda log, folder: WatchTime().fit(folder),
    "D2Q().fit": lambda log, folder: D2Q().fit(folder),
    "encoder of a ranker": lambda log, folder: _encoder(log),
    "hold_out": lambda log, folder: hold_out(log, Columns(), 0.2, k=10),
    "reading all columns": lambda log, folder: [len(part) for part in log.parts()],
    "encoder, and encoding": lambda log, folder: _encode(log),
}


class EpochTimes:
    """A callback that notes how long each epoch took.

    Attributes
    ----------
    seconds, cpu : list of float
        Seconds of each epoch that is over, by the clock and of the processor.
    """

    def __init__(self):
        self.seconds, self.cpu = [], []

    def setup(self, estimator, context):
        """Nothing."""

    def teardown(self, estimator, context):
        """Nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Note when an epoch begins."""
        if context.task_name == "epoch":
            self.begun = time.perf_counter(), time.process_time()

    def on_fit_task_end(self, estimator, context):
        """Note how long an epoch took."""
        if context.task_name == "epoch":
            self.seconds.append(time.perf_counter() - self.begun[0])
            self.cpu.append(time.process_time() - self.begun[1])


def epoch(folder, in_memory, settings):
    """A row on one epoch of each start of a ``LabelCrafter``, in a child process."""
    return in_child(fit_epoch, folder, in_memory, settings)


def fit_epoch(folder, in_memory, settings):
    """Fit an epoch of each start from files, or from a frame of the same rows."""
    data = pd.read_parquet(folder) if in_memory else os.fspath(folder)
    times, start = EpochTimes(), time.perf_counter()
    crafter = crafter_of(settings).set_callbacks(times).fit(data)
    fitting, epochs = time.perf_counter() - start, sum(times.seconds)
    n_rows = len(StoredLog(folder))
    n_passed = n_rows - len(crafter.training_state_["held_out"])
    n_passed *= len(times.seconds)
    return {
        "data": "memory" if in_memory else "files",
        "rows": n_rows,
        "epochs": len(times.seconds),
        "fit s": fitting,
        "epochs s": epochs,
        "us per row, epoch": 1e6 * epochs / n_passed,
        "CPU us per row, epoch": 1e6 * sum(times.cpu) / n_passed,
        "us per row, rest": 1e6 * (fitting - epochs) / n_rows,
        "objective": max(record["objective"] for record in crafter.history_),
        "codes": crafter.ranker_.model_.encoder.cardinalities,
    }


def crafter_of(settings):
    """A ``LabelCrafter`` that moves the label from the first step on."""
    ranker = MLPRanker(max_epochs=1, batch_size=settings["batch_size"])
    ranker.set_params(window_bytes=settings["window_bytes"])
    starts = [(0, 1, 0.5)] if settings["one_start"] else None
    return LabelCrafter(ranker, starts=starts, warmup_epochs=0, random_state=0)
