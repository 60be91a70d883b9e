"""The files of a save are always those of one, whatever ends the next one."""

import errno
import multiprocessing
import os
import resource
import shutil
import sys
import time

import numpy as np
import pytest
from saves import LOG, differences, files_of

from sklabelcraft import ConditionalCDF, LabelCrafter, WatchTime
from sklabelcraft._saved import _folder
from sklabelcraft._saved._folder import ARRAYS, ASIDE, CONFIG, SAVING
from sklabelcraft.persistence import load, save

OLD, NEW = WatchTime(quantile=0.5), ConditionalCDF(by="item")


@pytest.fixture(scope="module")
def pair():
    """Two estimators, of which the one is saved in the place of the other."""
    return OLD.fit(LOG.frame), NEW.fit(LOG.frame)


def test_a_save_is_two_files(pair, tmp_path):
    """Also when it has taken the place of another one."""
    for estimator in pair:
        save(estimator, tmp_path / "new" / "folder")
        assert files_of(tmp_path / "new" / "folder") == [CONFIG, ARRAYS]
        assert not differences(estimator, load(tmp_path / "new" / "folder"))


def test_what_else_lies_in_the_folder_stays(pair, tmp_path):
    """Also where its name says what happens."""
    other = tmp_path / "saving" / "mine.txt"
    other.parent.mkdir()
    other.write_text("mine")
    save(pair[0], tmp_path)
    assert other.read_text() == "mine"


def test_both_files_can_be_read_by_the_same_users(pair, tmp_path):
    """Those of the folder, whatever wrote them."""
    save(pair[0], tmp_path)
    modes = {(tmp_path / name).stat().st_mode for name in (CONFIG, ARRAYS)}
    (tmp_path / "other").touch()
    assert modes == {(tmp_path / "other").stat().st_mode}


class Snapshots:
    """Copies of a folder before each line of the code that writes it."""

    def __init__(self, folder, to):
        self.folder, self.to, self.n = folder, to, 0

    def __call__(self, frame, event, _):
        if frame.f_code.co_filename != _folder.__file__:
            return None
        if event == "line" and self.folder.exists():
            shutil.copytree(self.folder, self.to / str(self.n))
            self.n += 1
        return self


@pytest.fixture
def snapshots(tmp_path):
    """Saves, and returns what a kill would have left at each line."""

    def taken(estimator, folder):
        to = tmp_path / "snapshots"
        tracing, trace = sys.gettrace(), Snapshots(folder, to)
        sys.settrace(trace)
        try:
            save(estimator, folder)
        finally:
            sys.settrace(tracing)
        return [to / str(i) for i in range(trace.n)]

    return taken


def test_a_save_that_is_killed_leaves_the_old_or_the_new(pair, tmp_path, snapshots):
    """Whichever line it had come to, and the next save cleans up."""
    old, new = pair
    save(old, tmp_path / "saved")
    left = snapshots(new, tmp_path / "saved")
    names = [files_of(folder) for folder in left]
    assert [CONFIG, ASIDE, ARRAYS, SAVING] in names
    is_new = [not differences(new, load(folder)) for folder in left]
    assert is_new == sorted(is_new)
    for folder, known in zip(left, is_new, strict=True):
        assert known or not differences(old, load(folder))
        save(old, folder)
        assert files_of(folder) == [CONFIG, ARRAYS]
        assert not differences(old, load(folder))


def test_a_save_after_a_kill_may_be_killed_as_well(pair, tmp_path, snapshots):
    """What the first kill left aside is not lost by the second."""
    old, new = pair
    save(old, tmp_path / "saved")
    left = snapshots(new, tmp_path / "saved")
    names = [CONFIG, ASIDE, SAVING]
    aside = next(folder for folder in left if files_of(folder) == names)
    assert not differences(old, load(aside))
    shutil.copytree(aside, tmp_path / "again")
    shutil.rmtree(tmp_path / "snapshots")
    for folder in snapshots(new, tmp_path / "again"):
        assert any(not differences(each, load(folder)) for each in pair)


def test_a_first_save_that_is_killed_leaves_nothing_or_all(pair, tmp_path, snapshots):
    """Nothing is to be loaded before all is there."""
    for folder in snapshots(pair[0], tmp_path / "saved"):
        if CONFIG in files_of(folder):
            assert not differences(pair[0], load(folder))
        else:
            with pytest.raises(FileNotFoundError):
                load(folder)


CALLS = ["open", "fsync", "replace", "rename", "unlink", "fstat", "mkdir", "rmdir"]
CALLS = [(os, name) for name in (*CALLS, "chmod")]
CALLS += [(_folder, "save_file"), (_folder.hashlib, "file_digest")]


class Faults:
    """Calls of the system that fail, from the n-th on or that one alone."""

    def __init__(self):
        self.calls, self.failing = 0, range(0)

    def set(self, failing):
        self.calls, self.failing = 0, failing

    def around(self, call):
        def counted(*args, **options):
            self.calls += 1
            if self.calls in self.failing:
                raise OSError(errno.ENOSPC, "No space left on device")
            return call(*args, **options)

        return counted


@pytest.fixture
def faults(monkeypatch):
    """Calls that write, and may be made to fail."""
    made = Faults()
    for module, name in CALLS:
        monkeypatch.setattr(module, name, made.around(getattr(module, name)))
    return made


def error_of_a_save(estimator, folder):
    try:
        save(estimator, folder)
    except OSError as error:
        return error
    return None


@pytest.mark.parametrize("lasting", [False, True])
def test_a_write_that_fails_leaves_the_old_or_the_new(lasting, pair, tmp_path, faults):
    """Whichever it is; the error names the folder, and the next save cleans up."""
    old, new = pair
    kept_old, n = 0, 0
    while n == 0 or faults.calls >= n:
        faults.set(range(0))
        save(old, tmp_path)
        assert files_of(tmp_path) == [CONFIG, ARRAYS]
        n += 1
        faults.set(range(n, 1000 if lasting else n + 1))
        error = error_of_a_save(new, tmp_path)
        n_calls = faults.calls
        faults.set(range(0))
        found = load(tmp_path)
        is_old = not differences(old, found)
        kept_old += is_old
        assert is_old or not differences(new, found)
        assert error is None or tmp_path.name in str(error)
        faults.calls = n_calls
    assert kept_old > 10
    assert error is None


@pytest.mark.parametrize("limit", [0, 7, 100, 4000, 10_000])
def test_a_file_that_cannot_grow_leaves_the_old(limit, pair, tmp_path):
    """As on a disk that is full; the error names the folder."""
    save(pair[0], tmp_path)
    size = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, size[1]))
    try:
        with pytest.raises(OSError, match=tmp_path.name):
            save(pair[1], tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, size)
    assert files_of(tmp_path) == [CONFIG, ARRAYS]
    assert not differences(pair[0], load(tmp_path))


def save_without_end(estimators, folder, started):
    """Save one after the other; to be killed at any moment."""
    while True:
        for estimator in estimators:
            save(estimator, folder)
            started.set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_kills_leave_the_old_or_the_new(pair, tmp_path):
    """Real ones, at random moments."""
    context, rng = multiprocessing.get_context("fork"), np.random.default_rng(0)
    for _ in range(10):
        started = context.Event()
        process = context.Process(
            target=save_without_end, args=(pair, tmp_path, started)
        )
        process.start()
        assert started.wait(60)
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.join()
        found = load(tmp_path)
        assert any(not differences(each, found) for each in pair)


def test_two_saves_into_one_folder_do_not_mix(pair, tmp_path, monkeypatch):
    """The second is told of the first."""
    write = _folder._write_new

    def writing(*args):
        monkeypatch.setattr(_folder, "_write_new", write)
        with pytest.raises(BlockingIOError, match="another save"):
            save(pair[0], tmp_path)
        write(*args)

    monkeypatch.setattr(_folder, "_write_new", writing)
    save(pair[1], tmp_path)
    assert not differences(pair[1], load(tmp_path))


def test_a_reader_sees_one_save_while_another_is_written(pair, tmp_path, monkeypatch):
    """It begins again if the one that it reads is replaced in the meantime."""
    save(pair[0], tmp_path)
    read = _folder._read_its_arrays

    def reading(*args):
        monkeypatch.setattr(_folder, "_read_its_arrays", read)
        save(pair[1], tmp_path)
        return read(*args)

    monkeypatch.setattr(_folder, "_read_its_arrays", reading)
    assert not differences(pair[1], load(tmp_path))


def test_more_than_a_save_can_describe_is_refused(pair, tmp_path, monkeypatch):
    """When it is saved; what was there before stays."""
    save(pair[0], tmp_path)
    monkeypatch.setattr(_folder, "LARGEST_HEADER", 100)
    with pytest.raises(ValueError, match="use joblib"):
        save(pair[1], tmp_path)
    assert files_of(tmp_path) == [CONFIG, ARRAYS]
    assert not differences(pair[0], load(tmp_path))


def test_what_could_not_be_loaded_is_not_saved(pair, tmp_path):
    """Such as a parameter that is nested deeper than a config may be."""
    nested = []
    for _ in range(70):
        nested = [nested]
    save(pair[0], tmp_path)
    with pytest.raises(ValueError, match="nested deeper"):
        save(LabelCrafter(objective_weights=nested), tmp_path)
    assert not differences(pair[0], load(tmp_path))
