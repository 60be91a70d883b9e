"""Arrays of Python's objects, such as ids, as arrays of numbers."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd

from sklabelcraft._saved._refusing import JOBLIB, refused, require

EXPONENTS = 10_000  # of a Decimal
TIMESTAMP = re.compile(r"(s|ms|us|ns) (-?\d{1,20})(?: (-?\d{1,6}))?")


def _text_of_timestamp(value):
    """The unit, the number since 1970 and, with a time zone, its seconds from UTC."""
    number = int(value.asm8.view(np.int64))
    zone = value.utcoffset()
    seconds = "" if zone is None else f" {int(zone.total_seconds())}"
    return f"{value.unit} {number}{seconds}"


def _timestamp_of(text):
    found = TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"no timestamp: {text:.40}")
    unit, number, seconds = found.groups()
    value = pd.Timestamp(np.datetime64(int(number), unit))
    if seconds is None or value is pd.NaT:
        return value
    zone = UTC if seconds == "0" else timezone(timedelta(seconds=int(seconds)))
    return value.tz_localize("UTC").tz_convert(zone)


def _text_of_decimal(value):
    _decimal_of(str(value))
    return str(value)


def _decimal_of(text):
    value = Decimal(text)
    far = value.is_finite() and abs(value.as_tuple().exponent) > EXPONENTS
    if far or value.is_snan():
        raise ValueError(f"the number {text:.40} cannot be a key")
    return value


KINDS = {  # by its type: to a text, and back
    str: (str, str),
    int: (hex, partial(int, base=16)),
    float: (float.hex, float.fromhex),
    bool: (str, {"True": True, "False": False}.__getitem__),
    date: (date.isoformat, date.fromisoformat),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    pd.Timestamp: (_text_of_timestamp, _timestamp_of),
    Decimal: (_text_of_decimal, _decimal_of),
    type(None): (lambda value: "", lambda text: None),
    type(pd.NA): (lambda value: "", lambda text: pd.NA),
    type(pd.NaT): (lambda value: "", lambda text: pd.NaT),
}
NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
READERS = [read for _, read in KINDS.values()]
ERRORS = ValueError, ArithmeticError, KeyError


def packed(values, path):
    """The texts of objects in UTF-8, where each ends in characters, and their kinds.

    Parameters
    ----------
    values : object ndarray of shape (n,)
        The objects.
    path : str
        Where they stand, for errors.

    Returns
    -------
    texts : uint8 ndarray of shape (n_bytes,)
    ends : int64 ndarray of shape (n,)
    kinds : uint8 ndarray of shape (n,)

    Raises
    ------
    TypeError
        If one of them would not come back as it is.
    """
    if values.ndim != 1:
        raise refused(values, path)
    texts = [_text(value, path) for value in values.tolist()]
    kinds = [NUMBERS[type(value)] for value in values.tolist()]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    raw = "".join(texts).encode("utf-8", "surrogatepass")
    return np.frombuffer(raw, np.uint8), ends, np.array(kinds, dtype=np.uint8)


def unpacked(texts, ends, kinds, path):
    """The objects that were packed, checked."""
    types = [part.dtype for part in (texts, ends, kinds)]
    require(types == ["uint8", "int64", "uint8"], path, "texts, ends and kinds", types)
    shapes = [part.shape for part in (texts, ends, kinds)]
    require(all(len(shape) == 1 for shape in shapes), path, "vectors", shapes)
    require(len(ends) == len(kinds), path, "of one size", shapes)
    require(kinds.max(initial=0) < len(KINDS), path, "of a known kind", kinds)
    try:
        text = texts.tobytes().decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must hold UTF-8: {error}.") from error
    bounds = [0, *ends.tolist()]
    rising = (np.diff(ends, prepend=0) >= 0).all() and bounds[-1] == len(text)
    require(rising, path, "texts one after the other", ends)
    values = np.empty(len(ends), dtype=object)
    pieces = [text[start:stop] for start, stop in pairwise(bounds)]
    if kinds.any():
        pieces = _read(pieces, kinds.tolist(), path)
    values[:] = pieces
    return values


def _text(value, path):
    """The text of an object, from which it can be made again."""
    if type(value) is str:
        return value
    if type(value) not in KINDS:
        raise refused(value, path)
    write, read = KINDS[type(value)]
    text = _made(write, value)
    if text is None or not _same(_made(read, text), value):
        raise TypeError(f"{path} cannot be saved exactly: {value!r:.80}; {JOBLIB}")
    return text


def _made(make, of):
    try:
        return make(of)
    except ERRORS:
        return None


def _same(made, value):
    """Whether an object has come back as it was, its time zone included."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return made is value or (made != made and type(made) is type(value))
    zones = [getattr(each, "tzinfo", None) for each in (made, value)]
    folds = [getattr(each, "fold", 0) for each in (made, value)]
    alike = type(made) is type(value) and str(zones[0]) == str(zones[1])
    return alike and folds[0] == folds[1] and made == value


def _read(pieces, kinds, path):
    try:
        return [READERS[kind](text) for text, kind in zip(pieces, kinds, strict=True)]
    except ERRORS as error:
        raise ValueError(f"{path} holds what cannot be read: {error}.") from error
