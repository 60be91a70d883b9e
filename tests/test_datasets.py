"""The data sets."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from sklabelcraft.datasets import load_kuairand, make_short_videos

LOG = {
    "user_id": [2, 1, 1, 1],
    "video_id": [7, 7, 8, 9],
    "date": [20220504, 20220503, 20220430, 20220430],
    "hourmin": [0, 0, 0, 0],
    "time_ms": [1651600800000, 1651514400000, 1651255200000, 1651255100000],
    "is_click": [1, 1, 0, 0],
    "is_like": [0, 1, 0, 0],
    "is_follow": [0, 0, 0, 0],
    "is_comment": [0, 0, 1, 0],
    "is_forward": [0, 0, 0, 0],
    "is_hate": [0, 0, 0, 1],
    "long_view": [0, 1, 0, 0],
    "play_time_ms": [1500, 30000, 0, 10],
    "duration_ms": [12000, 12000, 8000, 0],
    "profile_stay_time": [0, 0, 0, 0],
    "comment_stay_time": [0, 0, 0, 0],
    "is_profile_enter": [0, 0, 0, 0],
    "is_rand": [0, 0, 0, 0],
    "tab": [1, 1, 4, 1],
}
VIDEOS = {"video_id": [7, 8], "author_id": [70, 80], "tag": ["39,43", None]}


def write(folder, names):
    """Write the log in parts, as the official archives do."""
    data = folder / "data"
    data.mkdir()
    for i, name in enumerate(names):
        pd.DataFrame(LOG).iloc[i :: len(names)].to_csv(data / name, index=False)
    pd.DataFrame(VIDEOS).to_csv(data / "video_features_basic_x.csv", index=False)


@pytest.mark.parametrize(
    "names",
    [
        ["log_standard_4_22_to_5_08_pure.csv"],
        ["log_standard_4_08_to_4_21_1k.csv", "log_standard_4_22_to_5_08_1k.csv"],
        [f"log_standard_4_22_to_5_08_27k_part{i}.csv" for i in (1, 2)],
    ],
    ids=["pure", "1k", "27k"],
)
@pytest.mark.parametrize("inside", [False, True])
def test_kuairand_official_layout(tmp_path, names, inside):
    """All official files are read, in canonical columns and seconds."""
    write(tmp_path, names)
    log = load_kuairand(tmp_path / "data" if inside else tmp_path)
    assert log.frame["user_id"].tolist() == [1, 1, 2]
    assert log.frame["watch_time"].tolist() == [0, 30, 1.5]
    assert log.data["duration"].tolist() == [8, 12, 12]
    assert log.data["timestamp"].tolist() == [1651255200, 1651514400, 1651600800]
    assert log.data["hour"].tolist() == [2, 2, 2]
    assert log.data["tag"].tolist() == ["missing", "39", "39"]
    assert log.data["author_id"].tolist() == [80, 70, 70]
    assert log.target["like"].tolist() == [0, 1, 0]
    assert "1 with duration 0 or missing" in log.DESCR
    assert [log.split[p].tolist() for p in ("train", "valid", "test")] == [
        [0],
        [1],
        [2],
    ]


def test_kuairand_other_split(tmp_path):
    """The days of the split can be chosen."""
    write(tmp_path, ["log_standard_pure.csv"])
    log = load_kuairand(tmp_path, valid_from="2022-04-22", test_from="2022-04-29")
    assert [len(log.split[p]) for p in ("train", "valid", "test")] == [0, 0, 3]


def test_kuairand_missing_files(tmp_path):
    """The error names the file that is missing, and where."""
    with pytest.raises(FileNotFoundError, match=r"log_standard_\*\.csv"):
        load_kuairand(tmp_path)


def test_kuairand_real(kuairand_folder):
    """The real slice has the parts and the long users that its description states.

    Rows that differ in the official `hourmin` alone are no exact duplicates.
    """
    log = load_kuairand(kuairand_folder)
    assert (log.data["duration"] > 0).all()
    users = log.data["user_id"]
    sizes = {p: users.iloc[log.split[p]].value_counts() for p in ("valid", "test")}
    assert [(sizes[p] > 10).sum() for p in sizes] == [487, 729]
    assert [(sizes[p] > 5).sum() for p in sizes] == [2059, 2789]
    assert "0 exact duplicates,\n2592 with duration 0 or missing,\n0 " in log.DESCR
    assert len(log.frame) == 166216 - 2592


def test_synthetic_contract():
    """Frame, X and y, the split and the preference belong together."""
    log = make_short_videos(n_users=20, n_items=30, random_state=0)
    assert list(log.frame) == list(log.data) + list(log.target)
    parts = [log.split[p] for p in ("train", "valid", "test")]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(log.frame)))
    assert [len(part) for part in parts] == [600, 300, 300]
    last, first = parts[0], parts[1]
    time = log.data.groupby("user_id")["timestamp"]
    assert (time.nth(29).to_numpy() < time.nth(30).to_numpy()).all()
    assert len(last) > len(first)
    assert log.preference.std() == pytest.approx(1)


def test_synthetic_watch_time():
    """It rises with preference, is cut at the duration but for replays, is biased."""
    log = make_short_videos(n_users=200, random_state=0)
    frame = log.frame
    assert spearmanr(frame["watch_time"], log.preference).statistic > 0.4
    assert spearmanr(frame["duration"], log.preference).statistic < 0.1
    biased = spearmanr(frame["duration"], frame["watch_time"]).statistic
    fair = make_short_videos(n_users=200, duration_bias=0.0, random_state=0).frame
    assert biased > spearmanr(fair["duration"], fair["watch_time"]).statistic + 0.2
    assert (frame["watch_time"] > frame["duration"]).mean() > 0.001
    calm = make_short_videos(n_users=50, replays=0.0, random_state=0).frame
    assert (calm["watch_time"] <= calm["duration"]).all()


def test_synthetic_explicit_feedback_is_sparse_and_follows_preference():
    """Few impressions are liked, and those are preferred."""
    log = make_short_videos(n_users=200, random_state=0)
    liked = log.target["like"].to_numpy() == 1
    assert 0.005 < liked.mean() < 0.1
    assert log.preference[liked].mean() > 0.5


def test_synthetic_is_reproducible():
    """The same seed draws the same log."""
    first, again = (make_short_videos(n_users=5, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(first.frame, again.frame)


def test_synthetic_draws_stay():
    """The same seed draws what it has always drawn."""
    watch_time = make_short_videos(random_state=7).frame["watch_time"]
    expected = [17.273280182334066, 9.154426487001558, 40.4713787922857]
    assert watch_time.head(3).tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "odd",
    [
        {"duration_bias": 1e3},
        {"duration_bias": -1e6},
        {"noise": 1e3},
        {"duration_bias": 1e6, "noise": 1e6, "eagerness": 1e6},
        {"eagerness": -1e6, "idle": 1.0, "replays": 1.0},
        {"n_users": 1, "n_items": 1, "n_impressions": 1},
        {"noise": np.float16(0.5), "eagerness": np.float16(-1)},
    ],
)
def test_synthetic_odd_arguments(odd):
    """Watch times are finite and not negative whatever the arguments."""
    frame = make_short_videos(**{"n_users": 20, "random_state": 0} | odd).frame
    assert np.isfinite(frame["watch_time"]).all()
    assert (frame["watch_time"] >= 0).all()
    assert (frame[["like", "follow", "comment"]].isin([0, 1])).all(axis=None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_users": 0},
        {"n_impressions": 10**12},
        {"n_items": 2**63},
        {"n_users": 10**5, "n_impressions": 10**5},
        {"n_users": np.int8(100), "n_impressions": np.int32(10**8)},
        {"duration_bias": 1e308},
        {"noise": 1e308},
        {"noise": np.inf},
        {"eagerness": np.nan},
        {"eagerness": 10**400},
        {"n_items": True},
        {"n_users": np.timedelta64(3, "s")},
    ],
)
def test_synthetic_unknown_values(wrong):
    """Impossible arguments are refused, by name."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        make_short_videos(**wrong)
