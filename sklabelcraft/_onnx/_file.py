"""A graph as a model file of ONNX, with large constants in a file beside it."""

import json
import os
import re
from errno import EEXIST
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sklabelcraft._onnx._graph import ML, TEXT

LARGEST_FILE = 2**31 - 2**20  # bytes, which protobuf can read, with room for the rest
LARGE = 1024  # bytes of a constant
ROOM = 6  # bytes that say how long a text is
OPSETS = {"": 18, ML: 4}
IR_VERSION = 9
ALIGNED = 2**16  # where constants begin, so that a file can be mapped into memory


def write_model(graph, path, estimator, columns):
    """Write a graph as a model, which takes the place of an older one when complete.

    Parameters
    ----------
    graph : Graph
        The graph.
    path : path-like
        The file; large constants of a model beyond 2 GB lie beside it, in
        ``<name>.<digest>.data``. So an older model finds its own until it is replaced.
    estimator : str
        The class of what is exported.
    columns : dict
        The name of the input for each role.
    """
    from onnx.checker import check_model
    from onnx.numpy_helper import from_array

    path = Path(os.path.expanduser(path))
    if path.exists() and not path.is_file():
        raise OSError(EEXIST, "it is there, and no file", str(path))
    used = {name for node in graph.nodes for name in node.inputs}
    constants = {n: array for n, array in graph.constants.items() if n in used}
    large = _too_large(constants, _within(graph.nodes))
    with TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.") as folder:
        new, data = Path(folder, path.name), f"{path.name}.{_digest(large)}.data"
        tensors = {n: from_array(c, n) for n, c in constants.items() if n not in large}
        if large:
            tensors |= _written(large, new.with_name(data))
        model = _model(graph, tensors.values(), estimator, columns)
        new.write_bytes(model.SerializeToString(deterministic=True))
        check_model(new, full_check=True)
        if large:
            _move(new.with_name(data), path.with_name(data))
        _move(new, path)
    _remove_older(path, data)


def _remove_older(path, data):
    """Remove the constants of models that were at a path before."""
    of_model = re.compile(re.escape(path.name) + r"\.[0-9a-f]{64}\.data")
    for file in path.parent.iterdir():
        if of_model.fullmatch(file.name) and file.name != data:
            file.unlink(missing_ok=True)


def _digest(constants):
    """The digest of arrays by name."""
    digest = sha256()
    for name, array in constants.items():
        digest.update(f"{name} {array.nbytes} ".encode())
        digest.update(array)
    return digest.hexdigest()


def _within(nodes):
    """Bytes of the tables of operators, which cannot lie in another file."""
    tables = [value for node in nodes for value in node.attributes.values()]
    n_bytes = sum(_size(table) for table in tables if isinstance(table, np.ndarray))
    if n_bytes > LARGEST_FILE:
        raise ValueError(
            f"the vocabularies take {n_bytes} bytes, and an ONNX model can hold "
            f"{LARGEST_FILE}: raise min_count, so that rare values share one code."
        )
    return n_bytes


def _too_large(constants, n_bytes):
    """Constants that must lie in another file: all large ones, or none."""
    if n_bytes + sum(array.nbytes for array in constants.values()) <= LARGEST_FILE:
        return {}
    return {name: a for name, a in constants.items() if a.nbytes > LARGE}


def _size(array):
    """Bytes of an array in the model, about so for texts."""
    if array.dtype == TEXT:
        return sum(len(text.encode()) + ROOM for text in array)
    return array.nbytes


def _written(constants, file):
    """Write constants one after the other; tensors that say where they are, by name."""
    from onnx import TensorProto
    from onnx.helper import np_dtype_to_tensor_dtype

    tensors = {}
    with file.open("wb") as out:
        for name, array in constants.items():
            out.seek(-(-out.tell() // ALIGNED) * ALIGNED)
            place = {
                "location": file.name,
                "offset": out.tell(),
                "length": array.nbytes,
            }
            tensor = TensorProto(
                name=name,
                dims=array.shape,
                data_type=np_dtype_to_tensor_dtype(array.dtype),
                data_location=TensorProto.EXTERNAL,
            )
            for key, value in place.items():
                tensor.external_data.add(key=key, value=str(value))
            tensors[name] = tensor
            array.tofile(out)
    return tensors


def _model(graph, tensors, estimator, columns):
    """The model in protobuf."""
    from onnx import helper

    nodes = [_node(*node) for node in graph.nodes]
    nodes += [_node("Identity", "", [v.name], o.name, {}) for o, v in graph.outputs]
    inputs = [_described(*one) for one in graph.inputs]
    outputs = [_described(*one) for one, _ in graph.outputs]
    body = helper.make_graph(nodes, "sklabelcraft", inputs, outputs, tensors)
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid(*opset) for opset in OPSETS.items()],
        ir_version=IR_VERSION,
        producer_name="sklabelcraft",
        producer_version=version("sklabelcraft"),
        doc_string=f"A fitted {estimator} of sklabelcraft.",
    )
    about = {"estimator": estimator, "columns": json.dumps(columns)}
    helper.set_model_props(model, about)
    return model


def _node(operator, domain, inputs, output, attributes):
    from onnx.helper import make_node
    from onnx.numpy_helper import from_array

    attributes = {
        name: from_array(value) if isinstance(value, np.ndarray) else value
        for name, value in attributes.items()
    }
    return make_node(operator, inputs, [output], domain=domain, **attributes)


def _described(name, dtype, axes):
    from onnx.helper import make_tensor_value_info, np_dtype_to_tensor_dtype

    return make_tensor_value_info(name, np_dtype_to_tensor_dtype(dtype), axes)


def _move(new, path):
    """Put a file in the place of another one, once it is on the disk."""
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(path)
