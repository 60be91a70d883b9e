"""The files of a save: always those of one, and refused if they are not as saved."""

import copy
import errno
import multiprocessing
import os
import resource
import shutil
import sys
import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial

import numpy as np
import pandas as pd
import pytest
import saves
from hypothesis import given, settings
from hypothesis import strategies as st
from saves import LOG, content_of, differences, files_of, learned, write_content
from sklearn.base import clone

from sklabelcraft import ConditionalCDF, KneeScaler, LabelCrafter, WatchTime
from sklabelcraft._saved import _folder
from sklabelcraft._saved._arrays import Values
from sklabelcraft._saved._folder import ARRAYS, ASIDE, CONFIG, SAVING
from sklabelcraft._saved._json import parse
from sklabelcraft._saved._plain import Plain
from sklabelcraft._saved._trees import Reading, Writing
from sklabelcraft.persistence import load, save

OLD, NEW = WatchTime(quantile=0.5), ConditionalCDF(by="item")


@pytest.fixture(scope="module")
def pair():
    """Two estimators, of which the one is saved in the place of the other."""
    return OLD.fit(LOG.frame), NEW.fit(LOG.frame)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of saves by name; nobody may change them."""
    folder = tmp_path_factory.mktemp("saved")
    crafter = clone(saves.LABELERS["LabelCraft"]).set_params(random_state=3)
    estimators = {
        "ranker": saves.RANKERS["adversary"],
        "past": saves.DIN_RANKER,
        "crafter": crafter,
        "groups": saves.LABELERS["CDF by two"],
        "fused": saves.FUSED,
    }
    for name, estimator in estimators.items():
        save(learned(clone(estimator)), folder / name)
    scaler = KneeScaler().fit(LOG.frame[["watch_time", "duration"]])
    random = LabelCrafter(random_state=np.random.RandomState(0))
    others = {"random": random, "union": saves.UNION, "scaler": scaler}
    for name, estimator in others.items():
        save(estimator, folder / name)
    return folder


@pytest.fixture
def changed(saved, tmp_path):
    """Changes a content and arrays, with digests that are right; returns the folder."""

    def change(name, function):
        content, arrays = content_of(saved / name)
        function(content, arrays)
        write_content(tmp_path, content, arrays)
        return tmp_path

    return change


# what lies in the folder


def test_a_save_is_two_files(pair, tmp_path):
    """Also when it has taken the place of another one."""
    for estimator in pair:
        save(estimator, tmp_path / "new" / "folder")
        assert files_of(tmp_path / "new" / "folder") == [CONFIG, ARRAYS]
        assert not differences(estimator, load(tmp_path / "new" / "folder"))


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


# what is no save


@pytest.mark.parametrize("name", [CONFIG, ARRAYS])
def test_any_flipped_bit_is_refused(name, pair, tmp_path):
    """Wherever it is."""
    save(pair[0], tmp_path)
    raw = (tmp_path / name).read_bytes()
    for place in range(0, len(raw), max(1, len(raw) // 200)):
        flipped = bytearray(raw)
        flipped[place] ^= 1 << place % 8
        (tmp_path / name).write_bytes(flipped)
        with pytest.raises(ValueError, match=tmp_path.name):
            load(tmp_path)


@pytest.mark.parametrize("name", [CONFIG, ARRAYS])
@pytest.mark.parametrize("length", [0, 5, 8, 100, -1])
def test_a_cut_file_is_refused(name, length, pair, tmp_path):
    """However short it is."""
    save(pair[0], tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:length])
    with pytest.raises(ValueError, match=tmp_path.name):
        load(tmp_path)


@pytest.mark.parametrize("name", [CONFIG, ARRAYS])
def test_a_file_with_more_at_its_end_is_refused(name, pair, tmp_path):
    """Also if it is a blank."""
    save(pair[0], tmp_path)
    with (tmp_path / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ValueError, match=tmp_path.name):
        load(tmp_path)


@pytest.mark.parametrize("name", [CONFIG, ARRAYS])
@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "device", "loop"])
def test_what_is_no_file_is_refused(kind, name, pair, tmp_path):
    """Without waiting for it, or following it."""
    save(pair[0], tmp_path)
    path = tmp_path / name
    path.rename(tmp_path / "elsewhere")
    make = {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to(tmp_path / "elsewhere"),
        "device": lambda: path.symlink_to("/dev/zero"),
        "loop": lambda: path.symlink_to(path),
    }
    make[kind]()
    with pytest.raises(ValueError, match="must be a file"):
        load(tmp_path)


def test_what_is_not_there_is_told(pair, tmp_path):
    """A folder, its config, or its arrays."""
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(FileNotFoundError, match=folder.name):
            load(folder)
    save(pair[0], tmp_path)
    (tmp_path / ARRAYS).unlink()
    with pytest.raises(ValueError, match="is missing"):
        load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="must be a file"):
        load(tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"b": {"a": 1, "c": 0, "a": 1}}', "'a' stands twice"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1e999}', "beyond float64"),
        ('{"a": ' + "9" * 5000 + "}", "digits"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested deeper"),
        ('{"a": ' + "[" * 70 + "]" * 70 + "}", "nested deeper"),
        ("[1]", "must be an object"),
        ("{} {}", "Extra data"),
        ("", "Expecting value"),
        ('{"a": "\\ud800"', "Expecting"),
    ],
)
def test_json_is_read_strictly(text, what):
    """Each name once, finite numbers, and no deeper than a save is."""
    with pytest.raises(ValueError, match=what):
        parse(text.encode(), "this")


def test_json_of_other_bytes_is_refused():
    """Such as those of another encoding."""
    with pytest.raises(ValueError, match="utf-8"):
        parse('{"a": "é"}'.encode("latin-1"), "this")
    with pytest.raises(ValueError, match="not what a save holds"):
        parse('{"a": 1}'.encode("utf-16"), "this")


def at(tree, *way):
    """The node at the end of a way."""
    for name in way:
        tree = tree[name]
    return tree


def put(value, *way):
    """A change of the content that puts a value at the end of a way."""

    def change(content, arrays):
        at(content, "estimator", *way[:-1])[way[-1]] = value

    return change


def also(value, name):
    """A change of the content that adds a field."""
    return lambda content, arrays: content.update({name: value})


LEARNED = "learned", "model_"
ENCODER = *LEARNED, "encoder"
FIELDS = {
    "version": ("ranker", also(2, "version"), "version 1, got"),
    "format": ("ranker", also("pickle", "format"), "format 'sklabelcraft'"),
    "field": ("ranker", also(1, "more"), "without other fields"),
    "class": ("ranker", put("Popen", "is"), "one of"),
    "path of a class": ("ranker", put("os.system", "is"), "one of"),
    "no estimator": ("ranker", put("Numbers", "is"), "one of"),
    "another class": ("ranker", put("DINRanker", "is"), "network"),
    "parameter": ("ranker", put(1, "params", "more"), "params must be"),
    "attribute": ("ranker", put(1, "learned", "more"), "must be an object of"),
    "kind of a parameter": ("ranker", put([1], "params", "loss"), "loss"),
    "range": ("ranker", put(-1, "params", "learning_rate"), "learning_rate"),
    "part": ("ranker", put({"is": "Numbers"}, "params", "network"), "one of"),
    "same": ("ranker", put({"same": "learned"}, *ENCODER), "must be one of"),
    "itself": ("ranker", put({"same": "model_"}, *ENCODER), "must be one of"),
    "tag": ("ranker", put({"bytes": "00"}, "params", "loss"), "one of"),
    "function": ("ranker", put({"function": "exec"}, "params", "loss"), "one of"),
    "array": ("ranker", put({"tensor": "x"}, *LEARNED, "head_mean"), "an array"),
    "loss": ("ranker", put("eval", *LEARNED, "loss"), "one of"),
    "outputs": ("ranker", put(2**60, *LEARNED, "n_outputs"), "head_mean"),
    "rows": ("ranker", put(True, *ENCODER, "n_rows"), "whole number"),
    "features": ("ranker", put(["user_id"], *ENCODER, "features"), "features"),
    "length": ("past", put(0, *LEARNED, "history", "length"), "with"),
    "past": ("past", put({"tuple": [9]}, *LEARNED, "history", "columns"), "columns"),
    "no part": ("ranker", put(1, *ENCODER), r"one of \['Encoder'\]"),
    "no list": ("past", put(1, *LEARNED, "history", "_begun"), "a list"),
    "no pairs": ("past", put([1], *ENCODER, "ranks"), "a list of pairs"),
    "name twice": ("past", put("user_id", *ENCODER, "vocabularies", 1, 0), "twice"),
    "no texts": ("ranker", put({"objects": 1}, "learned", "feature_names_in_"), "name"),
    "no weights": ("ranker", put({"is": "MLPModule"}, *LEARNED, "module"), "by name"),
    "two tags": ("random", put({"a": 1, "b": 2}, "params", "k"), "of one field"),
    "tuple": ("random", put({"tuple": 1}, "params", "k"), "a list"),
    "dict": ("random", put({"dict": [1]}, "params", "k"), "pairs"),
    "names": (
        "random",
        put({"dict": [{"tuple": [1.5, 1]}]}, "params", "k"),
        "names, once each",
    ),
    "float": ("random", put({"float": "x"}, "params", "k"), "nan, inf or -inf"),
    "path": ("random", put({"path": "a\0"}, "params", "k"), "a path"),
    "device": ("random", put({"device": "a b"}, "params", "k"), "a device"),
    "no labelers": ("union", put([1], "params", "transformer_list"), "pairs of a name"),
    "labeler": (
        "union",
        put([{"tuple": ["a", 1]}], "params", "transformer_list"),
        "labelers",
    ),
    "jobs": ("union", put(10**6, "params", "n_jobs"), "None or up to"),
    "weights": ("union", put(1, "params", "transformer_weights"), "weights"),
    "position": ("random", put({"int64": 1e9}, "params", "k"), "int64"),
    "widths": ("random", put([0], "params", "hidden"), None),
    "objective": (
        "random",
        put([{"is": "Objective", "column": 1}], "params", "objectives"),
        "Objective|object of",
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_that_no_save_has_are_refused(name, changed):
    """Also if the digests are right."""
    kind, change, what = FIELDS[name]
    folder = changed(kind, change)
    if what is None:
        return
    with pytest.raises((ValueError, TypeError), match=what):
        load(folder)


def setting(name, value, *index):
    """A change of an entry of the array whose name ends like this."""

    def change(content, arrays):
        (found,) = [n for n in arrays if n.endswith(name)]
        arrays[found] = arrays[found].copy()
        arrays[found][index or ...] = value

    return change


def shaped(name, function):
    """A change of the shape or the type of an array."""

    def change(content, arrays):
        (found,) = [n for n in arrays if n.endswith(name)]
        arrays[found] = np.ascontiguousarray(function(arrays[found]))

    return change


def without(name):
    """A change that leaves arrays out."""

    def change(content, arrays):
        for found in [n for n in arrays if n.endswith(name)]:
            del arrays[found]

    return change


def shortened(name):
    """A change that leaves an array its first entry alone."""
    return shaped(name, lambda values: values[:1])


def dropped(*way):
    """A change that drops a node."""

    def change(content, arrays):
        del at(content, "estimator", *way[:-1])[way[-1]]

    return change


def emptied(*way):
    """A change that makes a vocabulary one that has not learned."""

    def change(content, arrays):
        at(content, "estimator", *way).update(values=[], missing_code=0)

    return change


def both(*changes):
    """Several changes."""

    def change(content, arrays):
        for each in changes:
            each(content, arrays)

    return change


NOBODY = {"is": "FrozenEstimator", "params": {"estimator": None}, "learned": {}}
FIRST = "learned", "recommenders_", 0, 1, "learned"
STATE = "learned", "training_state_"
MEMORY = *STATE, "memory"
VOCABULARY = *ENCODER, "vocabularies", 0, 1
HISTORY = *LEARNED, "history"
BY_IDS = "learned", "statistics_", "by_ids"
GROUPS = "learned", "groups_"
ENTRIES = {  # the save, what is changed in it, and what is said of that
    "code of the missing": ("ranker", put(99, *VOCABULARY, "missing_code"), "at most"),
    "no vocabulary": ("ranker", emptied(*VOCABULARY), "a vocabulary of"),
    "value twice": ("ranker", setting("vocabularies.0.values", 5), "distinct"),
    "kind of a value": ("ranker", setting("ies.2.values.kinds", 200, 0), "known kind"),
    "number of a text": (
        "ranker",
        setting("ies.2.values.kinds", 1, 0),
        "cannot be read",
    ),
    "ends of texts": (
        "ranker",
        setting("ies.2.values.ends", 10**9, 3),
        "after the other",
    ),
    "order of texts": (
        "ranker",
        setting("ies.2.values.ends", -5, 0),
        "after the other",
    ),
    "no UTF-8": ("ranker", setting("ies.2.values.texts", 255, 0), "UTF-8"),
    "fewer kinds": ("ranker", shortened("ies.2.values.kinds"), "of one size"),
    "type of kinds": (
        "ranker",
        shaped("ies.2.values.kinds", np.int64),
        "ends and kinds",
    ),
    "shape of ends": ("ranker", shaped("ies.2.values.ends", np.atleast_2d), "vectors"),
    "type of values": ("ranker", shaped("ies.0.values", np.float32), "of a type of"),
    "count": ("ranker", setting("occurrences.0.counts", 0, 0), ">= 1"),
    "sum of counts": ("ranker", setting("ces.0.counts", 2**62, slice(2)), "sum below"),
    "rank of an array": ("past", shaped("ranks.0.points", np.atleast_2d), "of shape"),
    "type of an array": ("past", shaped("ranks.0.points", np.float32), "of a type of"),
    "no text": ("ranker", setting("feature_names_in_.kinds", 8, 0), "texts"),
    "beyond 1": ("ranker", setting("memory.drawn", 2.0, 0), "<= 1"),
    "fewer users": (
        "ranker",
        both(shortened("users.values"), shortened("users.missing")),
        "users must be|[0-9] users",
    ),
    "unfitted ranker": (
        "crafter",
        put({}, "learned", "ranker_", "learned"),
        "of a fitted ranker",
    ),
    "unfitted part": (
        "fused",
        put({}, *FIRST, "ranker_", "learned"),
        "of a fitted",
    ),
    "no labeler": ("fused", put(NOBODY, *FIRST, "labeler_"), "of a labeler"),
    "no recommender": (
        "fused",
        put(NOBODY, "learned", "heads_", "recommenders", 0, 1),
        "a recommender",
    ),
    "fewer columns": ("scaler", dropped("learned", "statistics_", 1), "a list of"),
    "fewer counts": ("ranker", shortened("occurrences.0.counts"), "of shape"),
    "occurrences": ("ranker", dropped(*ENCODER, "occurrences", 0), "occurrences of"),
    "ranks": ("past", dropped(*ENCODER, "ranks", 0), "ranks of"),
    "numbers": ("past", dropped(*ENCODER, "numbers", 0), "ranks of"),
    "point": ("past", setting("ranks.0.points", np.nan, 0), "finite"),
    "order of points": ("past", setting("ranks.0.points", 1e9, 0), "rising"),
    "no points": ("past", shaped("ranks.0.points", lambda v: v[:0]), "of shape"),
    "row of the past": ("past", setting("history._store", 99999, 0), "rows of a past"),
    "negative row": ("past", setting("history._store", -1, 0), ">= 0"),
    "code of the past": ("past", setting("history._past", 9**9, 0, 0), "at most"),
    "columns of the past": ("past", shaped("y._past", lambda v: v[:, :1]), "columns"),
    "order of users": ("past", setting("history._users", 10**6, 0), "rising"),
    "order of times": ("past", setting("history._times", 2**62, 0), "sorted by user"),
    "users of the past": ("past", emptied(*HISTORY, "_vocabulary"), "a vocabulary of"),
    "no times": ("past", dropped(*HISTORY, "_times"), "with"),
    "place of a column": ("past", put({"tuple": [-1]}, *HISTORY, "columns"), "columns"),
    "weights' type": ("ranker", shaped("dense.0.weight", np.float64), "module must be"),
    "weights' shape": ("ranker", shaped("dense.0.weight", np.transpose), "no network"),
    "no weight": ("ranker", dropped(*LEARNED, "module", "dense.0.bias"), "no network"),
    "no weights": ("ranker", dropped(*LEARNED, "module", "dense.0.weight"), "network"),
    "table": ("ranker", shortened("module.embeddings.table.weight"), "no network"),
    "code in the memory": ("ranker", setting("rows.codes", 10**6, 0, 0), "at most"),
    "codes in the memory": ("ranker", shaped("s.codes", lambda v: v[:, :1]), "columns"),
    "numbers in the memory": (
        "past",
        shaped("rows.numeric", lambda v: v[:, :0]),
        "1 columns",
    ),
    "users in the memory": ("ranker", shortened("users.values"), "of shape|users"),
    "drawn": ("ranker", shortened("memory.drawn"), "numbers"),
    "rows seen": ("ranker", put(3, *MEMORY, "n_seen"), "rows or more"),
    "labels in the memory": (
        "ranker",
        shaped("memory.rows.columns.0", lambda values: values[:, 0]),
        "labels of",
    ),
    "no labels": ("ranker", dropped(*MEMORY, "rows", "columns", 0), "with '0'"),
    "no durations": ("ranker", dropped(*MEMORY, "rows", "columns", 1), "with '1'"),
    "last step": ("ranker", setting("ate_.optimizer.last.0", 2**30, 0), "steps"),
    "negative step": ("ranker", setting("ate_.optimizer.last.0", -1, 0), ">= 0"),
    "last steps": ("ranker", shortened("ate_.optimizer.last.0"), "last steps of"),
    "moments": ("ranker", shortened("ate_.optimizer.moments.1"), "moments of"),
    "number of moments": (
        "ranker",
        shaped("ate_.optimizer.moments.1", lambda values: values[:, :1]),
        "0 or 2",
    ),
    "type of moments": (
        "ranker",
        shaped("ate_.optimizer.moments.1", np.float64),
        "of one type",
    ),
    "reader": ("ranker", shortened("adversary.reader.0"), "weights of"),
    "moments of a reader": ("ranker", shortened("ary.optimizer.moments.0"), "moments"),
    "unused": ("ranker", lambda content, arrays: arrays.update(x=np.eye(3)), "belongs"),
    "all missing": ("ranker", without(""), "an array"),
    "code of a group": ("groups", setting("by_ids.codes", 9**9, 0, 0), "at most"),
    "code of nothing": ("groups", setting("by_ids.codes", 0, 0, 0), ">= 1"),
    "columns of codes": ("groups", shaped("s.codes", lambda v: v[:, :0]), "1 columns"),
    "no vocabulary of counts": (
        "groups",
        emptied(*BY_IDS, "vocabularies", 0, 1),
        "a vocabulary of",
    ),
    "sizes of groups": ("groups", put([1, 4], *GROUPS, "sizes"), "of sizes"),
    "coarser groups": ("groups", put(99, *GROUPS, "sizes", 1), "coarser ones"),
    "sum of a table": ("groups", setting("counts_.total", 5, 0), "rising|add up"),
    "begin of a table": ("groups", setting("counts_.total", 1, 0), "add up"),
    "end of a group": ("groups", setting("counts_.before", 10**9, -1), "add up"),
    "groups": ("groups", shortened("counts_.before"), "groups"),
    "no group": ("groups", shaped("groups_.known", lambda v: v[:0]), "of shape"),
    "by": ("groups", put("duration", "params", "by"), "groups by"),
    "points of a label": ("crafter", setting("watch_points", np.inf, 0), "finite"),
    "order of edges": ("crafter", setting("quantiles.edges", 1e9, 0), "rising"),
    "weight of a label": (
        "crafter",
        shaped("correction.0.weight", lambda values: values[:, :2]),
        "of 3 inputs",
    ),
    "row held out": ("crafter", setting("held_out.codes", 9**9, 0, 0), "at most"),
    "what is scaled": (
        "crafter",
        dropped(*STATE, "held_out", "columns", 0),
        "with 'watch_time'",
    ),
    "moments of a label": ("crafter", shortened("outer.moments.0"), "moments of"),
    "moments of its ranker": (
        "crafter",
        shortened("ranker_.training_state_.optimizer.moments.1"),
        "moments",
    ),
    "feedback remembered": (
        "crafter",
        dropped(*MEMORY, "rows", "columns", 0),
        "with 'watch_time'",
    ),
    "random state": ("random", shortened("random_state.key"), "of shape"),
    "heads": ("fused", shortened("heads_.mean"), "of shape"),
    "ranks of heads": ("fused", dropped("learned", "heads_", "ranks"), "with ranks"),
    "knee": ("fused", dropped("learned", "measures_", 0, "knee"), "scaled or not"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_what_would_lead_out_of_a_part_is_refused(name, changed):
    """Also if the digests are right."""
    kind, change, what = ENTRIES[name]
    with pytest.raises(ValueError, match=what):
        load(changed(kind, change))


def test_the_place_of_a_random_state_stays_inside_of_it(changed):
    """As numpy reads its key from there on without a look."""
    folder = changed("random", put(625, "params", "random_state", "pos"))
    with pytest.raises(ValueError, match="pos must be a whole number from 0 to 624"):
        load(folder)


def write_header(folder, function):
    """Change the header of the arrays and what is stated of them, digests included."""
    content, _ = content_of(folder)
    raw = (folder / ARRAYS).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = parse(raw[8 : 8 + length], "header")
    body = function(header, content["arrays"]["arrays"]) or raw[8 + length :]
    raw_header = _folder.json.dumps(header).encode()
    raw = len(raw_header).to_bytes(8, "little") + raw_header + body
    (folder / ARRAYS).write_bytes(raw)
    digest = _folder.hashlib.sha256(raw).hexdigest()
    content["arrays"] |= {"size": len(raw), "sha256": digest}
    (folder / CONFIG).write_bytes(_folder.config_of(content))


def enlarged(header, arrays):
    for each in (header, arrays):
        each["statistics_.keys"]["shape"] = [10 * 2**30 // 8]


def enlarged_beyond_any_file(header, arrays):
    enlarged(header, arrays)
    header["statistics_.keys"]["data_offsets"][1] = 10 * 2**30


def overlapping(header, arrays):
    header["statistics_.counts"]["data_offsets"] = header["statistics_.keys"][
        "data_offsets"
    ]


def with_a_gap(header, arrays):
    return b"\0" * 8 + b"\0" * 10**5


def of_another_type(header, arrays):
    for each in (header, arrays):
        each["statistics_.keys"]["dtype"] = "F8_E4M3"


def negative(header, arrays):
    for each in (header, arrays):
        each["statistics_.keys"]["shape"] = [-1, -8]


def renamed(header, arrays):
    header["../../model"] = header.pop("statistics_.keys")


def swapped(header, arrays):
    names = "statistics_.keys", "statistics_.counts"
    header[names[0]], header[names[1]] = header[names[1]], header[names[0]]
    header[names[0]]["more"] = 1


HEADERS = [enlarged, enlarged_beyond_any_file, overlapping, with_a_gap]
HEADERS += [of_another_type, negative, renamed, swapped]


@pytest.mark.parametrize("function", HEADERS)
def test_headers_that_no_save_has_are_refused(function, pair, tmp_path):
    """Before any of the arrays is read."""
    save(pair[0], tmp_path)
    write_header(tmp_path, function)
    with pytest.raises(ValueError, match="array"):
        load(tmp_path)


def test_a_header_may_not_be_large(pair, tmp_path):
    """However large the file says that it is."""
    save(pair[0], tmp_path)
    write_header(tmp_path, lambda header, _: None)
    content, _ = content_of(tmp_path)
    for length in (2**63, 10**6 + 1, content["arrays"]["size"]):
        raw = (tmp_path / ARRAYS).read_bytes()
        raw = length.to_bytes(8, "little") + raw[8:]
        (tmp_path / ARRAYS).write_bytes(raw)
        content["arrays"]["sha256"] = _folder.hashlib.sha256(raw).hexdigest()
        (tmp_path / CONFIG).write_bytes(_folder.config_of(content))
        with pytest.raises(ValueError, match="header of at most"):
            load(tmp_path)


def test_more_than_a_save_can_describe_is_refused(pair, tmp_path, monkeypatch):
    """When it is saved; what was there before stays."""
    save(pair[0], tmp_path)
    monkeypatch.setattr(_folder, "LARGEST_HEADER", 100)
    with pytest.raises(ValueError, match="use joblib"):
        save(pair[1], tmp_path)
    assert files_of(tmp_path) == [CONFIG, ARRAYS]
    assert not differences(pair[0], load(tmp_path))


# what a tree is written to and read from

OBJECTS = st.one_of(
    st.text(),
    st.integers(-(2**90), 2**90),
    st.floats(),
    st.booleans(),
    st.none(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(timezone(timedelta(hours=-3)))).map(
        lambda value: value.replace(fold=0)
    ),
    st.integers(-(2**60), 2**60).map(partial(pd.Timestamp, tz="UTC")),
    st.integers(-(2**60), 2**60).map(pd.Timestamp),
    st.decimals(places=3, allow_nan=False)
    | st.just(Decimal("NaN"))
    | st.just(Decimal("1E+30")),
    st.sampled_from([pd.NA, pd.NaT, date.max, datetime.min, "\ud800"]),
)


def read_back(kind, value):
    """A value after it was written and read."""
    writing = Writing({})
    node = kind.write(value, writing, "it")
    node = parse(_folder.json.dumps({"node": node}).encode(), "it")["node"]
    reading = Reading({}, writing.arrays)
    found = kind.read(node, reading, "it", {})
    reading.check_all_used()
    return found


def alike(one, other):
    """Whether two objects are of one type and equal, in any zone."""
    zones = [str(getattr(each, "tzinfo", None)) for each in (one, other)]
    if type(one) is not type(other) or zones[0] != zones[1]:
        return False
    return one is other or bool(one != one) or one == other


@settings(max_examples=50, deadline=None)
@given(st.lists(OBJECTS, max_size=8))
def test_objects_come_back(values):
    """Texts, numbers of any size, dates and what is missing."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    found = read_back(Values("n"), array)
    assert found.dtype == object
    assert all(map(alike, found, values))


INEXACT = [Decimal("1E99999"), Decimal("sNaN"), datetime(2026, 1, 1, fold=1)]
INEXACT += [(1, 2), b"a", np.int64(1), timedelta(1), pd.Timedelta(1), object()]


@pytest.mark.parametrize("value", INEXACT, ids=lambda value: type(value).__name__)
def test_objects_that_would_not_come_back_are_refused(value):
    """Rather than saved as something else."""
    with pytest.raises(TypeError, match="it cannot be saved"):
        Values("n").write(np.array([value, None], dtype=object), Writing({}), "it")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**90), 2**90)
    | st.floats()
    | st.text()
    | st.floats(width=32).map(np.float32)
    | st.integers(0, 2**64 - 1).map(np.uint64)
    | st.sampled_from([np.True_, np.float64("nan"), np.str_("a"), np.float16(0.5)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(PLAIN)
def test_plain_values_come_back(value):
    """Lists as lists, tuples as tuples, and numbers of numpy as such."""
    assert not differences(value, read_back(Plain(), value))


def test_arrays_of_parameters_come_back():
    """Of any shape."""
    for array in (np.eye(3), np.array(2), np.array([True]), np.zeros((0, 3), "i4")):
        assert not differences(array, read_back(Plain(), array))
        assert not differences(array.T, read_back(Plain(), copy.copy(array.T)))
