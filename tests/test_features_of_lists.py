"""Rankers that see columns of lists and of vectors."""

import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

from sklabelcraft import (
    D2Q,
    DCN,
    DIN,
    MLP,
    Columns,
    DCNRanker,
    DINRanker,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    ModuleRanker,
)
from sklabelcraft._bags import Bags
from sklabelcraft._batches import Impressions
from sklabelcraft._history import History
from sklabelcraft._kept import KeptRows
from sklabelcraft._reading import as_log
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.export import export_onnx
from sklabelcraft.modules import Embeddings, MLPModule
from sklabelcraft.persistence import load, save
from sklabelcraft.rankers._identity import _fingerprints
from sklabelcraft.training import RowFinder, exact_logits
from sklabelcraft.training._optimizers import SGD

LOG = make_short_videos(n_users=20, n_items=30, n_impressions=30, random_state=0)
RNG = np.random.default_rng(0)
TAGS = [
    [f"t{i}" for i in RNG.integers(0, 9, n)] for n in RNG.integers(0, 4, len(LOG.frame))
]
IDS = RNG.choice(RNG.integers(2**62, size=5), (len(LOG.frame), 2)).tolist()
VECTORS = RNG.normal(size=(len(LOG.frame), 3))
X = LOG.data.assign(tags=TAGS, ids=IDS, vector=list(VECTORS))
FRAME = LOG.frame.assign(tags=TAGS, ids=IDS, vector=list(VECTORS), y=LOG.preference)
y = LOG.preference
SMALL = {"embedding_dim": 3, "hidden": (4,)}
FAST = {"max_epochs": 2, "batch_size": 64, "min_count": 1, "random_state": 0}


class Own(torch.nn.Module):
    """A network of one's own, linear in the embeddings."""

    def __init__(self, cardinalities, n_numeric, n_outputs, past_columns):
        super().__init__()
        self.embeddings = Embeddings(cardinalities, n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        return self.embeddings.of(batch).sum(1) + batch.numeric.sum(1, keepdim=True)


RANKERS = {
    "MLP": MLPRanker(MLP(**SMALL), **FAST),
    "DCN": DCNRanker(DCN(**SMALL), **FAST),
    "DIN": DINRanker(DIN(history_length=3, **SMALL), **FAST),
    "own": ModuleRanker(Own, **FAST),
}
CRAFTER = LabelCrafter(
    RANKERS["MLP"], k=3, starts=[(0, 1, 1)], warmup_epochs=0, random_state=0
)


@pytest.fixture(scope="module", params=RANKERS)
def ranker(request):
    """A fitted ranker, which nobody may change."""
    return clone(RANKERS[request.param]).fit(X, y)


def test_all_lists_and_components_are_seen(ranker):
    """The codes of both columns of lists come last, and a vector is three numbers."""
    encoder = ranker.model_.encoder
    assert encoder.cardinalities[-2:] == [10, 6]
    assert encoder.n_numeric == 4
    assert ranker.model_.history.columns == tuple(
        range(1, len(encoder.cardinalities) - 2)
    )
    changed = X.assign(tags=[["t1"]] * len(X))
    assert (ranker.predict(changed) != ranker.predict(X)).any()


def test_a_row_is_scored_by_itself(ranker):
    """Whatever lists are beside its own, in whatever order."""
    scores = ranker.predict(X)
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_array_equal(ranker.predict(X.iloc[order]), scores[order])
    for i in range(0, len(X), 60):
        assert ranker.predict(X.iloc[i : i + 1])[0] == scores[i]


CONTAINERS = {
    "polars": lambda frame: pl.DataFrame(frame.to_dict("list")),
    "arrow": lambda frame: pa.table(frame.to_dict("list")),
    "arrow-backed": lambda frame: pa.table(frame.to_dict("list")).to_pandas(
        types_mapper=pd.ArrowDtype
    ),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers(ranker, container):
    """Other data frames: the same bits, in fit and after it."""
    table, scores = CONTAINERS[container](X), ranker.predict(X)
    np.testing.assert_array_equal(ranker.predict(table), scores)
    np.testing.assert_array_equal(clone(ranker).fit(table, y).predict(table), scores)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.randoms(use_true_random=False))
def test_the_order_in_a_list_does_not_matter(ranker, random):
    """A list is the same in any order."""
    some = X.iloc[:40]
    mixed = [random.sample(listed, len(listed)) for listed in some["tags"]]
    found = ranker.predict(some.assign(tags=mixed))
    np.testing.assert_array_equal(found, ranker.predict(some))


@pytest.mark.parametrize("name", ["MLP", "DCN", "own"])
def test_a_list_of_one_is_the_category(name):
    """Learned and scored as if the column had the value itself."""
    columns = Columns(duration=None, features=("user_id", "item_id", "tag"))
    ranker = clone(RANKERS[name]).set_params(columns=columns)
    single, listed = LOG.data, LOG.data.assign(tag=[[tag] for tag in LOG.data["tag"]])
    wanted = clone(ranker).fit(single, y).predict(single)
    np.testing.assert_array_equal(ranker.fit(listed, y).predict(listed), wanted)


def test_texts_are_the_lists_that_they_stand_for():
    """Stated, they are learned from and scored as lists are."""
    listed = X.assign(tags=TAGS)
    texts = X.assign(tags=[",".join(listed) for listed in TAGS])
    ranker = RANKERS["MLP"]
    stated = clone(ranker).set_params(columns=Columns(lists=("tags",))).fit(texts, y)
    wanted = clone(ranker).fit(listed, y).predict(listed)
    np.testing.assert_array_equal(stated.predict(texts), wanted)
    with pytest.raises(ValueError, match="lists names 'tags', which is no feature"):
        stated.set_params(columns=Columns(lists=("tags",), features=("tag",))).fit(X, y)
    with pytest.raises(ValueError, match=r"columns.*must stay as they were"):
        clone(ranker).fit(texts, y).set_params(
            columns=Columns(lists=("tags",))
        ).partial_fit(texts, y)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All rows in two files of several row groups."""
    folder, table = tmp_path_factory.mktemp("log"), pa.table(FRAME.to_dict("list"))
    for i, part in enumerate((table[:300], table[300:])):
        pq.write_table(part, folder / f"{i}.parquet", row_group_size=70)
    return folder


@pytest.mark.parametrize("name", ["MLP", "DIN"])
def test_streams(name, folder):
    """A log in files is encoded as the same log in memory, and scored by the bit."""
    names = Columns(features=tuple(X.columns.drop("timestamp")))
    ranker = clone(RANKERS[name]).set_params(columns=names)
    memory = clone(ranker).fit(FRAME, y)
    stream = clone(ranker).fit(str(folder), "y")
    np.testing.assert_array_equal(stream.predict(str(folder)), memory.predict(FRAME))
    small = clone(ranker).set_params(window_bytes=1).fit(str(folder), "y")
    assert small.model_.encoder.cardinalities == memory.model_.encoder.cardinalities
    for name, known in memory.model_.encoder.vocabularies.items():
        found = small.model_.encoder.vocabularies[name]
        assert found.values.tolist() == known.values.tolist()


def test_new_elements_get_codes_and_weights():
    """A further day grows the vocabulary of the lists; what is known stays."""
    ranker = clone(RANKERS["MLP"]).fit(X, y)
    before = ranker.model_.encoder.vocabularies["tags"].values.tolist()
    later = X.assign(tags=[["t1", "new"]] * len(X))
    ranker.partial_fit(later, y)
    assert ranker.model_.encoder.vocabularies["tags"].values.tolist() == [
        *before,
        "new",
    ]
    other = X.assign(tags=[["t1", "newer"]] * len(X))
    assert (ranker.predict(later) != ranker.predict(other)).all()
    rows = ranker.training_state_["memory"].rows
    assert isinstance(rows, KeptRows)
    assert len(rows.bags.lengths) == len(rows)


@pytest.mark.parametrize("name", ["MLP", "DCN", "DIN"])
def test_saves(name, tmp_path):
    """What is loaded scores and goes on as what was saved."""
    ranker = clone(RANKERS[name]).fit(X, y)
    save(ranker, tmp_path / "ranker")
    loaded = load(tmp_path / "ranker")
    np.testing.assert_array_equal(loaded.predict(X), ranker.predict(X))
    later = [r.partial_fit(X[:200], y[:200]).predict(X) for r in (ranker, loaded)]
    np.testing.assert_array_equal(*later)


def test_recommenders():
    """They hand on which columns are lists, by name or by position in X."""
    texts = LOG.data.assign(tags=[",".join(listed) for listed in TAGS])
    parts = D2Q(), clone(RANKERS["MLP"])
    named = LabelCraftRecommender(*parts, columns=Columns(lists=("tags",)))
    scores = named.fit(texts, LOG.target).predict(texts)
    assert named.ranker_.model_.encoder.lists == ["tags"]
    places = {"user": 0, "item": 1, "duration": 2, "timestamp": 3, "watch_time": 0}
    columns = Columns(**places, explicit=(1, 2, 3), lists=(-1,))
    rows = texts.to_numpy(object), LOG.target.to_numpy(object)
    placed = LabelCraftRecommender(*parts, columns=columns).fit(*rows)
    np.testing.assert_array_equal(placed.predict(rows[0]), scores)
    joint = LabelCraftRecommender(clone(CRAFTER), columns=columns).fit(*rows)
    assert joint.ranker_.model_.encoder.lists == [5]
    foreign = LabelCraftRecommender(D2Q(), LinearRegression(), columns=named.columns)
    with pytest.raises(ValueError, match=r"lists=\('tags',\) is for rankers of this"):
        foreign.fit(texts, LOG.target)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.from_pandas])
def test_a_day_of_which_no_row_is_held_out(kind):
    """Lists, vectors and texts go on, as those of any other day."""
    data = X.assign(texts=[",".join(tags) for tags in TAGS])
    recommender = LabelCraftRecommender(
        clone(CRAFTER), columns=Columns(lists=("texts",)), k=2, random_state=0
    ).fit(kind(data), kind(LOG.target))
    day = data.groupby("user_id").head(2).index
    recommender.partial_fit(kind(data.loc[day]), kind(LOG.target.loc[day]))
    assert np.isfinite(recommender.predict(kind(data))).all()


def test_learned_labels(tmp_path):
    """A label is learned through lists, saved, and goes on."""
    crafter = clone(CRAFTER).fit(FRAME)
    assert np.isfinite(crafter.transform(FRAME)).all()
    save(crafter, tmp_path / "crafter")
    both = crafter, load(tmp_path / "crafter")
    later = [c.partial_fit(FRAME[:200]).transform(FRAME) for c in both]
    np.testing.assert_array_equal(*later)


def test_checkpoints(tmp_path):
    """A fit that goes on from its checkpoint is the one that was not interrupted."""
    whole = clone(RANKERS["MLP"]).fit(X, y)
    stopped = clone(RANKERS["MLP"]).set_params(checkpoint=tmp_path / "fit")
    np.testing.assert_array_equal(stopped.fit(X, y).predict(X), whole.predict(X))


def test_lists_tell_a_fit_from_others(ranker):
    """Rows that differ in their lists alone are others to a checkpoint."""
    logs = as_log(X), as_log(X.assign(tags=[listed[:1] for listed in TAGS]))
    first, then = (_fingerprints("rows", ranker.model_.encode(log)) for log in logs)
    assert first["rows"] != then["rows"]


def padded(lists, filler):
    wide = np.full((len(lists), 1 + max(map(len, lists))), filler, dtype=object)
    for row, listed in zip(wide, lists, strict=True):
        row[: len(listed)] = listed
    return wide


@pytest.mark.parametrize("name", ["MLP", "DCN"])
def test_exported_rankers_score_alike(name, tmp_path):
    """Lists are padded by anything, with their lengths; vectors are matrices."""
    ranker = clone(RANKERS[name]).fit(X, y)
    export_onnx(ranker, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    tags = [
        ["unseen", *listed] if i % 5 == 0 else listed for i, listed in enumerate(TAGS)
    ]
    given = {
        "user_id": X["user_id"].to_numpy(),
        "item_id": X["item_id"].to_numpy(),
        "duration": X["duration"].to_numpy(),
        "tag": X["tag"].to_numpy(),
        "tags": padded(tags, "t1"),
        "tags_length": np.array([*map(len, tags)]),
        "ids": padded(IDS, 7).astype(np.int64),
        "ids_length": np.array([*map(len, IDS)]),
        "vector": VECTORS,
    }
    scores = session.run(None, given)[0]
    np.testing.assert_allclose(scores, ranker.predict(X.assign(tags=tags)), atol=1e-5)


def test_lists_alone_can_be_exported(tmp_path):
    """There need be no other column."""
    ranker = clone(RANKERS["MLP"]).set_params(
        columns=Columns(user=None, item=None, duration=None, features=("tags",))
    )
    ranker.fit(X[["tags"]], y)
    export_onnx(ranker, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    lengths = np.array([*map(len, TAGS)])
    given = {"tags": padded(TAGS, ""), "tags_length": lengths}
    np.testing.assert_allclose(
        session.run(None, given)[0], ranker.predict(X), atol=1e-5
    )


def random_impressions(n, generator, sizes):
    """Rows of one category and one list."""
    lengths = torch.randint(4, (n, 1), generator=generator)
    elements = torch.randint(sizes[1], (int(lengths.sum()),), generator=generator)
    codes = torch.randint(sizes[0], (n, 1), generator=generator)
    none = torch.zeros(n, dtype=torch.int64)
    pasts = History(0, None, None, ()).of(none)
    return Impressions(codes, torch.zeros(n, 0), pasts, Bags(elements, lengths))


def test_only_touched_rows_of_the_table_take_a_step():
    """Those of the elements of the lists; the step is that on the whole table."""
    generator, sizes = torch.Generator().manual_seed(0), [50, 90]
    module = MLPModule(sizes, 0, 1, 3, (4,))
    batch = random_impressions(6, generator, sizes).batch(torch.arange(6))
    whole = module(batch).square().sum()
    gradient = torch.autograd.grad(whole, module.embeddings.table.weight)[0]
    finder, optimizer = RowFinder(module, ()), SGD(module, 0.5)
    rows, (small,) = finder.find(batch)
    touched = {*batch.codes.flatten().tolist(), *(50 + batch.bags.codes).tolist()}
    assert set(rows.tolist()) == touched
    theta = {n: v.requires_grad_() for n, v in optimizer.gather(rows).items()}
    state = theta | finder.starts
    value = torch.func.functional_call(module, state, (small,)).square().sum()
    gradients = torch.autograd.grad(value, list(theta.values()))
    wanted = module.embeddings.table.weight.detach() - 0.5 * gradient
    theta = {name: value.detach() for name, value in theta.items()}
    optimizer.accept(theta, dict(zip(theta, gradients, strict=True)))
    torch.testing.assert_close(module.embeddings.table.weight.detach(), wanted)


@pytest.mark.parametrize("size", [3, 9000])
def test_logits_do_not_depend_on_what_is_beside(size):
    """On large tables, of which the touched rows are taken, and on small ones."""
    generator, sizes = (
        torch.Generator().manual_seed(0),
        [50, 20_000 if size == 3 else 90],
    )
    module = MLPModule(sizes, 0, 1, 3, (4,))
    for weight in module.parameters():
        torch.nn.init.normal_(weight, std=0.5, generator=generator)
    rows = random_impressions(size, generator, sizes)
    together = exact_logits(module, rows)
    for i in (0, 1, 2, size - 1):
        alone = exact_logits(module, rows.rows(torch.tensor([i])))
        assert torch.equal(alone[0], together[i])
