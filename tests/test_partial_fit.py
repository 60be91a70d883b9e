"""Labels that are learned day by day."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from sklabelcraft import (
    CWM,
    D2Q,
    DVR,
    Columns,
    ConditionalCDF,
    D2Co,
    ExplicitFeedback,
    KneeScaler,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
    _counts,
)

BY_IDS = [
    ConditionalCDF("user"),
    ConditionalCDF(("item", "duration"), n_groups=3, smoothing=0),
    ConditionalCDF(("user", "item", "page"), n_groups=3),
]
LABELERS = [
    WatchTime(),
    ExplicitFeedback(),
    PlayCompletion(),
    PlayCompletionRate(),
    CWM(),
    D2Q(n_groups=3),
    DVR(n_groups=3),
    D2Co(n_groups=3),
    *BY_IDS,
]
each = pytest.mark.parametrize("labeler", LABELERS, ids=str)
seconds = st.integers(0, 300).map(lambda tenths: tenths / 10)
rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.integers(0, 3),
        st.sampled_from([None, 1.0, 2.5]),
        seconds,
        seconds,
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=25,
)


def log_of(rows):
    names = ["user_id", "item_id", "page", "watch_time", "duration", "like"]
    return pd.DataFrame(rows, columns=names).astype({"page": float})


def learned(estimator):
    """What was learned, as plain values, but for what is numbered by appearance."""
    plain = {}
    for name, value in vars(estimator).items():
        if isinstance(value, torch.nn.Module) and name != "counts_":
            plain |= {f"{name}.{key}": v.numpy() for key, v in value.named_buffers()}
        elif isinstance(value, np.ndarray | float | list) and name != "statistics_":
            plain[name] = value
    return plain


def assert_same(one, other):
    """Bit-equal in all that was learned."""
    first, second = learned(one), learned(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value, err_msg=name)


def in_parts(estimator, frame, cuts):
    for start, end in zip([0, *cuts], [*cuts, len(frame)], strict=True):
        if start < end:
            estimator.partial_fit(frame.iloc[start:end])
    return estimator


def test_two_days_by_hand():
    """The maximum and the median are those of all five rows, 0 to 90 s."""
    days = [pd.DataFrame({"watch_time": part}) for part in ([5.0, 90, 1], [7.0, 0])]
    labeler = WatchTime(quantile=0.5)
    for day, knee in zip(days, (5, 5), strict=True):
        assert labeler.partial_fit(day).knee_ == knee
    assert labeler.maximum_ == 90
    assert labeler.fit(days[1]).maximum_ == 7


@each
@pytest.mark.parametrize("most", [2**20, 12])
@given(rows=rows, data=st.data())
@settings(max_examples=25, deadline=None)
def test_in_any_order_and_split_it_is_as_fit(labeler, most, rows, data):
    """What is learned and the labels are bit-equal, also where counts are rounded."""
    log, order = log_of(rows), data.draw(st.permutations(range(len(rows))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_counts, "MOST", most)
        whole = clone(labeler).fit(log)
        parts = in_parts(clone(labeler), log.iloc[order], cuts)
    assert_same(parts, whole)
    unseen = log.assign(watch_time=log["duration"], user_id="new")
    for asked in (log, unseen):
        np.testing.assert_array_equal(parts.transform(asked), whole.transform(asked))


@given(rows=rows, data=st.data())
@settings(max_examples=50, deadline=None)
def test_scaler_in_any_order_and_split(rows, data):
    """The same of the columns of a KneeScaler, which has numpy's quantile."""
    X = log_of(rows)[["watch_time", "duration"]]
    order = data.draw(st.permutations(range(len(rows))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    whole = KneeScaler().fit(X)
    np.testing.assert_array_equal(whole.knee_, np.quantile(X, 0.9, axis=0))
    assert_same(in_parts(KneeScaler(), X.iloc[order], cuts), whole)


@each
def test_fit_begins_anew_and_partial_fit_goes_on(labeler, log):
    """Also after the labeler was stored and loaded."""
    halves = log.frame.assign(page=log.frame["tag"])
    halves = halves.iloc[:2000], halves.iloc[2000:]
    goes_on = clone(labeler).fit(halves[0])
    goes_on = pickle.loads(pickle.dumps(goes_on)).partial_fit(halves[1])
    assert_same(goes_on, clone(labeler).fit(pd.concat(halves)))
    assert_same(goes_on.fit(halves[1]), clone(labeler).fit(halves[1]))
    assert not hasattr(clone(goes_on), "statistics_")
    check_is_fitted(clone(labeler).partial_fit(halves[0]))


@each
def test_a_failed_part_leaves_the_labeler_as_it_was(labeler, log):
    """A column that is missing, text or negative is named; nothing is added."""
    day = log.frame.assign(page=log.frame["tag"])
    labeler = clone(labeler).partial_fit(day)
    before = dict(vars(labeler))
    reads = {"watch_time"} if isinstance(labeler, WatchTime) else {"duration"}
    key = "like" if isinstance(labeler, ExplicitFeedback) else reads.pop()
    for wrong, message in (
        (day.drop(columns=key), f"column '{key}' .*in the log|none of the columns"),
        (day.assign(**{key: "oops"}), f"column '{key}' must hold numbers"),
        (day.assign(**{key: -1.0}), f"Negative .* column '{key}'"),
        (day[:0], "0 rows"),
    ):
        with pytest.raises(ValueError, match=message):
            labeler.partial_fit(wrong)
        assert vars(labeler) == before
    assert_same(labeler.partial_fit(day), clone(labeler).fit(pd.concat([day, day])))


def test_arrays_have_the_width_of_the_first(log):
    """As with scikit-learn's own partial_fit."""
    columns = Columns(watch_time=0, duration=1)
    labeler = DVR(columns=columns).partial_fit(np.ones((3, 2)))
    assert labeler.n_features_in_ == 2
    with pytest.raises(ValueError, match="X has 3 features"):
        labeler.partial_fit(np.ones((3, 3)))
    with pytest.raises(ValueError, match="X has 1 features"):
        KneeScaler().partial_fit(np.ones((3, 2))).partial_fit(np.ones((3, 1)))


def test_explicit_feedback_found_first_stays():
    """A column that comes or goes would make another label of the same rows."""
    first = pd.DataFrame({"like": [0, 1], "comment": [0, 0]})
    labeler = ExplicitFeedback().partial_fit(first)
    assert labeler.partial_fit(first.assign(more=1)).explicit_ == ["like", "comment"]
    with pytest.raises(ValueError, match=r"'follow' is in the log now.* Fit anew"):
        labeler.partial_fit(first.assign(follow=1))
    with pytest.raises(ValueError, match="'comment' was in the log before"):
        labeler.partial_fit(first[["like"]])
    assert labeler.explicit_ == ["like", "comment"]


def test_ids_of_another_kind_are_named():
    """Users that were text are no numbers later."""
    day = pd.DataFrame({"user_id": ["a", "b"], "watch_time": 1.0, "duration": 2.0})
    labeler = ConditionalCDF("user").partial_fit(day)
    before = dict(vars(labeler))
    with pytest.raises(ValueError, match="'user_id' held text in fit and holds num"):
        labeler.partial_fit(day.assign(user_id=[1, 2]))
    assert vars(labeler) == before


def test_ids_are_read_as_they_are_from_day_to_day():
    """Whole numbers and others, missing ones first or last."""
    days = [
        pd.DataFrame({"user_id": ids, "watch_time": [1.0, 2.0], "duration": 9.0})
        for ids in ([None, None], [2**60 + 1, 2**60], [0.5, None], [2**60, 3])
    ]
    labeler = ConditionalCDF("user", smoothing=0)
    for day in days:
        labeler.partial_fit(day)
    found = [labeler.transform(day).ravel().tolist() for day in days]
    assert found == [[1 / 3, 1], [1, 1], [1, 1], [1 / 2, 1]]
