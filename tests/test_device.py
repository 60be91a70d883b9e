"""All is computed on the device that is asked for."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sklabelcraft import (
    DIN,
    DCNRanker,
    DINRanker,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
    soft_topk,
)
from sklabelcraft._torch import own_gpu
from sklabelcraft.balancing import ConflictFreeBalancing, MinNormBalancing
from sklabelcraft.datasets import make_short_videos

RANKERS = [
    MLPRanker(),
    MLPRanker(optimizer="sgd", adversary_weight=0.1),
    DCNRanker(),
    DINRanker(),
    DINRanker(DIN(attention_hidden=(8,))),
]
CRAFTERS = [
    LabelCrafter(),
    LabelCrafter(DINRanker(), balancing=MinNormBalancing(), optimizer="sgd"),
    LabelCrafter(balancing=ConflictFreeBalancing(), validation_users=5),
]


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    """Where torchrun numbers them and there are so many; one that is named is taken."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert own_gpu("cuda") == torch.device("cuda")
    for number, expected in {"0": "cuda:0", "1": "cuda:1", "2": "cuda"}.items():
        monkeypatch.setenv("LOCAL_RANK", number)
        assert own_gpu("cuda") == torch.device(expected)
        assert own_gpu("cuda:1") == torch.device("cuda:1")
        assert own_gpu("cpu") == torch.device("cpu")


def check_soft_topk(device):
    """Values and gradients of all forms, padded and ragged, are those on the CPU."""
    rng = np.random.default_rng(0)
    scores, weights = torch.tensor(rng.normal(size=(2, 6, 9)))
    options = [
        {"k": 2, "temperature": 0.3},
        {"k": 2.5, "epsilon": 0.1, "mask": weights > -1},
        {"k": 3, "temperature": 0.3, "method": "sorted"},
        {"k": 1, "temperature": 0.3, "lengths": torch.tensor([4, 5] * 6)},
    ]
    for kwargs in options:
        found = []
        for place in ("cpu", device):
            x = scores.ravel() if "lengths" in kwargs else scores
            x = x.to(place).requires_grad_()
            alpha = soft_topk(x, **kwargs)
            down = weights.reshape(x.shape).to(place)
            (slope,) = torch.autograd.grad(alpha, x, down)
            assert alpha.device == slope.device == x.device
            found.append((alpha.detach().cpu(), slope.cpu()))
        torch.testing.assert_close(found[0], found[1])


def check_rankers(device):
    """A ranker learns there what it learns on the CPU, and can be stored for any."""
    log = make_short_videos(n_users=30, n_items=60, n_impressions=20, random_state=0)
    labels = WatchTime().fit_transform(log.frame)
    for ranker in RANKERS:
        ranker.set_params(max_epochs=2, random_state=0, device="cpu")
        expected = ranker.fit(log.data, labels).predict(log.data)
        ranker.set_params(device=device).fit(log.data, labels)
        places = {p.device.type for p in ranker.model_.module.parameters()}
        assert places == {torch.device(device).type}
        np.testing.assert_allclose(ranker.predict(log.data), expected, atol=1e-5)
        loaded = pickle.loads(pickle.dumps(ranker))
        assert {p.device.type for p in loaded.model_.module.parameters()} == {"cpu"}
        loaded.set_params(device="cpu")
        np.testing.assert_allclose(loaded.predict(log.data), expected, atol=1e-5)


def check_crafters(device):
    """So does a label, and the recommender around it."""
    log = make_short_videos(n_users=20, n_items=60, n_impressions=40, random_state=0)
    for crafter in CRAFTERS:
        ranker = MLPRanker() if crafter.ranker is None else crafter.ranker
        crafter.set_params(ranker=ranker.set_params(max_epochs=1, device="cpu"))
        recommender = LabelCraftRecommender(crafter, random_state=0)
        recommender.fit(log.data, log.target)
        labels = recommender.labeler_.transform(log.frame)
        scores = recommender.predict(log.data)
        recommender.set_params(labeler__ranker__device=device)
        recommender.fit(log.data, log.target)
        close = {"atol": 1e-4}
        np.testing.assert_allclose(
            recommender.labeler_.transform(log.frame), labels, **close
        )
        np.testing.assert_allclose(recommender.predict(log.data), scores, **close)


CHECKS = [check_soft_topk, check_rankers, check_crafters]
pretend_can_be_made = hasattr(
    torch.utils.backend_registration, "_setup_privateuseone_for_python_backend"
)


@pytest.mark.skipif(not pretend_can_be_made, reason="torch cannot make such a device")
@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_left_on_the_cpu(check):
    """On a device whose tensors do not mix with those of the CPU."""
    folder = Path(__file__).parent
    program = (
        f"import os, sys; sys.path.insert(0, {str(folder)!r}); import pretend_device; "
        f"import test_device; test_device.{check.__name__}(pretend_device.NAME); "
        "os._exit(0)"  # torch's threads for the device do not always end by themselves
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("check", CHECKS)
def test_on_a_gpu(check):
    """On a real one."""
    check("cuda")


@pytest.mark.parametrize("device", ["cuda:99", "somewhere", "meta"])
def test_a_device_that_cannot_compute_is_refused(device):
    """With torch's own reason."""
    log = make_short_videos(n_users=20, n_items=40, n_impressions=40, random_state=0)
    labels = WatchTime().fit_transform(log.frame)
    with pytest.raises(ValueError, match=f"device must be one .* got '{device}'"):
        MLPRanker(device=device).fit(log.data, labels)
    with pytest.raises(ValueError, match=f"device must be one .* got '{device}'"):
        LabelCrafter(MLPRanker(device=device)).fit(log.frame)
