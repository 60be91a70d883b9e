"""Arrays in a file of safetensors, of which all is compared before any is loaded."""

import hashlib
from math import prod

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from sklabelcraft._saved._json import parse

DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I32": np.dtype(np.int32),
    "U32": np.dtype(np.uint32),
    "I64": np.dtype(np.int64),
    "U64": np.dtype(np.uint64),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
LARGEST_HEADER = 1_000_000  # bytes


def described(arrays):
    """What is stated of arrays by name: the type and the shape of each."""
    return {
        name: {"dtype": NAMES[values.dtype], "shape": list(values.shape)}
        for name, values in arrays.items()
    }


def check_stated(stated, path):
    """Check that what is stated of arrays says all that it should."""
    fields = isinstance(stated, dict) and stated.keys()
    if fields != {"size", "sha256", "arrays"}:
        raise ValueError(f"{path} must state the arrays, got {stated!r:.80}.")
    named, digest = stated["arrays"], stated["sha256"]
    if not isinstance(named, dict) or not isinstance(digest, str):
        raise ValueError(f"{path} must state a digest and the arrays by name.")


def read_arrays(file, stated, path):
    """Read arrays that are as they are stated.

    Parameters
    ----------
    file : binary file
        Open, of a size that has been compared.
    stated : dict
        ``size`` in bytes, ``sha256``, and under ``arrays`` what :func:`described` says.
    path : Path
        The file's, for errors.

    Returns
    -------
    dict of ndarray
        By name.

    Raises
    ------
    ValueError
        If the file is another one.
    """
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if length > min(LARGEST_HEADER, stated["size"] - 8):
        raise ValueError(
            f"{path} must have a header of at most {LARGEST_HEADER} bytes inside the "
            f"file, got {length}."
        )
    header = file.read(length)
    n_bytes = stated["size"] - 8 - length
    try:
        _check_header(parse(header, path), stated["arrays"], n_bytes)
    except ValueError as error:
        raise ValueError(f"{path} is not as it is stated: {error}") from error
    raw = start + header + file.read(n_bytes)
    if hashlib.sha256(raw).hexdigest() != stated["sha256"]:
        raise ValueError(
            f"{path} is damaged: its digest is not the one that is stated."
        )
    try:
        arrays = load(raw)
    except SafetensorError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    for name, values in arrays.items():
        if values.dtype == bool and (values.view(np.uint8) > 1).any():
            raise ValueError(f"{path} holds other values than 0 and 1 in {name!r}.")
    return arrays


def _check_header(header, arrays, n_bytes):
    """Check that a header says what is stated, and that its arrays fill the file."""
    if header.keys() != arrays.keys():
        other = sorted(header.keys() ^ arrays.keys())[0]
        raise ValueError(f"the array {other!r:.80} is not both in the file and stated.")
    places = []
    for name, found in header.items():
        fields = isinstance(found, dict) and found.keys()
        if fields != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"the array {name!r:.80} is described as {found!r:.80}.")
        place = found.pop("data_offsets")
        if found != arrays[name]:
            raise ValueError(
                f"the array {name!r:.80} must be {arrays[name]}, got {found}."
            )
        places.append((_checked_place(place, name), n_bytes_of(found, name)))
    end = 0
    for (start, stop), size in sorted(places):
        if start != end or stop - start != size:
            raise ValueError("the arrays must fill the file without gaps or overlaps.")
        end = stop
    if end != n_bytes:
        raise ValueError(f"the arrays take {end} bytes, and the file has {n_bytes}.")


def _checked_place(place, name):
    if not (isinstance(place, list) and len(place) == 2 and all(map(_is_size, place))):
        raise ValueError(f"the place of the array {name!r:.80} is {place!r:.80}.")
    return place


def n_bytes_of(found, name):
    """The bytes that an array takes as it is described, checked."""
    shape, dtype = found["shape"], found["dtype"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(
            f"the array {name!r:.80} must be one of {list(DTYPES)}, got {dtype!r:.80}."
        )
    if not (isinstance(shape, list) and len(shape) < 5 and all(map(_is_size, shape))):
        raise ValueError(f"the array {name!r:.80} has the shape {shape!r:.80}.")
    return prod(shape) * DTYPES[dtype].itemsize


def _is_size(number):
    return type(number) is int and 0 <= number < 2**48
