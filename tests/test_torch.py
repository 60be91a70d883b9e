"""Fits and predictions apart from what is set around them, and without a trace."""

import faulthandler
import multiprocessing
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import sklearn
import torch
from joblib import Parallel, delayed
from torch import nn

from sklabelcraft import (
    D2Q,
    MLP,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    ModuleRanker,
)
from sklabelcraft._torch import GUARD, Drawing, own_settings
from sklabelcraft.datasets import make_short_videos


class Plain(nn.Module):
    """A network of what torch has, with constants that are made in the call."""

    def __init__(self, cardinalities, n_numeric, n_outputs, past_columns):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(n, 4) for n in cardinalities)
        self.first = nn.Linear(4 * len(cardinalities) + n_numeric, 8)
        self.last = nn.Linear(8, n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        own = [table(batch.codes[:, j]) for j, table in enumerate(self.tables)]
        hidden = self.first(torch.cat([*own, batch.numeric], dim=1))
        return self.last(hidden.tanh() * torch.ones(8) + torch.zeros(8))


@pytest.fixture(scope="module")
def small():
    """A log on which anything trains in a blink."""
    return make_short_videos(n_users=20, n_items=30, n_impressions=40, random_state=0)


QUICK = MLPRanker(MLP(embedding_dim=4, hidden=(8,)), max_epochs=2, batch_size=128)
OWN = ModuleRanker(Plain, max_epochs=2, batch_size=128)
STARTS = {"starts": [(0, 1, 1)], "learning_rate": 0.01}
RECOMMENDERS = {
    "rule": LabelCraftRecommender(D2Q(), QUICK, k=3, random_state=0),
    "learned": LabelCraftRecommender(
        LabelCrafter(QUICK, **STARTS), k=3, random_state=0
    ),
    "own module": LabelCraftRecommender(
        LabelCrafter(OWN, **STARTS), k=3, random_state=0
    ),
    "own module on a rule": LabelCraftRecommender(D2Q(), OWN, k=3, random_state=0),
}


def results(recommender, log):
    """Labels and scores of a new fit."""
    recommender = sklearn.clone(recommender).fit(log.data, log.target)
    labels = np.asarray(recommender.labeler_.transform(log.frame))
    return labels, recommender.predict(log.data)


@contextmanager
def default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        yield
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def medium_products():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


SETTINGS = {
    "pandas": lambda: sklearn.config_context(transform_output="pandas"),
    "polars": lambda: sklearn.config_context(transform_output="polars"),
    "routing": lambda: sklearn.config_context(enable_metadata_routing=True),
    "float64": default_dtype,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "medium": medium_products,
    "meta": lambda: torch.device("meta"),
}


@pytest.fixture(scope="module")
def fitted(small):
    """Each recommender, fitted when nothing is set; nobody may fit it again."""
    made = {name: sklearn.clone(made) for name, made in RECOMMENDERS.items()}
    return {name: one.fit(small.data, small.target) for name, one in made.items()}


@pytest.fixture(scope="module")
def expected(small, fitted):
    """Labels and scores of each recommender when nothing is set."""
    return {
        name: (np.asarray(one.labeler_.transform(small.frame)), one.predict(small.data))
        for name, one in fitted.items()
    }


@pytest.mark.parametrize("kind", RECOMMENDERS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_what_is_set_around_changes_nothing(small, expected, kind, setting):
    """Bit by bit, and what was set stays so."""
    with SETTINGS[setting]():
        grad = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        found = results(RECOMMENDERS[kind], small)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == grad
        assert torch.is_autocast_enabled("cpu") == (setting == "autocast")
    for ours, theirs in zip(found, expected[kind], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", RECOMMENDERS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_what_was_fitted_before_predicts_the_same(
    small, fitted, expected, kind, setting
):
    """Under whatever is set now."""
    recommender = fitted[kind]
    with SETTINGS[setting]():
        np.testing.assert_array_equal(
            recommender.predict(small.data), expected[kind][1]
        )
        labels = np.asarray(recommender.labeler_.transform(small.frame))
    np.testing.assert_array_equal(labels, expected[kind][0])


def test_what_was_fitted_under_inference_mode_can_be_trained_again(small):
    """Its weights are ordinary tensors."""
    with torch.inference_mode():
        ranker = sklearn.clone(QUICK).fit(small.data, small.preference)
    weights = list(ranker.model_.module.parameters())
    assert not any(weight.is_inference() for weight in weights)
    assert all(weight.requires_grad for weight in weights)
    ranker.fit(small.data, small.preference)


def state():
    """What torch and numpy have for the whole process, or for a thread."""
    return (
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
    )


@pytest.mark.parametrize("kind", RECOMMENDERS)
def test_a_fit_leaves_no_trace(small, kind):
    """Neither a good one nor one that fails half-way."""
    before = state()
    results(RECOMMENDERS[kind], small)
    assert state() == before
    failing = sklearn.clone(RECOMMENDERS[kind])
    ranker = "ranker" if failing.ranker is not None else "labeler__ranker"
    failing.set_params(**{f"{ranker}__loss": lambda logits, labels: logits * np.nan})
    with pytest.raises(ValueError, match="training diverged"):
        failing.fit(small.data, small.target)
    assert state() == before


def during_fits(work, kind, log, n_fits=1):
    """Work in another thread, over and over, while fits run; what both gave."""
    done, found, errors = threading.Event(), [], []

    def keep_working():
        try:
            while not done.is_set():
                found.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=keep_working)
    thread.start()
    try:
        fits = [results(RECOMMENDERS[kind], log) for _ in range(n_fits)]
    finally:
        done.set()
        thread.join()
    assert not errors, errors
    return fits, found


@pytest.mark.parametrize("kind", RECOMMENDERS)
def test_threads_that_draw_do_not_disturb_a_fit(small, expected, kind):
    """Nor are they disturbed: with generators of their own, or with torch's one."""
    own = torch.Generator().manual_seed(7)
    fits, found = during_fits(lambda: torch.rand(3, generator=own), kind, small)
    again = torch.Generator().manual_seed(7)
    for drawn in found:
        assert torch.equal(drawn, torch.rand(3, generator=again))
    fits_too, _ = during_fits(lambda: torch.rand(3), kind, small)
    for fit in fits + fits_too:
        np.testing.assert_array_equal(fit[0], expected[kind][0])
        np.testing.assert_array_equal(fit[1], expected[kind][1])


@pytest.mark.parametrize("kind", RECOMMENDERS)
def test_the_stream_of_another_thread_is_not_set_back(small, kind):
    """What it draws from torch's generator never comes twice."""
    _, found = during_fits(lambda: torch.randint(2**62, (1,)).item(), kind, small)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("kind", ["rule", "learned"])
def test_a_prediction_does_not_wait_for_a_fit(small, fitted, expected, kind):
    """In another thread it ends while the fit goes on, with the same bits."""
    held, predicted = threading.Event(), threading.Event()

    class Waiting(Plain):
        def forward(self, batch):
            if torch.is_grad_enabled():
                held.set()
                assert predicted.wait(30)
            return super().forward(batch)

    slow = ModuleRanker(Waiting, max_epochs=1, batch_size=10_000, random_state=0)
    thread = threading.Thread(target=slow.fit, args=(small.data, small.preference))
    thread.start()
    assert held.wait(30)
    scores = fitted[kind].predict(small.data)
    labels = fitted[kind].labeler_.transform(small.frame)
    predicted.set()
    thread.join()
    np.testing.assert_array_equal(scores, expected[kind][1])
    np.testing.assert_array_equal(labels, expected[kind][0])


def in_new_thread(function):
    """What a function gives in a thread that has not used torch."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("labeler", [D2Q(), LabelCrafter(**STARTS)])
def test_threads_of_others_are_as_many_as_ever(small, labeler):
    """Who first uses torch while a fit runs sees the usual number, the fit one."""
    seen = []

    def asking_loss(logits, labels):
        seen.append((torch.get_num_threads(), in_new_thread(torch.get_num_threads)))
        return (logits - labels).square()

    ranker = sklearn.clone(QUICK).set_params(loss=asking_loss)
    recommender = LabelCraftRecommender(labeler, ranker, k=3)
    before = torch.get_num_threads()
    try:
        for usual in (3, 2):
            torch.set_num_threads(usual)
            recommender.fit(small.data, small.target)
            assert set(seen) == {(1, usual)}
            assert torch.get_num_threads() == usual
            assert in_new_thread(torch.get_num_threads) == usual
            seen.clear()
    finally:
        torch.set_num_threads(before)


def test_fits_at_once_leave_everything_as_it_was(small, expected):
    """Each gives what it gives alone."""
    before = state()
    kinds = list(RECOMMENDERS) * 2
    found = Parallel(4, backend="threading")(
        delayed(results)(RECOMMENDERS[kind], small) for kind in kinds
    )
    for kind, result in zip(kinds, found, strict=True):
        np.testing.assert_array_equal(result[0], expected[kind][0])
        np.testing.assert_array_equal(result[1], expected[kind][1])
    assert state() == before


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


def fit_in_child(queue, recommender, log):
    """What a forked process gives; where it hangs, it says so."""
    faulthandler.dump_traceback_later(50)
    queue.put(results(recommender, log))
    faulthandler.cancel_dump_traceback_later()


def check_fork_during_a_fit(kind):
    """Fit in a child that is forked while another thread fits."""
    log = make_short_videos(n_users=20, n_items=30, n_impressions=40, random_state=0)
    context = multiprocessing.get_context("fork")
    torch.set_num_threads(1)  # others of torch's own do not live on in a child
    alone = results(RECOMMENDERS[kind], log)
    results(RECOMMENDERS["learned"], log)  # a child cannot end what is being imported

    def fork():
        queue = context.Queue()
        arguments = queue, RECOMMENDERS[kind], log
        child = context.Process(target=fit_in_child, args=arguments)
        child.start()
        try:
            return queue.get(timeout=60)
        finally:
            child.kill()
            child.join()

    _, found = during_fits(fork, "learned", log, n_fits=4)
    assert found
    for labels, scores in found:
        np.testing.assert_array_equal(labels, alone[0])
        np.testing.assert_array_equal(scores, alone[1])


@needs_fork
@pytest.mark.parametrize("kind", ["rule", "learned"])
def test_a_process_that_is_forked_during_a_fit_can_fit(kind):
    """No lock is held for ever there, and nothing of the other fit is in the way.

    It is tried in a process of its own, as torch refuses to derive in the child of one
    that has ever derived inside of a derivative.
    """
    folder = str(Path(__file__).parent)
    program = (
        f"import sys; sys.path.insert(0, {folder!r}); import test_torch; "
        f"test_torch.check_fork_during_a_fit({kind!r})"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def locked():
    return GUARD.acquire(timeout=10)


def exit_by(question):
    os._exit(0 if question() else 1)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_no_child_inherits_a_held_guard():
    """Whoever holds it, a fork waits for the moment and sets it free in the child."""
    held, done = threading.Event(), threading.Event()

    def hold():
        with GUARD:
            held.set()
            done.wait(0.2)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = multiprocessing.get_context("fork").Process(target=exit_by, args=(locked,))
    child.start()
    child.join(30)
    thread.join()
    assert child.exitcode == 0


def test_torch_does_not_warn_of_itself(small):
    """What it loads for the first derivative is silent; own warnings are not hidden."""
    program = (
        "import warnings; warnings.simplefilter('error');"
        "from sklabelcraft import *; from sklabelcraft.datasets import *;"
        "log = make_short_videos(9, 30, n_impressions=30, random_state=0).frame;"
        "LabelCrafter(MLPRanker(max_epochs=1), k=3).fit(log)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_own_settings_are_nested():
    """Inside of a fit, a prediction has its own."""
    with own_settings(training=True):
        assert torch.is_grad_enabled()
        with own_settings():
            assert not torch.is_grad_enabled()
        assert torch.is_grad_enabled()
        assert torch.get_num_threads() == 1


DRAWS = {
    "rand": lambda x: torch.rand(x.shape),
    "randn": lambda x: torch.randn(x.shape),
    "randint": lambda x: torch.randint(5, x.shape),
    "randperm": lambda x: torch.randperm(x.numel()),
    "rand_like": torch.rand_like,
    "randn_like": torch.randn_like,
    "randint_like": lambda x: torch.randint_like(x, 5),
    "normal": lambda x: torch.normal(0.0, 1.0, x.shape),
    "bernoulli": lambda x: torch.bernoulli(x + 0.5),
    "multinomial": lambda x: torch.multinomial(x + 1, x.numel()),
    "poisson": lambda x: torch.poisson(x + 1),
    "binomial": lambda x: torch.binomial(x + 5, x + 0.5),
    "uniform_": lambda x: x.uniform_(),
    "normal_": lambda x: x.normal_(),
    "cauchy_": lambda x: x.cauchy_(),
    "exponential_": lambda x: x.exponential_(),
    "log_normal_": lambda x: x.log_normal_(),
    "geometric_": lambda x: x.geometric_(0.3),
    "random_": lambda x: x.random_(),
    "method": lambda x: (x + 0.5).bernoulli(),
    "distribution": lambda x: torch.distributions.Normal(0.0, 1.0).sample(x.shape),
    **{name: getattr(nn.init, name) for name in ("uniform_", "trunc_normal_")},
    "xavier": lambda x: nn.init.xavier_uniform_(x[None])[0],
    "kaiming": lambda x: nn.init.kaiming_normal_(x[None])[0],
    "orthogonal": lambda x: nn.init.orthogonal_(x[None])[0],
}


@pytest.mark.parametrize("draw", DRAWS)
def test_initial_weights_come_from_the_random_state(draw):
    """However they are drawn, and torch's own generator is not even read."""

    def weights(seed):
        torch.rand(1)
        before = torch.get_rng_state()
        with Drawing(np.random.RandomState(seed)):
            drawn = DRAWS[draw](torch.zeros(50))
        assert torch.equal(torch.get_rng_state(), before)
        return drawn

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))
