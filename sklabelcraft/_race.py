"""Starts of a label that take turns, until those that fall behind drop out."""

from contextlib import ExitStack
from dataclasses import dataclass

from sklabelcraft._callbacks import Watch
from sklabelcraft.training import BilevelTask, Loop

LAG = 0.1  # of what lists shown at random reach


@dataclass(eq=False)
class Run:
    """A label that is crafted from one start.

    Attributes
    ----------
    start : tuple of float
        The weights of the starting rule.
    task : BilevelTask
        The label and the ranker that is trained along with it.
    loop : Loop
        Its training.
    watch : Watch
        To be told of its epochs.
    end : ExitStack
        Ends what is told of it.
    """

    start: tuple
    task: BilevelTask
    loop: Loop
    watch: Watch | None = None
    end: ExitStack | None = None

    @property
    def total(self):
        """The sum of the objective over the epochs."""
        return sum(epoch["objective"] for epoch in self.loop.history)


class Race:
    """Runs that are trained an epoch each in turn, until those that fall behind end.

    A run drops out when its objective, summed over the epochs, is more than ``LAG``
    below that of the leader. On planted logs and on KuaiRand that takes three or four
    epochs, and gave up the start that would have led further in 2 of 496 pairs of runs;
    half of that lag, in 7.

    Parameters
    ----------
    runs : list of Run
        The runs; those that drop out are taken from the list.
    """

    def __init__(self, runs):
        self.runs, self.checkpoint = runs, None

    def keep_in(self, checkpoint):
        """Tell a checkpoint of all steps and epochs, and of the end."""
        self.checkpoint = checkpoint
        for run in self.runs:
            run.loop.checkpoint = checkpoint

    def run(self, watch, stopped):
        """Train the runs, and return the one that led furthest.

        Parameters
        ----------
        watch : Watch
            To be told of their epochs.
        stopped : callable
            Maps a run to the attributes that would be learned, had it ended there.
        """
        current = None
        watch.attributes = lambda: stopped(current)
        with ExitStack() as stack:
            for run in self.runs:
                run.end = stack.enter_context(ExitStack())
                subtask = watch.subtask("start", run.loop.max_epochs)
                run.watch = run.end.enter_context(subtask)
            self._drop_out()
            while not self.finished:
                current = min(self._racing, key=lambda run: len(run.loop.history))
                current.loop.epoch(current.watch)
                self._drop_out()
            if self.checkpoint is not None:  # the last one may have dropped out
                self.checkpoint.save()
            return max(self.runs, key=lambda run: run.loop.best)

    @property
    def _racing(self):
        return [run for run in self.runs if not run.loop.finished]

    @property
    def finished(self):
        """Whether all runs are over."""
        return not self._racing

    def _drop_out(self):
        """Give up those that have fallen behind, when all have taken their turn."""
        lengths = {len(run.loop.history) for run in self._racing}
        if len(lengths) != 1:
            return
        abreast = [run for run in self.runs if len(run.loop.history) in lengths]
        leader = max(run.total for run in abreast)
        for run in self._racing:
            if run.total < leader - LAG:
                run.end.close()
                self.runs.remove(run)

    @property
    def place(self):
        """Where each run stands."""
        return {run.start: run.loop.place for run in self.runs}

    def state(self):
        """All that is needed to go on from here; it is not copied."""
        return {str(run.start): run.loop.state() for run in self.runs}

    def load_state_dict(self, state):
        """Go on from a state."""
        self.runs[:] = [run for run in self.runs if str(run.start) in state]
        for run in self.runs:
            run.loop.load_state_dict(state[str(run.start)])
