"""The platform of held-out lists, as a log and its objectives make it."""

import warnings
from collections.abc import Mapping
from functools import partial

import numpy as np
import torch

from sklabelcraft._counts import Numbers
from sklabelcraft._floats import as_floats
from sklabelcraft._judge import Judge
from sklabelcraft._known import any_positive
from sklabelcraft._lists import Lists
from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.objectives import (
    Objective,
    duration_objective,
    explicit_objective,
    names_of,
    watch_time_objective,
)
from sklabelcraft.scaling import scale
from sklabelcraft.training import Platform
from sklabelcraft.training._platform import random_references

ALWAYS_KNOWN = ("watch_time", "duration")
LEAST_WEIGHT, MOST_WEIGHT = 1e-12, 1e12  # that float32 can multiply objectives by
KNEE = 0.9  # quantile of the training rows
N_RESAMPLES = 20  # of the held-out users, by a judge
ADVICE = (
    " Lower k, hold more rows out by validation_fraction, or give validation data "
    "explicitly."
)


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
    weights = checked_weights(params.objective_weights, objectives)
    return tuple(objectives), weights


def checked_weights(weights, objectives):
    """What a unit of each objective is worth; 1 for None, and where none is named."""
    n, names = len(objectives), names_of(objectives)
    if weights is None:
        return [1.0] * n
    if isinstance(weights, Mapping):
        unknown = [name for name in weights if name not in names]
        if unknown:
            raise ValueError(
                f"objective_weights must be by names of objectives, which are {names}; "
                f"got {unknown[0]!r}."
            )
        weights = [weights.get(name, 1.0) for name in names]
    try:
        numbers = as_floats(weights, "objective_weights")
    except ValueError:
        numbers = np.array([])
    allowed = np.isfinite(numbers).all() and (numbers >= 0).all() and numbers.any()
    if numbers.shape != (n,) or not allowed:
        raise ValueError(
            f"objective_weights must be {n} finite numbers, none negative and not all "
            f"0, got {weights!r}."
        )
    least, most = numbers[numbers > 0].min(), numbers.max()
    if least < LEAST_WEIGHT or most > MOST_WEIGHT:
        raise ValueError(
            f"objective_weights must be 0 or from {LEAST_WEIGHT:g} to {MOST_WEIGHT:g}, "
            f"got {weights!r}."
        )
    return numbers.tolist()


def make_platform(params, k, held_out, impressions, scaled, has_explicit):
    """The platform that a ``LabelCrafter`` looks at.

    Parameters
    ----------
    params : object
        The parameters of a ``LabelCrafter``, as attributes.
    k : int
        Length of the shown lists.
    held_out : KeptRows
        The held-out rows.
    impressions : Impressions
        The same, encoded.
    scaled : dict of Numbers
        The numbers of the training rows in each column that is scaled, by name.
    has_explicit : bool
        Whether there is explicit feedback.

    Returns
    -------
    Platform
    """
    lists = Lists.of(held_out.users, k, "validation rows", ADVICE)
    lists = lists.to(impressions.numeric.device)
    objectives, weights = objectives_of(params, has_explicit)
    read = held_out.columns.items()
    warn_of_gaps({name: values for name, values in read if name != "explicit"})
    values = [
        column.measured(held_out.columns[column.objective.column])
        for column in measured_columns(objectives, scaled, None, None)
    ]
    values = [torch.from_numpy(column).to(impressions.numeric) for column in values]
    values = [column[lists.rows] for column in values]
    triples = zip(objectives, values, weights, strict=True)
    kept = varying(triples, lambda values: lists.count(~values.isnan()), k)
    objectives, values, weights = zip(*kept, strict=True)
    row_weights = weights_in(lists, held_out.weights, values[0])
    return Platform(
        impressions,
        lists,
        objectives,
        values,
        random_references(objectives, values, lists, k, row_weights),
        values[0].new_tensor(weights),
        SoftmaxBalancing() if params.balancing is None else params.balancing,
        k,
        params.temperature,
        row_weights,
    )


def weights_in(lists, weights, like):
    """Weights of the rows in lists, like another tensor; None if all are alike."""
    weights = torch.from_numpy(weights).to(like)[lists.rows]
    if not weights.any():
        raise ValueError("sample_weight must be non-zero in some held-out list.")
    return None if bool((weights == weights[0]).all()) else weights


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
    columns = [(m.objective, m.of(log), i) for i, m in enumerate(measures)]
    warn_of_gaps({o.column: values for o, values, _ in columns})
    half = max(1, k // 2)
    Lists.of(users, k, "validation rows", ADVICE)  # an error if there are none
    lists = Lists.of(users, half)
    n_known = partial(_n_known, lists)
    objectives, values, kept = zip(*varying(columns, n_known, half), strict=True)
    n_users = len(lists.lengths)
    drawn = rng.randint(n_users, size=(N_RESAMPLES, n_users))
    counts = np.stack([np.bincount(each, minlength=n_users) for each in drawn])
    # by id, so that the order of the rows does not decide who is drawn
    names = users.names()[users.codes()[lists.rows[lists.starts].numpy()]]
    counts = counts[:, names.astype(str).argsort(kind="stable").argsort()]
    return Judge(lists, sorted({half, k}), objectives, values, counts), list(kept)


def warn_of_gaps(columns):
    """Warn of columns, by name, that are missing in some held-out rows."""
    gaps = {name: int(np.isnan(values).sum()) for name, values in columns.items()}
    told = [f"{name!r} in {n} of them" for name, n in gaps.items() if n]
    if told:
        n_rows = len(next(iter(columns.values())))
        warnings.warn(
            f"objectives leave out those of the {n_rows} held-out rows in which their "
            f"column is not known: {', '.join(told)}.",
            stacklevel=2,
        )


def _n_known(lists, values):
    """How many rows of each list have values that are known."""
    return lists.count(torch.from_numpy(~np.isnan(values))[lists.rows])


class MeasuredColumn:
    """A column as an objective measures it.

    Parameters
    ----------
    objective : Objective
        Says whether it is scaled.
    numbers : Numbers or None
        Those of the training rows, which set the scale.
    columns : Columns
        Names of the columns.
    explicit : list of str or int
        The columns of explicit feedback that are there.
    """

    def __init__(self, objective, numbers, columns, explicit):
        self.objective, self.columns, self.explicit = objective, columns, explicit
        if objective.transform == "scale":
            if not len(numbers.keys):
                raise ValueError(
                    f"{objective} scales its column, which is missing in all rows to "
                    "train on."
                )
            self.knee, self.maximum = numbers.quantile(KNEE), numbers.largest

    def of(self, log):
        """The column of a log as it is measured, float64 of shape (n,)."""
        return self.measured(_read(self.objective, log, self.columns, self.explicit))

    def measured(self, values):
        """Values of the column, (n,), as they are measured; unknown ones are NaN."""
        if self.objective.transform == "indicator":
            return any_positive([values], len(values))
        if self.objective.transform == "scale":
            return scale(values, knee=self.knee, maximum=self.maximum)
        return values


def measured_columns(objectives, scaled, columns, explicit):
    """How each objective measures its column, by the numbers of those that are scaled.

    Returns
    -------
    list of MeasuredColumn
    """
    return [
        MeasuredColumn(o, scaled.get(o.column), columns, explicit) for o in objectives
    ]


def count_scaled(objectives, log, columns, explicit):
    """The numbers, counted, of each column that is scaled, by the column's name."""
    scaled = [o for o in objectives if o.transform == "scale"]
    keys = [key for o in scaled for key in _keys(o, columns, explicit)]
    counted = {}
    for part in log.parts(keys) if scaled else ():
        for name, values in read_measured(scaled, part, columns, explicit).items():
            more = Numbers.of(values[~np.isnan(values)])
            counted[name] = counted[name].merged(more) if name in counted else more
    return counted


def read_measured(objectives, log, columns, explicit):
    """The columns that objectives measure, as they are in a log, by name."""
    return {o.column: _read(o, log, columns, explicit) for o in objectives}


def _keys(objective, columns, explicit):
    """The columns of a log that an objective is measured by."""
    roles = {"watch_time": columns.watch_time, "duration": columns.duration}
    roles = {name: [key] for name, key in roles.items()} | {"explicit": explicit}
    return roles.get(objective.column, [objective.column])


def _read(objective, log, columns, explicit):
    keys = _keys(objective, columns, explicit)
    if objective.column == "explicit":
        return log.any_positive(keys)
    values = log.numeric(*keys, missing=objective.column not in ALWAYS_KNOWN)
    scales = objective.transform == "scale"
    if (values < 0).any() and (scales or objective.measure == "gain"):
        what = "scales" if scales else "is the gain of"
        raise ValueError(f"{objective} {what} its column, which must not be negative.")
    return values


def varying(triples, n_known, k):
    """Those triples (objective, column, ...) in which the column varies where known.

    Parameters
    ----------
    triples : iterable of tuple
        What is measured, and on which values.
    n_known : callable
        Maps the values to how many of them are known in each list.
    k : int
        Users with more known ones than that take part.
    """
    kept = []
    for objective, values, *rest in triples:
        known = values[values == values]
        enough = len(known) == len(values) or bool((n_known(values) > k).any())
        if enough and known.min() < known.max():
            kept.append((objective, values, *rest))
            continue
        why = f"known on more than {k} held-out rows of no user.{ADVICE}"
        if enough:
            why = f"{known[0]:.6g} on all {len(known)} held-out rows."
        warnings.warn(
            f"the objective {objective} is left out: its column is {why}", stacklevel=2
        )
    if not kept:
        raise ValueError("no objective has a column that varies on the held-out rows.")
    return kept
