"""Codes and numbers of raw columns, in a graph."""

import numpy as np

from sklabelcraft._encoder import MIDDLE, N_DURATION_BUCKETS
from sklabelcraft._ids import NUMBERS, TEXT
from sklabelcraft._onnx import _graph
from sklabelcraft._onnx._graph import DOUBLE, END, TRUTH, WHOLE, concatenated
from sklabelcraft._onnx._search import codes_of, rank_among


def name_of(key):
    """The name of a column, also of one that has a position alone."""
    return key if isinstance(key, str) else f"column_{key}"


class Columns:
    """Reads raw columns of rows, some of them with the past of each row, as one.

    Parameters
    ----------
    graph : Graph
        The graph.
    encoder : Encoder
        Knows the codes and the ranks.
    with_past : list of str or int
        The columns of which the past is read behind the row itself, so that both are
        looked up in one table: they have the shape (n, 1 + t), others (n,).
    """

    def __init__(self, graph, encoder, with_past):
        self.graph, self.encoder, self.with_past = graph, encoder, with_past

    def code(self, key):
        """Codes of a category, of lists padded to (n, most)."""
        vocabulary = self.encoder.vocabularies[key]
        values = self._read(key, type_of(vocabulary, key))
        codes = np.arange(1, len(vocabulary.values) + 1)
        if not vocabulary.missing_code:
            return codes_of(values, vocabulary.values, codes)
        codes[codes >= vocabulary.missing_code] += 1
        codes = codes_of(values, vocabulary.values, codes)
        return self._is_missing(key, values).where(vocabulary.missing_code, codes)

    def bag(self, key):
        """Codes of lists, and the weight of each in the mean of its list, (n, most)."""
        codes = self.code(key)
        length = self.graph.input(f"{name_of(key)}_length", WHOLE, "n")
        return codes, share_of(codes, length)

    def ranks(self, key):
        """Ranks of a number or of a vector's, from 0 to 1, and where it is missing."""
        among = self.encoder.ranks[key]
        if len(among) > 1:
            values = self.graph.input(name_of(key), DOUBLE, "n", len(among))
            parts = enumerate(among)
            return [rank_among(r.points, values.take(j, 1)) for j, r in parts], None
        values = self._read(key, DOUBLE)
        rank, missing = rank_among(among[0].points, values), None
        if key != self.encoder.duration:
            missing = values.is_nan()
            rank = missing.where(MIDDLE, rank)
        return [rank], missing

    def of_row(self, key, values):
        """What was read, or was made of it, for the rows themselves, (n,)."""
        return values.take(0, 1) if key in self.with_past else values

    def _read(self, key, dtype, suffix=""):
        name = f"{name_of(key)}{suffix}"
        if key in self.encoder.lists:
            return self.graph.input(name, dtype, "n", f"{name_of(key)}_most")
        values = self.graph.input(name, dtype, "n")
        if key not in self.with_past:
            return values
        past = self.graph.input(f"past_{name}", dtype, "n", "t")
        return concatenated([values.with_axis(1), past], 1)

    def _is_missing(self, key, values):
        if values.dtype == DOUBLE:
            return values.is_nan()
        return self._read(key, TRUTH, "_is_missing")


def share_of(codes, length, most=END):
    """The weight of each code in the mean of the first ones of its row, (n, t).

    There are `length` of them in each row, of which the last `most` count.
    """
    graph, length = codes.graph, length.with_axis(1)
    n = codes.apply("Shape", start=1).without_axis(0)
    zero, one = graph.constant(0), graph.constant(1)
    position = graph.add("Range", zero, n, one, dtype=WHOLE)
    there = (position < length) & (position >= length - most)
    there = there.to(DOUBLE)
    return there / there.sum(1).maximum(1).with_axis(1)


def bucket_of(rank):
    """The code of a duration, by its rank."""
    return (rank * (N_DURATION_BUCKETS * (1 - 1e-9))).to(WHOLE) + 1


def type_of(vocabulary, key):
    """The type of a column of ids: text, whole numbers, or other numbers."""
    values = np.asarray(vocabulary.values)
    if vocabulary.kind == TEXT:
        _check_unicode(values, key)
        return _graph.TEXT
    if vocabulary.kind is None:  # all were missing
        return DOUBLE
    if vocabulary.kind == NUMBERS and values.dtype in (WHOLE, DOUBLE):
        return values.dtype
    what = vocabulary.kind
    if what == NUMBERS:
        what = f"whole numbers beyond int64, such as {values.max()}"
    raise ValueError(
        f"column {key!r} holds {what}; an ONNX model can read text, whole numbers of "
        "int64 and float64. Fit to a column of these."
    )


def _check_unicode(texts, key):
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"column {key!r} holds text that is no Unicode, with a "
            f"{error.object[error.start]!r} in it, which ONNX cannot hold."
        ) from error
