"""Ways to corrupt a save, each with the digests as they were or made right again.

A way is a function of a :class:`Save` and a generator. What it changes is the tree of
``config.json``, the header and the bytes of ``model.safetensors``, or the files.
"""

import hashlib
import json
import os
import re

import numpy as np

CONFIG, ARRAYS = "config.json", "model.safetensors"
END = re.compile(rb',\n"sha256": "[0-9a-f]{64}"\n}\n$')
STATED = re.compile(rb'"size": \d+,\s+"sha256": "[0-9a-f]{64}"')
WORDS = ["Numbers", "Columns", "D2Q", "os.system", "nan", "../x", "", "user_id", "same"]
SCALARS = [None, True, False, 0, -1, 1, 625, 2**31, 2**62, 2**64, 1.5, -0.0, 1e308]


class Save:
    """The two files of a save in parts: trees, header and bytes."""

    def __init__(self, folder):
        self.folder = folder
        self.config = json.loads((folder / CONFIG).read_bytes())
        raw = (folder / ARRAYS).read_bytes()
        length = int.from_bytes(raw[:8], "little")
        self.header = json.loads(raw[8 : 8 + length])
        self.body = bytearray(raw[8 + length :])
        self.digest = self.config.pop("sha256")
        self.text = None  # of a config that is no tree

    @property
    def stated(self):
        """What the config states of the arrays."""
        return self.config["arrays"]["arrays"]

    def write(self, signed):
        """Write the parts, perhaps with digests that are right."""
        header = json.dumps(self.header).encode()
        raw = len(header).to_bytes(8, "little") + header + self.body
        (self.folder / ARRAYS).write_bytes(raw)
        body = self.text or json.dumps(self.config, indent=1).encode()[:-2]
        end = b',\n"sha256": "%s"\n}\n' % self.digest.encode()
        (self.folder / CONFIG).write_bytes(body + end)
        if signed:
            sign(self.folder)


def sign(folder):
    """Make the digests and the size right, whatever the files are."""
    config, arrays = folder / CONFIG, folder / ARRAYS
    if not (config.is_file() and arrays.is_file()) or arrays.is_symlink():
        return
    raw, text = arrays.read_bytes(), config.read_bytes()
    digest = hashlib.sha256(raw).hexdigest().encode()
    stated = b'"size": %d, "sha256": "%s"' % (len(raw), digest)
    body = STATED.sub(stated, END.sub(b"", text), count=1)
    digest = hashlib.sha256(body).hexdigest().encode()
    config.write_bytes(body + b',\n"sha256": "%s"\n}\n' % digest)


# files


def flip_bits(save, rng):
    path = save.folder / rng.choice([CONFIG, ARRAYS])
    raw = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 4)):
        raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
    path.write_bytes(raw)


def cut(save, rng):
    path = save.folder / rng.choice([CONFIG, ARRAYS])
    raw = path.read_bytes()
    path.write_bytes(raw[: rng.integers(len(raw))])


def lengthen(save, rng):
    path = save.folder / rng.choice([CONFIG, ARRAYS])
    path.write_bytes(path.read_bytes() + rng.bytes(rng.integers(1, 100)))


def no_file(save, rng):
    path = save.folder / rng.choice([CONFIG, ARRAYS])
    aside = path.with_suffix(".aside")
    path.rename(aside)
    kind = rng.integers(6)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        os.mkfifo(path)
    elif kind < 5:
        path.symlink_to([aside, "/dev/zero", path][kind - 2])


# header


def names_of(save, rng, n):
    return rng.choice(sorted(save.header), size=min(n, len(save.header)), replace=False)


def change_both(save, name, field, value):
    save.header[name][field] = value
    save.stated[name][field] = value


def rename_array(save, rng):
    (name,) = names_of(save, rng, 1)
    new = str(rng.choice(["../../x", "/etc/passwd", "x", "__metadata__", name + "\0"]))
    save.header[new] = save.header.pop(name)
    if rng.integers(2):
        save.stated[new] = save.stated.pop(name)


def swap_arrays(save, rng):
    one, other = names_of(save, rng, 2)
    save.header[one], save.header[other] = save.header[other], save.header[one]
    if rng.integers(2):
        save.stated[one], save.stated[other] = save.stated[other], save.stated[one]


def wrong_shape(save, rng):
    (name,) = names_of(save, rng, 1)
    shape = save.header[name]["shape"]
    n = int(np.prod(shape))
    shapes = [
        shape[::-1],
        [n],
        [1, *shape],
        [*shape, 1],
        [n + 1],
        [-1],
        [0],
        [0, 2**60],
    ]
    shape = shapes[rng.integers(len(shapes))]
    save.header[name]["shape"] = shape
    if rng.integers(2):
        save.stated[name]["shape"] = shape


def ten_gigabytes(save, rng):
    (name,) = names_of(save, rng, 1)
    save.header[name]["shape"] = [10 * 2**30]
    if rng.integers(2):
        save.stated[name]["shape"] = [10 * 2**30]
    if rng.integers(2):
        start = save.header[name]["data_offsets"][0]
        save.header[name]["data_offsets"] = [start, start + 80 * 2**30]


def wrong_type(save, rng):
    (name,) = names_of(save, rng, 1)
    dtype = str(rng.choice(["F32", "I32", "U32", "F64", "I64", "U64", "F8_E4M3", "X"]))
    change_both(save, name, "dtype", dtype)


def wrong_place(save, rng):
    (name,) = names_of(save, rng, 1)
    place = save.header[name]["data_offsets"]
    place[rng.integers(2)] += int(rng.choice([-8, -1, 1, 8, 2**40]))


def change_entry(save, rng):
    (name,) = names_of(save, rng, 1)
    start, stop = save.header[name]["data_offsets"]
    size = {"BOOL": 1, "U8": 1, "I32": 4, "U32": 4, "F32": 4}
    size = size.get(save.header[name]["dtype"], 8)
    if start == stop:
        return
    place = start + size * int(rng.integers((stop - start) // size))
    values = [b"\xff" * size, b"\0" * size, b"\xff" * (size - 1) + b"\x7f"]
    values += [rng.bytes(size), (b"\x02" + b"\0" * size)[:size]]
    save.body[place : place + size] = values[rng.integers(len(values))]


# config


def nodes(tree, way=()):
    """All nodes of a tree but the root, as their owner and their name."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for name, node in items:
        yield tree, name
        if isinstance(node, dict | list):
            yield from nodes(node)


def some_node(save, rng):
    found = list(nodes(save.config["estimator"]))
    return found[rng.integers(len(found))]


def change_node(save, rng):
    owner, name = some_node(save, rng)
    values = [*SCALARS, *WORDS, [], {}, [1, "a"], {"tensor": "x"}, {"dict": [[1, 2]]}]
    owner[name] = values[rng.integers(len(values))]


def change_number(save, rng):
    found = [(o, n) for o, n in nodes(save.config["estimator"]) if type(o[n]) is int]
    owner, name = found[rng.integers(len(found))]
    owner[name] = SCALARS[rng.integers(len(SCALARS))]


def remove_node(save, rng):
    owner, name = some_node(save, rng)
    del owner[name]


def add_node(save, rng):
    owner, _ = some_node(save, rng)
    if isinstance(owner, dict):
        owner[str(rng.choice(WORDS))] = 1
    else:
        owner.append(1)


def swap_nodes(save, rng):
    one, other = some_node(save, rng), some_node(save, rng)
    first, second = (json.loads(json.dumps(o[n])) for o, n in (one, other))
    one[0][one[1]], other[0][other[1]] = second, first


def change_class(save, rng):
    found = [o for o, n in nodes(save.config["estimator"]) if n == "is"]
    names = sorted({o["is"] for o in found} | {"Popen", "MLPRanker", "FeatureUnion"})
    found[rng.integers(len(found))]["is"] = str(rng.choice(names))


def same_as(save, rng):
    owner, name = some_node(save, rng)
    paths = [*save.stated, "model_", "labeler_", "model_.encoder", ""]
    owner[name] = {"same": str(rng.choice(paths))}


def point_elsewhere(save, rng):
    found = [(o, n) for o, n in nodes(save.config["estimator"]) if n == "tensor"]
    owner, name = found[rng.integers(len(found))]
    owner[name] = str(rng.choice(list(save.stated)))


def change_top(save, rng):
    name = str(rng.choice(["format", "version", "arrays", "estimator", "more"]))
    save.config[name] = SCALARS[rng.integers(len(SCALARS))]


def as_text(save, name, inserted):
    """The config as text, in which something stands instead of a value."""
    save.config[name] = "HERE"
    text = json.dumps(save.config, indent=1)[:-2]
    save.text = text.replace('"HERE"', inserted).encode()


def twice(save, rng):
    text = json.dumps(save.config, indent=1)[:-2]
    line = str(rng.choice([line for line in text.splitlines() if line.endswith('",')]))
    save.text = text.replace(line, line + "\n" + line, 1).encode()


def deep(save, rng):
    n = int(rng.choice([70, 900, 5000, 10**6]))
    opened, closed = [("[", "]"), ('{"a":', "}")][rng.integers(2)]
    as_text(save, "more", opened * n + "1" + closed * n)


def constants(save, rng):
    values = [
        "NaN",
        "-Infinity",
        "1e999",
        "9" * 5000,
        "0x10",
        "'a'",
        '"\\ud800"',
        "[1,]",
    ]
    as_text(save, str(rng.choice(["more", "version"])), str(rng.choice(values)))


def long_text(save, rng):
    as_text(save, "more", '"' + "a" * int(rng.choice([10**6, 10**7])) + '"')


WAYS = [
    *(flip_bits, flip_bits, cut, lengthen, no_file),
    *(rename_array, swap_arrays, wrong_shape, ten_gigabytes, wrong_type, wrong_place),
    *(change_entry, change_entry, change_entry),
    *(change_node, change_node, change_number, remove_node, add_node, swap_nodes),
    *(change_class, same_as, point_elsewhere, change_top),
    *(twice, deep, constants, long_text),
]
OF_FILES = {flip_bits, cut, lengthen, no_file}


def corrupt(folder, way, rng, signed):
    """Corrupt the save in a folder in one way."""
    save = Save(folder)
    way(save, rng)
    if way not in OF_FILES:
        save.write(signed)
    elif signed:
        sign(folder)
