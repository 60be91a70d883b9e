"""The README's code runs as it stands."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from sklabelcraft.datasets import make_short_videos

README = Path(__file__).parents[1] / "README.rst"
BLOCK = re.compile(r"code-block:: python\n\n((?:   .*\n|\n)+)")
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
    """The pieces of code: ten lines, one's own log, a model of one's own."""
    found = BLOCK.findall(README.read_text())
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in found]


def test_ten_lines(blocks, monkeypatch):
    """A search over labels, and the labels alone; here on a smaller log."""
    smaller = partial(make_short_videos, 40, 60)
    monkeypatch.setattr("sklabelcraft.datasets.make_short_videos", smaller)
    space = {}
    exec(blocks[0], space)
    assert space["search"].best_score_ > 0.3
    assert space["labels"].shape == (2400, 1)


def test_own_log(blocks, log, tmp_path, monkeypatch, capsys):
    """From a CSV file with other names to labels, a table and a model of one's own."""
    frame = log.frame.rename(columns=NAMES)
    frame["when"] = np.datetime64("2026-01-01") + frame["when"].astype("timedelta64[h]")
    frame.to_csv(tmp_path / "log.csv", index=False)
    monkeypatch.chdir(tmp_path)
    space = {}
    with threadpool_limits(1):  # two threads on busy cores are many times slower
        for block in blocks[1:]:
            exec(block, space)
    assert space["log"]["label"].std() > 0.01
    assert space["found"].table["mean"].notna().all()
    assert "watch time (s)" in capsys.readouterr().out
