"""A learned label told in a few rules."""

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import Bunch

LARGEST = np.finfo(np.float32).max  # in which trees compute
NAMES = ["watch time (s)", "duration (s)", "share watched", "explicit feedback"]
SHOWN = {"index": False, "float_format": "{:g}".format}
SAID = {(-np.inf, 0.5): "no", (0.5, np.inf): "yes"}  # of explicit feedback, 0 or 1


class ReadableTree(Bunch):
    """A label in a few rules: a Bunch that is shown as their table."""

    def __repr__(self):
        return f"{self.rules.to_string(**SHOWN)}\n{self._fidelity()}"

    def _repr_html_(self):
        return f"{self.rules.to_html(**SHOWN, border=0)}<p>{self._fidelity()}</p>"

    def _fidelity(self):
        return (
            f"R2 on other rows: {self.fidelity:.3g}; without explicit feedback "
            f"{self.fidelity_without_explicit:.3g}, with it "
            f"{self.fidelity_with_explicit:.3g}"
        )


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
    ReadableTree
        The entries tree, names, rules, fidelity, fidelity_without_explicit and
        fidelity_with_explicit.
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
    has_explicit = X_test[:, -1] > 0
    return ReadableTree(
        tree=tree,
        names=NAMES,
        rules=pd.DataFrame(_rules(tree.tree_)),
        fidelity=tree.score(X_test, y_test),
        fidelity_without_explicit=_r2(
            tree, X_test[~has_explicit], y_test[~has_explicit]
        ),
        fidelity_with_explicit=_r2(tree, X_test[has_explicit], y_test[has_explicit]),
    )


def _r2(tree, X, y):
    """The R2 on some rows, NaN where there are too few."""
    return tree.score(X, y) if len(y) > 1 else np.nan


def _rules(tree, node=0, low=(-np.inf,) * 4, high=(np.inf,) * 4):
    """A row for each leaf: where its rows lie, their label and their share."""
    column = tree.feature[node]
    if column < 0:
        *lengths, explicit = zip(low, high, strict=True)
        where = [*(_told(*bounds) for bounds in lengths), SAID.get(explicit, "")]
        share = tree.n_node_samples[node] / tree.n_node_samples[0]
        numbers = {"label": tree.value[node].item(), "share of rows": share}
        numbers = {name: _rounded(number) for name, number in numbers.items()}
        return [dict(zip(NAMES, where, strict=True)) | numbers]
    cut = tree.threshold[node]
    below, above = (
        tuple(cut if i == column else bound for i, bound in enumerate(bounds))
        for bounds in (high, low)
    )
    return _rules(tree, tree.children_left[node], low, below) + _rules(
        tree, tree.children_right[node], above, high
    )


def _told(low, high):
    """Bounds as text; nothing where there are none."""
    ends = [f"{_rounded(end):g}" for end in (low, high)]
    if low == -np.inf:
        return "" if high == np.inf else f"to {ends[1]}"
    return f"over {ends[0]}" + ("" if high == np.inf else f" to {ends[1]}")


def _rounded(number):
    """A number with three significant digits."""
    return float(f"{number:.3g}")
