"""A label that is not known takes no part in the training of a ranker."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from sklabelcraft import MLP, Columns, DINRanker, MLPRanker, persistence
from sklabelcraft._log import Log
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.losses import LOSSES, log_loss
from sklabelcraft.rankers._given import Given
from sklabelcraft.rankers._labels import GivenLabels
from sklabelcraft.rankers._targets import Targets
from sklabelcraft.rankers._weights import Weights
from sklabelcraft.training._distributed import Alone
from sklabelcraft.training._weighted import WeightedMean

LOG = make_short_videos(n_users=20, n_items=30, n_impressions=20, random_state=0)
IDS = LOG.data[["user_id", "item_id"]].astype(str)
BOTH = np.column_stack([LOG.preference, LOG.preference**2])
QUICK = {"max_epochs": 2, "batch_size": 50, "random_state": 0}
WHOLE = {"weight_decay": 0, "validation_fraction": 0}
FULL_BATCH = MLPRanker(
    MLP(embedding_dim=4, hidden=(8,)),
    **WHOLE,
    learning_rate=0.02,
    max_epochs=20,
    batch_size=10**6,
    min_count=1,
    precision="float64",
    columns=Columns(duration=None, timestamp=None),
    random_state=0,
)


def with_gaps(labels, share=0.4, seed=0):
    """The labels, of which a share is missing."""
    missing = np.random.default_rng(seed).random(labels.shape) < share
    return np.where(missing, np.nan, labels)


def targets_of(labels):
    """Labels as training has them: their values, and what they count for."""
    log = Log(pd.DataFrame({"row": np.arange(len(labels))}))
    known = GivenLabels(torch.from_numpy(np.array(labels, dtype=float)))
    given = Given(None, [log], [known], [Weights()])
    return Targets(given, None, None).of(log, 0)


def test_a_label_that_is_not_known_counts_for_nothing():
    """The others of its column count the more, so that all count 1 on average."""
    nan = np.nan
    labels, weights = targets_of([[0.5, nan], [0.2, nan], [nan, 1], [0.7, nan]])
    assert labels.tolist() == [[0.5, 1], [0.2, 1], [0.2, 1], [0.7, 1]]
    third = 4 / 3
    expected = [[third, 0], [third, 0], [0, 4], [third, 0]]
    np.testing.assert_allclose(weights, expected, rtol=1e-15)
    losses = torch.tensor([[1.0, 9], [2, 9], [9, 5], [6, 9]])
    mean = WeightedMean(weights)(losses)
    assert mean.item() == pytest.approx(((1 + 2 + 6) / 3 + 5) / 2)


@given(
    known=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=9),
    loss=st.sampled_from(list(LOSSES.values())),
    seed=st.integers(0, 99),
)
def test_the_loss_is_label_by_label_the_mean_where_it_is_known(known, loss, seed):
    """And so is the gradient, whatever stands for the labels that are not."""
    rng, known = np.random.default_rng(seed), np.array(known)
    labels, logits = rng.random(known.shape), rng.normal(size=known.shape)
    logits = torch.from_numpy(logits).requires_grad_()
    values, weights = targets_of(np.where(known, labels, np.nan))
    found = WeightedMean(weights)(loss(logits, values))
    (slopes,) = torch.autograd.grad(found, logits)
    of_all = loss(logits, torch.from_numpy(labels))
    means = [of_all[known[:, i], i].mean() for i in (0, 1) if known[:, i].any()]
    expected = sum(means, start=0 * of_all.sum()) / 2
    (expected_slopes,) = torch.autograd.grad(expected, logits)
    assert found.item() == pytest.approx(expected.item(), abs=1e-12)
    np.testing.assert_allclose(slopes, expected_slopes, atol=1e-9)
    assert (slopes[torch.from_numpy(~known)] == 0).all()


def test_processes_add_up_to_one():
    """Each has a part of the rows, and of the mean."""
    values, weights = torch.rand(7, 2), torch.rand(7, 2)

    class Part(Alone):
        size = 3

        def mean(self, values, n):
            return values.sum() / (n * values[0].numel())

    sums = torch.zeros(2)
    for rank in range(3):
        group = Part()
        group.rank = rank
        mean = WeightedMean(weights, group)
        own = values[mean.own]
        sums += torch.stack([mean(own), mean.of_rows(own[:, 0])])
    one = WeightedMean(weights)
    expected = torch.stack([one(values), one.of_rows(values[:, 0])])
    torch.testing.assert_close(sums, expected)


def test_all_known_is_the_plain_mean():
    """Bit by bit, and so are its slopes."""
    _, weights = targets_of(np.random.default_rng(0).random((1000, 3)))
    values = torch.rand(1000, 3, requires_grad=True)
    found = [WeightedMean(weights.float())(values), values.mean()]
    slopes = [torch.autograd.grad(value, values)[0] for value in found]
    assert found[0] == found[1]
    assert torch.equal(*slopes)


def test_a_loss_must_be_elementwise():
    """Or a weight could not count."""
    ranker = MLPRanker(loss=lambda logits, labels: log_loss(logits, labels).mean())
    with pytest.raises(ValueError, match=r"each element, of shape \(360, 1\), got \("):
        ranker.fit(LOG.data, LOG.preference)


@pytest.mark.parametrize("adversary_weight", [0.0, 0.1])
def test_rows_without_a_label_are_as_if_they_were_not_there(adversary_weight):
    """Where they change nothing of what the network sees."""
    ranker = clone(FULL_BATCH).set_params(adversary_weight=adversary_weight)
    X = IDS
    if adversary_weight:
        X = X.assign(duration=LOG.data["duration"])
        ranker.set_params(columns=Columns(timestamp=None))
    twice = pd.concat([X, X])
    missing = np.full(len(X), np.nan)
    expected = clone(ranker).fit(X, LOG.preference)
    found = clone(ranker).fit(twice, np.concatenate([LOG.preference, missing]))
    np.testing.assert_allclose(found.predict(X), expected.predict(X), atol=1e-9)
    assert np.ptp(found.predict(X)) > 0.01
    losses = [[epoch["loss"] for epoch in r.history_] for r in (found, expected)]
    np.testing.assert_allclose(*losses, atol=1e-9)


@pytest.mark.parametrize("kind", [MLPRanker, DINRanker])
def test_labels_in_files_may_be_missing(tmp_path, kind):
    """With the result of the same log in memory, bit by bit, from day to day."""
    labels = with_gaps(BOTH)
    stored = LOG.data.assign(first=labels[:, 0], second=labels[:, 1])
    stored.to_parquet(tmp_path / "log.parquet")
    names = Columns(features=("user_id", "item_id", "duration"))
    one, other = (kind(columns=names, **QUICK) for _ in range(2))
    for _ in range(2):
        one.partial_fit(LOG.data, labels)
        other.partial_fit(tmp_path, ["first", "second"])
        scores = [ranker.head_scores(LOG.data) for ranker in (one, other)]
        assert np.isfinite(scores[0]).all()
        np.testing.assert_array_equal(*scores)
    assert one.history_ == other.history_


def test_training_with_gaps_goes_on_after_a_save(tmp_path):
    """What is remembered knows which labels were not."""
    labels = with_gaps(BOTH)
    ranker = MLPRanker(**QUICK).fit(LOG.data, labels)
    weights = ranker.training_state_["memory"].rows.weights
    assert (weights == 0).any(axis=0).all()
    persistence.save(ranker, tmp_path / "saved")
    loaded = persistence.load(tmp_path / "saved")
    pair = [r.partial_fit(LOG.data, BOTH).predict(LOG.data) for r in (ranker, loaded)]
    np.testing.assert_array_equal(*pair)


def test_a_day_on_which_a_label_is_never_known_leaves_it_as_it_is():
    """The other one is learned."""
    labels = BOTH.copy()
    ranker = MLPRanker(replay=0, weight_decay=0, **QUICK).fit(LOG.data, labels)
    before = ranker.head_scores(LOG.data)
    labels[:, 1] = np.nan
    after = clone(ranker).fit(LOG.data, BOTH).partial_fit(LOG.data, labels)
    moved = np.abs(after.head_scores(LOG.data) - before).mean(axis=0)
    assert np.isfinite(moved).all()
    assert moved[0] > 0


def test_a_day_on_which_no_label_is_known_is_refused(tmp_path):
    """Nor one without a weight in its file; the ranker stays as it was."""
    ranker = MLPRanker(**QUICK).fit(LOG.data, BOTH)
    before, none = dict(vars(ranker)), np.full_like(BOTH, np.nan)
    with pytest.raises(ValueError, match="all labels are missing on all training rows"):
        ranker.partial_fit(LOG.data, none)
    day = LOG.data.assign(one=0.5, other=0.2, weight=0.0)
    day.to_parquet(tmp_path / "log.parquet")
    with pytest.raises(ValueError, match="sample_weight must be non-zero in some of"):
        ranker.partial_fit(tmp_path, ["one", "other"], sample_weight="weight")
    assert vars(ranker) == before


def test_held_out_rows_without_labels_judge_nothing():
    """All epochs are run then; of some, those that are known do judge."""
    labels = BOTH.copy()
    none = np.full_like(BOTH, np.nan)
    ranker = MLPRanker(**QUICK).fit(LOG.data, labels, LOG.data, none)
    assert "validation_loss" not in ranker.history_[-1]
    some = with_gaps(BOTH)
    fit = partial(clone(ranker).fit, LOG.data, labels)
    known = ~np.isnan(some).any(axis=1)
    rows = (LOG.data, some), (LOG.data[known], BOTH[known])
    losses = [fit(*valid).history_[0]["validation_loss"] for valid in rows]
    assert all(np.isfinite(losses))
    one_known = np.where(known[:, None], BOTH, np.nan)
    assert fit(LOG.data, one_known).history_[0]["validation_loss"] == pytest.approx(
        losses[1]
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full(len(LOG.data), np.nan), "label 0, counted from 0, is missing on all"),
        (BOTH * [1, np.nan], "label 1, counted from 0, is missing on all"),
        (np.where(BOTH > 0.5, np.inf, BOTH), "Input y contains infinity"),
        (["a"] * len(BOTH), "y must be an array of real numbers: could not convert"),
        ([[1.0], [1.0, 2.0]] * (len(BOTH) // 2), "y must be an array of real numbers"),
        (torch.ones(len(BOTH), requires_grad=True), "y must be an array of real"),
        (np.full(len(BOTH), np.datetime64("2020-01-01")), "real numbers, got datetime"),
        ([np.timedelta64(1, "s"), None] * (len(BOTH) // 2), "got dates, times or"),
    ],
)
def test_what_is_no_label_is_refused(labels, message):
    """It is named, and a failed fit leaves nothing."""
    ranker = MLPRanker()
    with pytest.raises(ValueError, match=message):
        ranker.fit(LOG.data, labels)
    assert not hasattr(ranker, "model_")


def test_na_among_labels_is_a_label_that_is_not_known():
    """In objects and in several columns as NaN is."""
    labels = pd.DataFrame(with_gaps(BOTH), columns=["one", "other"])
    nullable = labels.astype("Float64")
    found = [
        MLPRanker(**QUICK).fit(LOG.data, given).head_scores(LOG.data)
        for given in (labels, nullable, nullable.to_numpy(dtype=object))
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_a_column_of_labels_without_any_is_named(tmp_path):
    """By its name in the files."""
    LOG.data.assign(label=np.nan).to_parquet(tmp_path / "log.parquet")
    with pytest.raises(ValueError, match="label 'label' is missing on all training"):
        MLPRanker().fit(tmp_path, "label")


def test_a_score_leaves_out_what_is_not_known():
    """R2 of the other rows, with their weights; so a search has scores."""
    labels, weights = with_gaps(LOG.preference), np.arange(len(LOG.data))
    known = ~np.isnan(labels)
    ranker = MLPRanker(**QUICK).fit(LOG.data, labels)
    given = labels[known], ranker.predict(LOG.data)[known]
    assert ranker.score(LOG.data, labels) == r2_score(*given)
    weighted = ranker.score(LOG.data, labels, weights)
    assert weighted == r2_score(*given, sample_weight=weights[known])
    search = GridSearchCV(ranker, {"learning_rate": [1e-3]}, cv=2)
    assert np.isfinite(search.fit(LOG.data, labels).best_score_)
    with pytest.raises(ValueError, match="y must hold a label that is known, got NaN"):
        ranker.score(LOG.data, np.full(len(LOG.data), np.nan))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), share=st.floats(0, 0.95))
def test_any_gaps_are_trained_with(seed, share):
    """Weights and losses are finite."""
    labels = with_gaps(BOTH, share, seed)
    labels[0] = BOTH[0]
    ranker = MLPRanker(MLP(embedding_dim=2, hidden=(4,)), **QUICK | {"batch_size": 7})
    ranker.fit(LOG.data, labels)
    assert np.isfinite(ranker.predict(LOG.data)).all()
    assert all(np.isfinite(list(epoch.values())).all() for epoch in ranker.history_)
