"""A fit that was killed goes on where it was, bit by bit."""

import errno
import multiprocessing
import os
import pickle
import time
from pathlib import Path

import killed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.base import clone

from sklabelcraft import D2Q, LabelCraftRecommender
from sklabelcraft.training import Checkpoint

FILE = "checkpoint.pt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The log in row groups of 40 rows, of which a window holds two."""
    to = tmp_path_factory.mktemp("log")
    table = pa.Table.from_pandas(killed.FRAME, preserve_index=False)
    for i, start in enumerate(range(0, len(table), 160)):
        part = table[start : start + 160]
        pq.write_table(part, to / f"{i}.parquet", row_group_size=40)
    return to


@pytest.fixture(scope="module")
def processes():
    """Starts processes in a blink that have all imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sklabelcraft.datasets"])
    return context


def assert_equal(one, other):
    first, second = killed.learned(one), killed.learned(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(second[name], value), name
    assert one.history_ == other.history_


class Killed(BaseException):
    """As if the process had ended."""


@pytest.fixture
def dies(monkeypatch):
    """Ends a fit after some number of saves; says whether there were so many."""
    save = Checkpoint.save

    def ended(fit, n_saves):
        left = iter(range(n_saves - 1))

        def saving(self):
            save(self)
            if next(left, None) is None:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "save", saving)
            try:
                fit()
            except Killed:
                return True
        return False

    return ended


@pytest.mark.parametrize("every", [None, 3])
@pytest.mark.parametrize("files", [False, True], ids=["memory", "files"])
@pytest.mark.parametrize("kind", killed.ESTIMATORS)
def test_a_fit_that_ends_after_any_save_goes_on(
    dies, folder, tmp_path, kind, files, every
):
    """At an epoch, in a window, and again after it has gone on; nothing is left."""
    data = folder if files else None
    expected = killed.fitted(killed.estimator_of(kind), data)
    saves = {None: (1,), 3: (2, 5)}[every]
    for n_saves in saves:
        estimator = killed.estimator_of(kind, tmp_path, every)
        before = set(vars(estimator))
        assert dies(lambda e=estimator: killed.fitted(e, data), n_saves)
        assert set(vars(estimator)) == before
    found = killed.fitted(killed.estimator_of(kind, tmp_path, every), data)
    assert_equal(found, expected)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    ("kind", "files"),
    [("MLP", False), ("DIN", True), ("dropout", False), ("two starts", True)],
)
def test_a_process_that_is_killed_goes_on(processes, folder, tmp_path, kind, files):
    """By SIGKILL, at random moments; what is saved can be read at any."""
    data, rng = folder if files else None, np.random.default_rng(len(kind))
    begun = time.monotonic()
    expected = killed.fitted(killed.estimator_of(kind), data)
    lasts = 2 * (time.monotonic() - begun)
    for _ in range(2):
        started = processes.Event()
        arguments = kind, data, tmp_path, 1, started
        process = processes.Process(target=killed.fit, args=arguments)
        process.start()
        assert started.wait(60)
        time.sleep(rng.uniform(0, lasts))
        process.kill()
        process.join()
        assert process.exitcode in (0, -9)
        if (tmp_path / FILE).exists():
            torch.load(tmp_path / FILE, weights_only=True)
    found = killed.fitted(killed.estimator_of(kind, tmp_path, 1), data)
    assert_equal(found, expected)


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_what_was_saved_before(monkeypatch, tmp_path, call, n):
    """The fit ends with its error, is as it was, and goes on from there."""
    expected = killed.fitted(killed.estimator_of("MLP"))
    owner = {"fsync": os, "replace": Path}[call]
    work, left = getattr(owner, call), iter(range(n - 1))

    def failing(*given):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "no space left", str(tmp_path))
        return work(*given)

    estimator = killed.estimator_of("MLP", tmp_path, 1)
    before = set(vars(estimator))
    with monkeypatch.context() as patch:
        patch.setattr(owner, call, failing)
        with pytest.raises(OSError, match="no space left"):
            killed.fitted(estimator)
    assert set(vars(estimator)) == before
    assert (tmp_path / FILE).exists() == (n > 1)
    assert_equal(killed.fitted(estimator), expected)


def test_a_fit_that_is_over_is_taken_as_it_is(dies, tmp_path):
    """Called again it learns nothing more; another fit may take its place."""
    first = killed.fitted(killed.estimator_of("MLP", tmp_path))
    assert not dies(lambda: killed.fitted(killed.estimator_of("MLP", tmp_path)), 1)
    assert_equal(killed.fitted(killed.estimator_of("MLP", tmp_path)), first)
    other = killed.estimator_of("DIN", tmp_path)
    assert_equal(killed.fitted(other), killed.fitted(killed.estimator_of("DIN")))


OTHERS = {
    "parameters": lambda path: killed.fitted(
        killed.estimator_of("MLP", path).set_params(learning_rate=0.1)
    ),
    "class": lambda path: killed.fitted(killed.estimator_of("DIN", path)),
    "rows": lambda path: killed.estimator_of("MLP", path).fit(
        killed.FRAME[1:], killed.FRAME["label"][1:]
    ),
    "labels": lambda path: killed.estimator_of("MLP", path).fit(
        killed.FRAME, -killed.FRAME["label"]
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_fit_does_not_go_on_with_another(dies, tmp_path, what):
    """While that is not over, it is neither taken nor lost."""
    assert dies(lambda: killed.fitted(killed.estimator_of("MLP", tmp_path)), 1)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of another fit, with"):
        OTHERS[what](tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
    expected = killed.fitted(killed.estimator_of("MLP"))
    assert_equal(killed.fitted(killed.estimator_of("MLP", tmp_path)), expected)


def test_labels_in_files_tell_fits_apart(dies, folder, tmp_path):
    """By what they are, wherever they come from, if nothing else differs."""
    ranker = killed.estimator_of("MLP", tmp_path).set_params(validation_fraction=0)
    assert dies(lambda: clone(ranker).fit(folder, "label"), 1)
    with pytest.raises(ValueError, match="is of another fit"):
        clone(ranker).fit(folder, "watch_time")
    ranker.set_params(checkpoint=tmp_path / "other")
    recommend = {n: LabelCraftRecommender(D2Q(n_groups=n), ranker) for n in (3, 5)}
    assert dies(lambda: recommend[3].fit(folder), 1)
    with pytest.raises(ValueError, match="is of another fit"):
        recommend[5].fit(folder)


def test_the_same_day_again_is_another_fit(tmp_path):
    """Further rows are learned from, though they were in the fit before."""
    ranker = killed.estimator_of("MLP").set_params(validation_fraction=0)
    ranker.set_params(columns=None)
    X, y = killed.LOG.data[["user_id", "item_id"]], killed.LOG.preference
    saving = clone(ranker).set_params(checkpoint=tmp_path)
    for one in (ranker, saving):
        one.set_params(columns=killed.Columns(duration=None))
        one.fit(X, y).partial_fit(X, y).partial_fit(X, y)
    assert_equal(saving, ranker)


def test_a_day_that_is_killed_goes_on(dies, tmp_path):
    """From the estimator as it was stored the day before."""
    for kind in ("MLP", "two starts"):
        y = () if kind == "two starts" else (killed.FRAME["label"],)
        days = [[part[:200] for part in (killed.FRAME, *y)]]
        days += [[part[200:] for part in (killed.FRAME, *y)]]
        expected = killed.estimator_of(kind).fit(*days[0]).partial_fit(*days[1])
        fresh = killed.estimator_of(kind, tmp_path / kind, 1).fit(*days[0])
        stored = pickle.dumps(fresh)
        assert dies(lambda e=fresh, day=days[1]: e.partial_fit(*day), 5)
        assert_equal(fresh, pickle.loads(stored))
        again = pickle.loads(stored)
        assert_equal(again.partial_fit(*days[1]), expected)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", {"a": 1}, [1], torch.nn.Linear(1, 1), "half"],
    ids=["empty", "text", "other", "list", "module", "half"],
)
def test_what_is_no_checkpoint_is_named(tmp_path, content):
    """Neither overwritten nor taken for one."""
    path = tmp_path / FILE
    killed.fitted(killed.estimator_of("MLP", tmp_path))
    if content == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    before, ranker = path.read_bytes(), killed.estimator_of("MLP", tmp_path)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is no checkpoint that can"):
        killed.fitted(ranker)
    assert path.read_bytes() == before
    assert not hasattr(ranker, "model_")


def test_a_folder_is_needed_that_can_be_written_to(tmp_path):
    """It is said before anything is learned."""
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file" / "in it"):
        ranker = killed.estimator_of("MLP", path).set_params(loss=pytest.fail)
        with pytest.raises(ValueError, match="must be a folder that can be written to"):
            killed.fitted(ranker)
        assert not hasattr(ranker, "model_")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_home_may_be_written_in_short(tmp_path, monkeypatch):
    """As with other paths."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    killed.fitted(killed.estimator_of("MLP", "~/saved"))
    assert [path.name for path in (tmp_path / "saved").iterdir()] == [FILE]


def test_half_a_file_beside_is_no_matter(dies, tmp_path):
    """As a process leaves it that is killed while it writes."""
    expected = killed.fitted(killed.estimator_of("MLP"))
    (tmp_path / "checkpoint.new").write_bytes(b"half")
    assert dies(lambda: killed.fitted(killed.estimator_of("MLP", tmp_path, 5)), 3)
    (tmp_path / "checkpoint.new").write_bytes(b"half")
    assert_equal(killed.fitted(killed.estimator_of("MLP", tmp_path, 5)), expected)


def test_a_fit_without_a_random_state_goes_on(dies, folder, tmp_path):
    """With the numbers that were drawn when it began: in the order of that seed."""

    def fit(every):
        ranker = killed.estimator_of("MLP", tmp_path, every)
        return killed.fitted(ranker.set_params(random_state=None), folder)

    assert dies(lambda: fit(1), 20)
    torch.load(tmp_path / FILE, weights_only=True)
    first = (tmp_path / FILE).read_bytes()
    found = [fit(1)]
    (tmp_path / FILE).write_bytes(first)
    found.append(fit(1))
    assert_equal(*found)


def test_how_often_needs_a_folder():
    """Or else it could not act."""
    with pytest.raises(ValueError, match="every=3 needs a folder as checkpoint"):
        killed.fitted(killed.estimator_of("MLP", None, 3))
