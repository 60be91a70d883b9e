"""The platform of held-out lists, as a log and its objectives make it."""

import warnings

import numpy as np
import torch

from sklabelcraft._counts import Numbers
from sklabelcraft._judge import Judge
from sklabelcraft._lists import Lists
from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.objectives import (
    Objective,
    duration_objective,
    explicit_objective,
    watch_time_objective,
)
from sklabelcraft.scaling import scale
from sklabelcraft.training import Platform
from sklabelcraft.training._platform import random_references

KNEE = 0.9  # quantile of the training rows
N_RESAMPLES = 20  # of the held-out users, by a judge
ADVICE = (
    " Lower k, hold more rows out by validation_fraction, or give validation data "
    "explicitly."
)


def held_out_lists(log, columns, k):
    """The lists of those users of a held-out log that have more than k rows."""
    return Lists.of(log.ids(columns.user), k, "validation rows", ADVICE)


def objectives_of(params, has_explicit):
    """The objectives that an estimator states and their weights, checked."""
    objectives = params.objectives
    if objectives is None:
        explicit = [explicit_objective] if has_explicit else []
        objectives = watch_time_objective, *explicit, duration_objective
    if not len(objectives) or not all(isinstance(o, Objective) for o in objectives):
        raise ValueError(
            "objectives must be a sequence of at least one Objective, got "
            f"{list(objectives)!r}."
        )
    weights = checked_weights(params.objective_weights, len(objectives))
    return tuple(objectives), weights


def checked_weights(weights, n):
    """What a unit of each of n objectives is worth, 1 each for None."""
    if weights is None:
        return [1.0] * n
    try:
        numbers = np.asarray(weights, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array([])
    allowed = np.isfinite(numbers).all() and (numbers >= 0).all() and numbers.any()
    if numbers.shape != (n,) or not allowed:
        raise ValueError(
            f"objective_weights must be {n} finite numbers, none negative and not all "
            f"0, got {weights!r}."
        )
    return numbers.tolist()


def make_platform(params, k, logs, columns, explicit, held_rows, device):
    """The platform that a ``LabelCrafter`` looks at.

    Parameters
    ----------
    params : object
        The parameters of a ``LabelCrafter``, as attributes.
    k : int
        Length of the shown lists.
    logs : (Log, Log)
        The training rows, which scale the columns, and the held-out rows.
    columns : Columns
        Names of the columns.
    explicit : list of str or int
        The columns of explicit feedback that are there.
    held_rows : Impressions
        The encoded held-out rows.
    device : torch.device
        Where to compute.

    Returns
    -------
    Platform
    """
    lists = held_out_lists(logs[1], columns, k).to(device)
    objectives, weights = objectives_of(params, bool(explicit))
    train, held_out = logs
    known = count_scaled(objectives, train, columns, explicit)
    measured = [
        MeasuredColumn.counted(o, known.get(o.column), columns, explicit)
        for o in objectives
    ]
    values = [torch.from_numpy(column.of(held_out)) for column in measured]
    values = [column.to(held_rows.numeric)[lists.rows] for column in values]
    kept = varying(zip(objectives, values, weights, strict=True))
    objectives, values, weights = zip(*kept, strict=True)
    return Platform(
        held_rows,
        lists,
        objectives,
        values,
        random_references(objectives, values, lists, k),
        torch.tensor(weights).to(held_rows.numeric),
        SoftmaxBalancing() if params.balancing is None else params.balancing,
        k,
        params.temperature,
    )


def make_judge(measures, log, users, k, rng):
    """A judge of lists of k and k / 2 of held-out users, and which objectives it takes.

    Parameters
    ----------
    measures : sequence of MeasuredColumn
        What the platform wants.
    log : Log
        The held-out rows with their feedback.
    users : Ids
        Their users.
    k : int
        Length of the shown lists.
    rng : RandomState
        Draws the resamples of the users.

    Returns
    -------
    judge : Judge
        Of the objectives whose columns vary.
    kept : list of int
        Which of the measures these are.
    """
    columns = ((m.objective, m.of(log), i) for i, m in enumerate(measures))
    objectives, values, kept = zip(*varying(columns), strict=True)
    half = max(1, k // 2)
    Lists.of(users, k, "validation rows", ADVICE)  # an error if there are none
    lists = Lists.of(users, half)
    n_users = len(lists.lengths)
    drawn = rng.randint(n_users, size=(N_RESAMPLES, n_users))
    counts = np.stack([np.bincount(each, minlength=n_users) for each in drawn])
    # by id, so that the order of the rows does not decide who is drawn
    names = users.names()[users.codes()[lists.rows[lists.starts].numpy()]]
    counts = counts[:, names.astype(str).argsort(kind="stable").argsort()]
    return Judge(lists, sorted({half, k}), objectives, values, counts), list(kept)


class MeasuredColumn:
    """A column as an objective measures it.

    Parameters
    ----------
    objective : Objective
        Says which column, and whether it is scaled.
    log : Log
        The training rows, whose column sets the scale.
    columns : Columns
        Names of the columns.
    explicit : list of str or int
        The columns of explicit feedback that are there.
    """

    def __init__(self, objective, log, columns, explicit):
        self.objective, self.columns, self.explicit = objective, columns, explicit
        known = count_scaled([objective], log, columns, explicit)
        self._scale_by(known.get(objective.column))

    @classmethod
    def counted(cls, objective, numbers, columns, explicit):
        """The same of the numbers of the column, counted; None if it is not scaled."""
        measured = cls.__new__(cls)
        measured.objective, measured.columns = objective, columns
        measured.explicit = explicit
        measured._scale_by(numbers)
        return measured

    def _scale_by(self, numbers):
        if self.objective.transform == "scale":
            self.knee, self.maximum = numbers.quantile(KNEE), numbers.largest

    def of(self, log):
        """The column of a log, float64 of shape (n,)."""
        values = _raw(self.objective, log, self.columns, self.explicit)
        if self.objective.transform == "indicator":
            return (values > 0).astype(np.float64)
        if self.objective.transform == "scale":
            return scale(values, knee=self.knee, maximum=self.maximum)
        return values


def count_scaled(objectives, log, columns, explicit):
    """The numbers, counted, of each column that is scaled, by the column's name."""
    scaled = {o.column: o for o in objectives if o.transform == "scale"}
    counted = {}
    for part in log.parts() if scaled else ():
        for name, objective in scaled.items():
            more = Numbers.of(_raw(objective, part, columns, explicit))
            counted[name] = counted[name].merged(more) if name in counted else more
    return counted


def _raw(objective, log, columns, explicit):
    """The column that an objective measures, as it is in a log."""
    name = objective.column
    if name == "explicit":
        return log.any_positive(explicit)
    roles = {"watch_time": columns.watch_time, "duration": columns.duration}
    values = log.numeric(roles.get(name, name))
    scales = objective.transform == "scale"
    if values.min(initial=0) < 0 and (scales or objective.measure == "gain"):
        what = "scales" if scales else "is the gain of"
        raise ValueError(f"{objective} {what} its column, which must not be negative.")
    return values


def varying(triples):
    """Those triples (objective, column, ...) in which the column varies."""
    kept = []
    for objective, values, *rest in triples:
        if values.min() < values.max():
            kept.append((objective, values, *rest))
            continue
        warnings.warn(
            f"the objective {objective} is left out: its column is {values[0]:.6g} on "
            f"all {len(values)} held-out rows.",
            stacklevel=2,
        )
    if not kept:
        raise ValueError("no objective has a column that varies on the held-out rows.")
    return kept
