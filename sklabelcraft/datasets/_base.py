"""The contract of every data set."""

import numpy as np
from sklearn.utils import Bunch


def make_bunch(frame, target_columns, part, description, **extra):
    """Bundle a log.

    Parameters
    ----------
    frame : pandas.DataFrame
        The log: columns known before the impression, and `target_columns`.
    target_columns : list of str
        Columns logged after the impression.
    part : array-like of {"train", "valid", "test"} of shape (n,)
        The part that each row belongs to.
    description : str
        What the data are.
    **extra : object
        Further entries.

    Returns
    -------
    Bunch
        The entries frame, data (X), target (y), split (a Bunch of row positions train,
        valid and test) and DESCR.
    """
    part = np.asarray(part)
    split = {name: np.flatnonzero(part == name) for name in ("train", "valid", "test")}
    return Bunch(
        frame=frame,
        data=frame.drop(columns=target_columns),
        target=frame[target_columns],
        split=Bunch(**split),
        DESCR=description,
        **extra,
    )
