"""A folder of two files, of which a reader sees those of one save at any moment.

``config.json`` alone says which save it is: it holds the digest of the arrays. The old
arrays step aside under another name, the new ones take their place, then the new
``config.json`` replaces the old one at a stroke, and the old arrays go. Whatever ends a
save before that stroke leaves the old ``config.json`` and, under either name, the old
arrays; whatever ends it afterwards, the new ones.
"""

import errno
import hashlib
import json
import os
import re
from contextlib import contextmanager, suppress
from shutil import copymode, rmtree
from stat import S_ISREG

from safetensors import SafetensorError
from safetensors.numpy import save_file

from sklabelcraft._disk import sync_folder
from sklabelcraft._saved._json import parse
from sklabelcraft._saved._refusing import JOBLIB
from sklabelcraft._saved._tensors import (
    LARGEST_HEADER,
    check_stated,
    described,
    read_arrays,
)

try:
    import fcntl
except ImportError:  # Windows, where nothing tells of another save into the folder
    fcntl = None  # type: ignore[assignment]

CONFIG, ARRAYS = "config.json", "model.safetensors"
ASIDE = "model.before.safetensors"
SAVING = "saving.sklabelcraft"  # a folder inside, of what is not complete
LARGEST_CONFIG = 2**23  # bytes
DIGEST = re.compile(rb',\n"sha256": "([0-9a-f]{64})"\n}\n\Z')
NO_FILE = {errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.ENODEV, errno.ENOTDIR}
OPENED = os.O_RDONLY  # without following links, or waiting for who writes into a pipe
for option in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    OPENED |= getattr(os, option, 0)


def write_folder(folder, content, arrays):
    """Put a save in the place of the one before, if there is one.

    Parameters
    ----------
    folder : Path
        Made, if it is not there.
    content : dict
        What can be written as JSON.
    arrays : dict of ndarray
        By name.

    Raises
    ------
    ValueError
        If there is more than a save may hold.
    OSError
        If something cannot be written; what was saved before can still be loaded.
    """
    with _told_of(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _alone_in(folder):
            _clean(folder)
            try:
                _write_new(folder / SAVING, content, arrays)
                _replace(folder)
            finally:
                with suppress(OSError):
                    _clean(folder)


def read_folder(folder):
    """The content and the arrays that were saved.

    Parameters
    ----------
    folder : Path
        Where they were written.

    Returns
    -------
    content : dict
    arrays : dict of ndarray

    Raises
    ------
    FileNotFoundError
        If nothing is saved there.
    ValueError
        If what is there is not as it was written.
    """
    raw = _read_config(folder)
    while True:
        content = parse_config(raw, folder / CONFIG)
        try:
            return content, _read_its_arrays(folder, content["arrays"])
        except ValueError:
            before, raw = raw, _read_config(folder)
            if raw == before:  # else another save has ended in the meantime
                raise


def config_of(content):
    """The bytes of a ``config.json``, which end in their own digest."""
    body = json.dumps(content, indent=1, allow_nan=False).encode()[:-2]
    digest = hashlib.sha256(body).hexdigest()
    return body + b',\n"sha256": "' + digest.encode() + b'"\n}\n'


def parse_config(raw, path):
    """What :func:`config_of` was made of, checked but for what it consists of."""
    end = DIGEST.search(raw, max(0, len(raw) - 100))
    if end is None or hashlib.sha256(raw[: end.start()]).hexdigest() != end[1].decode():
        raise ValueError(f"{path} is damaged: it does not end in its digest.")
    content = parse(raw, path)
    del content["sha256"]
    check_stated(content.get("arrays"), path)
    return content


def _read_config(folder):
    with _opened(folder / CONFIG) as (file, size):
        if size > LARGEST_CONFIG:
            raise ValueError(
                f"{folder / CONFIG} must have at most {LARGEST_CONFIG} bytes, got "
                f"{size}."
            )
        return file.read(LARGEST_CONFIG)


def _read_its_arrays(folder, stated):
    """The arrays of a config, which may have stepped aside."""
    try:
        return _read_file(folder / ARRAYS, stated)
    except ValueError:
        with suppress(ValueError):
            return _read_file(folder / ASIDE, stated)
        raise


def _read_file(path, stated):
    try:
        with _opened(path) as (file, size):
            if size != stated["size"]:
                raise ValueError(
                    f"{path} must have {stated['size']} bytes, got {size}."
                )
            return read_arrays(file, stated, path)
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing.") from error


@contextmanager
def _opened(path):
    """A regular file and its size; an error for anything else, without waiting."""
    try:
        descriptor = os.open(path, OPENED)
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        raise ValueError(f"{path} must be a file: {error}") from error
    try:
        found = os.fstat(descriptor)
        if not S_ISREG(found.st_mode):
            raise ValueError(f"{path} must be a file, and no folder, pipe or device.")
        with open(descriptor, "rb", closefd=False) as file:
            yield file, found.st_size
    finally:
        os.close(descriptor)


def _write_new(folder, content, arrays):
    """Write both files in a folder of their own, to be removed as a whole."""
    folder.mkdir()
    save_file(arrays, folder / ARRAYS)
    with (folder / ARRAYS).open("r+b") as file:
        os.fsync(file.fileno())
        length = int.from_bytes(file.read(8), "little")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    stated = {"size": size, "sha256": digest, "arrays": described(arrays)}
    raw = config_of(content | {"arrays": stated})
    if length > LARGEST_HEADER or len(raw) > LARGEST_CONFIG:
        raise ValueError(
            f"what is to be saved has {len(arrays)} arrays, more than one save can "
            f"describe: {JOBLIB}"
        )
    parse_config(raw, folder / CONFIG)  # such as one that is nested too deeply
    with (folder / CONFIG).open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    copymode(folder / CONFIG, folder / ARRAYS)  # which would be its owner's alone


def _replace(folder):
    """Put the new files in the place of the old ones, the arrays first."""
    if (folder / ARRAYS).exists():
        (folder / ARRAYS).replace(folder / ASIDE)
    (folder / SAVING / ARRAYS).replace(folder / ARRAYS)
    sync_folder(folder)
    (folder / SAVING / CONFIG).replace(folder / CONFIG)
    sync_folder(folder)
    (folder / ASIDE).unlink(missing_ok=True)


def _clean(folder):
    """Leave the two files of one save, whatever ended the last one."""
    aside = folder / ASIDE
    if aside.exists():
        if _belongs(aside, folder):
            aside.replace(folder / ARRAYS)
        else:
            aside.unlink()
    if (folder / SAVING).exists():
        rmtree(folder / SAVING)


def _belongs(arrays, folder):
    """Whether the arrays in a file are those of the config."""
    try:
        stated = parse_config(_read_config(folder), folder / CONFIG)["arrays"]
        with _opened(arrays) as (file, _):
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (ValueError, FileNotFoundError):
        return False
    return digest == stated["sha256"]


@contextmanager
def _told_of(folder):
    """Tell of the folder where something in it cannot be written."""
    try:
        yield
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(folder)) from error
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error


@contextmanager
def _alone_in(folder):
    """Be the only one that saves into a folder, where a system can tell."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise OSError(error.errno, "another save is being written") from error
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(descriptor)
