"""A graph of ONNX operators that is written like numpy."""

import re
from typing import NamedTuple

import numpy as np

DOUBLE, SINGLE, WHOLE, TRUTH, TEXT = map(np.dtype, ("f8", "f4", "i8", "?", "O"))
ML = "ai.onnx.ml"
END = 2**63 - 1  # of any axis
INNER = re.compile(r"%(constant_)?\d+")  # names of what is computed and known


class Node(NamedTuple):
    """An operator, the names of what it takes, and of what it gives.

    Attributes that are arrays are its tables.
    """

    operator: str
    domain: str
    inputs: list
    output: str
    attributes: dict


class Named(NamedTuple):
    """A tensor that users know: its name, its type, and names of its axes."""

    name: str
    dtype: np.dtype
    axes: tuple


class Graph:
    """Operators on inputs and constants, in the order in which they are computed.

    Attributes
    ----------
    inputs : list of Named
        What is given to it.
    constants : dict of ndarray
        What it knows, by name.
    nodes : list of Node
        The operators.
    outputs : list of (Named, Value)
        What it gives.
    """

    def __init__(self):
        self.inputs, self.constants, self.nodes, self.outputs = [], {}, [], []

    def input(self, name, dtype, *axes):
        """A tensor that is to be given."""
        self.inputs.append(self._named(name, dtype, axes))
        return Value(self, name, dtype)

    def output(self, name, value, *axes):
        """Give a value as a result."""
        self.outputs.append((self._named(name, value.dtype, axes), value))

    def _named(self, name, dtype, axes):
        known = [one.name for one in self.inputs]
        if not name or name in known or INNER.fullmatch(name):
            raise ValueError(
                f"each tensor of an ONNX model needs a name of its own, got {name!r} "
                f"beside {known}: rename the column."
            )
        return Named(name, dtype, axes)

    def constant(self, values, dtype=None):
        """An array that the graph knows."""
        values = np.asarray(values, dtype=dtype, order="C")
        name = f"%constant_{len(self.constants)}"
        self.constants[name] = values
        return Value(self, name, values.dtype)

    def add(self, operator, *inputs, dtype, domain="", **attributes):
        """What an operator makes of some values."""
        name, inputs = f"%{len(self.nodes)}", [value.name for value in inputs]
        self.nodes.append(Node(operator, domain, inputs, name, attributes))
        return Value(self, name, dtype)


class Value:
    """A tensor of a graph, with the operators of numpy.

    Numbers and arrays beside it become constants of its type.

    Parameters
    ----------
    graph : Graph
        The graph.
    name : str
        Its name in there.
    dtype : dtype
        Its type.
    """

    __array_ufunc__ = None  # an array on the left leaves the operator to us

    def __init__(self, graph, name, dtype):
        self.graph, self.name, self.dtype = graph, name, dtype

    def beside(self, other):
        """Something as a value of this graph."""
        if isinstance(other, Value):
            return other
        return self.graph.constant(other, self.dtype)

    def apply(self, operator, *others, dtype=None, **attributes):
        """What an operator makes of this value and others of its type."""
        others = map(self.beside, others)
        dtype = self.dtype if dtype is None else dtype
        return self.graph.add(operator, self, *others, dtype=dtype, **attributes)

    def __add__(self, other):
        if self.dtype == TRUTH:
            return self.to(other.dtype) + other
        return self.apply("Add", other)

    def __sub__(self, other):
        return self.apply("Sub", other)

    def __mul__(self, other):
        return self.apply("Mul", other)

    def __truediv__(self, other):
        return self.apply("Div", other)

    def __matmul__(self, other):
        return self.apply("MatMul", other)

    def __rmul__(self, other):
        return self * other

    def __radd__(self, other):
        return self + other

    def __and__(self, other):
        return self.apply("And", other)

    def __or__(self, other):
        return self.apply("Or", other)

    def __lt__(self, other):
        return self.apply("Less", other, dtype=TRUTH)

    def __le__(self, other):
        return self.apply("LessOrEqual", other, dtype=TRUTH)

    def __gt__(self, other):
        return self.apply("Greater", other, dtype=TRUTH)

    def __ge__(self, other):
        return self.apply("GreaterOrEqual", other, dtype=TRUTH)

    def equals(self, other):
        """Where both are equal."""
        return self.apply("Equal", other, dtype=TRUTH)

    def is_nan(self):
        """Where it is no number."""
        return self.apply("IsNaN", dtype=TRUTH)

    def clip(self, low, high):
        """The value between two numbers."""
        return self.apply("Clip", low, high)

    def minimum(self, other):
        """The lesser of two values."""
        return self.apply("Min", other)

    def maximum(self, other):
        """The larger of two values."""
        return self.apply("Max", other)

    def where(self, yes, no):
        """One value where this is true, and the other one elsewhere."""
        known = yes if isinstance(yes, Value) else no
        both = known.beside(yes), known.beside(no)
        return self.graph.add("Where", self, *both, dtype=known.dtype)

    def __getitem__(self, index):
        """The entries at whole numbers, along the first axis."""
        return self.take(index, 0)

    def take(self, index, axis):
        """The entries at whole numbers along an axis."""
        if not isinstance(index, Value):
            index = self.graph.constant(index, WHOLE)
        return self.apply("Gather", index, axis=axis)

    def behind(self, index, axis):
        """The entries from a place on along an axis."""
        ends = (self.graph.constant([n], WHOLE) for n in (index, END, axis))
        return self.apply("Slice", *ends)

    def to(self, dtype):
        """The value in another type."""
        to = {SINGLE: 1, WHOLE: 7, DOUBLE: 11}[dtype]
        return self.apply("Cast", dtype=dtype, to=to)

    def as_single(self):
        """Rounded to float32, as float64."""
        return self.to(SINGLE).to(DOUBLE)

    def sum(self, axis):
        """The sum over an axis."""
        return self._along("ReduceSum", axis, keepdims=0)

    def with_axis(self, axis):
        """The value with one more axis, of size 1."""
        return self._along("Unsqueeze", axis)

    def without_axis(self, axis):
        """The value without an axis of size 1."""
        return self._along("Squeeze", axis)

    def reshape(self, *shape):
        """The value in another shape, of which 0 keeps the size of an axis."""
        return self._along("Reshape", *shape)

    def _along(self, operator, *numbers, **attributes):
        numbers = self.graph.constant(numbers, WHOLE)
        return self.apply(operator, numbers, **attributes)

    def sigmoid(self):
        """1 / (1 + exp(-x))."""
        return self.apply("Sigmoid")

    def silu(self):
        """x / (1 + exp(-x)); x times a sigmoid is fused to what has no float64."""
        return self / (self.apply("Neg").apply("Exp") + 1.0)


def concatenated(values, axis):
    """Values side by side."""
    first, *others = values
    return first.apply("Concat", *others, axis=axis)


def stacked(columns, axis):
    """Values side by side along a new axis."""
    return concatenated([column.with_axis(axis) for column in columns], axis)
