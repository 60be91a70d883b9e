"""Training by one process or by several, each of which takes a part of every batch.

All processes have the same rows, weights and random numbers. What is computed on a part
of the rows is totalled over the processes, so that all take the same step.
"""

import math
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import torch
from torch import distributed

STARTED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # set by torchrun
NUMBER = count()  # of the groups that were begun


class Alone:
    """One process, whose part of everything is the whole.

    Attributes
    ----------
    rank, size : int
        The number of this process and how many there are.
    """

    rank, size = 0, 1

    def share(self, n):
        """Which of n rows this process computes, a slice."""
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)

    def mean(self, values, n):
        """The share of these rows in the mean over n rows of all processes."""
        return values.mean()

    def total(self, tensors, what):
        """Sums of some tensors over the processes; `what` they are is told in errors.

        Parameters
        ----------
        tensors : list of tensor
            Without gradients, of one type and of the same shapes in all processes.
        what : str
            What is summed.

        Returns
        -------
        list of tensor
        """
        return tensors

    def total_through(self, value, what):
        """The sum of a tensor over the processes, with the slopes of this one."""
        return value

    def gather(self, items, what):
        """The items of all processes, those of the first one first."""
        return items

    def first(self, item, what):
        """An item as the first of the processes has it."""
        return self.gather([item], what)[0]

    def agreed(self, stop):
        """Whether any of the processes wants to stop."""
        return any(self.gather([bool(stop)], "wishes to stop"))


ALONE = Alone()


class Processes(Alone):
    """Several processes, which meet over ``torch.distributed``.

    Parameters
    ----------
    group : ProcessGroup
        Of this fit alone, as it is closed where a process fails.
    """

    def __init__(self, group):
        self.group = group
        self.rank, self.size = distributed.get_rank(group), group.size()

    def mean(self, values, n):
        """The share of these rows in the mean over n rows of all processes."""
        return values.sum() / (n * math.prod(values.shape[1:]))

    def total(self, tensors, what):
        """Sums of some tensors over the processes, which travel as one."""
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with meeting(what):
            if flat.device.type != "cpu":  # where waiting for the dead has no end
                distributed.all_reduce(torch.zeros(1), group=self.group)
            distributed.all_reduce(flat, group=self.group)
        parts = flat.split([tensor.numel() for tensor in tensors])
        pairs = zip(parts, tensors, strict=True)
        return [part.view(tensor.shape) for part, tensor in pairs]

    def total_through(self, value, what):
        """The sum of a tensor over the processes, with the slopes of this one."""
        (total,) = self.total([value.detach()], what)
        return total + (value - value.detach())  # to the bit the same in all

    def gather(self, items, what):
        """The items of all processes, those of the first one first."""
        items = [x.cpu() if torch.is_tensor(x) else x for x in items]
        found = [None] * self.size
        with meeting(what):
            distributed.all_gather_object(found, items, group=self.group)
        return [item for part in found for item in part]

    def close(self):
        """Close the connections, which others that wait for this process notice."""
        group, self.group = self.group, None  # closed when nobody refers to it
        distributed.destroy_process_group(group)


@contextmanager
def meeting(what):
    """Say in plain words that another process did not come."""
    try:
        yield
    except RuntimeError as error:
        error.with_traceback(None)  # which refers to the connections
        raise RuntimeError(
            f"another process has ended, or cannot be reached any more, while {what} "
            "were collected from all. Its own error says why. "
            f"({str(error).strip().splitlines()[0]})"
        ) from error


@contextmanager
def processes() -> Iterator[Any]:
    """The processes that call the same fit; only this one, unless there are several.

    There are several if ``torch.distributed`` is initialised, or if ``torchrun``, or
    another launcher that sets ``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and
    ``MASTER_PORT``, started this process itself; then it is initialised for the time of
    the fit. A fit that fails in one process closes the connections to all others.

    Yields
    ------
    Alone or Processes
    """
    if _size() == 1:
        yield ALONE
        return
    gpus = torch.cuda.is_available() and distributed.is_nccl_available()
    backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
    with meeting("connections"):
        connect = distributed.new_group if distributed.is_initialized() else _new_world
        group = Processes(connect(backend=backend))
    try:
        yield group
    finally:
        group.close()


def _size():
    """How many processes call the same fit."""
    if not distributed.is_available():
        return 1
    if distributed.is_initialized():
        return distributed.get_world_size()
    # the workers of joblib have the environment of who started them
    started = multiprocessing.parent_process() is None and set(STARTED) <= {*os.environ}
    return int(os.environ["WORLD_SIZE"]) if started else 1


def _new_world(backend):
    """All processes that were started together.

    Addresses of an attempt before a restart, or of an earlier fit, are not found, as
    each has a part of the store of its own.
    """
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    part = f"sklabelcraft/{attempt}/{next(NUMBER)}"
    distributed.init_process_group(
        backend,
        store=distributed.PrefixStore(part, _store()),
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
    )
    return distributed.group.WORLD


@cache
def _store():
    """Where the processes find each other: kept by torchrun, else by the first one."""
    kept = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return distributed.TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=not kept and os.environ["RANK"] == "0",
        multi_tenant=True,
        wait_for_workers=False,
    )
