"""The README's code runs as it stands, and prints what stands there."""

import re
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from sklabelcraft.persistence import load

README = Path(__file__).parents[1] / "README.rst"
BLOCK = re.compile(r"code-block:: (python|text)\n\n((?:   .*\n|\n)+)")
NAMES = {
    "user_id": "uid",
    "item_id": "video",
    "duration": "length",
    "timestamp": "when",
    "watch_time": "played",
    "like": "thumb",
    "follow": "share",
}


@pytest.fixture(scope="module")
def blocks():
    """The pieces of code, and the text that the first one prints."""
    found = BLOCK.findall(README.read_text())
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for _, block in found]


def test_ten_lines(blocks, capsys):
    """A comparison prints the table that is shown, and labels come alone."""
    compared, printed, labels = blocks[:3]
    space = {}
    with threadpool_limits(1):  # two threads on busy cores are many times slower
        exec(compared, space)
        assert capsys.readouterr().out.split() == printed.split()
        exec(labels, space)
    assert space["labels"].shape == (len(space["log"].frame), 1)


def test_own_log(blocks, log, tmp_path, monkeypatch):
    """From a CSV file in milliseconds to labels, scores and a saved model."""
    frame = log.frame.rename(columns=NAMES)
    frame[["length", "played"]] *= 1000
    frame["when"] = np.datetime64("2026-01-01") + frame["when"].astype("timedelta64[h]")
    frame.to_csv(tmp_path / "log.csv", index=False)
    monkeypatch.chdir(tmp_path)
    space = {}
    with threadpool_limits(1):
        exec(blocks[3], space)
    assert space["log"]["label"].std() > 0.01
    assert (load("model").predict(space["X"]) == space["log"]["score"]).all()
