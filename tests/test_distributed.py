"""Several processes take the steps of one, and fail as one."""

import os
import pickle
import re
import socket
import subprocess
import sys
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ranks
import torch
from sklearn.base import clone

from sklabelcraft._batches import Batch
from sklabelcraft._parquet import StoredLog
from sklabelcraft.training import (
    RankerSteps,
    _distributed,
    check_agreed,
    fingerprint,
    without_addresses,
)
from sklabelcraft.training._distributed import ALONE, Alone, processes

TOLERANCE = {"float64": 1e-12, "float32": 1e-6}
CASES = [(name, "float64") for name in ranks.ESTIMATORS]
CASES += [(name, "float32") for name in ranks.FLOAT32]


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


def environment(**values):
    root = Path(__file__).resolve().parents[1]
    single = dict.fromkeys(["OMP_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    return os.environ | single | {"PYTHONPATH": str(root)} | values


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """What the processes leave that play a scenario, by their number."""

    @cache
    def play(scenario, size):
        folder, port = tmp_path_factory.mktemp(scenario), free_port()
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        shared["WORLD_SIZE"] = str(size)
        command = [sys.executable, ranks.__file__, scenario, str(folder)]
        started = [
            subprocess.Popen(command, env=environment(**shared, RANK=str(rank)))
            for rank in range(size)
        ]
        try:
            codes = [process.wait(timeout=240) for process in started]
        finally:
            for process in started:
                process.kill()
        return codes, left_in(folder)

    return play


def left_in(folder):
    """What the processes left, one after the other."""
    return [pickle.loads(path.read_bytes()) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def alone():
    """What one process learns."""
    return cache(ranks.fitted)


@pytest.mark.parametrize(("name", "precision"), CASES)
@pytest.mark.parametrize("size", [2, 3])
def test_any_number_of_processes_learns_the_same(played, alone, size, name, precision):
    """Weights, scores, labels and losses, to the precision of the sums."""
    codes, found = played("fits", size)
    assert codes == [0] * size
    for learned in found:
        for what, values in learned[name, precision].items():
            expected = alone(name, precision)[what]
            assert values.dtype == expected.dtype
            limit = TOLERANCE[precision] * max(1, np.abs(expected).max())
            assert np.abs(values - expected).max() <= limit, what


@pytest.mark.parametrize("size", [2, 3])
def test_processes_learn_bit_by_bit_what_the_others_learn(played, size):
    """So that none takes a turn of its own."""
    _, (first, *others) = played("fits", size)
    for other in others:
        for case, learned in first.items():
            for what, values in learned.items():
                np.testing.assert_array_equal(other[case][what], values)


def test_labels_have_moved(alone):
    """Or else there would be nothing to compare."""
    for name in ("label, MLP", "label, DIN, floor", "label, few"):
        assert np.abs(alone(name, "float64")["label correction.2.weight"]).max() > 1e-3


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("rows", "number of training rows: 1080 in process 0, 1079 in process 1"),
        ("labels", "differ in labels of training rows: "),
        ("parameters", "differ in learning_rate: 0.2 in process 0, 0.1 in process 1"),
        ("state", r"differ in initial weights \(random_state\): "),
        ("dropout", "drops out at random must be trained by one process"),
        ("diverging", "training diverged in epoch 0"),
    ],
)
def test_what_cannot_be_is_the_same_error_in_all(played, what, message):
    """It names what differs, and nothing half-fitted is left."""
    codes, found = played("failures", 2)
    assert codes == [0, 0]
    for ended in found:
        kind, told = ended[what]["error"]
        assert kind == "ValueError"
        assert re.search(message, told)
        assert not ended[what]["left"]
    assert len({ended[what]["error"] for ended in found}) == 1


@pytest.mark.parametrize(
    ("what", "message", "collected"),
    [
        ("raising", "this one has its reasons", "while gradients"),
        ("invalid", "Input y contains infinity", "while summaries of the data"),
    ],
)
def test_an_error_in_one_process_ends_the_others(played, what, message, collected):
    """Within seconds, with an error that says what they waited for."""
    _, (waiting, failing) = played("failures", 2)
    assert message in failing[what]["error"][1]
    kind, told = waiting[what]["error"]
    assert kind == "RuntimeError"
    assert told.startswith("another process has ended")
    assert collected in told
    assert waiting[what]["seconds"] < 10
    assert not waiting[what]["left"] | failing[what]["left"]


def test_a_process_that_is_killed_ends_the_others(played):
    """Within seconds, with an error."""
    codes, (waiting,) = played("death", 2)
    assert codes == [0, -9]
    assert waiting["error"][1].startswith("another process has ended")
    assert waiting["seconds"] < 10
    assert not waiting["left"]


def test_without_a_random_state_the_first_process_draws_for_all(played):
    """They learn the same."""
    _, (first, second) = played("failures", 2)
    np.testing.assert_array_equal(first["unseeded"], second["unseeded"])


def test_all_stop_where_a_callback_of_one_asks_to(played):
    """After the same epoch."""
    _, found = played("failures", 2)
    assert [ended["epochs"] for ended in found] == [1, 1]


def test_a_group_of_the_user_is_used_and_left_alone(played, alone):
    """It serves a fit like our own, and further on."""
    _, found = played("failures", 2)
    expected = alone("MLP", "float32")["scores"][:, 0]
    for ended in found:
        assert ended["still there"]
        np.testing.assert_allclose(ended["own group"], expected, atol=1e-6)


def test_torchrun_starts_a_fit_again(tmp_path):
    """The processes find each other anew, and take the steps that were left.

    One of them is killed in its 15th step, after both have saved the one before.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "--max-restarts", "1", ranks.__file__]
    left, saved = tmp_path / "left", environment(CHECKPOINT=str(tmp_path / "saved"))
    left.mkdir()
    ended = subprocess.run(
        [*command, "restart", str(left)],
        env=saved,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    for found in left_in(left):
        assert found["attempt"] == "1"
        assert found["n_calls"] == found["of whole"] - 14
        np.testing.assert_array_equal(found["scores"], found["whole"])


def test_another_number_of_processes_goes_on(played, tmp_path, monkeypatch):
    """From what one has saved, and one from what two have."""
    monkeypatch.setenv("CHECKPOINT", str(tmp_path))
    whole = ranks.gone_on(tmp_path / "whole")
    begun = ranks.saving(tmp_path / "theirs", ranks.Failing(ranks.fail))
    ended = ranks.attempted(begun)
    assert ended["error"] == ("ValueError", "this one has its reasons")
    codes, found = played("resumed", 2)
    assert codes == [0, 0]
    for each in (*found, ranks.gone_on(tmp_path / "ours")):
        assert each["n_calls"] < whole["n_calls"]
        np.testing.assert_allclose(each["scores"], whole["scores"], rtol=0, atol=1e-12)


def test_one_process_has_everything():
    """It is given back what it gives, and no collective is called."""
    values = torch.rand(5, 2)
    assert ALONE.total([values], "values")[0] is values
    assert ALONE.total_through(values, "values") is values
    assert ALONE.share(5) == slice(0, 5)
    assert ALONE.mean(values, 5) == values.mean()
    assert ALONE.gather([1], "numbers") == [1]
    assert not ALONE.agreed(False)
    with processes() as group:
        assert group is ALONE


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_shares_are_all_there_is(n):
    """One after the other, and none larger by more than one row."""
    group = Alone()
    group.size, found = 3, []
    for group.rank in range(3):
        found.append(list(range(n)[group.share(n)]))
    assert list(chain(*found)) == list(range(n))
    assert max(map(len, found)) - min(map(len, found)) <= 1


def test_workers_of_joblib_are_on_their_own(monkeypatch):
    """Though they inherit the environment that torchrun has set."""
    for name in _distributed.STARTED:
        monkeypatch.setenv(name, "2")
    monkeypatch.setattr(_distributed.multiprocessing, "parent_process", object)
    with processes() as group:
        assert group is ALONE


class Pretended(Alone):
    """Processes that have summaries and notes what is summed."""

    size = 2

    def __init__(self, *others):
        self.others, self.sent = others, []

    def gather(self, items, what):
        return [*items, *self.others]

    def mean(self, values, n):
        return values.mean()

    def total(self, tensors, what):
        self.sent.append(sum(tensor.nbytes for tensor in tensors))
        return tensors


def test_what_differs_is_named():
    """Also where a process has nothing of that name; addresses say nothing."""
    check_agreed(Pretended({"loss": "<f>"}), {"loss": "<f at 0x7f12>"})
    check_agreed(ALONE, {"files": 1})
    with pytest.raises(ValueError, match="files: a in process 0, b in process 1"):
        check_agreed(Pretended({"files": "b"}), {"files": "a"})
    with pytest.raises(ValueError, match="files: nothing in process 0, b in process 1"):
        check_agreed(Pretended({"n": "1", "files": "b"}), {"n": 1})


def test_files_that_differ_between_processes_are_named(tmp_path):
    """By what they hold, and where a process lacks one."""
    told = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("a", "b") if number == 1 else ("a", "b", "c"):
            value = number if name == "b" else 0
            pq.write_table(pa.table({"n": [value]}), folder / f"{name}.parquet")
        told.append(StoredLog(folder).summary())
    check_agreed(Pretended(told[0]), dict(told[0]))
    with pytest.raises(ValueError, match=r"differ in b\.parquet: 1 rows in \d+ bytes"):
        check_agreed(Pretended(told[1]), told[0])
    told[1]["b.parquet"] = told[0]["b.parquet"]
    with pytest.raises(ValueError, match=r"c\.parquet: nothing in process 0, 1 rows"):
        check_agreed(Pretended(told[1]), told[0])


def test_addresses_of_objects_differ_and_do_not_count():
    """However a system writes them."""
    texts = [f"<function loss at 0x{address}>" for address in ("7f3ac0", "00007F3AC0")]
    assert {without_addresses(text) for text in texts} == {"<function loss>"}


def test_a_fingerprint_tells_values_and_shapes_apart():
    """Equal tensors have equal ones."""
    values = torch.arange(6.0)
    assert fingerprint([values]) == fingerprint([values.clone()])
    others = [values + 1], [values.view(2, 3)], [values[:0]], [values.double()]
    assert len({fingerprint(other) for other in [[values], *others]}) == 5


def test_what_is_sent_does_not_grow_with_the_vocabulary():
    """It is as many numbers as the touched rows have, and the rest of the network."""
    sent = {}
    for size in (10, 10_000):
        settings = clone(ranks.MLP_RANKER).settings()
        module = settings.network([size, size], 0, 1, ())
        steps = RankerSteps(module, (), 1, settings, Pretended())
        none = torch.zeros(2, 0, dtype=torch.int64)
        codes = torch.tensor([[1, 2], [1, 3]])
        past = none[:0], none, none.float(), torch.arange(2)
        (batch,) = steps.start(Batch(codes, none.float(), *past))
        steps.finish(steps.score(batch).mean())
        sent[size] = steps.group.sent
        rest = sum(p.numel() for n, p in module.named_parameters() if "table" not in n)
    assert sent[10] == sent[10_000] == [4 * (3 * 4 + rest + 1)]
