"""Warnings of columns that are perhaps meant otherwise than they are read."""

import re
import warnings

import numpy as np

from sklabelcraft._ids import NUMBERS, TEXT
from sklabelcraft._nested import SEPARATOR

MANY = 100  # distinct whole numbers
LOWEST = 0.1  # part of their range in which half the rows of a count are
SEVERAL = re.compile(rf"\s*\d+\s*(?:{SEPARATOR}\s*\d+\s*)+")


def warn_of_dates(log, features, timestamp):
    """Warn that dates are categories like any other, and perhaps meant as the clock."""
    dates = [key for key in features if log.is_date(key)]
    if dates:
        warnings.warn(
            f"the columns {dates} hold dates and are taken as categories, while "
            f"timestamp={timestamp!r} orders the rows. State timestamp={dates[0]!r} or "
            "leave them out of the features.",
            stacklevel=2,
        )


def warn_of_categories(encoder):
    """Warn of categories that look like counts, or like texts that hold several ids."""
    for key in encoder.single:
        found = encoder.occurrences[key]
        if key in encoder.ids or not len(found.values):
            continue
        if found.kind == TEXT and _hold_several(found):
            warnings.warn(
                f"column {key!r} holds texts such as {_several_in(found)[0]!r}, each "
                f"of which is taken as one category. State lists=({key!r},) in Columns "
                "to take them as lists.",
                stacklevel=2,
            )
        if found.kind == NUMBERS and _look_like_counts(found):
            warnings.warn(
                f"column {key!r} holds {len(found.values)} distinct whole numbers up "
                f"to {found.values.max()}, mostly low ones as of a count, each of "
                "which is taken as a category. Make it float to use it as a number, or "
                "text to say that it is an id.",
                stacklevel=2,
            )


def _hold_several(found):
    """Whether most of the distinct texts are numbers with commas between them."""
    return 2 * len(_several_in(found)) > len(found.values)


def _several_in(found):
    """Those of the distinct texts that are numbers with commas between them."""
    return [text for text in found.values if SEVERAL.fullmatch(text)]


def _look_like_counts(found):
    """Whether half the rows lie in the lowest tenth of a range of many whole numbers.

    So it is with counts, amounts and durations, of which low ones are the most
    frequent, and not with ids that are given in an order of their own. Ids that are
    numbered by how frequent they are look the same, and even amounts do not.
    """
    if found.values.dtype.kind not in "iu" or len(found.values) <= MANY:
        return False
    order = np.argsort(found.values)
    values, total = found.values[order].astype(np.float64), found.counts[order].cumsum()
    median = values[np.searchsorted(total, total[-1] / 2)]
    return median - values[0] < LOWEST * (values[-1] - values[0])
