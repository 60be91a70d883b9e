"""A model that was trained goes on with the rows of new days."""

import copy
import pickle
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, SGDRegressor
from sklearn.pipeline import make_union
from torch import nn

from sklabelcraft import (
    D2Q,
    DIN,
    DVR,
    MLP,
    Columns,
    DINRanker,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    ModuleRanker,
    _history,
    _kept,
)
from sklabelcraft._encoder import Encoder
from sklabelcraft._history import History
from sklabelcraft._ids import read_ids
from sklabelcraft._kept import KeptRows, Memory
from sklabelcraft._log import Log
from sklabelcraft._model import RankerModel
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.modules import Embeddings
from sklabelcraft.objectives import watch_time_objective
from sklabelcraft.training import _loop
from sklabelcraft.training._growth import Growth
from sklabelcraft.training._optimizers import OPTIMIZERS

LOG = make_short_videos(n_users=20, n_items=30, n_impressions=30, random_state=0)
ORDER = np.argsort(LOG.frame["timestamp"], kind="stable")
FRAME = LOG.frame.iloc[ORDER].reset_index(drop=True).assign(label=LOG.preference[ORDER])
X, Y = FRAME[LOG.data.columns], FRAME[LOG.target.columns]
y = FRAME["label"].to_numpy()
DAYS = slice(0, 250), slice(250, 450), slice(450, None)
SMALL = {"embedding_dim": 2, "hidden": (4,)}
FAST = {"max_epochs": 2, "batch_size": 64, "random_state": 0}
MLP_RANKER = MLPRanker(MLP(**SMALL), **FAST)
DIN_RANKER = DINRanker(DIN(history_length=3, **SMALL), **FAST)
RANKERS = {
    "MLP": MLP_RANKER,
    "DIN": DIN_RANKER,
    "sgd": clone(MLP_RANKER).set_params(optimizer="sgd"),
    "adversary": clone(MLP_RANKER).set_params(adversary_weight=0.1),
    "no replay": clone(DIN_RANKER).set_params(replay=0),
    "no clock": clone(DIN_RANKER).set_params(columns=Columns(timestamp=None)),
}
CRAFTERS = {
    "label": LabelCrafter(MLP_RANKER, k=3, random_state=0),
    "label, DIN": LabelCrafter(DIN_RANKER, k=3, starts=[(0, 1, 1)], random_state=0),
}
RECOMMENDERS = {
    "D2Q": LabelCraftRecommender(D2Q(), MLP_RANKER),
    "crafted": LabelCraftRecommender(CRAFTERS["label"], random_state=0),
    "trained anew": LabelCraftRecommender(CRAFTERS["label"], DIN_RANKER),
    "frozen": LabelCraftRecommender(FrozenEstimator(DVR().fit(FRAME)), MLP_RANKER),
}
ALL = RANKERS | CRAFTERS | RECOMMENDERS


def arguments(name, day):
    """What an estimator is fitted to, of a day or of a slice of rows."""
    if name in CRAFTERS:
        return (FRAME[day].drop(columns="label"),)
    if name in RECOMMENDERS:
        return X[day], Y[day]
    return X[day], y[day]


def over_days(estimator, name, days=DAYS):
    for day in days:
        estimator.partial_fit(*arguments(name, day))
    return estimator


@cache
def stored_after_a_day(name):
    return pickle.dumps(over_days(clone(ALL[name]), name, DAYS[:1]))


def after_a_day(name):
    """An estimator that has learned from the first day."""
    return pickle.loads(stored_after_a_day(name))


def ranker_of(estimator):
    return getattr(estimator, "ranker_", estimator)


def scores(estimator):
    """Scores of all rows and, of a label, labels of all rows."""
    found = ranker_of(estimator).head_scores(X)
    if hasattr(estimator, "label_net_"):
        return np.column_stack([found, estimator.transform(FRAME)])
    return found


@pytest.fixture(scope="module")
def after():
    """Scores after all days, by name, learned in one go."""
    known = {}

    def learn(name):
        if name not in known:
            known[name] = scores(over_days(clone(ALL[name]), name))
        return known[name]

    return learn


# ---- what grows ---------------------------------------------------------------------


def test_tables_grow_by_hand():
    """Of two columns of 2 and 3 codes that get 3 and 5, the second one moves up."""
    before, now = Embeddings([2, 3], 1), Embeddings([3, 5], 1)
    fresh = now.table.weight.detach().clone()
    growth = Growth(now, [2, 3], [3, 5])
    weights = growth.weights(before.state_dict())
    table, old = weights["table.weight"], before.table.weight
    assert torch.equal(table[[0, 1, 3, 4, 5]], old)
    assert torch.equal(table[[2, 6, 7]], fresh[[2, 6, 7]])
    assert weights["starts"].tolist() == [0, 3]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_an_optimizer_grows_with_its_tables(kind):
    """Old rows keep what is known of them; new ones are up to date and have nothing."""
    before, now = Embeddings([2, 3], 1), Embeddings([3, 5], 1)
    steps = OPTIMIZERS[kind](before, 0.1)
    for rows in ([0, 3], [1, 3]):
        theta = steps.gather(torch.tensor(rows))
        steps.accept(theta, {name: torch.ones_like(v) for name, v in theta.items()})
    state = steps.state_dict()
    grown = Growth(now, [2, 3], [3, 5]).optimizer(state)
    name = "table.weight"
    assert grown["n_steps"] == 2
    assert torch.equal(grown["moments"][name][[0, 1, 3, 4, 5]], state["moments"][name])
    assert not grown["moments"][name][[2, 6, 7]].any()
    assert grown["last"][name][[0, 1, 3, 4, 5], 0].tolist() == [1, 2, 0, 2, 0]
    assert grown["last"][name][[2, 6, 7], 0].tolist() == [2, 2, 2]
    larger = OPTIMIZERS[kind](now, 0.1, weight_decay=0.5)
    larger.load_state_dict(grown)
    fresh = now.table.weight.detach().clone()
    larger.settle()
    assert torch.equal(now.table.weight[[2, 6, 7]], fresh[[2, 6, 7]])


class Own(nn.Module):
    """A network of one's own, on Embeddings or on a table of its own."""

    def __init__(self, make, cardinalities, n_numeric, n_outputs):
        super().__init__()
        self.embedded = make(cardinalities, n_outputs)
        self.numeric = nn.Linear(n_numeric, n_outputs)

    def forward(self, batch):
        return self.embedded(batch.codes).sum(1) + self.numeric(batch.numeric)


def growing(cardinalities, n_numeric, n_outputs, past_columns):
    return Own(Embeddings, cardinalities, n_numeric, n_outputs)


def of_fixed_size(cardinalities, n_numeric, n_outputs, past_columns):
    def make(sizes, dim):
        return nn.Embedding(sum(sizes), dim)

    return Own(make, cardinalities, n_numeric, n_outputs)


def test_a_network_of_ones_own_grows_by_its_embeddings():
    """A table of its own is refused as soon as there are new codes, clearly."""
    ranker = ModuleRanker(growing, **FAST)
    days = [(X[day], y[day]) for day in DAYS]
    for day in days:
        ranker.partial_fit(*day)
    assert np.isfinite(ranker.predict(X)).all()
    fixed = ModuleRanker(of_fixed_size, **FAST).partial_fit(*days[0])
    before = dict(vars(fixed))
    with pytest.raises(
        ValueError, match=r"'embedded\.weight' .* only its modules\.Emb"
    ):
        fixed.partial_fit(*days[1])
    assert vars(fixed) == before


ids = st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=8)


@given(
    days=st.lists(ids.filter(len), min_size=1, max_size=4), min_count=st.integers(1, 3)
)
@settings(max_examples=60, deadline=None)
def test_codes_stay_and_those_seen_often_enough_by_now_are_added(days, min_count):
    """In the end all values that all days have often enough have a code."""
    tables = [pa.table({"item": pa.array(day, pa.string())}) for day in days]
    columns = Columns(user=None, item="item", duration=None, timestamp=None)
    encoder = Encoder(columns, ["item"], min_count).learn(Log(tables[0]))
    for table in tables[1:]:
        codes = encoder.encode(Log(table))[0][:, 0]
        encoder = encoder.grown(Log(table))
        known = codes > 0
        assert (encoder.encode(Log(table))[0][known, 0] == codes[known]).all()
    whole = pa.concat_tables(tables)
    expected = Encoder(columns, ["item"], min_count).learn(Log(whole))
    assert encoder.cardinalities == expected.cardinalities
    assert encoder.n_rows == len(whole)
    found, codes = (e.encode(Log(whole))[0][:, 0] for e in (encoder, expected))
    assert ((found > 0) == (codes > 0)).all()
    assert len(set(zip(found, codes, strict=True))) == len(set(found))


@pytest.mark.parametrize("name", ["MLP", "DIN", "label", "crafted"])
def test_who_is_new_on_one_day_is_known_on_the_next(name):
    """They have codes and weights of their own, and all others keep theirs."""
    day = FRAME[DAYS[1]].assign(user_id=777, item_id=888)
    columns = {"MLP": [X.columns, "label"], "label": [FRAME.columns]}
    columns |= {"DIN": columns["MLP"], "crafted": [X.columns, Y.columns]}
    estimator = after_a_day(name)
    model = copy.deepcopy(ranker_of(estimator).model_)
    estimator.partial_fit(*(day[key] for key in columns[name]))
    encoders = model.encoder, ranker_of(estimator).model_.encoder
    for key, value in (("user_id", 777), ("item_id", 888)):
        before, now = (encoder.vocabularies[key] for encoder in encoders)
        new = read_ids(np.array([value]))
        assert before.codes(new, key) == 0
        assert now.codes(new, key) == len(now) == len(before) + 1
        old = before.ids()
        np.testing.assert_array_equal(now.codes(old, key), before.codes(old, key))
    known, unknown = X[:1].assign(user_id=777), X[:1].assign(user_id=778)
    ranker = ranker_of(estimator)
    assert ranker.predict(known) != ranker.predict(unknown)


# ---- the past -----------------------------------------------------------------------

events = st.lists(
    st.tuples(st.sampled_from(["u", "v", None]), st.integers(0, 4), st.integers(1, 5)),
    min_size=1,
    max_size=9,
)


def pasts_of(history, log):
    """For each row the codes in its past, oldest first."""
    pasts = history.of(log)
    windows = zip(pasts.start.tolist(), pasts.stop.tolist(), strict=True)
    return [history._past[history._store[slice(*w)]].tolist() for w in windows]


@pytest.mark.parametrize("timestamp", ["time", None])
@given(days=st.lists(events, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_history_that_grows_is_that_of_all_days(timestamp, days):
    """Whatever the days were cut into."""
    names = ["user", "time", "item"]
    frames = [pd.DataFrame(day, columns=names).astype({"user": object}) for day in days]
    whole = pd.concat(frames, ignore_index=True)
    columns = Columns(user="user", item="item", duration=None, timestamp=timestamp)
    encoder = Encoder(columns, ["user", "item"], 1).learn(Log(whole))
    make = 3, "user", timestamp, encoder.positions_without("user")
    expected = History(*make).learn([Log(whole)], encoder)
    history = History(*make).learn([Log(frames[0])], encoder)
    for frame in frames[1:]:
        kept = pasts_of(history, Log(whole))
        grown = history.grown([Log(frame)], encoder)
        assert pasts_of(history, Log(whole)) == kept
        history = grown
    assert pasts_of(history, Log(whole)) == pasts_of(expected, Log(whole))
    last = Log(frames[-1])
    position = len(whole) - len(last)
    rows = Log(whole).rows(np.arange(position, len(whole)))
    found, wanted = history.among(last, 0), expected.among(rows, 0)
    sizes = [(past.stop - past.start).tolist() for past in (found, wanted)]
    assert sizes[0] == sizes[1]


# ---- what is remembered -------------------------------------------------------------


class Parts:
    """Rows that are read in parts."""

    def __init__(self, log, ends):
        self.log, self.ends = log, [0, *ends, len(log)]

    def __len__(self):
        return len(self.log)

    def parts(self):
        for start, end in zip(self.ends, self.ends[1:], strict=False):
            yield self.log.rows(np.arange(start, end))


DAY_ENDS = (0, 40), (40, 120)


def kept(log):
    """Rows as they are remembered, of numbers alone."""
    numbers = log.numeric("n")
    codes = torch.from_numpy(numbers.astype(np.int32))[:, None]
    none = torch.zeros(len(numbers), 0)
    return KeptRows(codes, none, log.ids("n"), log.positions, {"n": numbers}, numbers)


@given(
    n_rows=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    most=st.integers(1, 60),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_a_memory_is_the_same_in_any_parts(n_rows, most, data):
    """Each row once, with all that is known of it; all, where there is room."""
    memories, end = [None, None], 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_kept, "MOST", most)
        for seed, n in enumerate(n_rows):
            log = Log(pd.DataFrame({"n": np.arange(end, end + n)}))
            ends = sorted(data.draw(st.lists(st.integers(0, n), max_size=3)))
            logs = log, Parts(log, ends)
            memories = [
                Memory.of(read, kept, seed, before)
                for read, before in zip(logs, memories, strict=True)
            ]
            end += n
    one, other = memories
    numbers = one.rows.columns["n"]
    np.testing.assert_array_equal(other.rows.columns["n"], numbers)
    np.testing.assert_array_equal(one.rows.codes[:, 0], numbers)
    np.testing.assert_array_equal(one.rows.users.values, numbers)
    assert len(set(numbers)) == len(numbers)
    assert one.n_seen == end
    if end <= most:
        assert len(numbers) == end


def test_a_memory_is_a_uniform_sample_of_all_days(monkeypatch):
    """Of 40 rows and 80 of the next day, each is kept in 1 of 4 cases."""
    monkeypatch.setattr(_kept, "MOST", 30)
    first, second = (Log(pd.DataFrame({"n": np.arange(*ends)})) for ends in DAY_ENDS)
    counts, n_times = np.zeros(120), 1500
    for seed in range(n_times):
        memory = Memory.of(first, kept, seed)
        memory = Memory.of(second, kept, n_times + seed, memory)
        counts[memory.rows.columns["n"].astype(int)] += 1
    spread = np.sqrt(n_times * 0.25 * 0.75)
    assert np.abs(counts - n_times / 4).max() < 4.5 * spread
    assert abs(counts[:40].mean() - counts[40:].mean()) < spread / 2


def test_a_replay_can_be_turned_off_and_on(after):
    """Off, nothing is remembered; the rows of the days without are forgotten."""
    ranker = clone(MLP_RANKER).set_params(replay=0).partial_fit(X[DAYS[0]], y[DAYS[0]])
    assert ranker.training_state_["memory"] is None
    ranker.set_params(replay=2.0).partial_fit(X[DAYS[1]], y[DAYS[1]])
    assert ranker.training_state_["memory"].n_seen == 200
    assert not np.array_equal(after("MLP"), scores(ranker))


# ---- weights and averages -----------------------------------------------------------


def test_averages_go_on_by_hand():
    """With 0.75 kept of an average, it moves a quarter of the way in the one epoch."""
    first = clone(MLP_RANKER).set_params(averaging=0.0).fit(X[DAYS[0]], y[DAYS[0]])
    raw, averaged = copy.deepcopy(first), copy.deepcopy(first)
    raw.partial_fit(X[DAYS[0]], y[DAYS[0]])
    averaged.set_params(averaging=0.75).partial_fit(X[DAYS[0]], y[DAYS[0]])
    states = (each.model_.module.state_dict() for each in (first, raw, averaged))
    before, now, between = states
    for name in ("dense.0.weight", "dense.2.bias"):
        torch.testing.assert_close(
            between[name], 0.75 * before[name] + 0.25 * now[name]
        )
        assert not torch.equal(now[name], before[name])
    steps = [r.training_state_["optimizer"]["n_steps"] for r in (first, raw, averaged)]
    assert steps[0] < steps[1] == steps[2]


# ---- contracts ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_the_first_call_is_as_fit(name):
    """Bit by bit."""
    one = clone(ALL[name]).fit(*arguments(name, DAYS[0]))
    np.testing.assert_array_equal(scores(after_a_day(name)), scores(one))


@pytest.mark.parametrize("name", ALL)
def test_days_may_lie_between_processes(after, name):
    """Stored and loaded after each day, it is as if it had not been; clones forget."""
    estimator = clone(ALL[name])
    for day in DAYS:
        estimator = pickle.loads(pickle.dumps(estimator))
        estimator.partial_fit(*arguments(name, day))
    np.testing.assert_array_equal(scores(estimator), after(name))
    again = over_days(clone(estimator), name)
    np.testing.assert_array_equal(scores(again), after(name))
    fresh = clone(ALL[name]).fit(*arguments(name, DAYS[0]))
    estimator.fit(*arguments(name, DAYS[0]))
    np.testing.assert_array_equal(scores(estimator), scores(fresh))


def as_kind(kind, frame, folder):
    frame = frame.reset_index(drop=True)
    if kind == "polars":
        return pl.from_pandas(frame)
    if kind == "files":
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table, folder / f"{len(frame)}.parquet", row_group_size=40)
        return folder / f"{len(frame)}.parquet"
    if kind == "arrow":
        return pa.Table.from_pandas(frame, preserve_index=False)
    return frame


@pytest.mark.parametrize("name", ["MLP", "DIN", "adversary", "label", "crafted"])
@pytest.mark.parametrize(
    "kinds", [("polars", "arrow", "files"), ("files", "pandas", "polars")]
)
def test_days_may_come_as_anything(after, tmp_path, name, kinds):
    """In turn; what is learned is bit-equal."""
    estimator = clone(ALL[name])
    for kind, day in zip(kinds, DAYS, strict=True):
        parts = arguments(name, day)
        if kind != "files":
            parts = [
                as_kind(kind, part, tmp_path) if hasattr(part, "columns") else part
                for part in parts
            ]
        elif name in RANKERS:
            frame = X[day].assign(label=y[day])
            estimator_columns = Columns(features=tuple(X.columns.drop("timestamp")))
            if estimator.columns is None:
                estimator.set_params(columns=estimator_columns)
            parts = as_kind(kind, frame, tmp_path), "label"
        else:
            parts = (as_kind(kind, FRAME[day].drop(columns="label"), tmp_path),)
        estimator.partial_fit(*parts)
    np.testing.assert_array_equal(scores(estimator), after(name))


def test_days_may_be_arrays():
    """Named by position, and of the width of the first."""
    columns = Columns(user=0, item=1, duration=2, timestamp=3)
    ranker = clone(MLP_RANKER).set_params(columns=columns)
    data = X.drop(columns="tag").to_numpy()
    for day in DAYS:
        ranker.partial_fit(data[day], y[day])
    assert np.isfinite(ranker.predict(data)).all()
    with pytest.raises(ValueError, match="X has 3 features"):
        ranker.partial_fit(data[:, :3], y)


@pytest.mark.parametrize("name", ALL)
def test_a_day_may_have_one_row(tmp_path, name):
    """In memory as in files."""
    day = slice(300, 301)
    one, other = after_a_day(name), after_a_day(name)
    over_days(one, name, [day])
    frame = FRAME[day] if name in RANKERS else FRAME[day].drop(columns="label")
    labels = ("label",) if name in RANKERS else ()
    other.partial_fit(as_kind("files", frame, tmp_path), *labels)
    np.testing.assert_array_equal(scores(one), scores(other))
    assert np.isfinite(scores(one)).all()


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_parameters_that_are_stated_anew_reach_the_parts(tmp_path, name):
    """As those of a ranker that is by itself; what is inherited stays."""
    recommender = after_a_day(name)
    columns = recommender.labeler_.get_params().get("columns")
    way = "labeler__ranker__" if name == "crafted" else "ranker__"
    stated = {"checkpoint": tmp_path / "day", "learning_rate": 0.5}
    recommender.set_params(**{way + key: value for key, value in stated.items()})
    over_days(recommender, name, DAYS[1:2])
    assert [path.name for path in (tmp_path / "day").iterdir()] == ["checkpoint.pt"]
    assert ranker_of(recommender).learning_rate == 0.5
    assert recommender.labeler_.get_params().get("columns") == columns


def test_parts_of_another_class_do_not_go_on():
    """It is said, and all is as it was."""
    recommender = after_a_day("D2Q")
    for changed in ({"labeler": DVR()}, {"ranker": DIN_RANKER}, {"labeler": None}):
        before = dict(vars(recommender.set_params(**changed)))
        with pytest.raises(ValueError, match="must be of the same class, or fit anew"):
            over_days(recommender, "D2Q", DAYS[1:2])
        assert vars(recommender) == before
        recommender.set_params(labeler=D2Q(), ranker=MLP_RANKER)


def test_labelers_of_a_union_go_on_each_by_itself(tmp_path):
    """But for those that are frozen; what fails leaves all as it was."""
    frozen = FrozenEstimator(DVR().fit(FRAME))
    union = make_union(D2Q(), CRAFTERS["label"], frozen, "drop")
    recommender = LabelCraftRecommender(union, MLP_RANKER)
    over_days(recommender, "D2Q", DAYS[:1])
    before = dict(vars(recommender))
    labels = recommender.labeler_.transform(FRAME)
    with pytest.raises(ValueError, match="'duration' must be finite"):
        recommender.partial_fit(X[DAYS[1]].assign(duration=np.nan), Y[DAYS[1]])
    assert vars(recommender) == before
    np.testing.assert_array_equal(recommender.labeler_.transform(FRAME), labels)
    table = FRAME[DAYS[1]].drop(columns="label")
    recommender.partial_fit(as_kind("files", table, tmp_path))
    over_days(recommender, "D2Q", DAYS[2:])
    found = recommender.labeler_.transform(FRAME)
    d2q = D2Q().fit(FRAME).transform(FRAME)
    np.testing.assert_array_equal(found[:, 0], d2q[:, 0])
    assert (found[:, 1] != labels[:, 1]).any()
    np.testing.assert_array_equal(found[:, 2], labels[:, 2])


# ---- failures -----------------------------------------------------------------------


class Fails(Exception):
    """For no reason."""


POINTS = {
    "encoder": (Encoder, "grown", 1),
    "history": (_history.History, "_remember", 1),
    "model": (RankerModel, "remembered", 1),
    "average": (_loop.Average, "update", 1),
    "first step": (_loop.Loop, "_steps", 2),
    "settled": (_loop.Loop, "settle", 1),
    "memory": (Memory, "of", 1),
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", ["DIN", "label, DIN", "trained anew"])
def test_a_day_that_fails_anywhere_leaves_all_as_it_was(
    after, monkeypatch, name, point
):
    """In the attributes and in all that they hold: the days go on as if it were not."""
    owner, method, n_calls = POINTS[point]
    estimator = after_a_day(name)
    before = dict(vars(estimator))
    usual, left = getattr(owner, method), iter(range(n_calls - 1))

    def failing(*args, **kwargs):
        if next(left, None) is None:
            raise Fails
        return usual(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, failing)
        with pytest.raises(Fails):
            over_days(estimator, name, DAYS[1:2])
    assert vars(estimator) == before
    over_days(estimator, name, DAYS[1:])
    np.testing.assert_array_equal(scores(estimator), after(name))


WRONG = {
    "a column less": (
        lambda frame: frame.drop(columns="tag"),
        "'tag' is not in the log|missing",
    ),
    "no duration": (
        lambda frame: frame.drop(columns="duration"),
        "'duration' is not in the log",
    ),
    "no clock": (
        lambda frame: frame.drop(columns="timestamp"),
        "'timestamp' is not in the log",
    ),
    "users are text": (
        lambda frame: frame.assign(user_id=frame["user_id"].astype(str)),
        "'user_id' held numbers in fit and holds text now",
    ),
    "tags are numbers": (
        lambda frame: frame.assign(tag=3),
        "'tag' held text in fit and holds numbers now",
    ),
    "the clock is dates": (
        lambda frame: frame.assign(timestamp=pd.to_datetime(frame["timestamp"])),
        "clock 'timestamp' held numbers in fit and holds dates",
    ),
    "negative": (
        lambda frame: frame.assign(duration=-1.0),
        "Negative values in data: column 'duration'",
    ),
    "nothing": (lambda frame: frame[:0], r"0 rows|0 sample"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("files", [False, True], ids=["frame", "files"])
@pytest.mark.parametrize("name", ["DIN", "label, DIN", "trained anew"])
def test_what_differs_on_a_later_day_is_named(tmp_path, name, files, wrong):
    """And the estimator is as it was."""
    change, message = WRONG[wrong]
    estimator = after_a_day(name)
    before = dict(vars(estimator))
    frame = change(FRAME[DAYS[1]]).reset_index(drop=True)
    if files:
        message += "|there is no row in"
        parts = [as_kind("files", frame, tmp_path)] + ["label"] * (name == "DIN")
    else:
        columns = [key for key in X.columns if key in frame]
        others = {"DIN": ["label"], "trained anew": [Y.columns]}
        parts = [frame[key] for key in [columns, *others.get(name, [])]]
        if name == "label, DIN":
            parts = [frame.drop(columns="label")]
    with pytest.raises(ValueError, match=message):
        estimator.partial_fit(*parts)
    assert vars(estimator) == before


def test_explicit_feedback_of_a_label_stays():
    """A column that comes or goes is another label."""
    crafter = clone(CRAFTERS["label"]).partial_fit(FRAME[DAYS[0]].drop(columns="like"))
    before = dict(vars(crafter))
    with pytest.raises(ValueError, match="'like' is in the log now"):
        crafter.partial_fit(FRAME[DAYS[1]])
    with pytest.raises(ValueError, match="'comment' was in the log before"):
        crafter.partial_fit(FRAME[DAYS[1]].drop(columns=["like", "comment"]))
    assert vars(crafter) == before


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.column_stack([y, y]), "were 1 labels per row and are now 2: fit anew"),
        (np.where(y == y[300], np.inf, y), "Input y contains infinity"),
    ],
)
def test_labels_of_another_kind_are_named(labels, message):
    """As a network has learned for those before."""
    ranker = after_a_day("MLP")
    with pytest.raises(ValueError, match=message):
        ranker.partial_fit(X[DAYS[1]], labels[DAYS[1]])


def test_columns_stay_from_day_to_day():
    """Other names would be other columns; what is not stated is as it was."""
    ranker = after_a_day("MLP").set_params(columns=Columns(user="item_id"))
    with pytest.raises(ValueError, match=r"columns, history_length, .* stay as they"):
        ranker.partial_fit(X[DAYS[1]], y[DAYS[1]])
    ranker.set_params(columns=Columns(features=("user_id", "item_id")))
    with pytest.raises(ValueError, match=r"'features': \['item_id', 'user_id'\]"):
        ranker.partial_fit(X[DAYS[1]], y[DAYS[1]])
    ranker.set_params(columns=None).partial_fit(X[DAYS[1]], y[DAYS[1]])


def test_labels_that_leave_the_unit_interval_are_named():
    """Where those before lay in it; a day on which all happen to lie in it is none."""
    ranker = clone(MLP_RANKER).fit(X[DAYS[0]], y[DAYS[0]] > 0)
    with pytest.raises(ValueError, match=r"were in \[0, 1\] and are now from .*: fit"):
        ranker.partial_fit(X[DAYS[1]], 2 * y[DAYS[1]])
    after_a_day("MLP").partial_fit(X[DAYS[1]], y[DAYS[1]] > 0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"network": MLP(embedding_dim=4, hidden=(4,))}, r"of shape \(2,\) and would"),
        ({"network": MLP(embedding_dim=2, hidden=(3,))}, r"shape \(4, .*shape \(3, "),
        (
            {"network": MLP(embedding_dim=2, hidden=(4, 4))},
            "of shape missing|and would",
        ),
        ({"network": MLP(embedding_dim=2, hidden=())}, "a network must stay as it was"),
        ({"optimizer": "sgd"}, "is not of this one, SGD: it must stay as it was"),
        ({"adversary_weight": 0.3}, "whether there is an adversary must stay"),
    ],
)
def test_what_cannot_go_on_is_named(changed, message):
    """Another network, optimiser or adversary than before, either way."""
    ranker = after_a_day("MLP")
    before = dict(vars(ranker.set_params(**changed)))
    with pytest.raises(ValueError, match=message):
        ranker.partial_fit(X[DAYS[1]], y[DAYS[1]])
    assert vars(ranker) == before
    other = clone(ranker).fit(X[DAYS[0]], y[DAYS[0]])
    other.set_params(**{key: getattr(MLP_RANKER, key) for key in changed})
    with pytest.raises(ValueError, match="must stay as it was"):
        other.partial_fit(X[DAYS[1]], y[DAYS[1]])


@pytest.mark.parametrize(
    "changed", [{"min_count": 3}, {"loss": "brier"}, {"network__history_length": 4}]
)
@pytest.mark.parametrize("name", ["DIN", "label, DIN"])
def test_what_would_be_passed_over_is_named(name, changed):
    """It could not act on what has been learned; the same in other words is fine."""
    estimator = after_a_day(name)
    way = "ranker__" if name in CRAFTERS else ""
    estimator.set_params(**{way + key: value for key, value in changed.items()})
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match="history_length, min_count and loss must"):
        over_days(estimator, name, DAYS[1:2])
    assert vars(estimator) == before
    known = {"DIN": "squared_error", "label, DIN": "log_loss"}[name]
    estimator = after_a_day(name).set_params(**{f"{way}loss": known})
    over_days(estimator, name, DAYS[1:2])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hidden": (3,)}, "hidden and inputs must stay as they were"),
        ({"inputs": ("watch_time",)}, "hidden and inputs must stay as they were"),
        ({"optimizer": "sgd"}, "is not of this one, SGD: it must stay as it was"),
        ({"objectives": [watch_time_objective]}, "objectives must stay as they were"),
        ({"ranker__optimizer": "sgd"}, "is not of this one, SGD"),
    ],
)
def test_what_of_a_label_cannot_go_on_is_named(changed, message):
    """Either way."""
    first, second = (FRAME[day].drop(columns="label") for day in DAYS[:2])
    crafter = clone(CRAFTERS["label"]).set_params(starts=[(0, 1, 0)]).fit(first)
    usual = {key: crafter.get_params()[key] for key in changed}
    other = clone(crafter).set_params(**changed).fit(first)
    for each, others in ((crafter, changed), (other, usual)):
        before = dict(vars(each.set_params(**others)))
        with pytest.raises(ValueError, match=f"{message}|must stay as"):
            each.partial_fit(second)
        assert vars(each) == before


def test_positions_are_those_of_the_first_day():
    """Of a frame with other columns there it is said."""
    columns = Columns(user=0, item=1, duration=2, timestamp=3)
    ranker = clone(MLP_RANKER).set_params(columns=columns).fit(X[DAYS[0]], y[DAYS[0]])
    ranker.partial_fit(X[DAYS[1]], y[DAYS[1]])
    with pytest.raises(ValueError, match="feature names"):
        ranker.partial_fit(X[DAYS[1]][X.columns[::-1]], y[DAYS[1]])


def test_an_adversary_reads_durations_on_one_scale():
    """That of the first day, on which what is remembered was told, too."""
    ranker = after_a_day("adversary")
    scale = ranker.training_state_["scale"]
    seconds = np.log1p(X[DAYS[0]]["duration"])
    assert abs(scale[0] - seconds.mean()) < seconds.std()
    ranker.partial_fit(X[DAYS[1]].assign(duration=1000.0), y[DAYS[1]])
    assert ranker.training_state_["scale"] == scale


def test_rankers_of_others_go_on_if_they_can():
    """By their own partial_fit; else it is said."""
    days = [(X[day].drop(columns="tag"), Y[day]) for day in DAYS]
    model = SGDRegressor(learning_rate="constant", eta0=1e-20)
    recommender = LabelCraftRecommender(D2Q(), model).partial_fit(*days[0])
    steps = recommender.ranker_.t_
    assert recommender.partial_fit(*days[1]).ranker_.t_ == steps + 200
    recommender = LabelCraftRecommender(D2Q(), LinearRegression()).fit(*days[0])
    before = dict(vars(recommender))
    with pytest.raises(ValueError, match="has no partial_fit to go on from"):
        recommender.partial_fit(*days[1])
    assert vars(recommender) == before
