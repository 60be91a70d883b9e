"""Kinds of arrays: their type, their shape in letters, and what may be in them."""

import re

import numpy as np
import pandas as pd
import torch

from sklabelcraft._saved._refusing import refused, require
from sklabelcraft._saved._trees import Kind

SIZE = re.compile(r"([a-z]+)(?:\+(\d))?")
OF_VALUES = {np.dtype(np.int64), np.dtype(np.uint64), np.dtype(np.float64)}
LARGEST_SUM = 2.0**53  # up to which each position is a float64


class Array(Kind):
    """An array of a type and a shape.

    Parameters
    ----------
    dtypes : str
        Names of the types that it may have.
    *shape : int or str
        Sizes; letters stand for sizes that agree within an object, as in ``"n"`` beside
        ``"n+1"``. A last ``...`` stands for any further ones.
    least, most : float, default=None
        The ends of what it may hold.
    rising : bool, default=False
        Whether no number is below the one before.
    finite : bool, default=False
        Whether it holds neither NaN nor infinity.
    """

    def __init__(
        self, dtypes, *shape, least=None, most=None, rising=False, finite=False
    ):
        self.dtypes = {np.dtype(name) for name in dtypes.split()}
        self.shape, self.least, self.most = shape, least, most
        self.rising, self.finite = rising, finite

    def write(self, value, save, path):
        if not isinstance(value, np.ndarray):
            raise refused(value, path)
        return save.array(value, path)

    def read(self, node, save, path, sizes):
        values = save.array(node, path)
        names = sorted(map(str, self.dtypes))
        require(
            values.dtype in self.dtypes, path, f"of a type of {names}", values.dtype
        )
        check_shape(values.shape, self.shape, sizes, path)
        if values.size:
            self._check_values(values, path)
        return values

    def _check_values(self, values, path):
        if self.finite:
            require(np.isfinite(values).all(), path, "finite", "NaN or infinity")
        if self.least is not None:
            require(values.min() >= self.least, path, f">= {self.least}", values.min())
        if self.most is not None:
            require(values.max() <= self.most, path, f"<= {self.most}", values.max())
        if self.rising:
            require((values[1:] >= values[:-1]).all(), path, "rising", "others")


class Counted(Array):
    """How often each of n things occurs: at least once, with a sum in float64."""

    def __init__(self, size):
        super().__init__("int64", size, least=1)

    def _check_values(self, values, path):
        super()._check_values(values, path)
        total = values.sum(dtype=np.float64)
        require(total < LARGEST_SUM, path, "of a sum below 2**53", total)


class Tensor(Array):
    """The same as a tensor on the CPU."""

    def write(self, value, save, path):
        if not torch.is_tensor(value):
            raise refused(value, path)
        return save.array(value, path)

    def read(self, node, save, path, sizes):
        return torch.from_numpy(super().read(node, save, path, sizes))


class Values(Kind):
    """Values that serve as keys, of shape (n,): numbers, or objects of Python.

    Objects are three arrays: their texts in UTF-8, one after the other, where each ends
    in characters, and what each is.

    Parameters
    ----------
    size : str
        The letter of n.
    distinct, only_texts : bool, default=False
        Whether no value occurs twice, and whether all are texts.
    """

    def __init__(self, size, *, distinct=False, only_texts=False):
        self.size, self.distinct, self.only_texts = size, distinct, only_texts

    def write(self, value, save, path):
        if isinstance(value, tuple) and not value:
            return []
        if not isinstance(value, np.ndarray):
            raise refused(value, path)
        if value.dtype in OF_VALUES:
            return save.array(value, path)
        if value.dtype != object:
            raise refused(value, path)
        return save.objects(value, path)

    def read(self, node, save, path, sizes):
        if node == []:
            check_shape((0,), [self.size], sizes, path)
            return ()
        values = self._read(node, save, path)
        check_shape(values.shape, [self.size], sizes, path)
        if self.only_texts:
            texts = all(type(value) is str for value in values.tolist())
            require(texts, path, "texts", values)
        if self.distinct:
            index = pd.Index(values, dtype=values.dtype, tupleize_cols=False)
            require(index.is_unique, path, "distinct values", "one of them twice")
        return values

    def _read(self, node, save, path):
        if isinstance(node, dict) and "objects" in node:
            return save.objects(node, path)
        values = save.array(node, path)
        names = sorted(map(str, OF_VALUES))
        require(values.dtype in OF_VALUES, path, f"of a type of {names}", values.dtype)
        return values


def check_shape(shape, wanted, sizes, path):
    """Check a shape by numbers and letters, of which new ones are noted in `sizes`."""
    if wanted and wanted[-1] is ...:
        shape, wanted = shape[: len(wanted) - 1], wanted[:-1]
    require(len(shape) == len(wanted), path, f"of shape {wanted}", shape)
    for size, want in zip(shape, wanted, strict=True):
        if isinstance(want, str):
            letter, more = SIZE.fullmatch(want).groups()
            known = sizes.setdefault(letter, size - int(more or 0))
            require(known >= 0, path, f"of shape {wanted}", shape)
            want = known + int(more or 0)
        require(size == want, path, f"of shape {wanted} with {sizes}", shape)
