"""JSON as a save may hold it: each name once, finite numbers, and not too deep."""

import json
from collections import Counter
from math import isfinite

DEEPEST = 64  # nesting of lists and objects


def parse(raw, what):
    """Parse the bytes of some JSON object.

    Parameters
    ----------
    raw : bytes
        UTF-8.
    what : str or Path
        What is parsed, for errors.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If it is no such object.
    """
    try:
        tree = json.loads(
            raw.decode(),
            object_pairs_hook=_each_once,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except ValueError as error:
        raise ValueError(f"{what} is not what a save holds: {error}.") from error
    except RecursionError:
        raise ValueError(f"{what} is nested deeper than a save is.") from None
    if not isinstance(tree, dict):
        raise ValueError(f"{what} must be an object of JSON, got {tree!r:.80}.")
    if _depth(tree) > DEEPEST:
        raise ValueError(f"{what} is nested deeper than {DEEPEST} levels.")
    return tree


def _each_once(pairs):
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the name {twice!r:.80} stands twice in one object")
    return fields


def _no_constant(name):
    raise ValueError(f"{name} is no number of JSON")


def _finite(text):
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"the number {text:.40} is beyond float64")
    return number


def _depth(tree):
    """How deeply it is nested, level by level, so that no depth is too much."""
    level, depth = [tree], 0
    while level:
        level = [part for node in level for part in _parts(node)]
        depth += 1
    return depth


def _parts(node):
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()
