"""Searches whose fits run on the workers of a Dask cluster."""

import os

import joblib
import numpy as np
import pytest
from dask.distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV

from sklabelcraft import (
    D2Q,
    LabelCrafter,
    LabelCraftRecommender,
    neg_scorer,
    nwtg_scorer,
)

SCORERS = {"NWTG": nwtg_scorer, "NEG": neg_scorer}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of two workers, each a process of its own."""
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",  # any port that is free
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def process(estimator, X, y):
    """The number of the process in which an estimator is scored."""
    return os.getpid()


def make_search(log, ranker, scoring):
    """A search over hand-made and learned labels."""
    return GridSearchCV(
        LabelCraftRecommender(ranker=ranker, k=5, random_state=0),
        {"labeler": [D2Q(), LabelCrafter()], "ranker__max_epochs": [1, 2]},
        scoring=scoring,
        refit="NWTG",
        cv=[(log.split.train, log.split.valid)],
        error_score="raise",
    )


def test_grid_search(client, log, fast_ranker):
    """It finds to the last bit what it finds without a cluster."""
    alone = make_search(log, fast_ranker, SCORERS).fit(log.data, log.target)
    spread = make_search(log, fast_ranker, SCORERS | {"process": process})
    with joblib.parallel_config("dask"):
        spread.fit(log.data, log.target)
    for name in SCORERS:
        there, here = (s.cv_results_[f"mean_test_{name}"] for s in (spread, alone))
        np.testing.assert_array_equal(there, here)
    workers = set(client.run(os.getpid).values())
    assert set(spread.cv_results_["mean_test_process"]) <= workers
    assert repr(spread.best_params_) == repr(alone.best_params_)
    there, here = (search.predict(log.data) for search in (spread, alone))
    np.testing.assert_array_equal(there, here)
