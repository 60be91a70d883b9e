"""Estimators that are fitted, fed, merged, saved, loaded and killed in any order."""

import pickle
import tempfile
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import oracle
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    precondition,
    rule,
)
from sklearn.base import clone

from sklabelcraft import (
    D2Q,
    DVR,
    MLP,
    Columns,
    ExplicitFeedback,
    MLPRanker,
    PlayCompletionRate,
    WatchTime,
)
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.persistence import load, save
from sklabelcraft.training import Checkpoint

LABELS = {
    "PCR": (PlayCompletionRate(), oracle.play_completion_rate),
    "EF": (
        ExplicitFeedback(columns=Columns(explicit=("like",))),
        oracle.explicit_feedback,
    ),
    "WT": (WatchTime(), oracle.watch_time),
    "D2Q": (D2Q(n_groups=3), oracle.d2q),
    "DVR": (DVR(n_groups=3), oracle.dvr),
}
COLUMNS = ["watch_time", "duration", "like"]
ROWS = st.lists(
    st.tuples(st.integers(0, 120), st.integers(1, 60), st.integers(0, 2)),
    min_size=1,
    max_size=12,
)
BROKEN = st.sampled_from([-1, np.nan, np.inf])


def frame_of(rows):
    return pd.DataFrame(rows, columns=COLUMNS, dtype=float)


def saved_and_loaded(estimator):
    with tempfile.TemporaryDirectory() as folder:
        save(estimator, Path(folder) / "model")
        return load(Path(folder) / "model")


def pickled(estimator):
    return pickle.loads(pickle.dumps(estimator))


STORED = st.sampled_from([saved_and_loaded, pickled])


class Labelers(RuleBasedStateMachine):
    """Labelers, each beside the rows that it has learned from."""

    learned = Bundle("learned")

    @rule(target=learned, name=st.sampled_from(sorted(LABELS)), rows=ROWS)
    def fit(self, name, rows):
        return name, clone(LABELS[name][0]).fit(frame_of(rows)), rows

    @rule(target=learned, one=consumes(learned), rows=ROWS)
    def partial_fit(self, one, rows):
        name, labeler, seen = one
        return name, labeler.partial_fit(frame_of(rows)), seen + rows

    @rule(target=learned, one=consumes(learned), rows=ROWS)
    def fit_again(self, one, rows):
        """What was learned before is forgotten."""
        name, labeler, _ = one
        return name, labeler.fit(frame_of(rows)), rows

    @rule(target=learned, one=learned, other=learned, rows=ROWS)
    def merge(self, one, other, rows):
        """What two have learned, and further rows."""
        (name, first, seen), (other_name, second, more) = one, other
        if name != other_name or first.statistics_ is None:
            return multiple()  # there is nothing to merge
        merged = clone(first)
        merged.statistics_ = first.statistics_.merged(second.statistics_)
        return name, merged.partial_fit(frame_of(rows)), seen + more + rows

    @rule(target=learned, one=consumes(learned), by=STORED)
    def store(self, one, by):
        name, labeler, seen = one
        return name, by(labeler), seen

    @rule(one=learned, rows=ROWS, broken=BROKEN, again=st.booleans())
    def fail(self, one, rows, broken, again):
        """A table that is refused, and has a column more, leaves all as it was."""
        _, labeler, _ = one
        before = {name: id(value) for name, value in vars(labeler).items()}
        teach = labeler.fit if again else labeler.partial_fit
        with pytest.raises(ValueError, match=r"watch_time|like"):
            teach(frame_of([*rows, (broken, 5, -1)]).assign(further=0))
        assert {name: id(value) for name, value in vars(labeler).items()} == before

    @rule(one=learned, rows=ROWS)
    def transform(self, one, rows):
        name, labeler, seen = one
        expected = [LABELS[name][1](seen, row) for row in rows]
        found = labeler.transform(frame_of(rows))
        np.testing.assert_allclose(found[:, 0], expected, rtol=1e-9, atol=1e-9)

    @rule(one=learned)
    def watch_time(self, one):
        """Labels of what was learned from give back how long it was watched."""
        name, labeler, seen = one
        if name not in ("PCR", "DVR", "D2Q"):
            return
        log = frame_of(seen)
        found = labeler.watch_time(labeler.transform(log), log[["duration"]])
        expected = log[["watch_time", "duration"]].min(axis=1)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


LOG = make_short_videos(n_users=12, n_items=15, n_impressions=20, random_state=0)
DAYS = [LOG.data.index[i : i + 60] for i in range(0, 240, 60)]
SEEN = ["user_id", "item_id", "duration"]
RANKER = MLPRanker(
    MLP(embedding_dim=2, hidden=(3,)),
    columns=Columns(features=tuple(SEEN)),
    max_epochs=2,
    batch_size=32,
    every=1,
    validation_fraction=0,
    random_state=0,
)


def learn(ranker, day):
    rows = DAYS[day]
    teach = ranker.partial_fit if hasattr(ranker, "model_") else ranker.fit
    return teach(LOG.data.loc[rows], LOG.preference[rows])


@cache
def undisturbed(n_days):
    """The scores of a ranker that learned day by day and nothing befell."""
    with tempfile.TemporaryDirectory() as folder:
        ranker = clone(RANKER).set_params(checkpoint=folder)
        for day in range(n_days):
            learn(ranker, day)
    return ranker.predict(LOG.data)


class Killed(BaseException):
    """As if the process had ended."""


class RankerOverDays(RuleBasedStateMachine):
    """A ranker that learns day by day, and is stored and killed meanwhile."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.ranker = clone(RANKER).set_params(checkpoint=self.folder.name)
        self.n_days = 0

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @precondition(lambda self: self.n_days < len(DAYS))
    @rule()
    def learn(self):
        learn(self.ranker, self.n_days)
        self.n_days += 1

    @precondition(lambda self: self.n_days < len(DAYS))
    @rule(n_saves=st.integers(1, 8))
    def kill(self, n_saves):
        """Killed after so many saves, if there are; the next call resumes."""
        left, save_now = iter(range(n_saves - 1)), Checkpoint.save

        def saving(checkpoint):
            save_now(checkpoint)
            if next(left, None) is None:
                raise Killed

        with mock.patch.object(Checkpoint, "save", saving):
            try:
                learn(self.ranker, self.n_days)
            except Killed:
                return
        self.n_days += 1

    @rule(by=STORED)
    def store(self, by):
        self.ranker = by(self.ranker)

    @precondition(lambda self: self.n_days > 0)
    @rule(rows=st.lists(st.integers(0, len(LOG.data) - 1), min_size=1, max_size=20))
    def predict(self, rows):
        """As if nothing had befallen it, and as the weights say."""
        found = self.ranker.predict(LOG.data.iloc[rows])
        np.testing.assert_array_equal(found, undisturbed(self.n_days)[rows])
        seen = np.concatenate(DAYS[: self.n_days])
        state = self.ranker.model_.module.state_dict()
        weights = {name: value.numpy() for name, value in state.items()}
        expected = oracle.scores(tuples_of(seen), tuples_of(rows), weights)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def tuples_of(rows):
    return list(LOG.data[SEEN].iloc[rows].itertuples(index=False, name=None))


SLOW = [HealthCheck.too_slow]  # which busy cores are
COSTS = {"deadline": None, "derandomize": True, "suppress_health_check": SLOW}
TestLabelers = Labelers.TestCase
TestLabelers.settings = settings(max_examples=60, stateful_step_count=30, **COSTS)
TestRankerOverDays = RankerOverDays.TestCase
TestRankerOverDays.settings = settings(max_examples=25, stateful_step_count=15, **COSTS)
