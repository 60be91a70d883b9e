"""Nothing is left behind: not in the caller's data, in the process, or by a failure."""

import copy
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from members import (
    EXAMPLES,
    arguments,
    changed,
    global_state,
    make_log,
    results,
    users_and_items,
)
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin

import sklabelcraft
from sklabelcraft import (
    DurationBiasDisplay,
    LabelSurfaceDisplay,
    ObjectiveTradeoffDisplay,
    TrainingHistoryDisplay,
    auc_scorer,
    compare_labelers,
    ds_score,
    ds_scorer,
    gauc_score,
    gauc_scorer,
    neg_score,
    neg_scorer,
    nwtg_score,
    nwtg_scorer,
    scale,
    soft_topk,
    split_by_time,
    top_k_coverage_score,
    top_k_coverage_scorer,
    top_k_recall_score,
    top_k_recall_scorer,
)
from sklabelcraft._counts import Numbers
from sklabelcraft._log import Log
from sklabelcraft.datasets import make_short_videos

RECOMMENDER = "LabelCraftRecommender of two parts"


def lists(log):
    """Users, scores and seconds, as read-only arrays."""
    columns = log.data["user_id"], log.labels, log.target["watch_time"]
    return [read_only(column) for column in columns]


def read_only(values):
    array = np.array(values)
    array.flags.writeable = False
    return array


def compare(log, fitted):
    return compare_labelers(
        {"recommender": EXAMPLES[RECOMMENDER]},
        log.data,
        log.target,
        cv=split_by_time(log.data),
        n_seeds=1,
        n_bootstrap=5,
        k=3,
        random_state=0,
    )


def metric(score, least=0):
    def call(log, fitted):
        users, scores, seconds = lists(log)
        values = read_only(seconds * (seconds >= least))
        return score(values, scores, groups=users, k=3)

    return call


def scorer(made):
    return lambda log, fitted: made(fitted(RECOMMENDER), log.data, log.target)


CALLS = {  # what is called with the functions and pictures of the package
    "make_short_videos": lambda log, fitted: make_short_videos(5, 5, random_state=0),
    "split_by_time": lambda log, fitted: split_by_time(log.data),
    "scale": lambda log, fitted: scale(lists(log)[2], knee=5.0, maximum=50.0),
    "soft_topk": lambda log, fitted: soft_topk(lists(log)[1], 3, temperature=1.0),
    "nwtg_score": metric(nwtg_score),
    "neg_score": metric(neg_score),
    "ds_score": metric(ds_score),
    "gauc_score": metric(gauc_score, least=9),
    "top_k_recall_score": metric(top_k_recall_score),
    "top_k_coverage_score": metric(top_k_coverage_score),
    "nwtg_scorer": scorer(nwtg_scorer),
    "neg_scorer": scorer(neg_scorer),
    "ds_scorer": scorer(ds_scorer),
    "auc_scorer": scorer(auc_scorer),
    "gauc_scorer": scorer(gauc_scorer),
    "top_k_recall_scorer": scorer(top_k_recall_scorer),
    "top_k_coverage_scorer": scorer(top_k_coverage_scorer),
    "compare_labelers": compare,
    "DurationBiasDisplay": lambda log, fitted: DurationBiasDisplay.from_estimators(
        {"one": fitted(RECOMMENDER)}, log.data
    ),
    "LabelSurfaceDisplay": lambda log, fitted: LabelSurfaceDisplay.from_estimator(
        fitted("D2Q"), log.frame, n_points=5
    ),
    "TrainingHistoryDisplay": lambda log, fitted: TrainingHistoryDisplay.from_estimator(
        fitted("LabelCrafter")
    ),
    "ObjectiveTradeoffDisplay": lambda log, fitted: (
        ObjectiveTradeoffDisplay.from_comparison(compare(log, fitted))
    ),
}


def methods_of(key):
    """How all methods of an example are called that take rows, fitted ones last."""

    def call(log, fitted):
        given = arguments(EXAMPLES[key], log)
        estimator = clone(EXAMPLES[key]).fit(*given)
        said = results(estimator, given[0])
        for method in ("score", "tune", "frontier"):
            if hasattr(estimator, method):
                getattr(estimator, method)(*given)
        if hasattr(estimator, "recommend"):
            estimator.recommend(*users_and_items(log))
        if hasattr(estimator, "watch_time"):
            estimator.watch_time(said["transform"], *given)
        if hasattr(estimator, "explain"):
            estimator.explain(*given)
        if hasattr(estimator, "partial_fit") and "another" not in key:
            estimator.partial_fit(*given)
        if hasattr(estimator, "fit_transform"):
            clone(estimator).fit_transform(*given)

    return call


CALLS |= {key: methods_of(key) for key in EXAMPLES}


def test_everything_public_is_called():
    """Give a new function or class a call here: it joins the contracts."""
    public = {
        n for n in sklabelcraft.__all__ if n not in ("Columns", "MLP", "DCN", "DIN")
    }
    assert public <= set(CALLS), f"give {public - set(CALLS)} a call"


@pytest.mark.parametrize("name", CALLS)
def test_nothing_global_is_changed(name, small_log, fitted):
    """No random state, setting, filter of warnings, logger or variable."""
    import matplotlib.pyplot as plt

    before = global_state()
    CALLS[name](small_log, fitted)
    plt.close("all")
    assert not changed(before)


def first_calls():
    """Call everything in a process that has called nothing yet."""
    log = make_log()
    fitted = cache(lambda key: clone(EXAMPLES[key]).fit(*arguments(EXAMPLES[key], log)))
    for name, call in CALLS.items():
        before = global_state()
        call(log, fitted)
        assert not changed(before), name


def test_nothing_global_is_changed_by_what_is_loaded_at_first():
    """Libraries load parts of themselves when these are needed."""
    code = f"import {__name__}; {__name__}.first_calls()"
    environment = {**os.environ, "MPLBACKEND": "agg", "PYTHONWARNINGS": "ignore"}
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=environment,
        check=True,
        timeout=100,
    )


@pytest.mark.parametrize("name", CALLS)
def test_data_of_the_caller_are_not_changed(name, small_log, fitted):
    """Frames keep values, types and index; arrays that cannot be written to will do."""
    before = joblib.hash([small_log.frame, small_log.data, small_log.target])
    log = copy.copy(small_log)
    log.labels = pd.Series(read_only(small_log.labels), small_log.labels.index)
    CALLS[name](log, fitted)
    assert before == joblib.hash([log.frame, log.data, log.target])


class Failure:
    """Fails at the n-th moment that it is told of; without one, it counts them."""

    def __init__(self, fail=None, moment=None):
        self.fail, self.moment, self.told = fail, moment, 0

    def __call__(self):
        self.told += 1
        if self.told - 1 == self.moment:
            self.fail()

    def before(self, function):
        """A function that tells of each of its calls."""

        def told(*args, **kwargs):
            self()
            return function(*args, **kwargs)

        return told


class FailingCallback:
    """A callback whose hooks tell a failure."""

    def __init__(self, failure):
        self.failure = failure

    def setup(self, estimator, context):
        self.failure()

    def teardown(self, estimator, context):
        """Fail no more."""

    def on_fit_task_begin(self, estimator, context):
        self.failure()

    def on_fit_task_end(self, estimator, context):
        self.failure()


def tell_of_callbacks_or_columns(failure, estimator, patch):
    """Tell of each hook of a callback or, if it has none, of what is read."""
    if isinstance(estimator, CallbackSupportMixin):
        estimator.set_callbacks(FailingCallback(failure))
    else:
        tell_of_columns(failure, estimator, patch)


def tell_of_columns(failure, estimator, patch):
    """Tell of each column that is read from a log, or counted."""
    patch.setattr(Log, "_series", failure.before(Log._series))
    patch.setattr(Numbers, "of", failure.before(Numbers.of))


def interrupt():
    signal.raise_signal(signal.SIGINT)


def run_out_of_memory():
    raise MemoryError


def state_of(estimator):
    """A short text for all that an estimator has but callbacks."""
    state = vars(estimator).items()
    return joblib.hash({n: v for n, v in state if not n.startswith("_skl")})


def fails(estimator, method, given, failure, tell):
    """Whether a fit of a copy of an estimator fails; if so, all is as it was."""
    tried = copy.deepcopy(estimator)
    state, before = state_of(tried), global_state()
    with pytest.MonkeyPatch.context() as patch:
        tell(failure, tried, patch)
        try:
            getattr(tried, method)(*given)
        except (KeyboardInterrupt, MemoryError):
            assert state_of(tried) == state
            assert not changed(before)
            return True
    return False


WAYS = {
    "interrupt": (interrupt, tell_of_callbacks_or_columns),
    "memory": (run_out_of_memory, tell_of_columns),
}
FITS = [
    (key, method)
    for key, example in EXAMPLES.items()
    for method in ("fit", "partial_fit")
    if hasattr(example, method) and (method == "fit" or "another" not in key)
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("key", "method"), FITS)
def test_a_fit_that_fails_leaves_all_as_it_was(
    key, method, way, small_log, fitted, expected
):
    """Whenever it fails; and what is fitted next learns the same as ever."""
    fail, tell = WAYS[way]
    example, given = EXAMPLES[key], arguments(EXAMPLES[key], small_log)
    before = [fitted(key)] + [clone(example)] * (method == "fit")
    for estimator in before:
        counting = Failure()
        assert not fails(estimator, method, given, counting, tell)
        n = counting.told
        assert n
        for moment in {0, n // 3, n - 2, n - 1} & set(range(n)):
            assert fails(estimator, method, given, Failure(fail, moment), tell)
    again = results(clone(example).fit(*given), given[0])
    for name, values in expected(key).items():
        np.testing.assert_array_equal(again[name], values)


def test_an_interrupt_as_threads_are_set_leaves_their_number(small_log):
    """The one thread of training is undone, whenever the interrupt comes."""
    set_num_threads, number = torch.set_num_threads, torch.get_num_threads()
    ranker = clone(EXAMPLES["MLPRanker"])
    with pytest.MonkeyPatch.context() as patch:

        def interrupted(n):
            set_num_threads(n)
            patch.undo()
            raise KeyboardInterrupt

        try:
            torch.set_num_threads(3)
            patch.setattr(torch, "set_num_threads", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ranker.fit(*arguments(ranker, small_log))
            assert torch.get_num_threads() == 3
        finally:
            set_num_threads(number)
