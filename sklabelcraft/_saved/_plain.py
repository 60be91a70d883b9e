"""Kinds of single values: numbers, texts, choices, and what parameters may be."""

from contextlib import suppress
from math import isfinite
from pathlib import Path

import numpy as np
import torch

from sklabelcraft._saved._refusing import refused, require
from sklabelcraft._saved._trees import Kind, inside

LARGEST = 2**62
SCALARS = {
    kind.__name__: kind
    for kind in (
        *(np.bool_, np.str_, np.float16, np.float32, np.float64),
        *(np.int8, np.int16, np.int32, np.int64),
        *(np.uint8, np.uint16, np.uint32, np.uint64),
    )
}


class Choice(Kind):
    """One of some values by their names."""

    def __init__(self, choices):
        self.choices = dict(choices)

    def write(self, value, save, path):
        for name, choice in self.choices.items():
            if choice is value or (isinstance(value, str) and choice == value):
                return name
        raise refused(value, path)

    def read(self, node, save, path, sizes):
        found = isinstance(node, str) and node in self.choices
        require(found, path, f"one of {list(self.choices)}", node)
        return self.choices[node]


class Plain(Kind):
    """What parameters and records are made of, which comes back as it was.

    None, truth values, numbers of Python and numpy, texts, lists, tuples, dicts,
    arrays, paths, devices and, if any are named, objects of registered classes and
    functions by their names. The check says what else must hold.
    """

    def __init__(self, parts=(), functions=None, wanted="", check=lambda value: True):
        self.parts, self.functions = frozenset(parts), functions or {}
        self.wanted, self.check = wanted, check

    def write(self, value, save, path):
        if value is None or type(value) in (bool, int, str):
            return value
        for name, function in self.functions.items():
            if value is function:
                return {"function": name}
        write = WRITERS.get(type(value))
        if write is not None:
            return write(self, value, save, path)
        if isinstance(value, np.generic) and type(value).__name__ in SCALARS:
            return {type(value).__name__: self.write(value.item(), save, path)}
        return save.part(value, path)

    def read(self, node, save, path, sizes):
        value = self._value(node, save, path)
        require(self.check(value), path, self.wanted, value)
        return value

    def _value(self, node, save, path):
        if node is None or type(node) in (bool, int, float, str):
            return node
        if isinstance(node, list):
            return self._items(node, save, path)
        if "is" in node or "same" in node:
            return save.part(node, path, self.parts)
        require(len(node) == 1, path, "an object of one field", node)
        ((name, inner),) = node.items()
        if name in SCALARS:
            return self._scalar(SCALARS[name], self._value(inner, save, path), path)
        require(name in READERS, path, f"one of {list(READERS)}", name)
        return READERS[name](self, inner, save, path)

    def _items(self, node, save, path):
        return [self._value(v, save, inside(path, i)) for i, v in enumerate(node)]

    def _scalar(self, kind, value, path):
        made = None
        errors = suppress(ValueError, TypeError, OverflowError)
        with errors, np.errstate(over="ignore"):
            made = kind(value)
        same = made is not None and type(made.item()) is type(value)
        same = same and (made.item() == value or value != value)
        require(same, path, kind.__name__, value)
        return made

    def _write_items(self, value, save, path):
        return [self.write(v, save, inside(path, i)) for i, v in enumerate(value)]

    def _write_float(self, value, save, path):
        return value if isfinite(value) else {"float": repr(value)}

    def _write_dict(self, value, save, path):
        return {"dict": self._write_items(value.items(), save, path)}

    def _write_tuple(self, value, save, path):
        return {"tuple": self._write_items(value, save, path)}

    def _write_array(self, value, save, path):
        if value.dtype not in ARRAYS:
            raise refused(value, path)
        return save.array(value, path)

    def _read_tuple(self, node, save, path):
        require(isinstance(node, list), path, "a list", node)
        return tuple(self._items(node, save, path))

    def _read_dict(self, node, save, path):
        items = self._read_tuple(node, save, path)
        pairs = all(isinstance(item, tuple) and len(item) == 2 for item in items)
        require(pairs, path, "pairs", node)
        names = [name for name, _ in items]
        known = all(isinstance(name, str | int | np.integer) for name in names)
        require(known and len(set(names)) == len(names), path, "names, once each", node)
        return dict(items)

    def _read_float(self, node, save, path):
        require(node in ("nan", "inf", "-inf"), path, "nan, inf or -inf", node)
        return float(node)

    def _read_array(self, node, save, path):
        return save.array({"tensor": node}, path)

    def _read_path(self, node, save, path):
        require(isinstance(node, str) and "\0" not in node, path, "a path", node)
        return Path(node)

    def _read_device(self, node, save, path):
        require(isinstance(node, str), path, "a device", node)
        try:
            return torch.device(node)
        except RuntimeError as error:
            raise ValueError(f"{path} must be a device: {error}") from error

    def _read_function(self, node, save, path):
        known = isinstance(node, str) and node in self.functions
        require(known, path, f"one of {list(self.functions)}", node)
        return self.functions[node]


class Whole(Plain):
    """A whole number between two ends."""

    def __init__(self, least=0, most=LARGEST):
        def check(value):
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            return whole and least <= value <= most

        super().__init__(wanted=f"a whole number from {least} to {most}", check=check)


ARRAYS = {
    np.dtype(kind)
    for kind in (bool, "u1", "i4", "u4", "i8", "u8", np.float32, np.float64)
}
WRITERS = {
    float: Plain._write_float,
    list: Plain._write_items,
    tuple: Plain._write_tuple,
    dict: Plain._write_dict,
    np.ndarray: Plain._write_array,
    type(Path()): lambda self, value, save, path: {"path": str(value)},
    torch.device: lambda self, value, save, path: {"device": str(value)},
}
READERS = {
    "tuple": Plain._read_tuple,
    "dict": Plain._read_dict,
    "float": Plain._read_float,
    "tensor": Plain._read_array,
    "path": Plain._read_path,
    "device": Plain._read_device,
    "function": Plain._read_function,
}
