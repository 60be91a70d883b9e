"""Labels by the distribution of the watch time among rows of the same group."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ecdf

from sklabelcraft import D2Q, Columns, ConditionalCDF
from sklabelcraft.labelers._by_ids import CountsByIds

BY = [
    "duration",
    "user",
    "item",
    "page",
    (),
    ["user", "item"],
    ("user", "duration"),
    ("item", "page", "duration"),
]
rows = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 2),
        st.integers(0, 1),
        st.integers(0, 80).map(lambda eighths: eighths / 8),
        st.sampled_from([2.0, 5.0, 9.0]),
    ),
    min_size=1,
    max_size=15,
)


def log_of(rows):
    names = ["user_id", "item_id", "page", "watch_time", "duration"]
    return pd.DataFrame(rows, columns=names)


def label_of(fitted, row, by, smoothing):
    """The label of a row, rows one by one; each duration is a group."""
    keys = {"user": "user_id", "item": "item_id"}
    by = [by] if isinstance(by, str) else list(by)
    watched = fitted[["watch_time", "duration"]].min(axis=1)
    own = min(row["watch_time"], row["duration"])
    wide = fitted["duration"].notna()
    if "duration" in by:
        fits = fitted["duration"].where(fitted["duration"] >= row["duration"]).min()
        wide = fitted["duration"] == (
            fitted["duration"].max() if fits != fits else fits
        )
    group = wide.copy()
    for name in by:
        if name != "duration":
            group &= fitted[keys.get(name, name)] == row[keys.get(name, name)]
    share = (watched[wide] <= own).mean()
    weight = group.sum() + smoothing
    if set(by) <= {"duration"} or weight == 0:
        return share
    return ((watched[group] <= own).sum() + smoothing * share) / weight


@pytest.mark.parametrize("by", BY, ids=str)
@given(rows, rows, st.sampled_from([0, 1, 2.5]))
@settings(max_examples=30, deadline=None)
def test_label_is_the_smoothed_share_of_the_group(by, fitted, unseen, smoothing):
    """Row by row, of fitted rows and of others, whose groups may be new."""
    fitted, unseen = log_of(fitted), log_of(unseen)
    labeler = ConditionalCDF(by, n_groups=30, smoothing=smoothing).fit(fitted)
    for log in (fitted, unseen):
        expected = [label_of(fitted, row, by, smoothing) for _, row in log.iterrows()]
        np.testing.assert_allclose(labeler.transform(log).ravel(), expected)


def test_without_smoothing_it_is_the_distribution_of_each_user():
    """Of any user, the labels are scipy's ECDF."""
    rng = np.random.default_rng(0)
    users, watched = rng.integers(0, 5, 200), rng.integers(0, 99, 200) * 1.0
    log = pd.DataFrame({"user_id": users, "watch_time": watched, "duration": 50.0})
    labels = ConditionalCDF("user", smoothing=0).fit_transform(log).ravel()
    for user in range(5):
        own = watched.clip(max=50)[users == user]
        np.testing.assert_array_equal(
            labels[users == user], ecdf(own).cdf.evaluate(own)
        )


def test_users_of_few_rows_by_hand():
    """An only row is half way to 1, a new user has the label of all rows."""
    log = log_of([("a", 0, 0, t, 9.0) for t in (1, 2, 3, 4, 5, 6, 7)])
    log = pd.concat([log, log_of([("b", 0, 0, 2.0, 9.0)])])
    labeler = ConditionalCDF("user", smoothing=1.0).fit(log)
    rows = log_of([("b", 0, 0, 2.0, 9.0), ("new", 0, 0, 2.0, 9.0)])
    all_rows = 3 / 8
    assert labeler.transform(rows).ravel().tolist() == [(1 + all_rows) / 2, all_rows]


@pytest.mark.parametrize("by", ["duration", ("duration",), ("user", "duration")])
def test_d2q_is_what_it_comes_from(log, by):
    """By the duration alone it is D2Q, and so it is for users that are new."""
    train, test = (log.frame.iloc[part] for part in (log.split.train, log.split.test))
    new = test.assign(user_id=-1 - test["user_id"])
    expected = D2Q(n_groups=7).fit(train).transform(new)
    labeler = ConditionalCDF(by, n_groups=7).fit(train)
    np.testing.assert_allclose(labeler.transform(new), expected, rtol=1e-12)
    if "user" not in by:
        np.testing.assert_array_equal(labeler.transform(new), expected)


def test_new_items_are_compared_with_those_of_similar_duration(log):
    """An item has one duration, so that adds nothing but where the item is new."""
    train = log.frame.iloc[log.split.train]
    by_item = ConditionalCDF("item", smoothing=0).fit(train)
    with_duration = ConditionalCDF(("item", "duration"), smoothing=0).fit(train)
    np.testing.assert_array_equal(
        with_duration.transform(train), by_item.transform(train)
    )


@pytest.mark.parametrize("by", BY, ids=str)
@given(rows, st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_order_of_the_rows_does_not_matter(by, fitted, random):
    """Permuted rows give the same labels to the last bit."""
    log = log_of(fitted)
    order = random.sample(range(len(log)), len(log))
    expected = ConditionalCDF(by).fit_transform(log)
    found = ConditionalCDF(by).fit(log.iloc[order]).transform(log)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("by", BY, ids=str)
@given(rows, st.sampled_from([0.0, 10.0]))
@settings(max_examples=20, deadline=None)
def test_in_a_group_it_rises_with_the_watch_time_and_is_turned_back(
    by, fitted, smoothing
):
    """From above 0 to 1, and back to the watch times of the log."""
    log = log_of(fitted)
    labeler = ConditionalCDF(by, n_groups=3, smoothing=smoothing).fit(log)
    labels = labeler.transform(log).ravel()
    assert ((labels > 0) & (labels <= 1)).all()
    seconds = labeler.watch_time(labels, log.drop(columns="watch_time"))
    watched = log[["watch_time", "duration"]].min(axis=1)
    np.testing.assert_array_equal(seconds, watched)
    row = log.iloc[[0] * 90].assign(watch_time=np.arange(90) / 8, duration=9.0)
    assert (np.diff(labeler.transform(row).ravel()) >= 0).all()


def test_slide_time_by_page_has_no_end():
    """Without a duration nothing is cut, as of what is watched afterwards."""
    log = pd.DataFrame({"page": [0, 0, 1, 1], "slide": [10.0, 90.0, 100.0, 9000.0]})
    columns = Columns(watch_time="slide", duration=None)
    labeler = ConditionalCDF("page", smoothing=0, columns=columns).fit(log)
    labels = labeler.transform(log).ravel()
    assert labels.tolist() == [0.5, 1, 0.5, 1]
    np.testing.assert_allclose(labeler.watch_time(labels, log), log["slide"], rtol=3e-4)
    with pytest.raises(ValueError, match="None is not in the log"):
        ConditionalCDF(columns=columns).fit(log)


def test_missing_users_are_one_more_and_other_kinds_an_error():
    """Ids are read as everywhere in the library."""
    log = pd.DataFrame(
        {
            "user_id": ["a", None, "a", None],
            "watch_time": [1.0, 2.0, 3.0, 4.0],
            "duration": 9.0,
        }
    )
    labeler = ConditionalCDF("user", smoothing=0).fit(log)
    assert labeler.transform(log).ravel().tolist() == [0.5, 0.5, 1, 1]
    with pytest.raises(ValueError, match="'user_id' held text in fit"):
        labeler.transform(log.assign(user_id=[1, 2, 3, 4]))
    with pytest.raises(ValueError, match="'pages' is not in the log"):
        ConditionalCDF("pages").fit(log)


def test_its_size_is_bounded_by_rows_and_cells(log):
    """A cell for each watch time of each group, and it can be pickled."""
    labeler = ConditionalCDF(("user", "duration"), n_groups=4).fit(log.frame)
    assert len(labeler.counts_.cells) <= len(log.frame)
    assert labeler.counts_.total[-1] == len(log.frame)
    copy = pickle.loads(pickle.dumps(labeler))
    np.testing.assert_array_equal(
        copy.transform(log.frame), labeler.transform(log.frame)
    )


@pytest.mark.parametrize("by", [True, [None], [1.5], [["user"]]])
def test_groups_are_named_by_columns(by):
    """Anything else says so."""
    log = log_of([("a", 0, 0, 1.0, 2.0)])
    with pytest.raises(ValueError, match="by"):
        ConditionalCDF(by=by).fit(log)


def test_a_role_that_no_column_has():
    """The error names the role."""
    log = log_of([("a", 0, 0, 1.0, 2.0)])
    with pytest.raises(ValueError, match=r"by='item' needs Columns\(item=...\)"):
        ConditionalCDF(by="item", columns=Columns(item=None)).fit(log)


def test_without_smoothing_a_new_user_is_labelled_as_all():
    """There is nothing else to go by: the share of all that watched no longer."""
    log = pd.DataFrame({"user_id": list("aabb"), "watch_time": [1.0, 2.0, 3.0, 4.0]})
    labeler = ConditionalCDF(by="user", smoothing=0, columns=Columns(duration=None))
    new = pd.DataFrame({"user_id": ["c", "a"], "watch_time": [3.0, 3.0]})
    assert labeler.fit(log).transform(new).ravel().tolist() == [0.75, 1]


def test_rows_are_counted_together_where_ids_and_seconds_are_equal():
    """Neighbouring seconds of the same ids, and equal ones of others, stay apart."""
    codes = np.array([[1], [2], [1], [1], [2]])
    seconds, counts = np.array([6, 6, 5, 6, 5]), np.array([1, 10, 100, 1000, 10_000])
    found = CountsByIds({}, codes, seconds, counts)
    assert found.codes.ravel().tolist() == [1, 1, 2, 2]
    assert found.seconds.tolist() == [5, 6, 5, 6]
    assert found.counts.tolist() == [100, 1001, 10_000, 10]


@pytest.mark.parametrize("by", ["author", "zone"])
def test_groups_of_any_other_column(by):
    """Whether it comes before or after the duration in the alphabet."""
    log = log_of([("a", 0, 0, 1.0, 9.0), ("a", 0, 0, 2.0, 9.0), ("b", 0, 0, 3.0, 9.0)])
    expected = ConditionalCDF(by="user", smoothing=0).fit_transform(log)
    found = ConditionalCDF(by=by, smoothing=0).fit_transform(
        log.assign(**{by: log.user_id})
    )
    np.testing.assert_array_equal(found, expected)


def test_columns_that_are_read():
    """Those that the label is made of, and no others."""
    columns = Columns(duration=None, user="u")
    keys = ConditionalCDF(by=["user", "page"])._keys(columns)
    assert keys == [columns.watch_time, "u", "page"]


@pytest.mark.parametrize(("bits", "apart"), [(12, True), (13, False)])
def test_watch_times_are_told_apart_by_12_bits_behind_the_first(bits, apart):
    """In a group as well as in all rows."""
    log = log_of([("a", 0, 0, 1.0, 9.0), ("a", 0, 0, 1 + 2.0**-bits, 9.0)])
    for by in ("user", "duration"):
        labels = ConditionalCDF(by=by, smoothing=0).fit_transform(log).ravel()
        assert labels.tolist() == ([0.5, 1] if apart else [1, 1])


def test_there_is_one_label():
    """It is called after the class."""
    labeler = ConditionalCDF("user").fit(log_of([("a", 0, 0, 1.0, 9.0)]))
    assert labeler.get_feature_names_out().tolist() == ["conditionalcdf0"]
