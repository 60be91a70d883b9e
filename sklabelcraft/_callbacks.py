"""The ceremony of a fit: callbacks are told of it, and it leaves all or nothing."""

import copy
from contextlib import contextmanager
from functools import partial

from sklabelcraft._units import looked_at_once


@contextmanager
def all_or_nothing(estimator):
    """Undo everything that a failing fit stored on the estimator."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextmanager
def fitting(estimator, X, y, *, max_subtasks=None, outer=None):
    """The fit of an estimator, of which its callbacks are told.

    Parameters
    ----------
    estimator : object
        What is being fitted.
    X, y : data
        As they were given to ``fit``.
    max_subtasks : int, default=None
        Number of tasks that it consists of; None if it is not known.
    outer : Watch, default=None
        That of an estimator around this one, which is to hear of all tasks, too.

    Yields
    ------
    Watch
        To be told of the progress.
    """
    task = estimator._init_callback_context(max_subtasks=max_subtasks)
    data = {"estimator": estimator, "X": X, "y": y}
    task.call_on_fit_task_begin(**data)
    with all_or_nothing(estimator), looked_at_once():
        yield Watch(estimator, task, {"X": X, "y": y}, outer)
        attributes = partial(vars, estimator)
        task.call_on_fit_task_end(**data, reconstruction_attributes=attributes)


@contextmanager
def lent(watch, part):
    """Lend the callbacks that a watch tells to a part, if it supports them."""
    if hasattr(part, "set_callbacks"):
        with watch.task.propagate_callback_context(part):
            yield
    else:
        yield


class Watch:
    """Tells callbacks about the tasks of a fit, its epochs and steps among them.

    Parameters
    ----------
    estimator : object
        What is being fitted.
    task : CallbackContext
        The task that is told about.
    data : dict
        X and y as they were given to ``fit``.
    outer : Watch or None
        That of an estimator around this one.

    Attributes
    ----------
    attributes : callable
        Returns the attributes that the estimator would have, had its fit stopped now;
        set by who trains it.
    agreed : callable
        Maps whether a callback asks to stop to whether to stop; set by who trains in
        several processes, which stop together.
    part : Watch or None
        That of a part which is being fitted.
    """

    def __init__(self, estimator, task, data, outer=None):
        self.estimator, self.task, self.data = estimator, task, data
        self.outer, self.part, self.attributes = outer, None, lambda: {}
        self.agreed = bool
        if outer is not None:
            outer.part = self

    def as_fitted(self):
        """The estimator as it would be, had its fit stopped now."""
        fitted = copy.copy(self.estimator)
        vars(fitted).update(self.attributes())
        return fitted

    @contextmanager
    def subtask(self, name, max_subtasks=0):
        """Tell that a task begins and ends; yields the watch of that task."""
        watch = copy.copy(self)
        watch.task = self.task.subcontext(name, max_subtasks=max_subtasks)
        watch.task.call_on_fit_task_begin(estimator=self.estimator)
        if self.outer is None:
            yield watch
        else:
            with self.outer.subtask(name, max_subtasks) as watch.outer:
                yield watch
        watch.task.call_on_fit_task_end(estimator=self.estimator)

    def begin_epoch(self, n_steps):
        """Tell that an epoch begins."""
        self._epoch = self.task.subcontext("epoch", max_subtasks=n_steps)
        self._epoch.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        if self.outer is not None:
            self.outer.begin_epoch(n_steps)

    @contextmanager
    def step(self):
        """Tell that a step of the epoch begins and ends."""
        step = self._epoch.subcontext("step")
        step.call_on_fit_task_begin(estimator=self.estimator)
        if self.outer is None:
            yield
        else:
            with self.outer.step():
                yield
        step.call_on_fit_task_end(estimator=self.estimator)

    def end_epoch(self):
        """Tell that the epoch has ended; whether a callback asks to stop there."""
        stop = self._epoch.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=self.attributes,
            **self.data,
        )
        stop = bool(self.outer is not None and self.outer.end_epoch()) or stop
        return self.agreed(stop)
