"""The weights of a fusion's heads: what they are measured by, and for whom."""

from collections.abc import Mapping

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from sklabelcraft._fusion import fuse, usual_platforms
from sklabelcraft._platform import (
    checked_weights,
    count_scaled,
    make_judge,
    measured_columns,
    objectives_of,
)
from sklabelcraft._recommending import columns_of_log


def weigh(fusion, held_out, platforms):
    """The weights of the heads for each platform, by name."""
    rng = check_random_state(fusion.random_state)
    users = held_out.log.ids(fusion._stated("columns").user)
    objectives = [measure.objective for measure in fusion.measures_]
    worths = [checked_weights(w, objectives) for w in platforms]
    log, k = held_out.table, fusion._stated("k")
    judge, kept = make_judge(fusion.measures_, log, users, k, rng)
    worths = np.array(worths)[:, kept]
    if not worths.any(axis=1).all():
        raise ValueError(
            "the objectives that are left have the weight 0: nothing can be chosen."
        )
    found = fuse(fusion.heads_(held_out.log), judge, worths, rng)
    return [dict(zip(fusion.heads_.names, w.tolist(), strict=True)) for w in found]


def named_platforms(fusion, objective_weights):
    """The weights of each platform, of which there is at least one, by its name."""
    objectives = [measure.objective for measure in fusion.measures_]
    if objective_weights is None:
        objective_weights = usual_platforms(len(objectives))
    platforms = list(objective_weights) if np.iterable(objective_weights) else []
    if not platforms or any(weights is None for weights in platforms):
        raise ValueError(
            "objective_weights must hold those of at least one platform, got "
            f"{objective_weights!r}."
        )
    named = {}
    for weights in platforms:
        name = _name_of(weights, checked_weights(weights, objectives))
        if name in named:
            raise ValueError(
                f"objective_weights must hold each platform once, got {name!r} twice."
            )
        named[name] = weights
    return named


def _name_of(platform, weights):
    """A platform as text: its weights, or those that are stated by name."""
    if isinstance(platform, Mapping) and platform:
        return ", ".join(f"{name} {_text(w)}" for name, w in platform.items())
    return f"({', '.join(map(_text, weights))})"


def _text(number):
    """A number as text, in short where that says all."""
    number = float(number)
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def point_of(fusion, platform, weights):
    """A recommender with the same trained parts for another platform."""
    other = clone(fusion).set_params(objective_weights=platform)
    learned = {n: value for n, value in vars(fusion).items() if n.endswith("_")}
    vars(other).update(learned | {"weights_": weights})
    return other


def measures_of(fusion, train):
    """How the objectives of a fusion measure a log."""
    columns = columns_of_log(fusion._stated("columns"), train.log, train.feedback)
    if fusion.duration_term and columns.duration is None:
        raise ValueError("duration_term=True needs Columns(duration=...), got None.")
    log = train.table
    explicit = log.present(columns.explicit)
    objectives, _ = objectives_of(fusion, bool(explicit))
    scaled = count_scaled(objectives, log, columns, explicit)
    return measured_columns(objectives, scaled, columns, explicit)
