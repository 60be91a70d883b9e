"""A part of the log that methods are compared on, whole and by segment."""

import numpy as np
import pandas as pd

from sklabelcraft._bootstrap import summarise
from sklabelcraft._floats import as_floats
from sklabelcraft._folds import rows_of
from sklabelcraft._lists import Lists
from sklabelcraft._measuring import Measure, Measured
from sklabelcraft._reading import as_log
from sklabelcraft._segments import ALL

N_RANDOM = 20  # random rankings that the reference is averaged over
KEY = ["method", "k", "metric"]


class Part:
    """The rows that are measured, fold by fold, of all users and of each segment.

    Parameters
    ----------
    name : {"test", "valid"}
        Which part it is.
    scorers : dict of RankingScorer
        By k and name of the metric.
    X : data frame or array of shape (n, n_columns)
        Impressions.
    y : data frame, series or array of shape (n,) or (n, n_signals)
        Their feedback.
    folds : list of ndarray
        Positions of the rows of each fold.
    """

    def __init__(self, name, scorers, X, y, folds):
        self.scorers, self.folds, self.is_segmented = scorers, folds, False
        self.rows = [rows_of(index, X, y) for index in folds]
        longest = max(scorers.values(), key=lambda scorer: scorer.k)
        for rows, _ in self.rows:
            users = as_log(rows).ids(longest.columns.user)
            Lists.of(users, longest.k, f"rows in the part {name!r} of cv")
        self.views = [{ALL: (..., Measure(scorers, *rows))} for rows in self.rows]

    def add_segments(self, segments, user):
        """Measure the users of each segment, too, where lists are long enough."""
        parts = zip(self.folds, self.rows, self.views, strict=True)
        for index, rows, views in parts:
            users = as_log(rows[0]).ids(user).codes()
            for name, places in segments.among(index).items():
                longest = np.bincount(users[places]).max()
                scorers = {key: s for key, s in self.scorers.items() if s.k < longest}
                measure = Measure(scorers, *rows_of(places, *rows))
                views[name] = (places, measure)
        self.is_segmented = True

    def measure_random_lists(self, rng):
        """Measure lists shown at random, the reference."""
        scores = (
            (("random", draw, fold), rng.uniform(size=len(X)))
            for fold, (X, _) in enumerate(self.rows)
            for draw in range(N_RANDOM)
        )
        self.references = {}
        for name, lists in self._measured(scores).items():
            means = lists.mean()
            self.references[name] = means[[k for k in self.scorers if k in means]]

    def compare(self, estimators, against, n_bootstrap, rng):
        """Compare what fitted estimators predict, by method, seed and fold."""
        scores = (
            (cell, estimator.predict(self.rows[cell[-1]][0]))
            for cell, estimator in estimators.items()
        )
        measured = self._measured(scores)
        seed = rng.randint(2**31 - 1)
        found = {
            name: summarise(lists, self.references[name], against, n_bootstrap, seed)
            for name, lists in measured.items()
        }
        whole = found[ALL]
        if self.is_segmented:
            whole.segments = {name: found[name] for name in found if name is not ALL}
            whole.table = self._one_table(whole.table, whole.segments)
        return whole

    def _measured(self, scores):
        """What is measured of scores by cell, of each view with long enough lists."""
        found = {}
        for cell, of_rows in scores:
            of_rows = as_floats(of_rows, "scores")
            for name, (places, measure) in self.views[cell[-1]].items():
                if measure.of_users:
                    found.setdefault(name, {})[cell] = measure(of_rows[places])
        return {name: Measured.together(cells) for name, cells in found.items()}

    def _one_table(self, table, segments):
        """The table of all users, and then that of each segment, with the same rows."""
        names = dict.fromkeys(name for views in self.views for name in views)
        tables = {ALL: table} | {n: found.table for n, found in segments.items()}
        rows = pd.MultiIndex.from_frame(table[KEY])
        aligned = [
            tables.get(name, table[:0])
            .set_index(KEY)
            .reindex(rows)
            .assign(best=lambda rows: rows["best"].eq(True))
            .fillna({"n_users": 0})
            .astype({"n_users": int})
            .reset_index()
            for name in names
        ]
        table = pd.concat(aligned, keys=names, names=["segment"])
        return table.reset_index("segment").reset_index(drop=True)
