"""Writing objects as a tree of JSON and arrays by name, and reading them again.

A *kind* says of a value how it is written and, field by field, what is let in. Nodes of
the tree are what JSON has, lists, and objects that say what they are: an object with
the single field ``tensor`` is the array of that name; one with the single field
``same`` is the part that stands at that path, once more.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch

from sklabelcraft._saved._objects import packed, unpacked
from sklabelcraft._saved._refusing import fields_of, refused, require

MOST_PARTS, HIGHEST = 2**16, 64  # of what is read


class Kind(ABC):
    """What some values are."""

    optional = False  # whether an attribute of this kind may be missing

    @abstractmethod
    def write(self, value, save, path):
        """The node of a value, for a :class:`Writing`."""

    @abstractmethod
    def read(self, node, save, path, sizes):
        """The value of a node, for a :class:`Reading`, checked.

        Parameters
        ----------
        node : object
            What JSON has.
        save : Reading
            What the node is a part of.
        path : str
            Where it stands.
        sizes : dict of str to int
            What the letters in shapes stand for, which is found out on the way.
        """


class Writing:
    """Arrays by name, and what has been written already.

    Parameters
    ----------
    registry : dict of str to Kind
        The kinds of all parts, by the names of their classes.
    """

    def __init__(self, registry):
        self.registry, self.arrays, self._seen = registry, {}, {}

    def array(self, values, path):
        """The node of an array or a tensor."""
        if id(values) not in self._seen:
            self._seen[id(values)] = values, path
            self.arrays[path] = as_array(values)
        return {"tensor": self._seen[id(values)][1]}

    def objects(self, values, path):
        """The node of an array of objects."""
        if id(values) not in self._seen:
            self._seen[id(values)] = values, path
            parts = zip(object_names(path), packed(values, path), strict=True)
            self.arrays.update(parts)
        return {"objects": self._seen[id(values)][1]}

    def part(self, value, path):
        """The node of an object of a class that is registered."""
        if id(value) in self._seen:
            return {"same": self._seen[id(value)][1]}
        kind = self.registry.get(type(value).__name__)
        if kind is None or kind.made is not type(value):
            raise refused(value, path)
        node = kind.write(value, self, path)
        self._seen[id(value)] = value, path
        return {"is": type(value).__name__} | node


class Extent(NamedTuple):
    """How many parts a part consists of, itself among them, and how many levels.

    What stands in it several times counts several times, since whoever walks through
    it does not know that it is the same.
    """

    size: int
    height: int

    @classmethod
    def around(cls, parts):
        """The extent of a part that consists of parts of these extents."""
        size = 1 + sum(part.size for part in parts)
        return cls(size, 1 + max((part.height for part in parts), default=0))


class Reading:
    """Arrays by name, and what has been read already.

    Parameters
    ----------
    registry : dict of str to Kind
        The kinds of all parts, by the names of their classes.
    arrays : dict of ndarray
        By name.
    """

    def __init__(self, registry, arrays):
        self.registry, self.arrays = registry, arrays
        self.used, self._read, self._objects = set(), {}, {}
        self._inner = []  # extents of the parts of the part that is being read

    def array(self, node, path):
        """The array of a node."""
        (name,) = fields_of(node, path, "tensor")
        values = isinstance(name, str) and self.arrays.get(name)
        require(values is not False and values is not None, path, "an array", node)
        self.used.add(name)
        return values

    def objects(self, node, path):
        """The array of objects of a node, which is made once."""
        (name,) = fields_of(node, path, "objects")
        require(isinstance(name, str), path, "a name", name)
        if name not in self._objects:
            parts = (self.array({"tensor": n}, path) for n in object_names(name))
            self._objects[name] = unpacked(*parts, path)
        return self._objects[name]

    def part(self, node, path, names):
        """The object of a node, of one of the classes of these names."""
        require(isinstance(node, dict), path, f"one of {sorted(names)}", node)
        again = node.keys() == {"same"}
        if again:
            known = isinstance(node["same"], str) and self._read.get(node["same"])
        else:
            known = self._read[path] = self._new_part(node, path, names)
        require(known and known[0] in names, path, f"one of {sorted(names)}", node)
        _, value, extent = known
        self._inner.append(extent)
        return value

    def _new_part(self, node, path, names):
        """The name, the object and the extent of a part that was not read before."""
        node, outer = dict(node), self._inner
        name = node.pop("is", None)
        known = isinstance(name, str) and name in names
        require(known, path, f"one of {sorted(names)}", name)
        self._inner = []
        value = self.registry[name].read(node, self, path, {})
        extent = Extent.around(self._inner)
        few = extent.size <= MOST_PARTS and extent.height <= HIGHEST
        wanted = f"of at most {MOST_PARTS} parts, {HIGHEST} levels of them"
        require(few, path, wanted, tuple(extent))
        self._inner = outer
        return name, value, extent

    def check_all_used(self):
        """Check that no array stands for nothing."""
        left = sorted(self.arrays.keys() - self.used)
        if left:
            raise ValueError(f"the array {left[0]!r:.80} belongs to nothing.")


def object_names(name):
    """The names of the arrays that an array of objects is packed into."""
    return [f"{name}.{part}" for part in ("texts", "ends", "kinds")]


def inside(path, name):
    """The path of a part of what stands at a path."""
    return f"{path}.{name}" if path else str(name)


def as_array(values):
    """An array or a tensor on any device as an array of rows, one after the other."""
    if torch.is_tensor(values):
        values = values.detach().cpu().numpy()
    return np.require(values, requirements=["C", "A"])
