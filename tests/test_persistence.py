"""What is saved comes back bit by bit, and what cannot be saved is told."""

import copy
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import saves
import torch
from safetensors.numpy import load_file
from saves import LABELS, LOG, NEXT, NEXT_LABELS, differences, learned
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.linear_model import Ridge
from sklearn.utils import check_random_state

from sklabelcraft import (
    D2Q,
    DIN,
    MLP,
    Columns,
    ConditionalCDF,
    FusedRecommender,
    KneeScaler,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    ModuleRanker,
    WatchTime,
)
from sklabelcraft._saved._schema import ESTIMATORS
from sklabelcraft.losses import log_loss
from sklabelcraft.modules import MLPModule
from sklabelcraft.objectives import Objective
from sklabelcraft.persistence import load, save

ADDRESS = re.compile("0x[0-9A-F]+")

UNFITTED = [
    *saves.LABELERS.values(),
    *saves.RANKERS.values(),
    *saves.RECOMMENDERS.values(),
    saves.FUSED,
    KneeScaler(0.5),
    LabelCrafter.as_published(),
    FusedRecommender(objective_weights=[1, 2.0, np.float32(3)]),
    FusedRecommender(objective_weights={"explicit_gain": 3}),
    LabelCraftRecommender(D2Q(), clone(saves.MLP_RANKER)),
    MLPRanker(loss=log_loss, checkpoint=Path("~/somewhere"), device="cuda:1"),
    MLPRanker(device=torch.device("cpu"), checkpoint="there"),
    LabelCrafter(
        hidden=np.array([3]),
        starts=np.eye(3),
        objective_weights=(np.int64(1), 2),
        bound=None,
    ),
    ConditionalCDF(by=(np.int64(3), "user"), columns=Columns(user=0, item=np.int8(1))),
    LabelCrafter(objectives=[Objective(4, sign=-1, at_least=1.5)]),
]
FITTED = saves.LABELERS | saves.RANKERS | saves.RECOMMENDERS
FITTED |= {"fused": saves.FUSED, "KneeScaler": KneeScaler(0.5)}


@pytest.fixture(scope="module")
def fitted():
    """Estimators that have learned from the log, by name; nobody may change them."""
    known = {name: learned(clone(estimator)) for name, estimator in FITTED.items()}
    return known | {"frozen": saves.frozen()}


@pytest.fixture
def again(tmp_path):
    """Saves an estimator, and loads it."""

    def save_and_load(estimator):
        save(estimator, tmp_path / "saved")
        return load(tmp_path / "saved")

    return save_and_load


@pytest.mark.parametrize("estimator", UNFITTED, ids=lambda each: type(each).__name__)
def test_parameters_come_back(estimator, again):
    """As they were, of an estimator that is not fitted."""
    loaded = again(estimator)
    assert not differences(estimator, loaded)
    texts = (ADDRESS.sub("", repr(each)) for each in (loaded, estimator))
    assert len(set(texts)) == 1
    assert not differences(clone(estimator), clone(loaded))


@pytest.mark.parametrize("name", [*FITTED, "frozen"])
def test_what_was_learned_comes_back(name, fitted, again):
    """All that an estimator holds, reachable in whatever way."""
    assert not differences(fitted[name], again(fitted[name]))


def test_all_estimators_are_among_these(fitted):
    """No class that can be saved is left out of the two tests above."""
    reached = {type(estimator) for estimator in (*fitted.values(), *UNFITTED)}
    assert {kind.made for kind in ESTIMATORS} - reached == {
        *(type(network) for network in (MLP(), saves.DCN(), DIN())),
        type(saves.UNION),
        type(saves.frozen().labeler),
    } - reached


@pytest.mark.parametrize("name", saves.LABELERS)
def test_labels_are_equal(name, fitted, again):
    """And so is what they are turned back into, where they can be."""
    labeler, loaded = fitted[name], again(fitted[name])
    labels = labeler.transform(LOG.frame)
    np.testing.assert_array_equal(loaded.transform(LOG.frame), labels)
    if hasattr(labeler, "watch_time"):
        seconds = (each.watch_time(labels, LOG.frame) for each in (labeler, loaded))
        np.testing.assert_array_equal(*seconds)


@pytest.mark.parametrize("name", [*saves.RANKERS, *saves.RECOMMENDERS, "fused"])
def test_scores_are_equal(name, fitted, again):
    """Of rows that were seen and of others."""
    loaded = again(fitted[name])
    for data in (LOG.data, NEXT.data):
        expected = fitted[name].predict(data)
        np.testing.assert_array_equal(loaded.predict(data), expected)


@pytest.mark.parametrize("name", [*saves.LABELERS, *saves.RANKERS, *saves.RECOMMENDERS])
def test_a_later_day_is_learned_from_as_without_saving(name, fitted, again):
    """From the weights, the optimiser's state, the memory and the statistics."""
    if name == "WT+EF":
        pytest.skip("a union goes on inside of a recommender")
    first, second = copy.deepcopy(fitted[name]), again(fitted[name])
    y = NEXT.target if name in saves.RECOMMENDERS else NEXT_LABELS
    for estimator in (first, second):
        data = (NEXT.frame,) if name in saves.LABELERS else (NEXT.data, y)
        estimator.partial_fit(*data)
    assert not differences(first, second)


def test_a_fusion_is_tuned_as_without_saving(fitted, again):
    """And shares its recommenders with what it weighs."""
    fused = copy.deepcopy(fitted["fused"])
    loaded = again(fused)
    for name, part in loaded.recommenders_.items():
        assert loaded.heads_.recommenders[name] is part
    weights = {"objective_weights": (1, 3, 1)}
    for each in (fused, loaded):
        each.tune(LOG.data, LOG.target, **weights)
    assert loaded.weights_ == fused.weights_
    points = (each.frontier(LOG.data, LOG.target) for each in (fused, loaded))
    assert not differences(*points)


def test_what_is_shared_stays_shared(fitted, again):
    """The ranker of a joint recommender is that of its labeler, and is saved once."""
    loaded = again(fitted["joint"])
    assert loaded.ranker_ is loaded.labeler_.ranker_


def test_a_union_goes_on_with_its_recommender(fitted, again):
    """All of its labelers learn from the next day."""
    union = again(fitted["two heads"]).partial_fit(NEXT.data, NEXT.target).labeler_
    watch_time = dict(union.transformer_list)["watch"]
    n_rows = len(LOG.frame) + len(NEXT.frame)
    assert watch_time.statistics_.counts.sum() == n_rows


def test_the_output_container_stays(again):
    """As ``set_output`` had it."""
    labeler = WatchTime().set_output(transform="pandas").fit(LOG.frame)
    pd.testing.assert_frame_equal(
        again(labeler).transform(LOG.frame), labeler.transform(LOG.frame)
    )


def test_requests_of_metadata_stay(again):
    """As ``set_fit_request`` and its like had them, fitted or not."""
    with config_context(enable_metadata_routing=True):
        ranker = clone(saves.MLP_RANKER).set_fit_request(
            sample_weight=True, X_val=False
        )
        ranker.set_score_request(sample_weight="weight")
        for made in (ranker, clone(ranker).fit(LOG.data, LOG.preference)):
            loaded = again(made)
            assert str(loaded.get_metadata_routing()) == str(
                ranker.get_metadata_routing()
            )
            assert str(clone(loaded).get_metadata_routing()) == str(
                ranker.get_metadata_routing()
            )


def test_columns_by_position_stay_positions(again):
    """And a table without names has no names afterwards."""
    columns = {"user": 0, "item": 1, "duration": 2, "timestamp": None}
    columns |= {"watch_time": 3, "explicit": (4,), "features": (0, 1, 2)}
    names = ["user_id", "item_id", "duration", "watch_time", "like"]
    table = LOG.frame[names].to_numpy()
    crafter = LabelCrafter(saves.MLP_RANKER, k=3, columns=Columns(**columns))
    loaded = again(crafter.fit(table))
    assert not differences(crafter, loaded)
    assert loaded.ranker_.model_.encoder.features == [0, 1, 2]
    np.testing.assert_array_equal(loaded.transform(table), crafter.transform(table))


IDS = {
    "text": ["a", "é", "", "1", "𝄞"],
    "missing text": ["a", None, "b", float("nan"), "c"],
    "huge": [2**80, -(2**70), 3, 0, 1],
    "above int64": [2**63, 2**64 - 1, 3, 0, 1],
    "fractions": [0.5, -0.0, 1e300, 2.0, float("inf")],
    "dates with a zone": list(pd.date_range("2026-01-01", periods=5, tz="UTC")),
    "dates without": list(pd.date_range("2026-01-01", periods=5)),
    "days": list(pd.date_range("2026-01-01", periods=5).date),
    "kinds": ["1", 1, 2.5, pd.Timestamp("2026-01-01"), None],
    "all missing": [None] * 5,
    "text of numpy": [np.str_("a"), "b", None, np.str_("b"), "c"],
    "dates of numpy": [*np.arange("2026-01-01", "2026-01-06", dtype="M8[D]")],
    "kinds of numpy": ["1", np.int64(1), np.float32(0.5), np.bool_(False), None],
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_any_kind_come_back(kind, again):
    """So that they are recognised."""
    ids = pd.Series(IDS[kind] * 20, dtype=object)
    log = pd.DataFrame(
        {"item_id": ids, "watch_time": np.arange(100.0), "duration": 50.0}
    )
    labeler = ConditionalCDF(by="item").fit(log)
    loaded = again(labeler)
    assert not differences(labeler, loaded)
    np.testing.assert_array_equal(loaded.transform(log), labeler.transform(log))
    second = copy.deepcopy(labeler).partial_fit(log)
    assert not differences(second, loaded.partial_fit(log))


def test_text_ids_of_a_ranker_come_back(again):
    """Also in the memory and in the past, with missing ones."""
    X = LOG.data.assign(
        user_id=LOG.data["user_id"].map("user {}".format).where(LOG.data.index % 9 > 0)
    )
    ranker = clone(saves.DIN_RANKER).fit(X, LABELS)
    loaded = again(ranker)
    assert not differences(ranker, loaded)
    assert not differences(*(each.partial_fit(X, LABELS) for each in (ranker, loaded)))


def own_loss(logits, labels):
    return (logits - labels).abs()


class OwnLabeler(WatchTime):
    """A labeler of one's own."""


class OwnMLP(MLP):
    """A network of one's own, under no other name than ours."""

    def build(self, *sizes):
        module = MLPModule(*sizes[:3], 2, (4,))
        module.dense.append(torch.nn.Dropout(0.5))
        return module


def with_attribute(estimator):
    estimator.note = "mine"
    return estimator


FOREIGN = {
    "network": (lambda: ModuleRanker(MLPModule), "network"),
    "trained network": (lambda: learned(ModuleRanker(OwnMLP(), max_epochs=1)), "MLP"),
    "loss": (lambda: MLPRanker(loss=own_loss), "loss"),
    "trained loss": (
        lambda: learned(MLPRanker(MLP(**saves.SMALL), loss=own_loss, max_epochs=1)),
        "loss",
    ),
    "ranker": (lambda: LabelCraftRecommender(D2Q(), Ridge()), "Ridge"),
    "trained ranker": (
        lambda: (
            LabelCraftRecommender(D2Q(), Ridge())
            .fit(LOG.data.drop(columns="tag"), LOG.target)
            .set_params(ranker=None)
        ),
        "ranker_",
    ),
    "labeler": (lambda: LabelCraftRecommender(OwnLabeler()), "OwnLabeler"),
    "itself": (Ridge, "Ridge"),
    "balancing": (lambda: LabelCrafter(balancing=lambda v, gram: v), "balancing"),
    "attribute": (lambda: with_attribute(WatchTime()), "note"),
    "table": (lambda: LabelCrafter(starts=pd.DataFrame(np.eye(3))), "starts"),
}


@pytest.mark.parametrize("part", FOREIGN)
def test_what_is_not_ours_is_refused(part, tmp_path):
    """By its name, with what to do instead, and nothing is written."""
    make, name = FOREIGN[part]
    with pytest.raises(TypeError, match=f"(?s){name}.*use joblib, for files that you"):
        save(make(), tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_a_network_that_was_changed_is_refused(fitted, tmp_path):
    """Its weights alone would not say what it does."""
    ranker = copy.deepcopy(fitted["MLP"])
    ranker.model_.module.dense.append(torch.nn.Dropout(0.5))
    with pytest.raises(TypeError, match=r"model_.*not as this library makes"):
        save(ranker, tmp_path)


PARTS = {
    "encoder": ("DIN", lambda ranker: ranker.model_.encoder),
    "history": ("DIN", lambda ranker: ranker.model_.history),
    "model": ("DIN", lambda ranker: ranker.model_),
    "counts": ("WT", lambda labeler: labeler.statistics_),
    "quantiles": ("D2Q", lambda labeler: labeler.quantiles_),
    "label": ("LabelCraft", lambda crafter: crafter.label_net_),
    "heads": ("fused", lambda fused: fused.heads_),
    "labeler": ("WT+EF", lambda union: union.transformer_list[0][1]),
}


@pytest.mark.parametrize("name", PARTS)
def test_an_attribute_that_the_schema_does_not_know_is_refused(name, fitted, tmp_path):
    """So that whoever adds one to a part is told by the tests above."""
    owner, part = PARTS[name]
    estimator = copy.deepcopy(fitted[owner])
    part(estimator).more = 1
    with pytest.raises(TypeError, match=r"more cannot be saved, as it is no attribute"):
        save(estimator, tmp_path)


def test_ids_that_would_not_come_back_are_refused(tmp_path):
    """Such as tuples, and dates of a zone that is more than an offset."""
    for ids, what in (([(1, 2), (3, 4)], "tuple"), (["a", b"a"], "b'a'")):
        log = pd.DataFrame({"item_id": ids, "watch_time": [1.0, 2.0], "duration": 9.0})
        with pytest.raises(TypeError, match=what):
            save(ConditionalCDF(by="item").fit(log), tmp_path)
    log["item_id"] = pd.date_range("2026-01-01", periods=2, tz="Europe/Berlin")
    with pytest.raises(TypeError, match=r"cannot be saved exactly.*Berlin"):
        save(ConditionalCDF(by="item").fit(log), tmp_path)


def test_parameters_that_are_not_allowed_are_refused(tmp_path):
    """When they are saved, not only when they are loaded."""
    with pytest.raises(ValueError, match="learning_rate"):
        save(MLPRanker(learning_rate=-1), tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_callbacks_are_no_part_of_it(fitted, again):
    """An estimator with callbacks is saved without them, and keeps them."""
    ranker = copy.copy(fitted["MLP"]).set_callbacks(ProgressBar())
    callbacks = list(vars(ranker)["_skl_callbacks"])
    assert not differences(fitted["MLP"], again(ranker))
    assert vars(ranker)["_skl_callbacks"] == callbacks


def test_global_state_is_left_alone(fitted, again):
    """Neither torch nor numpy draws, and no default changes."""
    drawn = torch.get_rng_state(), check_random_state(None).get_state()[1].copy()
    again(fitted["LabelCraft"])
    assert torch.equal(torch.get_rng_state(), drawn[0])
    assert (check_random_state(None).get_state()[1] == drawn[1]).all()
    assert torch.get_default_device() == torch.device("cpu")


def test_settings_of_torch_around_do_not_matter(fitted, again):
    """Neither a default type nor a mode, for what is learned afterwards as well."""
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode(), torch.device("meta"):
            loaded = again(fitted["adversary"])
    finally:
        torch.set_default_dtype(torch.float32)
    assert not differences(fitted["adversary"], loaded)
    first = copy.deepcopy(fitted["adversary"])
    for estimator in (first, loaded):
        estimator.partial_fit(NEXT.data, NEXT_LABELS)
    assert not differences(first, loaded)


def test_a_network_with_other_weights_is_refused(fitted, tmp_path):
    """As its weights are not those that are known of it."""
    ranker = copy.deepcopy(fitted["MLP"])
    torch.nn.utils.parametrizations.weight_norm(ranker.model_.module.dense[0])
    with pytest.raises(TypeError, match=r"model_.*not as this library makes"):
        save(ranker, tmp_path)


def test_what_is_loaded_is_saved_and_pickled_like_any_other(fitted, again):
    """Also when the first files are gone."""
    loaded = again(again(fitted["DIN"]))
    assert not differences(fitted["DIN"], pickle.loads(pickle.dumps(loaded)))


def test_arrays_have_names_that_explain_themselves(fitted, tmp_path):
    """In a file that any reader of safetensors opens."""
    save(fitted["DIN"], tmp_path)
    arrays = load_file(tmp_path / "model.safetensors")
    weights = fitted["DIN"].model_.module.dense[0].weight.detach().numpy()
    assert (arrays["model_.module.dense.0.weight"] == weights).all()


def check_saved_from(device):
    """What lies on a device is saved as on the CPU."""
    from tempfile import TemporaryDirectory

    ranker = clone(saves.MLP_RANKER).set_params(device=device)
    ranker.fit(LOG.data, LABELS)
    crafter = LabelCrafter(clone(ranker), k=3, random_state=0).fit(LOG.frame)
    for estimator in (ranker, crafter):
        expected = pickle.loads(pickle.dumps(estimator))
        with TemporaryDirectory() as folder:
            save(estimator, folder)
            assert not differences(expected, load(folder))


@pytest.mark.skipif(
    not hasattr(
        torch.utils.backend_registration, "_setup_privateuseone_for_python_backend"
    ),
    reason="torch cannot make such a device",
)
def test_a_network_on_another_device_is_saved_as_on_the_cpu():
    """One whose tensors do not mix with those of the CPU."""
    folder = Path(__file__).parent
    program = (
        f"import os, sys; sys.path.insert(0, {str(folder)!r}); import pretend_device; "
        "import test_persistence; "
        "test_persistence.check_saved_from(pretend_device.NAME); "
        "os._exit(0)"  # torch's threads for the device do not always end by themselves
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_network_on_a_gpu_is_saved_as_on_the_cpu():
    """On a real one."""
    check_saved_from("cuda")
