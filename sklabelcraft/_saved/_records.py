"""Kinds that consist of others: parts, lists, dicts, records and estimators."""

import numpy as np
from torch import is_tensor, nn

from sklabelcraft._saved._plain import Plain
from sklabelcraft._saved._refusing import JOBLIB, fields_of, refused, require
from sklabelcraft._saved._requests import REQUESTS, Requests, request_again
from sklabelcraft._saved._trees import Kind, inside

MACHINERY = vars(nn.Module()).keys() - {"training"}
OUTPUT = "_sklearn_output_config"  # what set_output has set


def is_key(value):
    """Whether it is the name or the position of a column."""
    return isinstance(value, str | int | np.integer) and not isinstance(value, bool)


KEY = Plain(wanted="a name or a position", check=is_key)


class Part(Kind):
    """An object of one of the registered classes of these names."""

    def __init__(self, *names):
        self.names = frozenset(names)

    def write(self, value, save, path):
        if type(value).__name__ not in self.names:
            raise refused(value, path)
        return save.part(value, path)

    def read(self, node, save, path, sizes):
        return save.part(node, path, self.names)


class Maybe(Kind):
    """Something or None."""

    def __init__(self, kind):
        self.kind = kind

    def write(self, value, save, path):
        return None if value is None else self.kind.write(value, save, path)

    def read(self, node, save, path, sizes):
        return None if node is None else self.kind.read(node, save, path, sizes)


class Absent(Kind):
    """An attribute that may be missing."""

    optional = True

    def __init__(self, kind):
        self.kind = kind

    def write(self, value, save, path):
        return self.kind.write(value, save, path)

    def read(self, node, save, path, sizes):
        return self.kind.read(node, save, path, sizes)


class Several(Kind):
    """A list of things of one kind, perhaps as many as a letter says."""

    def __init__(self, kind, size=None):
        self.kind, self.size = kind, size

    def write(self, value, save, path):
        if type(value) is not list:
            raise refused(value, path)
        items = enumerate(value)
        return [self.kind.write(v, save, inside(path, i)) for i, v in items]

    def read(self, node, save, path, sizes):
        require(isinstance(node, list), path, "a list", node)
        if self.size is not None:
            known = sizes.setdefault(self.size, len(node))
            require(len(node) == known, path, f"a list of {known}", node)
        items = enumerate(node)
        return [self.kind.read(v, save, inside(path, i), {}) for i, v in items]


class Map(Kind):
    """A dict, in its order, from names or positions to things of one kind."""

    def __init__(self, kind, made=dict, *, sized=False):
        self.kind, self.made, self.sized = kind, made, sized

    def write(self, value, save, path):
        if type(value) is not self.made:
            raise refused(value, path)
        return [
            [KEY.write(name, save, path), self.kind.write(part, save, inside(path, i))]
            for i, (name, part) in enumerate(value.items())
        ]

    def read(self, node, save, path, sizes):
        pairs = isinstance(node, list) and all(
            isinstance(pair, list) and len(pair) == 2 for pair in node
        )
        require(pairs, path, "a list of pairs", node)
        made, sizes = self.made(), sizes if self.sized else None
        for i, (name, part) in enumerate(node):
            name = KEY.read(name, save, path, {})
            require(name not in made, path, "without a name twice", name)
            own = {} if sizes is None else sizes
            made[name] = self.kind.read(part, save, inside(path, i), own)
        return made


class Fields(Kind):
    """A dict of these names, each of a kind; letters in shapes are shared.

    Parameters
    ----------
    check : callable, default=None
        Checks what the fields must have in common; raises a ValueError.
    **kinds : Kind
        By name.
    """

    made: type = dict

    def __init__(self, check=None, /, **kinds):
        self.check, self.kinds = check, kinds

    def write(self, value, save, path):
        if type(value) is not self.made:
            raise refused(value, path)
        state = self.state(value)
        needed = {name for name, kind in self.kinds.items() if not kind.optional}
        for name in sorted(state.keys() ^ needed, key=str):
            if name not in self.kinds:
                raise TypeError(
                    f"{inside(path, name)} cannot be saved, as it is no "
                    f"attribute of this library; {JOBLIB}"
                )
            if name in needed:
                raise TypeError(f"{inside(path, name)} is missing: fit anew.")
        return {
            name: self.kinds[name].write(part, save, inside(path, name))
            for name, part in state.items()
        }

    def read(self, node, save, path, sizes):
        found = isinstance(node, dict) and node.keys()
        needed = {name for name, kind in self.kinds.items() if not kind.optional}
        known = found is not False and needed <= found <= self.kinds.keys()
        require(known, path, f"an object of {list(self.kinds)}", node)
        sizes = {}
        values = {
            name: self.kinds[name].read(node[name], save, inside(path, name), sizes)
            for name in self.kinds
            if name in node
        }
        if self.check is not None:
            self.check(values, path)
        return self.make(values)

    def state(self, value):
        """The fields of a value, by name."""
        return value

    def make(self, values):
        """The value that has these fields."""
        return values


class Record(Fields):
    """An object that is no more than its attributes, made without its constructor."""

    def __init__(self, made, check=None, /, **kinds):
        super().__init__(check, **kinds)
        self.made = made

    def state(self, value):
        return value._asdict() if isinstance(value, tuple) else value.__getstate__()

    def make(self, values):
        if issubclass(self.made, tuple):
            return self.made(**values)
        made = self.made.__new__(self.made)
        vars(made).update(values)
        return made


class Stated(Record):
    """A frozen dataclass, which checks its own fields when it is made."""

    def state(self, value):
        return vars(value)

    def make(self, values):
        try:
            return self.made(**values)
        except TypeError as error:
            raise ValueError(f"{self.made.__name__}: {error}") from error


class Module(Record):
    """A torch module of buffers, of parts that are modules, and of attributes."""

    def state(self, value):
        own = {n: v for n, v in vars(value).items() if n not in MACHINERY}
        buffers = dict(value.named_buffers(recurse=False))
        return own | buffers | dict(value.named_children())

    def make(self, values):
        made = self.made.__new__(self.made)
        nn.Module.__init__(made)
        for name, value in values.items():
            setattr(made, name, nn.Buffer(value) if is_tensor(value) else value)
        return made


class Estimator(Kind):
    """An estimator: parameters, and what it has learned if it is fitted.

    Registered callbacks are no part of it.

    Parameters
    ----------
    made : type
        Its class.
    params : Kind
        What each parameter may be, before scikit-learn's constraints are checked.
    check : callable, default=None
        Checks what parameters and attributes must have in common.
    **fitted : Kind
        Its attributes.
    """

    def __init__(self, made, params, check=None, /, **fitted):
        self.made, self.params, self.check = made, params, check
        self.names = made._get_param_names()
        always = {name: kind for name, kind in fitted.items() if kind.optional}
        always[OUTPUT] = fitted[OUTPUT] = Absent(CONTAINERS)
        always[REQUESTS] = fitted[REQUESTS] = Absent(Requests())
        self.needed = fitted.keys() - always.keys()
        self.always, self.fitted = Fields(**always), Fields(**fitted)

    def write(self, value, save, path):
        state = {n: v for n, v in vars(value).items() if "callback" not in n}
        params = {name: state.pop(name) for name in self.names}
        learned = self.fitted if self.needed & state.keys() else self.always
        return {
            "params": {
                name: self.params.write(param, save, inside(path, name))
                for name, param in params.items()
            },
            "learned": learned.write(state, save, path),
        }

    def read(self, node, save, path, sizes):
        stated, learned = fields_of(node, path, "params", "learned")
        fields_of(stated, inside(path, "params"), *self.names)
        params = {
            name: self.params.read(stated[name], save, inside(path, name), {})
            for name in self.names
        }
        made = self.made(**params)
        if hasattr(self.made, "_parameter_constraints"):
            made._validate_params()
        found = isinstance(learned, dict) and self.needed & learned.keys()
        kind = self.fitted if found else self.always
        vars(made).update(kind.read(learned, save, path, {}))
        if REQUESTS in vars(made):
            request_again(made, path)
        if self.check is not None:
            self.check(made, path)
        return made


CONTAINERS = Plain(
    wanted="the container of each method",
    check=lambda value: (
        isinstance(value, dict)
        and all(isinstance(text, str) for pair in value.items() for text in pair)
    ),
)
