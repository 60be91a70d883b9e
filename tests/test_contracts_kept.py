"""Labels and scores stay the same in copies, in threads and in other processes."""

import copy
import io
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import FrozenInstanceError, fields, is_dataclass
from functools import cache
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from members import CLASSES, EXAMPLES, arguments, changed, global_state, results
from sklearn.base import clone

from sklabelcraft import Columns, nwtg_scorer, top_k_coverage_scorer
from sklabelcraft.balancing import (
    ConflictFreeBalancing,
    MinNormBalancing,
    SoftmaxBalancing,
)
from sklabelcraft.objectives import Objective
from sklabelcraft.persistence import load, save

N_THREADS = 8
SET_FILTERS = {  # scikit-learn's check_array does, for a moment, of all threads
    "KneeScaler",
    "LabelCraftRecommender of another ranker",
}


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


def through_joblib(estimator):
    stored = io.BytesIO()
    joblib.dump(estimator, stored)
    stored.seek(0)
    return joblib.load(stored)


def through_a_save(estimator):
    with TemporaryDirectory() as folder:
        save(estimator, folder)
        return load(folder)


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": through_pickle,
    "joblib": through_joblib,
}


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for method, values in wanted.items():
        np.testing.assert_array_equal(found[method], values)


@pytest.mark.parametrize("kept", [*COPIES, "save"])
@pytest.mark.parametrize("key", EXAMPLES)
def test_copies_say_the_same(key, kept, small_log, fitted, expected):
    """With equal parameters; a copy goes on from there like the original."""
    given = arguments(EXAMPLES[key], small_log)
    if kept == "save" and "another" in key:
        with pytest.raises(TypeError, match="use joblib, for files that you trust"):
            through_a_save(fitted(key))
        return
    copied = (COPIES | {"save": through_a_save})[kept](fitted(key))
    assert repr(copied.get_params()) == repr(fitted(key).get_params())
    assert_equal(results(copied, given[0]), expected(key))
    if hasattr(copied, "partial_fit") and "another" not in key:
        original = copy.deepcopy(fitted(key)).partial_fit(*given)
        wanted = results(original, given[0])
        assert_equal(results(copied.partial_fit(*given), given[0]), wanted)


PLAIN = [  # what only says something, with no fit
    Columns(user="who", features=("who",)),
    Objective("hate", sign=-1),
    SoftmaxBalancing(1.0),
    MinNormBalancing(),
    ConflictFreeBalancing(),
    nwtg_scorer,
    top_k_coverage_scorer,
]


def test_every_plain_object_has_an_example():
    """Give a new one an example in ``PLAIN``."""
    wanted = {made for made in CLASSES.values() if is_dataclass(made)}
    assert wanted == {type(made) for made in PLAIN}


@pytest.mark.parametrize("kept", COPIES)
@pytest.mark.parametrize("made", PLAIN, ids=lambda made: type(made).__name__)
def test_plain_objects_stay_what_they_are(made, kept):
    """A copy is equal and as good a key; none can be changed."""
    copied = COPIES[kept](made)
    assert copied == made
    assert hash(copied) == hash(made)
    for field in fields(made):
        with pytest.raises(FrozenInstanceError):
            setattr(made, field.name, None)


@pytest.mark.parametrize("key", EXAMPLES)
def test_clones_learn_the_same(key, small_log, fitted, expected):
    """A clone of what was fitted is not fitted, and learns the same bits."""
    given = arguments(EXAMPLES[key], small_log)
    made = clone(fitted(key))
    assert not [name for name in vars(made) if name.endswith("_")]
    assert_equal(results(made.fit(*given), given[0]), expected(key))


@pytest.mark.parametrize("key", EXAMPLES)
def test_a_second_fit_forgets_the_first(key, small_log, expected):
    """It learns the same as the first fit of a new one."""
    given = arguments(EXAMPLES[key], small_log)
    earlier = [value.iloc[: len(value) // 2] for value in given]
    again = clone(EXAMPLES[key]).fit(*earlier).fit(*given)
    assert_equal(results(again, given[0]), expected(key))


@pytest.mark.parametrize("key", EXAMPLES)
def test_threads_share_what_is_fitted(key, small_log, fitted, expected):
    """Eight at once get the same bits, and leave all settings as they were."""
    X, before = arguments(EXAMPLES[key], small_log)[0], global_state()
    shared = through_pickle(fitted(key))  # which has hashed no ids yet
    start, found = threading.Barrier(N_THREADS), []

    def ask():
        start.wait()
        found.append(results(shared, X))

    threads = [threading.Thread(target=ask) for _ in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == N_THREADS
    for said in found:
        assert_equal(said, expected(key))
    assert set(changed(before)) <= ({"warnings"} if key in SET_FILTERS else set())


def in_child(estimator, given):
    """What a child says, by what was fitted in its parent and by its own fit."""
    own = clone(estimator).fit(*given)
    return results(estimator, given[0]), results(own, given[0])


def by_multiprocessing(method, tasks):
    """Run the tasks in one process that is started in a way of ``multiprocessing``."""
    with multiprocessing.get_context(method).Pool(1) as pool:
        return pool.starmap_async(in_child, tasks).get(timeout=100)


def by_loky(tasks):
    """Run the tasks in two workers of joblib."""
    try:
        return Parallel(2, timeout=100)(delayed(in_child)(*task) for task in tasks)
    finally:
        get_reusable_executor().shutdown(wait=True)


def by_forking(tasks):
    """Run the tasks in a fork of a process that has fitted itself, and nothing else.

    What other tests do may leave torch in a state in which it refuses to be forked.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(_forked_after_a_fit, tasks).result(timeout=200)


def _forked_after_a_fit(tasks):
    for estimator, given in tasks:
        clone(estimator).fit(*given)
    return by_multiprocessing("fork", tasks)


PROCESSES = {
    "fork": by_forking,
    "spawn": lambda tasks: by_multiprocessing("spawn", tasks),
    "loky": by_loky,
}


@pytest.fixture(scope="module")
def children(small_log, fitted):
    """What the children of a kind say, by example."""

    @cache
    def children(kind):
        tasks = [(fitted(key), arguments(EXAMPLES[key], small_log)) for key in EXAMPLES]
        return dict(zip(EXAMPLES, PROCESSES[kind](tasks), strict=True))

    return children


@pytest.mark.parametrize("kind", PROCESSES)
@pytest.mark.parametrize("key", EXAMPLES)
def test_other_processes_say_the_same(key, kind, children, expected):
    """What was fitted in the parent, and what is fitted there after the parent's."""
    for said in children(kind)[key]:
        assert_equal(said, expected(key))
