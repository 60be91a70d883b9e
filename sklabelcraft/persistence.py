"""Estimators of this library, saved and loaded without pickle."""

import os
from pathlib import Path

from sklabelcraft._saved._folder import read_folder, write_folder
from sklabelcraft._saved._refusing import require
from sklabelcraft._saved._schema import ESTIMATORS, REGISTRY
from sklabelcraft._saved._trees import Reading, Writing
from sklabelcraft._torch import own_settings
from sklabelcraft._typing import Estimator, PathLike

FORMAT, VERSION = "sklabelcraft", 1
SAVED = {kind.made.__name__ for kind in ESTIMATORS}


def save(estimator: Estimator, folder: PathLike) -> None:
    """Save an estimator in a folder, without pickle.

    The folder gets a ``model.safetensors`` with all arrays and a ``config.json`` with
    everything else. An estimator that was saved there before is replaced at a stroke:
    whoever reads or kills this at any moment finds the one or the other, complete.
    Callbacks that are registered are not saved. What lies on a GPU is saved as on the
    CPU.

    Parameters
    ----------
    estimator : estimator
        One of this library, fitted or not, of parts of this library, among them
        scikit-learn's ``FeatureUnion`` and ``FrozenEstimator`` around such parts.
    folder : str or path-like
        Made, if it is not there.

    Raises
    ------
    TypeError
        If a part is not of this library, such as a network, a loss or a ranker of one's
        own, or holds what cannot be saved exactly.
    ValueError
        If a parameter is not allowed, or there is more than a save may hold.
    OSError
        If something cannot be written, or another save into the folder is going on;
        what was saved there before is as it was.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from sklabelcraft import D2Q
    >>> from sklabelcraft.persistence import load, save
    >>> log = pd.DataFrame({"watch_time": [1.0, 3.0, 2.0], "duration": [9.0, 9.0, 9.0]})
    >>> with TemporaryDirectory() as folder:
    ...     save(D2Q().fit(log), folder)
    ...     load(folder).transform(log).round(2)
    array([[0.33],
           [1.  ],
           [0.67]])
    """
    writing = Writing(REGISTRY)
    with own_settings():
        content = {
            "format": FORMAT,
            "version": VERSION,
            "estimator": writing.part(estimator, ""),
        }
        _estimator_of(content, writing.arrays)  # what cannot be read is not written
    write_folder(_path_of(folder), content, writing.arrays)


def load(folder: PathLike) -> Estimator:
    """Load an estimator that :func:`save` has saved.

    Nothing in the files is run, nor named to be imported. What they hold is compared
    with what the class that they name may have, and refused if it is anything else. The
    digests tell damage; they do not tell who has written the files. Of files that are
    not your own, look at the parameters before you fit again: ``checkpoint`` is the
    folder where a fit reads and writes.

    Parameters
    ----------
    folder : str or path-like
        Where it was saved.

    Returns
    -------
    estimator
        With the parameters and all that was learned, bit by bit.

    Raises
    ------
    FileNotFoundError
        If nothing is saved there.
    ValueError
        If the files are damaged, of another version, or hold what no save does.
    """
    content, arrays = read_folder(_path_of(folder))
    with own_settings():
        return _estimator_of(content, arrays)


def _path_of(folder):
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be a path, got {folder!r}.")
    return Path(os.path.expanduser(folder))


def _estimator_of(content, arrays):
    """The estimator that a content and arrays describe, checked."""
    stated = content.get("format"), content.get("version")
    if stated != (FORMAT, VERSION):
        raise ValueError(
            f"the save must be of format {FORMAT!r}, version {VERSION}, got "
            f"{stated[0]!r:.80}, version {stated[1]!r:.80}."
        )
    known = {"format", "version", "estimator", "arrays"}
    unknown = sorted(content.keys() - known)
    require(not unknown, "the save", "without other fields", unknown)
    reading = Reading(REGISTRY, arrays)
    estimator = reading.part(content.get("estimator"), "", SAVED)
    reading.check_all_used()
    return estimator
