"""Where values lie among known ones, of which ONNX has no operator."""

import numpy as np

from sklabelcraft._onnx._graph import DOUBLE, ML, TEXT, WHOLE


def search(values, points, side, row=None):
    """How many known points lie before each value, as ``np.searchsorted`` has it.

    Parameters
    ----------
    values : Value
        Numbers, float64.
    points : list of ndarray
        Lists of points, each ascending.
    side : {"left", "right"}
        Whether a point that is equal to the value lies before it ("right").
    row : Value, default=None
        The list for each value; None for the first.

    Returns
    -------
    Value
        Whole numbers.
    """
    width = width_of(points)
    # one ahead, as it is asked for the point before a place; NaN lies before nothing
    table = np.append(np.nan, padded(points, width, np.nan))
    table = values.graph.constant(table)
    first = values.graph.constant(0) if row is None else row * width
    place, step = first, width // 2
    while step:
        further = place + step
        point = table[further]
        before = point <= values if side == "right" else point < values
        place, step = before.where(further, place), step // 2
    return place - first


def width_of(points):
    """The power of two above the length of the longest list."""
    return 1 << max(map(len, points)).bit_length()


def padded(lists, width, filler):
    """Lists one after the other, each filled up to a width."""
    table = np.full((len(lists), width), filler, dtype=np.float64)
    for line, values in zip(table, lists, strict=True):
        line[: len(values)] = values
    return table.ravel()


def rank_among(points, values):
    """Ranks, as the function of this name among the quantiles has them.

    That of NaN, with which a past may be padded, is 0.
    """
    least, largest, last = points[0], points[-1], max(1, len(points) - 1)
    if least == largest:
        return ((values > least).to(DOUBLE) + (values >= least).to(DOUBLE)) / 2
    constant = values.graph.constant
    low = search(values, [points], "left").minimum(last)
    before = points[np.maximum(np.arange(len(points)) - 1, 0)]
    width = points - before  # 0 only where the rank is one of those below
    part = (values - constant(before)[low]) / constant(width)[low]
    between = (low - 1).maximum(0).to(DOUBLE) + part.clip(0, 1)
    up_to = np.searchsorted(points, points, side="right") - 1
    middle = (np.arange(len(points)) + up_to) / 2  # of the equal ones
    met = constant(points)[low].equals(values)
    ranks = met.where(constant(middle)[low], between) / last
    ranks = (values > least).where(ranks, 0)
    return (values >= largest).where(1, ranks)


def codes_of(values, keys, codes):
    """Codes of ids, whole numbers; 0 for all that are not among the keys."""
    if not len(keys):
        keys = np.array([""], dtype=TEXT) if values.dtype == TEXT else np.zeros(1)
        keys, codes = keys.astype(values.dtype), [0]
    return values.graph.add(
        "LabelEncoder",
        values,
        dtype=WHOLE,
        domain=ML,
        keys_tensor=keys,
        values_tensor=np.asarray(codes, dtype=WHOLE),
        default_tensor=np.zeros(1, dtype=WHOLE),
    )
