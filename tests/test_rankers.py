"""The rankers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from joblib import Parallel, delayed
from scipy.stats import spearmanr
from sklearn.base import clone
from torch import nn

from sklabelcraft import (
    DIN,
    Columns,
    DCNRanker,
    DINRanker,
    MLPRanker,
    ModuleRanker,
    WatchTime,
)
from sklabelcraft._reading import as_log
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.modules import Embeddings, dense, interactions


class OwnModule(nn.Module):
    """Somebody's own network: embeddings of the row and their interactions."""

    def __init__(self, cardinalities, n_numeric, n_outputs, past_columns):
        super().__init__()
        self.embeddings = Embeddings(cardinalities, 8)
        width = 8 * (len(cardinalities) + 1) + n_numeric
        self.dense = dense(width, (16,), n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        own = self.embeddings(batch.codes)
        parts = [own.flatten(1), interactions(own), batch.numeric]
        return self.dense(torch.cat(parts, dim=1))


RANKERS = [
    MLPRanker(),
    DCNRanker(),
    DINRanker(DIN(history_length=5)),
    ModuleRanker(OwnModule),
]
pytestmark = pytest.mark.parametrize(
    "ranker", RANKERS, ids=lambda ranker: type(ranker).__name__
)


@pytest.fixture
def fast(ranker):
    small = {"network__embedding_dim": 4, "network__hidden": (8,)}
    if isinstance(ranker, ModuleRanker):
        small = {}
    return clone(ranker).set_params(
        **small, max_epochs=2, batch_size=256, random_state=0
    )


def test_learns_the_true_preference(ranker, log):
    """Scores of unseen impressions follow the preference that the labels show."""
    train, test = log.split.train, log.split.test
    ranker = clone(ranker).set_params(
        learning_rate=0.01, max_epochs=30, weight_decay=1.0, random_state=0
    )
    ranker.fit(log.data.iloc[train], log.preference[train])
    score = ranker.predict(log.data.iloc[test])
    assert spearmanr(score, log.preference[test]).statistic > 0.3


def test_unknown_ids_are_served(fast, log):
    """New users, items and tags, and missing tags, get a finite score."""
    fast.fit(log.data, log.preference)
    new = log.data.iloc[:4].assign(
        user_id=-5, item_id=10**9, tag=["new", "", None, "x"]
    )
    assert np.isfinite(fast.predict(new)).all()


@pytest.mark.parametrize("n_labels", [1, 2])
def test_score_of_a_row_is_the_same_in_any_call(fast, log, n_labels):
    """Bit by bit, whatever other rows are there, and in whatever order."""
    labels = np.column_stack([log.preference, log.data["duration"]])[:, :n_labels]
    fast.fit(log.data, labels)
    together = fast.predict(log.data)
    rng = np.random.RandomState(0)
    for size in [1] * 20 + [2, 3, 11, 100, 1000, len(log.data)]:
        rows = rng.permutation(len(log.data))[:size]
        scores = fast.predict(log.data.iloc[rows])
        np.testing.assert_array_equal(scores, together[rows])


def test_threads_may_predict_at_once(fast, log):
    """Eight threads get the same bits from one ranker."""
    expected = fast.fit(log.data, log.preference).predict(log.data)
    call = delayed(fast.predict)
    for scores in Parallel(8, backend="threading")(call(log.data) for _ in range(16)):
        np.testing.assert_array_equal(scores, expected)


def test_several_labels_are_fused_into_one_score(fast, log):
    """Two equal labels rank like each of the heads does on the whole."""
    both = np.column_stack([log.preference, log.preference])
    score = fast.fit(log.data, both).predict(log.data)
    assert score.shape == (len(log.data),)
    assert abs(score.mean()) < 0.2
    assert fast.model_.module.dense[-1].out_features == 2


def test_loss_follows_the_labels(fast, log):
    """Labels in [0, 1] give probabilities, other labels a free score."""
    unit = (log.preference > 0).astype(float)
    score = fast.fit(log.data, unit).predict(log.data)
    assert score.min() > 0
    assert score.max() < 1
    fast.set_params(loss="log_loss")
    with pytest.raises(ValueError, match=r"needs labels in \[0, 1\]"):
        fast.fit(log.data, log.preference)


def test_half_precision(fast, log):
    """Training with rounded products changes little, and scores are not rounded."""
    labels = (log.preference > 0).astype(float)
    single = fast.fit(log.data, labels).predict(log.data)
    half = fast.set_params(precision="bfloat16").fit(log.data, labels).predict(log.data)
    weights = fast.model_.module.parameters()
    assert {weight.dtype for weight in weights} == {torch.float32}
    assert np.abs(half - single).max() > 0
    np.testing.assert_allclose(half, single, atol=0.02)
    assert len(np.unique(half)) > 0.9 * len(np.unique(single))


def test_double_precision(fast, log):
    """Weights are trained, and stay, in float64, with scores like those of float32."""
    single = fast.fit(log.data, log.preference).predict(log.data)
    fast.set_params(precision="float64")
    double = fast.fit(log.data, log.preference).predict(log.data)
    weights = fast.model_.module.parameters()
    assert {weight.dtype for weight in weights} == {torch.float64}
    np.testing.assert_allclose(double, single, atol=1e-5)
    assert np.abs(double - single).max() > 0


def test_own_loss(fast, log):
    """A callable loss is used."""
    calls = []

    def loss(logits, labels):
        calls.append(logits.shape)
        return torch.abs(logits - labels)

    fast.set_params(loss=loss).fit(log.data, log.preference)
    assert calls


def test_early_stopping_keeps_the_best_epoch(fast, log):
    """The held-out loss of the kept weights is the least of the history."""
    train, valid = log.split.train, log.split.valid
    fast.set_params(max_epochs=80, patience=2, learning_rate=0.05)
    held_out = log.data.iloc[valid], log.preference[valid]
    fast.fit(log.data.iloc[train], log.preference[train], *held_out)
    losses = [epoch["validation_loss"] for epoch in fast.history_]
    error = np.mean((fast.predict(held_out[0]) - held_out[1]) ** 2)
    assert error == pytest.approx(min(losses), rel=1e-5)
    assert len(losses) < 80


def test_the_average_over_epochs_is_kept(fast, log):
    """Of two epochs, the average keeps its share of the first and takes the second."""
    fast.set_params(validation_fraction=0, averaging=0.0)

    def weights(**params):
        fitted = clone(fast).set_params(**params).fit(log.data, log.preference)
        return torch.nn.utils.parameters_to_vector(fitted.model_.module.parameters())

    first, second = weights(max_epochs=1), weights(max_epochs=2)
    assert (first - second).abs().max() > 1e-3
    average = weights(max_epochs=2, averaging=0.25)
    torch.testing.assert_close(average, 0.25 * first + 0.75 * second)


def test_preferences_are_learned_before_training_stops(ranker):
    """Products of small embeddings are, though the duration is learned first.

    With them as small as the embeddings make them, the correlation is below 0.35.
    """
    log = make_short_videos(
        150, 300, n_impressions=120, duration_bias=1.0, random_state=0
    )
    labels = WatchTime().fit_transform(log.frame)
    train, valid, test = log.split.train, log.split.valid, log.split.test
    held_out = log.data.iloc[valid], labels[valid]
    ranker = clone(ranker).set_params(batch_size=128, random_state=0)
    ranker.fit(log.data.iloc[train], labels[train], *held_out)
    scores = ranker.predict(log.data.iloc[test])
    duration = np.log(log.data["duration"].to_numpy()[test])
    beyond = scores - np.polyval(np.polyfit(duration, scores, 1), duration)
    assert spearmanr(beyond, log.preference[test]).statistic > 0.55


def test_adversary_takes_duration_out_of_the_score(fast, log):
    """Trained on preference and duration, the debiased score shows less of duration."""
    duration = np.log(log.data["duration"].to_numpy())
    label = log.preference + duration
    fast.set_params(max_epochs=10, batch_size=64, learning_rate=0.01, averaging=0.0)
    plain = fast.fit(log.data, label).predict(log.data)
    fast.set_params(adversary_weight=1.0).fit(log.data, label)
    assert "duration" not in fast.features_
    debiased = fast.predict(log.data)
    seen = [abs(spearmanr(s, duration).statistic) for s in (plain, debiased)]
    assert seen[1] < seen[0] - 0.1


def test_integers_and_text_are_categories_and_floats_are_numbers(fast, log):
    """Only floating-point columns other than user and item are numeric."""
    X = log.data.assign(user_id=log.data["user_id"].astype(float), level=0.5, tab=3)
    fast.fit(X, log.preference)
    encoder = fast.model_.encoder
    assert list(encoder.vocabularies) == ["user_id", "item_id", "tag", "tab"]
    assert list(encoder.ranks) == ["duration", "level"]
    assert "timestamp" not in fast.features_


def test_numeric_features_are_not_infinite(fast, log):
    """An infinite number is an error, not a guess."""
    X = log.data.assign(level=np.inf)
    with pytest.raises(ValueError, match="column 'level' must be finite"):
        fast.fit(X, log.preference)


def test_an_error_names_the_row_that_was_given(fast, log):
    """Not its place among the rows that are left after some were held out."""
    X = log.data.assign(level=20.0)
    X.iloc[1999, X.columns.get_loc("level")] = np.inf
    with pytest.raises(ValueError, match=r"the first is row 1999: inf"):
        fast.fit(X, log.preference)


def test_rows_and_labels_must_match(fast, log):
    """The error tells both numbers."""
    with pytest.raises(ValueError, match="got 2400 and 3"):
        fast.fit(log.data, log.preference[:3])


def test_tiny_log(fast):
    """Two rows, nothing to hold out, no tag repeated: still a ranker."""
    X = pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "duration": [5.0, 9.0]})
    assert fast.fit(X, [0.0, 1.0]).predict(X).shape == (2,)


@pytest.mark.parametrize("clock", [True, False])
def test_histories_hold_all_rows_of_the_fit(ranker, log, clock):
    """Rows held out for validation are history when later ones are predicted."""
    din = DINRanker(DIN(history_length=500), max_epochs=1)
    X = log.data if clock else log.data.drop(columns="timestamp")
    din.fit(X, log.preference)
    later = X.iloc[[0]].assign(timestamp=1e9) if clock else X.iloc[[0]]
    pasts = din.model_.encode(as_log(later)).pasts
    assert int(pasts.stop - pasts.start) == 60


def test_whole_numbers_with_gaps_are_categories(fast, log):
    """A missing value of a whole-number column is a category of its own."""
    level = pd.array(np.arange(len(log.data)) % 3, dtype="Int64")
    level[5] = pd.NA
    fast.fit(log.data.assign(level=level), log.preference)
    assert "level" in fast.model_.encoder.vocabularies


@pytest.mark.parametrize("hidden", [("a",), (2.5,), (0,), (-1,)])
def test_widths_are_positive_whole_numbers(fast, log, hidden):
    """Anything else is refused with what was given."""
    if isinstance(fast, ModuleRanker):
        pytest.skip("a network of one's own has its own widths")
    with pytest.raises(ValueError, match="widths must be positive whole numbers"):
        fast.set_params(network__hidden=hidden).fit(log.data, log.preference)


def test_values_that_cannot_be_keys(fast, log):
    """A column of sets is named in the error."""
    X = log.data.assign(tag=[{"a"}] * len(log.data))
    with pytest.raises(ValueError, match="column 'tag' must hold values that can be"):
        fast.fit(X, log.preference)


def test_dates_among_the_features_are_pointed_out(fast, log):
    """A clock under another name would be a category; the warning says what to do."""
    X = log.data.rename(columns={"timestamp": "when"})
    X["when"] = pd.to_datetime(X["when"], unit="s")
    with pytest.warns(UserWarning, match=r"\['when'\] hold dates.*timestamp='when'"):
        fast.fit(X, log.preference)
    columns = Columns(timestamp="when")
    fast.set_params(columns=columns).fit(X, log.preference)


def test_a_clock_is_only_asked_for_where_there_is_a_past(fast, log):
    """Under any name: a network without a past scores rows without it."""
    X = log.data.rename(columns={"timestamp": "when"})
    fast.set_params(columns=Columns(timestamp="when")).fit(X, log.preference)
    later = X.drop(columns="when")
    if isinstance(fast, DINRanker):
        with pytest.raises(ValueError, match="not in the log: the network sees"):
            fast.predict(later)
    else:
        np.testing.assert_array_equal(fast.predict(later), fast.predict(X))


def test_a_clock_of_another_kind_is_an_error(fast, log):
    """Where there is a past: numbers in fit cannot be compared with dates."""
    fast.fit(log.data, log.preference)
    dates = pd.to_datetime(log.data["timestamp"], unit="h")
    for later in (dates, dates.dt.tz_localize("UTC")):
        X = log.data.assign(timestamp=later)
        if isinstance(fast, DINRanker):
            with pytest.raises(ValueError, match="held numbers in fit and holds dates"):
                fast.predict(X)
        else:
            np.testing.assert_array_equal(fast.predict(X), fast.predict(log.data))


@pytest.mark.parametrize("role", ["user", "item", "duration", "timestamp"])
def test_a_column_that_is_not_there_is_an_error(fast, log, role):
    """A stated name is wanted, and nothing half-fitted is left."""
    fast.set_params(columns=Columns(**{role: "no_such"}))
    before = dict(vars(fast))
    with pytest.raises(ValueError, match="column 'no_such' is not in the log"):
        fast.fit(log.data, log.preference)
    assert vars(fast) == before


@pytest.mark.parametrize("column", ["user_id", "item_id", "tag"])
def test_ids_of_another_kind_are_an_error(fast, log, column):
    """None of them would be recognised; the error says what they were and are."""
    fast.fit(log.data, log.preference)
    other = np.arange(len(log.data)) if column == "tag" else "u7"
    with pytest.raises(ValueError, match=f"column '{column}' held .* in fit and holds"):
        fast.predict(log.data.assign(**{column: other}))


def test_ids_may_be_floats_where_they_were_whole_numbers(fast, log):
    """As pandas makes them beside a missing value."""
    fast.fit(log.data, log.preference)
    X = log.data.astype({"user_id": float, "item_id": float})
    np.testing.assert_array_equal(fast.predict(X), fast.predict(log.data))


@pytest.mark.parametrize(
    "unlike",
    [
        {"learning_rate": 1e8},
        {"learning_rate": 1e30},
        {"learning_rate": 1e8, "loss": "squared_error"},
    ],
)
def test_diverging_training_is_an_error(fast, log, unlike):
    """It names the epoch, the learning rate and the labels; nothing is left."""
    fast.set_params(optimizer="sgd", **unlike)
    before = dict(vars(fast))
    message = r"training diverged.*learning_rate=1.*, or look at the labels, which go"
    with pytest.raises(ValueError, match=message):
        fast.fit(log.data, log.preference)
    assert vars(fast) == before


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (1e38, r"training diverged in epoch 0.* which go from 0 to 1e\+38"),
        (1e200, r"labels must lie in the range of float32.* row 7 is 1e\+200"),
    ],
)
def test_labels_beyond_all_bounds_are_an_error(fast, log, label, message):
    """They are not learned, and a failing refit keeps what was learned before."""
    before = fast.fit(log.data, log.preference).predict(log.data)
    labels = np.zeros(len(log.data))
    labels[7] = label
    with pytest.raises(ValueError, match=message):
        fast.fit(log.data, labels)
    np.testing.assert_array_equal(fast.predict(log.data), before)


@pytest.mark.parametrize("heads", [1, 2])
def test_weights_that_give_no_numbers_are_an_error(fast, log, heads):
    """They are found after the last step, with no rows held out to judge by."""
    fast.set_params(validation_fraction=0.0)
    fast.set_params(max_epochs=1, batch_size=10**6, weight_decay=1e25)
    before = dict(vars(fast))
    with pytest.raises(ValueError, match=r"training diverged.*learning_rate="):
        fast.fit(log.data, np.tile(log.preference[:, None], heads))
    assert vars(fast) == before


def test_scores_that_are_no_numbers_are_an_error(fast, log):
    """Rather than lists that nobody has ordered."""
    fast.fit(log.data, log.preference)
    with torch.no_grad():
        next(fast.model_.module.parameters()).fill_(torch.inf)
    with pytest.raises(ValueError, match="logits of some rows are not finite"):
        fast.predict(log.data)


@pytest.mark.parametrize("name", ["weight_decay", "adversary_weight", "replay"])
@pytest.mark.parametrize("value", [np.inf, 10**400])
def test_parameters_are_numbers_that_float64_has(fast, log, name, value):
    """None is infinite."""
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        fast.set_params(**{name: value}).fit(log.data, log.preference)


def test_labels_beyond_float64_are_told(fast, log):
    """As whole numbers of Python, too."""
    labels = [10**400] + [0] * (len(log.data) - 1)
    with pytest.raises(ValueError, match="y must be an array of real numbers: "):
        fast.fit(log.data, labels)


def test_polars_and_arrays_give_the_same(fast, log):
    """By name or by position, from any library."""
    X = log.data.drop(columns="tag").astype({"timestamp": float})
    expected = fast.fit(X, log.preference).predict(X)
    frame = pl.DataFrame({name: X[name].to_numpy() for name in X})
    again = clone(fast).fit(frame, log.preference).predict(frame)
    np.testing.assert_array_equal(again, expected)
