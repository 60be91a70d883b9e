"""A learned label told in a few rules."""

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeRegressor, export_text
from sklearn.utils import Bunch

LARGEST = np.finfo(np.float32).max  # in which trees compute
NAMES = ["watch time (s)", "duration (s)", "share watched", "explicit feedback"]


def readable_tree(watch_time, duration, explicit, labels, max_leaf_nodes):
    """A short tree fitted to half of the labels, and its R2 on the other half.

    Rows whose explicit feedback is not known are left out.

    Parameters
    ----------
    watch_time, duration, explicit, labels : ndarray of shape (n,)
        Feedback and label of each row, times in seconds; NaN where it is not known.
    max_leaf_nodes : int
        The number of rules.

    Returns
    -------
    Bunch
        The entries tree, names, rules and fidelity.
    """
    rows = np.column_stack([watch_time, duration, explicit, labels])
    watch_time, duration, explicit, labels = rows[~np.isnan(explicit)].T
    if len(labels) < 3:
        raise ValueError(f"rules need at least 3 rows to be tested, got {len(labels)}.")
    part = np.zeros_like(watch_time)
    with np.errstate(over="ignore"):  # of a duration near 0, and cut off below
        np.divide(watch_time, duration, out=part, where=duration > 0)
    X = np.column_stack([watch_time, duration, part, explicit]).clip(max=LARGEST)
    X_train, X_test, y_train, y_test = train_test_split(
        X, labels, test_size=0.5, random_state=0
    )
    tree = DecisionTreeRegressor(max_leaf_nodes=max_leaf_nodes, random_state=0)
    tree.fit(X_train, y_train)
    return Bunch(
        tree=tree,
        names=NAMES,
        rules=export_text(tree, feature_names=NAMES, decimals=2),
        fidelity=tree.score(X_test, y_test),
    )
