"""The loop of training: where it stops, what it keeps, and that it can be resumed."""

import contextlib
import io
from itertools import chain

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils import Bunch
from torch import nn

from sklabelcraft import (
    DIN,
    MLP,
    DCNRanker,
    DINRanker,
    LabelCrafter,
    MLPRanker,
    _craft,
)
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.rankers import _training
from sklabelcraft.training import Average, Loop, Task, Window


class Silent:
    """A watch that nobody listens to."""

    def begin_epoch(self, n_steps):
        """Nothing."""

    def step(self):
        return contextlib.nullcontext()

    def end_epoch(self):
        return False


class Numbered:
    """Rows 0, 1, ... in windows of a size."""

    def __init__(self, n_rows, size=100):
        self.n_rows, self.size = n_rows, size

    def plan(self, seed, epoch):
        starts = range(0, self.n_rows, self.size)
        rows = [list(range(self.n_rows))[start:][: self.size] for start in starts]
        return [(len(part), part) for part in rows]

    def read(self, planned):
        return Window(planned[1], ())


class Counting(Task):
    """Adds one to a number in every step, and is judged by a list of values."""

    def __init__(self, n_rows, values=None, averaging=0.0):
        self.network = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.network.weight)
        self.source, self.values, self.seen = Numbered(n_rows), values, []
        self.networks = {"number": self.network}
        self.averages = {"number": Average(self.network, averaging)}

    @property
    def number(self):
        return self.network.weight.item()

    def step(self, window, rows):
        self.seen.append([window.impressions[i] for i in rows.tolist()])
        self.network.weight.data += 1
        return torch.tensor(float(len(rows)))

    def end_epoch(self, epoch):
        self.averages["number"].update()
        progress = None if self.values is None else self.values[epoch]
        return {} if progress is None else {"judged": progress}, progress

    def blame(self):
        return "Count slower."

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def looped(task, batch_size=2, patience=2, max_epochs=6):
    """The loop of a task, which has been run."""
    settings = Bunch(batch_size=batch_size, patience=patience)
    loop = Loop(task, torch.Generator().manual_seed(0), settings, max_epochs)
    loop.run(Silent())
    return loop


def test_every_row_is_seen_once_an_epoch_in_another_order():
    """In parts of the size of a batch, whose losses are averaged by their rows."""
    loop = looped(task := Counting(5), max_epochs=2)
    first, second = task.seen[:2], task.seen[2:]
    assert [len(part) for part in first] == [2, 3]  # a last one joins the step before
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(5))
    assert first != second
    assert loop.history[0] == {"epoch": 0, "loss": (2 * 2 + 3 * 3) / 5}


def test_stops_without_progress_and_keeps_the_best():
    """After two epochs that are no better, the weights of the best one are back."""
    loop = looped(task := Counting(4, [1, 3, 3, 2, 9]))
    assert [epoch["judged"] for epoch in loop.history] == [1, 3, 3, 2]
    assert loop.finished
    assert task.number == 4  # two steps in each of the first two epochs


def test_without_a_judge_all_epochs_are_run():
    """And the last weights are kept."""
    loop = looped(task := Counting(4), max_epochs=3)
    assert len(loop.history) == 3
    assert task.number == 6


def test_the_average_is_kept_by_hand():
    """Of 2, 4 and 6 with half of the average kept: (0.5 (0.5 2 + 0.5 4) + 0.5 6)."""
    looped(task := Counting(4, averaging=0.5), max_epochs=3)
    assert task.number == 4.5


def test_epochs_that_are_not_judged_do_not_count_against_patience():
    """As those of a warm-up."""
    loop = looped(task := Counting(4, [None, None, None, 1, 2, 0]))
    assert len(loop.history) == 6
    assert task.number == 10


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_an_error_that_names_the_epoch(bad):
    """With what the task says is to blame."""
    with pytest.raises(ValueError, match=r"diverged in epoch 1, .* Count slower"):
        looped(Counting(4, [1, bad]))


def test_weights_that_are_not_finite_are_an_error():
    """Also where no number told of it."""

    class Overflowing(Counting):
        def step(self, window, rows):
            self.network.weight.data *= float("inf")
            return torch.tensor(0.0)

    with pytest.raises(ValueError, match="weights of the number are not finite"):
        looped(Overflowing(4), max_epochs=1)


@pytest.fixture(scope="module")
def small():
    """A log on which anything trains in a blink."""
    return make_short_videos(n_users=15, n_items=30, n_impressions=40, random_state=0)


def stored(state):
    """The state as it comes back from a file of tensors and plain values."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def interrupted_everywhere(monkeypatch, module, fit):
    """What a fit gives, and what it gives when it is resumed after each epoch."""
    states = []

    class Storing(Loop):
        def epoch(self, watch):
            super().epoch(watch)
            states.append(stored(self.state_dict()))

    class Resuming(Loop):
        state = None

        def __init__(self, *args):
            super().__init__(*args)
            self.load_state_dict(self.state)

    monkeypatch.setattr(module, "Loop", Storing)
    result = fit()
    assert len(states) > 3
    monkeypatch.setattr(module, "Loop", Resuming)
    for Resuming.state in states:
        yield result, fit()


def test_a_state_is_a_copy():
    """Neither further training nor another loop that goes on from it changes it."""
    loop = looped(Counting(4), max_epochs=2)
    state = loop.state_dict()
    for _ in range(2):
        task = Counting(4)
        settings = Bunch(batch_size=2, patience=2)
        other = Loop(task, torch.Generator(), settings, max_epochs=3)
        other.load_state_dict(state)
        other.epoch(Silent())
        assert len(other.history) == 3
        assert task.number == 6
        assert len(state["history"]) == 2
    assert loop.task.number == 4


SMALL = {"embedding_dim": 4, "hidden": (8,)}
RANKERS = {
    "adamw": MLPRanker(MLP(**SMALL), optimizer="adamw"),
    "sgd": MLPRanker(MLP(**SMALL), optimizer="sgd", averaging=0.0),
    "adversary": DCNRanker(adversary_weight=0.1),
    "history": DINRanker(DIN(history_length=3, **SMALL), validation_fraction=0),
    "patience": MLPRanker(MLP(**SMALL), patience=1, learning_rate=0.02, max_epochs=30),
}


@pytest.mark.parametrize("kind", RANKERS)
def test_a_ranker_that_is_resumed_ends_as_if_it_had_not_been_interrupted(
    monkeypatch, small, kind
):
    """After any epoch, on a freshly made task, bit by bit."""
    ranker = clone(RANKERS[kind]).set_params(batch_size=64, random_state=0)
    if kind != "patience":
        ranker.set_params(max_epochs=5)

    def fit():
        ranker.fit(small.data, small.preference)
        return ranker.predict(small.data), ranker.history_

    for expected, found in interrupted_everywhere(monkeypatch, _training, fit):
        np.testing.assert_array_equal(found[0], expected[0])
        assert found[1] == expected[1]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "sgd", "averaging": 0.0, "warmup_epochs": 0},
        {"warmup_epochs": 2, "validation_users": 3, "steps_per_move": 4},
    ],
)
def test_a_label_that_is_resumed_ends_as_if_it_had_not_been_interrupted(
    monkeypatch, small, options
):
    """Label and ranker alike, also where the label has not moved yet."""
    ranker = MLPRanker(MLP(**SMALL), batch_size=64, max_epochs=4)
    crafter = LabelCrafter(
        ranker, k=3, starts=[(0, 1, 1)], learning_rate=0.05, random_state=0
    ).set_params(**options)

    def fit():
        crafter.fit(small.frame)
        labels = crafter.transform(small.frame)
        return labels, crafter.ranker_.predict(small.data), crafter.history_

    for expected, found in interrupted_everywhere(monkeypatch, _craft, fit):
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
        assert found[2] == expected[2]
