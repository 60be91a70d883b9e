"""Kinds of single values that several schemas share."""

import sys

import numpy as np

from sklabelcraft._ids import DAYS, NUMBERS, OTHER, TEXT, WITH_ZONE, WITHOUT_ZONE
from sklabelcraft._saved._plain import Choice, Plain
from sklabelcraft._saved._records import KEY, Maybe, is_key

LARGEST = sys.float_info.max
OF_IDS = NUMBERS, TEXT, DAYS, WITHOUT_ZONE, WITH_ZONE, OTHER
KINDS = Maybe(Choice({kind: kind for kind in OF_IDS}))


def is_finite(value):
    """Whether a value is a finite number."""
    is_number = isinstance(value, int | float | np.number)
    return is_number and not isinstance(value, bool) and abs(value) <= LARGEST


NUMBER = Plain(wanted="a finite number", check=is_finite)
KEY_OR_NONE = Maybe(KEY)
TRUTH = Plain(wanted="true or false", check=lambda value: type(value) is bool)
CLOCK = Plain(wanted="a text", check=lambda value: type(value) is str)
KEYS = Plain(
    wanted="a list of names or positions",
    check=lambda value: isinstance(value, list) and all(map(is_key, value)),
)
TEXTS = Plain(
    wanted="a list of texts",
    check=lambda value: isinstance(value, list) and all(type(v) is str for v in value),
)
EPOCHS = Plain(
    wanted="a list of what was told of each epoch",
    check=lambda value: isinstance(value, list) and all(type(v) is dict for v in value),
)


def several(n, of, wanted):
    """A tuple of n values of some types."""

    def check(value):
        return isinstance(value, tuple) and all(isinstance(v, of) for v in value)

    return Plain(wanted=wanted, check=lambda v: check(v) and n in (None, len(v)))
