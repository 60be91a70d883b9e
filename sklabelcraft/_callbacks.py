"""What a fit tells scikit-learn's callbacks."""

import copy
from contextlib import contextmanager
from inspect import signature

from sklearn.callback import AutoPropagatedCallback


class Watch:
    """Tells the callbacks of an estimator about the epochs and steps of its training.

    Parameters
    ----------
    estimator : object
        What is being fitted.
    task : CallbackContext
        The task that consists of the epochs.
    fitted : callable
        Maps what :meth:`end_epoch` is given to the attributes that the estimator would
        have, had its fit stopped there.
    X, y : data
        As they were given to ``fit``.
    """

    def __init__(self, estimator, task, fitted, X=None, y=None):
        self.estimator, self.task, self.fitted = estimator, task, fitted
        self.data = {"X": X, "y": y}

    def begin_epoch(self, n_steps):
        """Tell that an epoch begins."""
        self._epoch = self.task.subcontext("epoch", max_subtasks=n_steps)
        self._epoch.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    @contextmanager
    def step(self):
        """Tell that a step of the epoch begins and ends."""
        step = self._epoch.subcontext("step")
        step.call_on_fit_task_begin(estimator=self.estimator)
        yield
        step.call_on_fit_task_end(estimator=self.estimator)

    def end_epoch(self, *learned):
        """Tell that the epoch has ended; whether a callback asks to stop there."""
        return self._epoch.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=lambda: self.fitted(*learned),
            **self.data,
        )


class Relay:
    """Tells the callbacks of a whole what a part of it, being fitted, has learned.

    scikit-learn hands only some callbacks down to the parts of an estimator; others,
    such as a ``ScoringMonitor``, are to see the whole with the part as it stands.

    Parameters
    ----------
    whole : object
        The estimator whose callbacks are told.
    complete : callable
        Maps the fitted part to the attributes of the whole.
    X, y : data
        As they were given to ``fit`` of the whole.
    """

    def __init__(self, whole, complete, X, y):
        self.whole, self.complete = whole, complete
        self.data = {"X": X, "y": y}

    def setup(self, estimator, context):
        """Do nothing: the callbacks were set up with the whole."""

    def teardown(self, estimator, context):
        """Do nothing, likewise."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing: only what was learned is passed on."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Pass on what was learned; whether a callback asks to stop there."""
        if fitted_estimator is None:
            return False
        fitted = copy.copy(self.whole)
        vars(fitted).update(self.complete(fitted_estimator))
        told = {"fitted_estimator": fitted, "metadata": None} | self.data
        stops = [_tell(c, self.whole, context, told) for c in own(self.whole)]
        return any(stops)

    @contextmanager
    def listening_to(self, part):
        """Hear what the callbacks of the part are told."""
        callbacks = getattr(part, "_skl_callbacks", [])
        part.set_callbacks(*callbacks, self)
        try:
            yield
        finally:
            part.set_callbacks(*callbacks)


def own(estimator):
    """The callbacks of an estimator that scikit-learn does not hand down."""
    callbacks = getattr(estimator, "_skl_callbacks", [])
    return [c for c in callbacks if not isinstance(c, AutoPropagatedCallback)]


def _tell(callback, estimator, context, told):
    """Call a callback with those arguments that it takes."""
    hook = callback.on_fit_task_end
    taken = {name: told[name] for name in signature(hook).parameters if name in told}
    return bool(hook(estimator, context, **taken))
