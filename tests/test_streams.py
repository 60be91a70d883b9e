"""A log in files is learned from as the same log in memory, window by window."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion

from sklabelcraft import (
    CWM,
    D2Q,
    DIN,
    DVR,
    MLP,
    Columns,
    ConditionalCDF,
    D2Co,
    DINRanker,
    ExplicitFeedback,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
    nwtg_scorer,
)
from sklabelcraft._parquet import StoredLog
from sklabelcraft._stream import Streamed
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.rankers import _training
from sklabelcraft.training import Loop, Replayed, Window

LOG = make_short_videos(n_users=20, n_items=30, n_impressions=30, random_state=0)
FRAME = LOG.frame.assign(first=LOG.preference, second=-LOG.preference)
SMALL = {"embedding_dim": 2, "hidden": (4,)}
NAMES = Columns(features=("user_id", "item_id", "duration", "tag"))
FAST = {"max_epochs": 2, "batch_size": 64, "random_state": 0}
MLP_RANKER = MLPRanker(MLP(**SMALL), **FAST)
DIN_RANKER = DINRanker(DIN(history_length=3, **SMALL), **FAST)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All rows, in row groups of 50 in three files."""
    return stored(tmp_path_factory.mktemp("log"), FRAME)


def stored(folder, frame, n_files=3, size=50):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    ends = np.linspace(0, len(table), n_files + 1).astype(int)
    for i, (start, end) in enumerate(pairwise(ends)):
        pq.write_table(table[start:end], folder / f"{i}.parquet", row_group_size=size)
    return folder


LABELERS = [
    WatchTime(),
    ExplicitFeedback(),
    PlayCompletion(),
    PlayCompletionRate(),
    CWM(),
    D2Q(n_groups=3),
    DVR(n_groups=3),
    D2Co(n_groups=3),
    ConditionalCDF("user"),
    ConditionalCDF(("item", "duration"), n_groups=3),
    LabelCrafter(MLP_RANKER, k=3, random_state=0),
    LabelCrafter(DIN_RANKER, k=3, starts=[(0, 1, 1)], random_state=0),
]


@pytest.mark.parametrize("labeler", LABELERS, ids=str)
def test_labels_of_files_are_those_of_the_frame(folder, tmp_path, labeler):
    """Bit by bit: learned from either, made of either, returned or written."""
    expected = clone(labeler).fit(FRAME).transform(FRAME)
    learned = clone(labeler).fit(folder)
    for data in (FRAME, folder, ds.dataset(folder)):
        np.testing.assert_array_equal(learned.transform(data), expected)
    (name,) = learned.get_feature_names_out()
    to = learned.transform(folder, to=tmp_path / "labels")
    table = pq.read_table(to)
    np.testing.assert_array_equal(table[name].to_numpy(), expected[:, 0])
    assert table.drop_columns(name).equals(pq.read_table(folder))


def test_what_is_written_is_no_container(folder, tmp_path):
    """set_output shapes the labels that are returned, of files as of frames."""
    labeler = D2Q().set_output(transform="pandas").fit(folder)
    found = labeler.transform(folder)
    assert isinstance(found, pd.DataFrame)
    assert found.equals(labeler.transform(FRAME))
    assert found.equals(labeler.fit_transform(folder))
    to = labeler.transform(folder, to=tmp_path / "labels")
    assert pq.read_table(to)["d2q0"].to_pylist() == found["d2q0"].to_list()
    crafter = LabelCrafter(MLP_RANKER, k=3, random_state=0).fit(FRAME)
    with config_context(transform_output="polars"):
        to = crafter.transform(folder, to=tmp_path / "crafted")
        labels = crafter.transform(folder)
    assert pq.read_table(to)["labelcrafter0"].to_pylist() == labels[:, 0].to_list()


@pytest.mark.parametrize("labeler", LABELERS, ids=str)
def test_days_may_be_files_or_frames(tmp_path, labeler):
    """In turn, with the result of either."""
    first, second = FRAME[:200], FRAME[200:]
    expected = clone(labeler).partial_fit(first).partial_fit(second).transform(FRAME)
    path = stored(tmp_path, second)
    mixed = clone(labeler).partial_fit(first).partial_fit(path)
    np.testing.assert_array_equal(mixed.transform(FRAME), expected)


def make(folder):
    folder.mkdir()
    return folder


RANKERS = {
    "MLP": MLP_RANKER,
    "DIN": DIN_RANKER,
    "adversary": clone(MLP_RANKER).set_params(adversary_weight=0.1),
    "float64": clone(MLP_RANKER).set_params(precision="float64"),
    "none held out": clone(MLP_RANKER).set_params(validation_fraction=0),
    "no clock": clone(DIN_RANKER).set_params(columns=Columns(timestamp=None)),
    "no user": clone(MLP_RANKER).set_params(
        columns=Columns(user=None, timestamp=None, features=("item_id", "duration"))
    ),
}
IMPRESSIONS = LOG.data


@pytest.mark.parametrize("n_labels", [1, 2])
@pytest.mark.parametrize("kind", RANKERS)
def test_a_ranker_of_files_is_that_of_the_frame(folder, tmp_path, kind, n_labels):
    """Bit by bit, in weights and in scores, returned or written."""
    names = ["first", "second"][:n_labels]
    one = clone(RANKERS[kind])
    if one.columns is None:
        one.set_params(columns=NAMES)
    elif one.columns.features is None:
        columns = Columns(timestamp=None, features=NAMES.features)
        one.set_params(columns=columns)
    other = clone(one).fit(folder, names)
    one.fit(IMPRESSIONS, FRAME[names].to_numpy())
    assert_equal(one, other)
    to = other.predict(folder, to=tmp_path / "scores")
    scores = pq.read_table(to)["score"].to_numpy()
    np.testing.assert_array_equal(scores, one.predict(FRAME))
    np.testing.assert_array_equal(other.head_scores(folder), one.head_scores(FRAME))


def assert_equal(one, other):
    """Two rankers have learned the same, bit by bit."""
    assert one.history_ == other.history_
    weights = (ranker.model_.module.state_dict() for ranker in (one, other))
    first, second = weights
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(second[name], value), name


@pytest.mark.parametrize("kind", ["MLP", "DIN"])
def test_row_groups_without_a_row_are_written_without_one(folder, tmp_path, kind):
    """Whatever the network would make of nothing."""
    table = pq.read_table(folder)
    for name, part in (("0", table[:0]), ("1", table), ("2", table[:0])):
        pq.write_table(part, tmp_path / f"{name}.parquet")
    ranker = clone(RANKERS[kind]).set_params(columns=NAMES).fit(tmp_path, "first")
    assert_equal(ranker, clone(ranker).fit(folder, "first"))
    to = ranker.predict(tmp_path, to=tmp_path / "scores")
    sizes = [pq.read_metadata(path).num_rows for path in sorted(to.iterdir())]
    assert sizes == [0, 600, 0]


def test_labels_that_are_too_large_are_named_by_their_file(tmp_path):
    """And the row in it, though some are held out."""
    frame = FRAME.assign(first=np.where(FRAME.index == 450, 1e300, FRAME["first"]))
    ranker = clone(MLP_RANKER).set_params(columns=NAMES)
    with pytest.raises(ValueError, match=r"that of row 50 of .*2\.parquet is 1e\+300"):
        ranker.fit(stored(tmp_path, frame), "first")


def test_held_out_rows_may_be_files(folder, tmp_path):
    """With labels by name; either may be in memory."""
    half = stored(tmp_path, FRAME[300:])
    y, ranker = LOG.preference, clone(MLP_RANKER).set_params(columns=NAMES)
    train = IMPRESSIONS[:300], y[:300]
    ranker.fit(*train, IMPRESSIONS[300:], y[300:])
    assert_equal(ranker, clone(ranker).fit(*train, half, "first"))
    whole = clone(ranker).fit(IMPRESSIONS, y, IMPRESSIONS[300:], y[300:])
    assert_equal(whole, clone(ranker).fit(folder, "first", half, "first"))
    held_out = IMPRESSIONS[300:], y[300:]
    assert_equal(whole, clone(ranker).fit(folder, "first", *held_out))


RECOMMENDERS = {
    "D2Q": LabelCraftRecommender(D2Q(), MLP_RANKER),
    "crafted": LabelCraftRecommender(LabelCrafter(MLP_RANKER), k=3, random_state=0),
    "crafted, DIN": LabelCraftRecommender(ranker=DIN_RANKER, k=3, random_state=0),
    "trained anew": LabelCraftRecommender(
        LabelCrafter(MLP_RANKER), DIN_RANKER, k=3, random_state=0
    ),
    "several": LabelCraftRecommender(
        FeatureUnion([("a", D2Q()), ("b", ExplicitFeedback())]), MLP_RANKER
    ),
    "frozen": LabelCraftRecommender(FrozenEstimator(D2Q().fit(FRAME)), MLP_RANKER),
}


@pytest.mark.parametrize("kind", RECOMMENDERS)
def test_a_recommender_of_files_is_that_of_the_frame(tmp_path, kind):
    """Also with held-out rows, and from day to day."""
    recommender, rows = clone(RECOMMENDERS[kind]), (slice(300), slice(300, None))
    frames = [(LOG.data[part], LOG.target[part]) for part in rows]
    files = [
        (stored(make(tmp_path / str(i)), LOG.frame[part]), None)
        for i, part in enumerate(rows)
    ]
    expected = clone(recommender).fit(*frames[0], *frames[1]).predict(LOG.data)
    found = clone(recommender).fit(*files[0], *files[1])
    np.testing.assert_array_equal(found.predict(LOG.data), expected)
    scores = [found.predict(path) for path, _ in files]
    np.testing.assert_array_equal(np.concatenate(scores), expected)
    if kind != "several":
        for one, other in zip(frames, files, strict=True):
            recommender.partial_fit(*one)
            found = found.fit(*other) if one is frames[0] else found.partial_fit(*other)
        expected = recommender.predict(LOG.data)
        np.testing.assert_array_equal(found.predict(LOG.data), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None,), "the target y is None"),
        (([],), r"must be the names of its columns, got y=\[\]"),
        ((["first", "third"],), r"got y=\['first', 'third'\]; it has \['user_id'"),
        ((3,), "must be the names of its columns, got y=3"),
        ((LOG.preference,), "must be the names of its columns, got y=array"),
        (("tag",), "column 'tag' must hold numbers, got String such as 'tag"),
        (("first", LOG.data, None), "must be given together, y_val is None"),
    ],
)
def test_labels_of_files_are_columns(folder, arguments, message):
    """Anything else is told, with what there is."""
    with pytest.raises(ValueError, match=message):
        clone(MLP_RANKER).set_params(columns=NAMES).fit(folder, *arguments)


def test_feedback_lies_beside_the_impressions(folder):
    """There is no y apart."""
    recommender = clone(RECOMMENDERS["D2Q"])
    for arguments in ((folder, LOG.target), (folder, None, folder, LOG.target)):
        with pytest.raises(ValueError, match="leave y out, got DataFrame"):
            recommender.fit(*arguments)


class Seen(Loop):
    """Notes the labels of each window that is passed over."""

    windows = []

    def _pass_over(self, window, watch):
        super()._pass_over(window, watch)
        Seen.windows.append(window.targets[0][:, 0].tolist())


@pytest.mark.parametrize(("n_bytes", "n_windows"), [(1, 12), (15000, 6), (2**26, 1)])
def test_each_epoch_passes_once_over_every_row(folder, monkeypatch, n_bytes, n_windows):
    """In windows of row groups, together in another order each time."""
    monkeypatch.setattr(_training, "Loop", Seen)
    monkeypatch.setattr(Seen, "windows", [])
    options = {"validation_fraction": 0, "window_bytes": n_bytes, "columns": NAMES}
    clone(MLP_RANKER).set_params(**options).fit(folder, "first")
    first, second = Seen.windows[:n_windows], Seen.windows[n_windows:]
    assert len(second) == n_windows
    for epoch in (first, second):
        found = np.sort(np.concatenate(epoch))
        np.testing.assert_array_equal(found, np.sort(np.float32(FRAME["first"])))
    assert (first != second) == (n_windows > 1)


def test_the_order_is_that_of_a_seed_and_the_epoch(folder):
    """As a generator of [seed, epoch] permutes the row groups."""
    source = Streamed(StoredLog(folder), None, 1)
    for seed, epoch in ((0, 0), (0, 1), (5, 0)):
        order = np.random.default_rng([seed, epoch]).permutation(12)
        planned = source.plan(seed, epoch)
        assert [(50, [group]) for group in order] == [(n, list(g)) for n, g in planned]


class Numbers(NamedTuple):
    """Rows that are nothing but numbers."""

    values: torch.Tensor

    def __len__(self):
        return len(self.values)

    def rows(self, index):
        return Numbers(self.values[index])

    def followed_by(self, other):
        return Numbers(torch.cat([self.values, other.values]))


class Cut:
    """Windows of some sizes, of numbers from 0 on."""

    def __init__(self, sizes):
        self.parts = torch.arange(sum(sizes)).split(sizes)

    def plan(self, seed, epoch):
        return [(len(part), part) for part in self.parts]

    def read(self, planned):
        return Window(Numbers(planned[1]), (planned[1],))


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    n_kept=st.integers(0, 30),
    times=st.floats(0, 4),
)
@settings(max_examples=60, deadline=None)
def test_remembered_rows_follow_new_ones(sizes, n_kept, times):
    """Each at most once, as many as are asked for, and at their targets."""
    values = torch.arange(1000, 1000 + n_kept)
    source = Replayed(Cut(sizes), Window(Numbers(values), (values,)), times)
    replayed = []
    for size, planned in zip(sizes, source.plan(0, 0), strict=True):
        window = source.read(planned)
        assert torch.equal(window.targets[0], window.impressions.values)
        assert planned[0] == len(window.impressions)
        new, old = window.targets[0].split([size, planned[0] - size])
        assert new.max() < 1000
        assert len(old) == min(round(times * size), n_kept - len(replayed))
        replayed += old.tolist()
    assert len(set(replayed)) == len(replayed)
    assert set(replayed) <= set(values.tolist())


@pytest.mark.parametrize("measured", ["score", "scorer", "explain", "watch_time"])
def test_what_needs_a_table_says_so(tmp_path, measured):
    """It does not take files."""
    log = make_short_videos(n_users=20, n_impressions=40, random_state=0)
    recommender = LabelCraftRecommender(
        LabelCrafter(k=3), MLPRanker(max_epochs=1), k=3, random_state=0
    ).fit(log.data, log.target)
    log.frame.to_parquet(tmp_path / "log.parquet")
    calls = {
        "score": lambda: recommender.score(tmp_path, None),
        "scorer": lambda: nwtg_scorer(recommender, str(tmp_path), log.target),
        "explain": lambda: recommender.labeler_.explain(tmp_path),
        "watch_time": lambda: D2Q().fit(log.frame).watch_time([0.5], tmp_path),
    }
    with pytest.raises(ValueError, match="needs a table in memory"):
        calls[measured]()
