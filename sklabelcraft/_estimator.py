"""What all estimators share: columns, what parts inherit, defaults of parts."""

from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from sklabelcraft.columns import Columns

USUAL: dict[str, Any] = {"columns": Columns(), "k": 10}
LARGEST = float(np.finfo(np.float64).max)
FINITE = Interval(Real, -LARGEST, LARGEST, closed="both")
NOT_NEGATIVE = Interval(Real, 0, LARGEST, closed="both")
POSITIVE = Interval(Real, 0, LARGEST, closed="right")
INHERITED = (*USUAL, "random_state")  # by parts, where theirs is None


class LogEstimator(BaseEstimator):
    """An estimator on the columns of a log.

    A part that is None stands for a default one, which nested parameters such as
    ``ranker__max_epochs`` bring into being.
    """

    columns: Columns | None = None

    def _default_parts(self):
        """What makes the default of each part, by its name."""
        return {}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of parts that are at their default of None.

        Parameters
        ----------
        **params : dict
            Parameters by name, those of parts as ``part__parameter``.

        Returns
        -------
        self : object
            The estimator.
        """
        for name, make in self._default_parts().items():
            nested = any(key.startswith(f"{name}__") for key in params)
            if nested and name not in params and getattr(self, name) is None:
                setattr(self, name, make())
        return super().set_params(**params)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True  # ids and categories may be text
        return tags

    def _stated(self, name):
        """A parameter that may be inherited, with its usual value in place of None."""
        value = getattr(self, name)
        return USUAL[name] if value is None else value


def inherit(estimator, random_state=None, **values):
    """Clone an estimator; its parts inherit what they leave open.

    `random_state` reaches every part that has one of None, `values` (of ``columns`` and
    ``k``) those parts of this library where they are None; neither reaches what is
    inside of a part of this library that has it, too, and hands it on itself. Nothing
    else is handed down, and a stated value is never replaced.
    """
    estimator = clone(estimator)
    params = estimator.get_params(deep=True)
    changes = {}
    for path, current in params.items():
        *way, name = path.split("__")
        owners = [estimator]
        owners += [params["__".join(way[: i + 1])] for i in range(len(way))]
        *outer, owner = owners
        hands_on = any(isinstance(p, LogEstimator) and hasattr(p, name) for p in outer)
        if current is not None or hands_on:
            continue
        if name == "random_state":
            changes[path] = random_state
        elif name in values and isinstance(owner, LogEstimator):
            changes[path] = values[name]
    return estimator.set_params(**changes) if changes else estimator


def seed_of(random_state):
    """A random state as what several parts can inherit, each drawing the same."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return random_state


def shared_random_state(random_state, group):
    """A ``RandomState`` that is the same in all processes of a group.

    Where none is stated, it is seeded by the first of them.
    """
    rng = check_random_state(random_state)
    if random_state is not None or group.size == 1:
        return rng
    return np.random.RandomState(group.first(rng.randint(2**31 - 1), "seeds"))


def stated_by(estimator, name):
    """``columns`` or ``k`` as the outermost estimator of this library states it.

    It is looked for in pipelines, searches and other wrappers; None if it is not
    stated.
    """
    waiting = [estimator]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, LogEstimator) and name in part.get_params(deep=False):
            return getattr(part, name)
        if hasattr(part, "get_params") and not isinstance(part, type):
            waiting += _parts(part)
    return None


def _parts(estimator):
    """What an estimator consists of, the last step of a pipeline first.

    Of a search that is done, it is what was found.
    """
    if hasattr(estimator, "best_estimator_"):
        return [estimator.best_estimator_]
    values = list(estimator.get_params(deep=False).values())
    steps = [v for v in values if isinstance(v, list)]
    named = [step[1] for v in steps for step in v if _is_step(step)]
    return [*named[::-1], *values]


def _is_step(step):
    return isinstance(step, tuple) and len(step) > 1
