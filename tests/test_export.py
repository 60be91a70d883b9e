"""What is exported gives the same results elsewhere, from raw columns."""

import json
import os
import re
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import FeatureUnion
from torch import nn

from sklabelcraft import (
    CWM,
    D2Q,
    DCN,
    DIN,
    DVR,
    MLP,
    Columns,
    ConditionalCDF,
    D2Co,
    DCNRanker,
    DINRanker,
    ExplicitFeedback,
    KneeScaler,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    ModuleRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)
from sklabelcraft._log import Log
from sklabelcraft._onnx import Graph, _file
from sklabelcraft._onnx._search import rank_among, search
from sklabelcraft._quantiles import rank_among as rank_among_in_torch
from sklabelcraft._quantiles import seconds_of
from sklabelcraft.export import export_onnx

CLOSE = 1e-7
SMALL = {"embedding_dim": 3, "hidden": (5,)}
TRAINED = {"max_epochs": 2, "batch_size": 32, "learning_rate": 0.1, "random_state": 0}
RANKERS = [
    MLPRanker(MLP(**SMALL), **TRAINED),
    DCNRanker(DCN(**SMALL), **TRAINED),
    DINRanker(DIN(history_length=3, **SMALL), **TRAINED),
    DINRanker(DIN(history_length=3, attention_hidden=(4, 2), **SMALL), **TRAINED),
    ModuleRanker(DIN(history_length=4, **SMALL), precision="float64", **TRAINED),
]
LABELERS = [
    WatchTime(),
    WatchTime(quantile=0, share=0.5),
    PlayCompletion(),
    PlayCompletion(strict=False),
    PlayCompletionRate(),
    PlayCompletionRate(clip=False),
    ExplicitFeedback(),
    D2Q(),
    D2Q(n_groups=1),
    ConditionalCDF(by=()),
    DVR(),
    D2Co(),
    D2Co(alpha=0.0),
    D2Co(alpha=0.01),
    CWM(),
]


@pytest.fixture(scope="module")
def odd():
    """Impressions with all kinds of columns, among them missing and rare values."""
    rng, n = np.random.default_rng(0), 400
    X = pd.DataFrame(
        {
            "user_id": rng.choice(["1", "1.0", "01", "é", ""], n).astype(object),
            "item_id": rng.integers(-3, 9, n) * 2**58,
            "duration": rng.choice([0.0, 1.5, 7.25, 30.0, 1e9], n),
            "timestamp": rng.integers(0, 50, n).astype(float),
            "city": pd.array(rng.integers(0, 4, n), dtype="Int64"),
            "tag": rng.choice(["a", "b", "0"], n).astype(object),
            "price": rng.normal(size=n).round(1) * 100,
            "flat": 2.0,
            "weight": rng.normal(size=n),
            "is_new": rng.random(n) < 0.5,
            "size": pd.Series(rng.choice([0.5, 2, 3.25], n), dtype=object),
        }
    )
    X.loc[X.index[::7], ["city", "tag", "size", "weight"]] = None
    X.loc[0, ["tag", "city"]] = ["once", 77]
    return X


@pytest.fixture(scope="module")
def labels(odd):
    """Labels in [0, 1] for them."""
    return np.random.default_rng(1).random(len(odd))


def unseen(odd):
    """The same rows, in which some values are changed to such as were never seen."""
    X = odd.copy()
    X.loc[X.index[::3], "user_id"] = "2"
    X.loc[X.index[1::3], "item_id"] = 2**63 - 1
    X.loc[X.index[2::3], "city"] = -1
    X.loc[X.index[::5], "tag"] = "A"
    X.loc[X.index[1::5], "size"] = 1e300
    X.loc[X.index[2::5], "size"] = 2.0
    X.loc[X.index[::2], "duration"] = [1e-300, 1.5000000001] * (len(X) // 4)
    X.loc[X.index[1::2], "price"] = [-0.0, 1e308, -1e308, 0.1] * (len(X) // 8)
    X.loc[X.index[::11], "price"] = None  # which never was in fit
    return X


def session(estimator, tmp_path):
    """The exported estimator, ready to run; it warns of nothing."""
    export_onnx(estimator, tmp_path / "model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(tmp_path / "model.onnx", options, providers)


def tensor(wanted, values):
    """Values of a column as an input wants them; anything in place of missing ones."""
    if wanted.name.endswith("_is_missing"):
        return pd.isna(values)
    if wanted.type == "tensor(string)":
        return np.where(pd.isna(values), "?", values).astype(object)
    if wanted.type == "tensor(int64)":
        return np.array([0 if pd.isna(v) else int(v) for v in values], dtype=np.int64)
    return np.array([np.nan if pd.isna(v) else float(v) for v in values])


def served(model, X, before=None, pasts=None):
    """What a model makes of rows and, perhaps, of earlier ones."""
    return model.run(None, feeds(model, X, before, pasts))[0]


def feeds(model, X, before=None, pasts=None):
    """The inputs of a model: rows, and positions of the past of each in a frame."""
    given = {}
    for wanted in model.get_inputs():
        column = wanted.name.removesuffix("_is_missing")
        if column == "past_length":
            given[column] = np.array([len(past) for past in pasts])
        elif column.startswith("past_"):
            places = np.zeros((len(X), max(map(len, pasts))), dtype=int)
            for own, past in zip(places, pasts, strict=True):
                own[: len(past)] = past
            values = before[column.removeprefix("past_")].to_numpy()
            given[wanted.name] = tensor(wanted, values)[places]
            if wanted.type == "tensor(double)":  # of padding, it may be anything
                behind = [len(past) for past in pasts]
                there = np.arange(places.shape[1]) < np.array(behind)[:, None]
                given[wanted.name][~there] = np.nan
        else:
            given[wanted.name] = tensor(wanted, X[column].to_numpy())
    return given


@pytest.mark.parametrize("ranker", RANKERS[:2])
def test_rankers_score_alike(ranker, odd, labels, tmp_path):
    """Rows of fit, unseen and missing values, values at edges and beyond, one row."""
    ranker = ranker.fit(odd, labels)
    model = session(ranker, tmp_path)
    for X in (odd, unseen(odd), odd[:1]):
        scores, expected = served(model, X), ranker.predict(X)
        np.testing.assert_allclose(scores, expected, atol=CLOSE, strict=True)
        # all but a few rows, as logits are rounded to float32
        assert np.median(np.abs(scores - expected)) < 1e-15
    assert served(model, odd[:0]).shape == (0,)


def test_rankers_that_went_on_score_alike(odd, labels, tmp_path):
    """Values that came after a missing one had its code have codes behind that."""
    ranker = clone(RANKERS[0]).fit(odd, labels)
    later = odd.assign(tag=odd.tag + " new", city=odd.city + 9)
    ranker.partial_fit(later, labels)
    model = session(ranker, tmp_path)
    for X in (odd, later):
        np.testing.assert_allclose(served(model, X), ranker.predict(X), atol=CLOSE)


@pytest.mark.parametrize("ranker", RANKERS[2:])
def test_rankers_with_a_past_score_alike(ranker, odd, labels, tmp_path):
    """Each row brings its past, of any length, which predict looks up in its own."""
    ranker = ranker.fit(odd, labels)
    model = session(ranker, tmp_path)
    in_order = odd.sort_values("timestamp", kind="stable")
    new = odd.assign(user_id=unseen(odd).user_id)
    for X in (odd, new[:100], new[:1]):  # the first user is new and has no past
        pasts = [
            np.flatnonzero((in_order.user_id == u) & (in_order.timestamp < t))
            for u, t in zip(X.user_id, X.timestamp, strict=True)
        ]
        scores = served(model, X, in_order, pasts)
        np.testing.assert_allclose(scores, ranker.predict(X), atol=CLOSE, strict=True)


def test_a_past_may_hold_what_was_never_seen(odd, labels, tmp_path):
    """Unseen and missing values of past rows are encoded like those of the row."""
    ranker = RANKERS[2].fit(odd, labels)
    model, past = session(ranker, tmp_path), unseen(odd)[1:4]
    among = odd[:1].assign(user_id="new", timestamp=60.0)
    later = pd.concat([past.assign(user_id="new", timestamp=55.0), among])
    ranker.model_.history = ranker.model_.history.grown(
        [Log(later)], ranker.model_.encoder
    )
    np.testing.assert_allclose(
        served(model, among, past, [range(3)]), ranker.predict(among), atol=CLOSE
    )


def test_inputs_are_named_and_typed_as_documented(odd, labels, tmp_path):
    """By the kind of the values; what was missing in fit has an input of its own."""
    model = session(RANKERS[2].fit(odd, labels), tmp_path)
    of_row = {
        "user_id": "string",
        "item_id": "int64",
        "city": "int64",
        "city_is_missing": "bool",
        "tag": "string",
        "tag_is_missing": "bool",
        "is_new": "int64",
        "size": "double",
        "duration": "double",
        "price": "double",
        "flat": "double",
        "weight": "double",
    }
    known = {
        "user_id",
        "price",
        "flat",
        "weight",
    }  # of the past as it is, or no category
    past = {f"past_{name}": t for name, t in of_row.items() if name not in known}
    found = {wanted.name: wanted for wanted in model.get_inputs()}
    types = of_row | past | {"past_length": "int64"}
    assert {n: one.type for n, one in found.items()} == {
        name: f"tensor({kind})" for name, kind in types.items()
    }
    assert found["tag"].shape == found["past_length"].shape == ["n"]
    assert found["past_tag"].shape == ["n", "t"]
    (score,) = model.get_outputs()
    assert (score.name, score.type, score.shape) == ("score", "tensor(double)", ["n"])


def test_one_kind_of_id_is_never_taken_for_another(odd, labels, tmp_path):
    """The runtime refuses 1 and 1.0 where text was seen, and 1.0 where 1 was."""
    model = session(RANKERS[0].fit(odd, labels), tmp_path)
    given = feeds(model, odd)
    model.run(None, given)
    for name, value in (("user_id", 1), ("user_id", 1.0), ("item_id", 1.0)):
        wrong = given | {name: np.full(len(odd), value)}
        with pytest.raises(Exception, match="Unexpected input data type"):
            model.run(None, wrong)


@pytest.mark.parametrize("labeler", LABELERS, ids=repr)
def test_labelers_label_alike(labeler, log, tmp_path, capfd):
    """Also at edges and knees, far beyond them, at zero, and of one row."""
    frame = log.frame
    labeler = labeler.fit(frame)
    model = session(labeler, tmp_path)
    for rows in (frame, odd_feedback(labeler, frame), frame[:1]):
        expected = labeler.transform(rows)[:, 0]
        np.testing.assert_allclose(
            served(model, rows), expected, rtol=1e-12, atol=CLOSE, strict=True
        )
    assert model.get_outputs()[0].name == labeler.get_feature_names_out()[0]
    assert not capfd.readouterr().err  # of the runtime, on what is of no use


def test_explicit_feedback_that_is_missing_is_not_known(tmp_path):
    """NaN where no signal is above 0 and one is missing."""
    frame = pd.DataFrame({"like": [0, 1, np.nan], "follow": [0, np.nan, 0]})
    labeler = ExplicitFeedback().fit(frame[:2])
    labels = served(session(labeler, tmp_path), frame)
    np.testing.assert_array_equal(labels, [0, 1, np.nan])


def odd_feedback(labeler, frame):
    """Seconds on and beside the points at which a label may jump, in all pairs."""
    cells = seconds_of(D2Q().fit(frame).quantiles_.cells[::200]).numpy()
    edges = np.ravel(getattr(labeler, "edges_", [1.0]))
    points = [0.0, -0.0, 1e-30, 1e37, *edges, *cells, getattr(labeler, "knee_", 1.0)]
    points += frame.duration[:5].tolist() + frame.watch_time[:5].tolist()
    points += [1e300] * hasattr(labeler, "edges_")
    beside = [np.nextafter(p, -1).clip(0) for p in points]
    points = np.unique(np.array(points + beside + [0.1 + 0.2, 16777217.0]))
    watched, duration = (x.ravel() for x in np.meshgrid(points, points))
    explicit = dict.fromkeys(("like", "follow", "comment"), 0)
    return pd.DataFrame({"watch_time": watched, "duration": duration, **explicit})


@pytest.mark.parametrize("labeler", [D2Q(2), DVR(2), D2Co(2, window=1)], ids=repr)
def test_groups_without_a_spread_label_alike(labeler, tmp_path):
    """All rows of a duration were watched equally long."""
    watch_time, duration = [1.0, 1.0, 2.0, 5.0], [3.0, 3.0, 9.0, 9.0]
    frame = pd.DataFrame({"watch_time": watch_time, "duration": duration})
    model = session(labeler.fit(frame), tmp_path)
    new = pd.DataFrame({"watch_time": [0.0, 1.0, 2.0, 2.0], "duration": duration})
    expected = labeler.transform(new)[:, 0]
    np.testing.assert_allclose(served(model, new), expected, atol=CLOSE)


CRAFTERS = {
    "default": {},
    "from nothing": {"starts": [(0, 0, 0)], "bound": None},
    "of watch time": {"inputs": ("watch_time",), "hidden": (4, 3)},
    "of all but it": {"inputs": ("explicit", "duration"), "starts": [(0, 0, 1)]},
    "without explicit": {"columns": Columns(explicit=())},
    "all the same": {"columns": Columns(explicit=()), "starts": [(0, 0, 1)]},
}


@pytest.mark.parametrize("name", CRAFTERS)
def test_learned_labels_are_alike(name, log, fast_ranker, tmp_path):
    """Whatever the start, the inputs and the bound."""
    settings = {"learning_rate": 0.1, "warmup_epochs": 0, "random_state": 0}
    crafter = LabelCrafter(fast_ranker, **settings, **CRAFTERS[name]).fit(log.frame)
    model = session(crafter, tmp_path)
    for rows in (log.frame, odd_feedback(D2Q().fit(log.frame), log.frame)):
        labels, expected = served(model, rows), crafter.transform(rows)[:, 0]
        np.testing.assert_allclose(labels, expected, atol=CLOSE)
        assert np.median(np.abs(labels - expected)) < 1e-15
    some, signals = np.arange(len(log.frame)) % 3 == 0, ["like", "follow", "comment"]
    gaps = log.frame.astype(dict.fromkeys(signals, float))
    gaps.loc[some, signals[:2]] = np.nan
    labels = served(model, gaps)
    np.testing.assert_allclose(labels, crafter.transform(gaps)[:, 0], atol=CLOSE)
    score = served(session(crafter.ranker_, tmp_path), log.data)
    np.testing.assert_allclose(score, crafter.ranker_.predict(log.data), atol=CLOSE)


@pytest.mark.parametrize("loss", ["log_loss", "brier", "squared_error"])
def test_a_score_is_what_the_loss_says(loss, odd, labels, tmp_path):
    """The sigmoid of the logit, or itself."""
    ranker = clone(RANKERS[0]).set_params(loss=loss).fit(odd, labels)
    scores = served(session(ranker, tmp_path), odd)
    np.testing.assert_allclose(scores, ranker.predict(odd), atol=CLOSE)


def test_recommenders_with_several_labels(log, tmp_path):
    """The mean of the standardised logits, also against an adversary."""
    labeler = FeatureUnion([("watched", DVR()), ("explicit", ExplicitFeedback())])
    ranker = clone(RANKERS[0]).set_params(adversary_weight=0.1)
    recommender = LabelCraftRecommender(labeler, ranker).fit(log.data, log.target)
    model = session(recommender, tmp_path)
    assert "duration" not in {wanted.name for wanted in model.get_inputs()}
    scores, expected = served(model, log.data), recommender.predict(log.data)
    np.testing.assert_allclose(scores, expected, atol=CLOSE)


@pytest.mark.parametrize("features", [(0, 1), (2,), (0, 1, 2, 3)])
def test_columns_without_names_are_called_by_position(features, tmp_path):
    """Whichever there are: categories alone, a number, or both."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 5, (80, 2)), rng.random((80, 2)) * 30])
    names = Columns(0, 1, -2, timestamp=None, watch_time=3, features=features)
    y = rng.random(80)
    ranker = clone(RANKERS[0]).set_params(columns=names).fit(X, y)
    model = session(ranker, tmp_path)
    frame = pd.DataFrame(X).add_prefix("column_")
    assert [i.name for i in model.get_inputs()] == [f"column_{j}" for j in features]
    np.testing.assert_allclose(served(model, frame), ranker.predict(X), atol=CLOSE)
    labeler = D2Q(columns=names).fit(X)
    labels = served(session(labeler, tmp_path), frame)
    np.testing.assert_allclose(labels, labeler.transform(X)[:, 0], atol=CLOSE)


@pytest.mark.parametrize("column", [[None] * 40, [f"id {i}" for i in range(40)]])
def test_columns_of_which_nothing_is_known(column, tmp_path):
    """All missing, or all too rare to have a code."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "user_id": rng.integers(0, 5, 40),
            "duration": rng.random(40),
            "empty": pd.Series(column, dtype=object),
        }
    )
    ranker = clone(RANKERS[0]).fit(X, rng.random(40))
    scores = served(session(ranker, tmp_path), X)
    np.testing.assert_allclose(scores, ranker.predict(X), atol=CLOSE)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("lengths", [[0], [1], [7], [8], [3, 0, 9]])
def test_search_is_that_of_numpy(side, lengths, tmp_path):
    """On points, beside and beyond them, in any of several lists."""
    rng = np.random.default_rng(len(lengths))
    points = [np.sort(rng.integers(0, 5, n).astype(float)) for n in lengths]
    values = np.array([-np.inf, -1, 0, 0.5, 1, 2, 3, 4, 4.5, np.inf])
    graph = Graph()
    row = graph.input("row", np.dtype("i8"), "n")
    seen = graph.input("x", np.dtype("f8"), "n")
    graph.output("place", search(seen, points, side, row), "n")
    for j, own in enumerate(points):
        places = run(graph, {"x": values, "row": np.full(len(values), j)}, tmp_path)
        expected = np.searchsorted(own, values, side=side)
        np.testing.assert_array_equal(places, expected)


@pytest.mark.parametrize("n", [1, 2, 3, 50, 1000])
def test_ranks_are_bit_equal(n, tmp_path):
    """Also of repeated points, on which a duration may jump to the next bucket."""
    rng = np.random.default_rng(n)
    points = np.sort(rng.lognormal(size=n).round(2 if n < 1000 else 1))
    near = np.nextafter(points, np.inf), np.nextafter(points, -np.inf)
    values = np.concatenate([points, *near, [-1e300, 0.0, 1e300], rng.random(99)])
    graph = Graph()
    graph.output("rank", rank_among(points, graph.input("x", np.dtype("f8"), "n")), "n")
    expected = rank_among_in_torch(*map(torch.from_numpy, (points, values)))
    found = run(graph, {"x": values}, tmp_path)
    np.testing.assert_array_equal(found, expected.numpy())
    assert run_again(tmp_path, {"x": np.array([np.nan])}) == 0  # may be padding


def run(graph, given, tmp_path):
    """What a graph makes of its inputs."""
    _file.write_model(graph, tmp_path / "graph.onnx", "test", {})
    return run_again(tmp_path, given)


def run_again(tmp_path, given):
    """What the last graph makes of other inputs."""
    return onnxruntime.InferenceSession(tmp_path / "graph.onnx").run(None, given)[0]


class Own(nn.Module):
    """A network of one's own."""

    def __init__(self, cardinalities, n_numeric, n_outputs, past_columns):
        super().__init__()
        self.layer = nn.Linear(n_numeric, n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        return self.layer(batch.numeric)


def own_layer(*sizes):
    """Our network, in which somebody has replaced a layer."""
    module = MLP(**SMALL)(*sizes)
    module.dense[1] = nn.ReLU()
    return module


class OwnRanker(MLPRanker):
    """A ranker of one's own, which may score otherwise."""


class OwnLabel(D2Q):
    """A label of one's own, which may label otherwise."""


@pytest.mark.parametrize("network", [Own, own_layer])
def test_networks_of_ones_own_are_refused(network, odd, labels, tmp_path):
    """It is said which part cannot be exported."""
    ranker = ModuleRanker(network, **TRAINED).fit(odd, labels)
    with pytest.raises(TypeError, match=r"that can be exported are .* got (Own|ReLU)"):
        export_onnx(ranker, tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "estimator",
    [OwnLabel(), FeatureUnion([("d2q", D2Q())]), KneeScaler()],
    ids=lambda estimator: type(estimator).__name__,
)
def test_other_estimators_are_refused(estimator, log, tmp_path):
    """It is said which can be exported."""
    estimator.fit(log.frame[["watch_time", "duration"]])
    with pytest.raises(TypeError, match=r"export_onnx takes MLPRanker, .* got "):
        export_onnx(estimator, tmp_path / "model.onnx")


def test_other_rankers_are_refused(log, tmp_path):
    """Those of other libraries, and those of one's own."""
    own = OwnRanker(MLP(**SMALL), **TRAINED)
    for ranker, got in ((LinearRegression(), "LinearRegression"), (own, "OwnRanker")):
        recommender = LabelCraftRecommender(D2Q(), ranker)
        recommender.fit(log.data.drop(columns="tag"), log.target)
        with pytest.raises(TypeError, match=f"with one of these .* got {got}"):
            export_onnx(recommender, tmp_path / "model.onnx")


def test_labels_by_ids_are_refused(log, tmp_path):
    """They have a distribution for each id."""
    labeler = ConditionalCDF(by="user").fit(log.frame)
    with pytest.raises(ValueError, match="a label by='user' has a distribution"):
        export_onnx(labeler, tmp_path / "model.onnx")


def test_what_is_not_fitted_is_refused(tmp_path):
    """As everywhere."""
    with pytest.raises(NotFittedError):
        export_onnx(D2Q(), tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.date_range("2026", periods=4).repeat(10), "column 'x' holds dates"),
        (["a", 1] * 20, "column 'x' holds values of several kinds"),
        (np.array([2**63, 5] * 20, dtype=np.uint64), "'x' holds whole numbers beyond"),
        ([10**30, 5] * 20, "'x' holds whole numbers beyond int64, such as 10000"),
        (
            pd.Series(["\ud800", "a"] * 20, dtype=object),
            "column 'x' holds text that is no Unicode",
        ),
    ],
)
def test_columns_that_cannot_be_looked_up_are_refused(column, message, tmp_path):
    """The column is named, and what can be read."""
    X = pd.DataFrame({"user_id": [1, 2] * 20, "duration": 1.0, "x": column})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the columns .* hold dates")
        ranker = clone(RANKERS[0]).fit(X, np.arange(40) / 40)
    with pytest.raises(ValueError, match=message):
        export_onnx(ranker, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_ranker_without_columns_is_refused(odd, labels, tmp_path):
    """There would be nothing that tells how many rows there are."""
    ranker = clone(RANKERS[0]).set_params(columns=Columns(features=()))
    with pytest.raises(ValueError, match="a ranker that sees no column"):
        export_onnx(ranker.fit(odd, labels), tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "name", ["score", "past_length", "past_item_id", "", "%0", "%constant_1"]
)
def test_names_that_mean_two_things_are_refused(name, tmp_path):
    """A column may be called like an input, the output or something inside."""
    columns = {"user_id": [1, 2] * 20, "item_id": [3, 4] * 20, "duration": 1.0}
    X = pd.DataFrame(columns | {name: 1.0})
    ranker = clone(RANKERS[2]).fit(X, np.arange(40) / 40)
    with pytest.raises(ValueError, match=f"got '{name}' .* rename the column"):
        export_onnx(ranker, tmp_path / "model.onnx")


def test_large_tables_lie_in_a_file_beside_the_model(
    odd, labels, tmp_path, monkeypatch
):
    """A model that protobuf could not hold has its constants apart."""
    ranker = RANKERS[0].fit(odd, labels)
    whole = session(ranker, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    before = (tmp_path / "model.onnx").stat().st_size
    monkeypatch.setattr(_file, "LARGEST_FILE", 5000)
    apart = session(ranker, tmp_path)
    files = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    (data,) = files.keys() - {"model.onnx"}
    assert re.fullmatch(r"model\.onnx\.[0-9a-f]{64}\.data", data)
    assert files["model.onnx"] < before
    tensors = onnx.load(tmp_path / "model.onnx", load_external_data=False).graph
    entries = [entry for one in tensors.initializer for entry in one.external_data]
    places = [int(entry.value) for entry in entries if entry.key == "offset"]
    assert len(places) > 1
    assert not any(place % 2**16 for place in places)  # can be mapped into memory
    np.testing.assert_array_equal(served(apart, odd), served(whole, odd))


def test_an_older_model_keeps_its_large_tables_until_it_is_replaced(
    odd, labels, tmp_path, monkeypatch
):
    """Whatever ends an export between its two files; the next one leaves one model."""
    monkeypatch.setattr(_file, "LARGEST_FILE", 5000)
    older, newer = (clone(RANKERS[i]).fit(odd, labels) for i in (0, 1))
    model = session(older, tmp_path)
    move, moved = _file._move, []

    def move_once(new, path):
        if moved:
            raise KeyboardInterrupt
        moved.append(path)
        move(new, path)

    with monkeypatch.context() as patch:
        patch.setattr(_file, "_move", move_once)
        with pytest.raises(KeyboardInterrupt):
            export_onnx(newer, tmp_path / "model.onnx")
    left = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    np.testing.assert_array_equal(served(left, odd), served(model, odd))
    (tmp_path / "model.onnx.data").write_text("of somebody else")
    model = session(newer, tmp_path)
    np.testing.assert_allclose(served(model, odd), newer.predict(odd), atol=CLOSE)
    assert len(list(tmp_path.iterdir())) == 3


def test_vocabularies_beyond_the_limit_are_refused(odd, labels, tmp_path, monkeypatch):
    """They cannot lie in another file; a file that was there stays as it was."""
    (tmp_path / "model.onnx").write_text("older")
    monkeypatch.setattr(_file, "LARGEST_FILE", 100)
    with pytest.raises(ValueError, match=r"take \d+ bytes, .* can hold 100"):
        export_onnx(RANKERS[0].fit(odd, labels), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_text() == "older"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_file_is_not_replaced(log, tmp_path):
    """Such as a pipe, or a device for those who may do that."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="it is there, and no file"):
        export_onnx(D2Q().fit(log.frame), path)
    assert path.is_fifo()


def test_a_failure_leaves_the_older_file(log, tmp_path, monkeypatch):
    """Nothing takes its place before all is written and checked."""
    (tmp_path / "model.onnx").write_text("older")

    def fail(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(onnx.checker, "check_model", fail)
    with pytest.raises(OSError, match="no space left"):
        export_onnx(D2Q().fit(log.frame), tmp_path / "model.onnx")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["older"]


def test_a_file_says_what_it_is(odd, labels, tmp_path):
    """By whom it was made, of what, and which input has which role; always the same."""
    ranker = RANKERS[0].fit(odd, labels)
    for name in ("first", "second"):
        export_onnx(ranker, str(tmp_path / name))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    model = onnx.load(tmp_path / "first")
    assert model.producer_name == "sklabelcraft"
    assert model.doc_string == "A fitted MLPRanker of sklabelcraft."
    about = {entry.key: entry.value for entry in model.metadata_props}
    roles = {"user": "user_id", "item": "item_id", "duration": "duration"}
    assert json.loads(about["columns"]) == roles
    names = Columns(watch_time="seconds", explicit=("like",))
    frame = pd.DataFrame({"seconds": [1.0, 2.0], "duration": 3.0, "like": [0, 1]})
    export_onnx(ExplicitFeedback(columns=names).fit(frame), tmp_path / "label")
    (about,) = onnx.load(tmp_path / "label").metadata_props[1:]
    assert json.loads(about.value) == {"explicit": ["like"]}


def test_nothing_global_changes(log, tmp_path):
    """Neither warnings, nor torch's settings, nor the estimator."""
    ranker = clone(RANKERS[0]).fit(log.data, np.arange(len(log.data)) / 1e4)

    def settings():
        of_torch = torch.get_default_dtype(), torch.is_grad_enabled()
        return (*warnings.filters,), *of_torch, ranker.model_.module.training

    before, scores = settings(), ranker.predict(log.data)
    export_onnx(ranker, tmp_path / "model.onnx")
    assert settings() == before
    np.testing.assert_array_equal(ranker.predict(log.data), scores)


def test_it_is_said_what_to_install(log, tmp_path, monkeypatch):
    """onnx is needed here alone."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'sklabelcraft\[onnx\]'"):
        export_onnx(D2Q().fit(log.frame), tmp_path / "model.onnx")
