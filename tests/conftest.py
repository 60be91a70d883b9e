"""Logs that many tests share."""

import os
from functools import cache
from pathlib import Path

import matplotlib
import pytest
from members import EXAMPLES, arguments, make_log, results
from sklearn.base import clone

from sklabelcraft import MLP, MLPRanker
from sklabelcraft.datasets import make_short_videos

matplotlib.use("Agg")


@pytest.fixture(scope="session")
def log():
    """A small synthetic log; nobody may change it."""
    return make_short_videos(n_users=40, n_items=60, n_impressions=60, random_state=0)


@pytest.fixture
def fast_ranker():
    """A ranker that trains in a blink."""
    network = MLP(embedding_dim=4, hidden=(8,))
    return MLPRanker(network, batch_size=256, max_epochs=2)


@pytest.fixture(scope="session")
def kuairand_folder():
    """The folder of the real KuaiRand-Pure log."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SKLABELCRAFT_DATA", beside)) / "KuaiRand-Pure"
    if not folder.is_dir():
        pytest.skip("KuaiRand-Pure is not there; set SKLABELCRAFT_DATA to its parent.")
    return folder


@pytest.fixture(scope="session")
def small_log():
    """A log on which anything is fitted in a blink; nobody may change it."""
    return make_log()


@pytest.fixture(scope="session")
def fitted(small_log):
    """Fitted examples by name, each fitted once; nobody may change them."""

    @cache
    def fitted(key):
        return clone(EXAMPLES[key]).fit(*arguments(EXAMPLES[key], small_log))

    return fitted


@pytest.fixture(scope="session")
def expected(small_log, fitted):
    """What a fitted example says of the rows that it was fitted to."""

    @cache
    def expected(key):
        return results(fitted(key), arguments(EXAMPLES[key], small_log)[0])

    return expected
