"""The parts of a recommender: what they are fitted to, and who is told of it."""

import copy
from contextlib import contextmanager

from sklearn.utils.validation import has_fit_parameter

from sklabelcraft._callbacks import lent
from sklabelcraft._foreign_rankers import (
    check_trainable,
    fit_foreign,
    go_on_foreign,
    scales_of,
    score_foreign,
)
from sklabelcraft._reading import is_stored
from sklabelcraft.labelcraft import LabelCrafter
from sklabelcraft.rankers import BaseRanker
from sklabelcraft.rankers._given import check_pair, check_weighed
from sklabelcraft.rankers._labels import CraftedLabels
from sklabelcraft.rankers._weights import weights_of


def check_held_out(X_val, y_val, sample_weight_val):
    """Check that validation data come together or not at all."""
    if not is_stored(X_val):
        check_pair(X_val, y_val)
    check_weighed(X_val, sample_weight_val)


@contextmanager
def subtask(watch, name, part):
    """The fit of a part, which either tells our watch or gets our callbacks."""
    if isinstance(part, BaseRanker | LabelCrafter):
        with watch.subtask(name, None) as task:
            yield task
    else:
        with watch.subtask(name) as task, lent(task, part):
            yield task


def labelled(rows, labeler):
    """Impressions, what a ranker is to learn of them, and their weights."""
    labels = CraftedLabels(labeler)
    if rows.feedback is None:
        return rows.joined, labels, rows.weights
    found = labels.made_of(rows.joined)
    if found.shape[1] == 1:  # a vector, which scikit-learn's regressors want
        found = found[:, 0]
    return rows.log.native, found, rows.weights


def fit_other(recommender, log, rows, held_out, further):
    """Fit the ranker of a recommender, if it is one of another library.

    Parameters
    ----------
    recommender : LabelCraftRecommender
        What is learned is stored on it.
    log : Log or StoredLog
        The impressions to train on.
    rows : (data, labels, weights)
        The same, as :func:`labelled` gives them.
    held_out : Rows
        Held-out rows, perhaps none.
    further : bool
        Whether the ranker goes on from what it has learned.
    """
    X, labels, weights = rows
    columns, in_files = (
        recommender._stated("columns"),
        isinstance(labels, CraftedLabels),
    )
    check_trainable(recommender.ranker_, columns, in_files)
    if weights is not None:
        weights = weights_of(weights, log).of(log)
    if further:
        recommender.ranker_ = copy.deepcopy(recommender.ranker_)
        go_on_foreign(recommender.ranker_, X, labels, weights)
    else:
        validation = {}
        if held_out.log is not None and has_fit_parameter(recommender.ranker_, "X_val"):
            validation["X_val"], validation["y_val"], _ = labelled(
                held_out, recommender.labeler_
            )
        users = log.ids(columns.user).codes()
        fit_foreign(recommender.ranker_, X, labels, users, validation, weights)
    scores = score_foreign(recommender.ranker_, X)
    if scores.ndim == 2:  # to be brought to one scale
        recommender.head_mean_ = scores.mean(axis=0)
        recommender.head_scale_ = scales_of(scores)
