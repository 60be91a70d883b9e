"""The hand-made labels."""

from inspect import signature

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import ecdf
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import FeatureUnion
from sklearn.utils import get_tags

from sklabelcraft import (
    CWM,
    D2Q,
    DVR,
    Columns,
    ConditionalCDF,
    D2Co,
    ExplicitFeedback,
    LabelCraftRecommender,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)

LABELERS = [
    WatchTime(),
    ExplicitFeedback(),
    PlayCompletion(),
    PlayCompletionRate(),
    ConditionalCDF(n_groups=3),
    D2Q(n_groups=3),
    DVR(n_groups=3),
    D2Co(n_groups=3),
    CWM(),
]
RISING = [WatchTime(), *LABELERS[4:]]
TURNED_BACK = [PlayCompletionRate(), PlayCompletionRate(clip=False), *RISING]
SECONDS = hnp.arrays(float, 12, elements=st.floats(0, 1e4))
EIGHTHS = hnp.arrays(int, 12, elements=st.integers(0, 1000)).map(lambda a: a / 8)


def make_log(watch_time, duration, like=0):
    return pd.DataFrame({"watch_time": watch_time, "duration": duration, "like": like})


def test_play_completion_is_strict_or_not():
    """Watching exactly the duration completes the video only if not strict."""
    log = make_log([9.0, 10.0, 11.0], 10.0)
    assert PlayCompletion().fit_transform(log).ravel().tolist() == [0, 0, 1]
    loose = PlayCompletion(strict=False).fit_transform(log)
    assert loose.ravel().tolist() == [0, 1, 1]


def test_play_completion_rate_by_hand():
    """Replays count as 1 or more; without a duration nothing can be completed."""
    log = make_log([5.0, 30.0, 3.0], [10.0, 10.0, 0.0])
    assert PlayCompletionRate().fit_transform(log).ravel().tolist() == [0.5, 1, 0]
    open_ended = PlayCompletionRate(clip=False).fit_transform(log)
    assert open_ended.ravel().tolist() == [0.5, 3, 0]


def test_explicit_feedback_uses_the_columns_present():
    """Any positive count of any present column makes the label 1."""
    log = pd.DataFrame({"comment": [0, 2, 0], "like": [0, 0, 1], "hate": [1, 0, 0]})
    labeler = ExplicitFeedback().fit(log)
    assert labeler.explicit_ == ["like", "comment"]
    assert labeler.transform(log).ravel().tolist() == [0, 1, 1]


def test_watch_time_is_scaled_by_the_fitted_rows():
    """Knee and maximum come from fit; what is beyond them is clipped."""
    labeler = WatchTime(quantile=0.5).fit(make_log([0.0, 10.0, 100.0], 1.0))
    label = labeler.transform(make_log([5.0, 10.0, 55.0, 1e6], 1.0)).ravel()
    np.testing.assert_allclose(label, [0.1, 0.2, 0.6, 1.0])


def test_d2q_is_the_empirical_distribution_of_its_group():
    """In each duration group the label is scipy's ECDF of min(watch time, duration)."""
    rng = np.random.RandomState(0)
    duration = np.repeat([10.0, 20.0, 30.0], 40)
    log = make_log(rng.exponential(20, 120) // 0.125 / 8, duration)
    labels = D2Q(n_groups=3).fit_transform(log).ravel()
    watched = np.minimum(log["watch_time"], duration)
    for seconds in (10.0, 20.0, 30.0):
        group = watched[duration == seconds]
        expected = ecdf(group).cdf.evaluate(group)
        np.testing.assert_array_equal(labels[duration == seconds], expected)


def same_cell(watched):
    """Which watch times agree in their first 12 bits beside the leading one."""
    mantissa, exponent = np.frexp(np.float32(watched))
    cell = np.floor(mantissa * 2**13) * 2.0**exponent
    return cell == cell[:, None]


@given(
    watch_time=hnp.arrays(float, 12, elements=st.floats(9, 9.01) | st.floats(1, 20)),
    duration=hnp.arrays(float, 12, elements=st.floats(9, 20)),
)
@settings(max_examples=50, deadline=None)
def test_d2q_compares_watch_times_to_one_part_in_4096(watch_time, duration):
    """It is the ECDF, but for watch times that agree in 12 significant bits."""
    labeler = D2Q(n_groups=2)
    labels = labeler.fit_transform(make_log(watch_time, duration)).ravel()
    watched = np.minimum(watch_time, duration)
    group = np.searchsorted(labeler.edges_, np.float32(duration))
    for i in np.unique(group):
        mine = watched[group == i]
        exact = (mine <= mine[:, None]).mean(axis=1)
        share = same_cell(mine).mean(axis=1)
        assert (labels[group == i] >= exact - 1e-12).all()
        assert (labels[group == i] <= exact + share + 1e-12).all()


def test_d2q_has_a_bounded_size():
    """Of 1e5 rows of whole milliseconds up to a minute, 12-bit values are counted."""
    milliseconds = np.random.RandomState(0).randint(60_001, size=100_000)
    labeler = D2Q(n_groups=1).fit(make_log(milliseconds / 1000, 60.0))
    mantissa, exponent = np.frexp(np.float32(milliseconds / 1000))
    n_cells = len(np.unique(np.floor(mantissa * 2**13) * 2.0**exponent))
    assert len(labeler.quantiles_.cells) <= n_cells
    assert n_cells < 0.5 * len(np.unique(milliseconds))


def test_d2q_learns_a_module():
    """Seconds in, labels out, in one forward of plain buffers."""
    log = make_log([1.0, 3.0, 2.0, 5.0], [9.0, 9.0, 9.0, 50.0])
    labeler = D2Q(n_groups=2).fit(log)
    assert isinstance(labeler.quantiles_, torch.nn.Module)
    seconds = (
        torch.tensor(log[name].to_numpy()) for name in ("watch_time", "duration")
    )
    labels = labeler.quantiles_(*seconds)
    assert labels.dtype == torch.float64
    np.testing.assert_array_equal(labels[:, None], labeler.transform(log))


def test_dvr_standardises_inside_the_group():
    """Each duration group has gain of mean 0 and standard deviation 1."""
    rng = np.random.RandomState(0)
    duration = np.repeat([10.0, 20.0], 50)
    gain = DVR(n_groups=2).fit_transform(make_log(rng.uniform(0, 10, 100), duration))
    for seconds in (10.0, 20.0):
        group = gain[duration == seconds]
        np.testing.assert_allclose([group.mean(), group.std()], [0, 1], atol=1e-12)


def test_dvr_of_a_group_without_spread_is_zero():
    """A standard deviation of 0 gives the gain 0, also to other watch times."""
    labeler = DVR(n_groups=1).fit(make_log([0.1, 0.1, 0.1], 10.0))
    assert labeler.transform(make_log([0.1, 5.0], 10.0)).ravel().tolist() == [0, 0]


def test_cwm_by_hand():
    """At 0.1 a second, 9 s stand for exp(-1), and 99 s for exp(-1/10)."""
    log = make_log([9.0, 99.0, 99.0, 0.0], [50.0, 1e3, 9.0, 0.0])
    expected = np.exp([-1, -0.1, -1, -10])
    np.testing.assert_allclose(CWM().fit_transform(log).ravel(), expected)
    dear = CWM(cost=1.0).fit_transform(log).ravel()
    np.testing.assert_allclose(dear, np.exp([-0.1, -0.01, -0.1, -1]))


def test_cwm_is_turned_back_by_hand():
    """Interest without end is watched to the end, none not at all."""
    log = make_log(0.0, [50.0, 5.0, 50.0, 50.0])
    labels = [np.exp(-0.5), np.exp(-0.5), 1.0, 0.0]
    seconds = CWM().fit(log).watch_time(labels, log.drop(columns="watch_time"))
    np.testing.assert_allclose(seconds, [19, 5, 50, 0])


@pytest.mark.parametrize("labeler", [D2Q(n_groups=4), DVR(n_groups=4)])
def test_equal_durations_are_in_one_group(labeler):
    """However many rows share a duration, they are compared with each other."""
    log = make_log(np.arange(20.0), [5.0] * 18 + [50.0] * 2)
    assert len(clone(labeler).fit(log).edges_) == 1


@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
@given(watch_time=SECONDS, duration=SECONDS, unseen=SECONDS)
@settings(max_examples=30, deadline=None)
def test_unseen_values_get_finite_labels(labeler, watch_time, duration, unseen):
    """Whatever was fitted, any duration and watch time gets a finite label."""
    fitted = clone(labeler).fit(make_log(watch_time, duration))
    label = fitted.transform(make_log(unseen, unseen[::-1]))
    assert label.shape == (12, 1)
    assert np.isfinite(label).all()


@pytest.mark.parametrize("labeler", RISING, ids=lambda e: type(e).__name__)
@given(watch_time=SECONDS, duration=SECONDS)
@settings(max_examples=30, deadline=None)
def test_label_rises_with_watch_time(labeler, watch_time, duration):
    """At one duration, more watch time is never a lower label."""
    fitted = clone(labeler).fit(make_log(watch_time, duration))
    label = fitted.transform(make_log(np.sort(watch_time), duration[0])).ravel()
    assert (np.diff(label) >= 0).all()


def compared(labeler, log):
    """The watch time that the label is made of."""
    whole = isinstance(labeler, WatchTime) or not getattr(labeler, "clip", True)
    return log["watch_time"] if whole else log.min(axis=1)


@pytest.mark.parametrize("labeler", TURNED_BACK, ids=lambda e: type(e).__name__)
@given(watch_time=EIGHTHS, duration=EIGHTHS, unseen=EIGHTHS)
@settings(max_examples=30, deadline=None)
def test_turned_back_a_label_gives_seconds_of_that_label(
    labeler, watch_time, duration, unseen
):
    """They lie between 0 and the duration, where that is what is compared."""
    fitted = clone(labeler).fit(make_log(watch_time, duration))
    unseen = unseen.clip(max=watch_time.max())
    log = make_log(unseen, duration)[["watch_time", "duration"]]
    labels = fitted.transform(log)
    seconds = fitted.watch_time(labels, log[["duration"]])
    again = fitted.transform(log.assign(watch_time=seconds))
    np.testing.assert_allclose(again, labels, rtol=1e-6, atol=1e-9)
    assert (compared(labeler, log.assign(watch_time=seconds)) == seconds).all()


@pytest.mark.parametrize("labeler", TURNED_BACK, ids=lambda e: type(e).__name__)
@given(watch_time=EIGHTHS, duration=EIGHTHS)
@settings(max_examples=30, deadline=None)
def test_turned_back_the_labels_of_a_log_are_its_watch_times(
    labeler, watch_time, duration
):
    """They are min(watch time, duration), where lower watch times have lower labels."""
    log = make_log(watch_time, duration)[["watch_time", "duration"]]
    fitted = clone(labeler).fit(log)
    labels, watched = fitted.transform(log)[:, 0], compared(labeler, log)
    seconds = fitted.watch_time(labels, log)
    less = fitted.transform(log.assign(watch_time=(watched - 0.125).clip(0)))[:, 0]
    alone = less < labels
    if isinstance(labeler, D2Co):
        alone &= labels < 1  # as are all watch times from the bias on
    np.testing.assert_allclose(seconds[alone], watched[alone], rtol=1e-6)


def test_only_what_can_be_turned_back_says_so():
    """A label of two values has no watch time."""
    for labeler in (PlayCompletion(), ExplicitFeedback()):
        assert not hasattr(labeler, "watch_time")
    with pytest.raises(NotFittedError):
        CWM().watch_time([0.5], make_log([1.0], 1.0))
    fitted = CWM().fit(make_log([1.0], 1.0))
    with pytest.raises(ValueError, match="a label for each of the 1 rows"):
        fitted.watch_time([0.5, 0.5], make_log([1.0], 1.0))


@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
def test_label_of_a_row_depends_on_the_fitted_rows_alone(labeler, log):
    """Rows labelled together or one part at a time get the same labels."""
    train = log.frame.iloc[log.split.train]
    test = log.frame.iloc[log.split.test]
    fitted = clone(labeler).fit(train)
    parts = [fitted.transform(test.iloc[:7]), fitted.transform(test.iloc[7:])]
    np.testing.assert_array_equal(fitted.transform(test), np.vstack(parts))


@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
def test_pandas_polars_and_arrays_get_the_same_labels(labeler, log):
    """The kind of table, the order of its columns and further ones do not matter."""
    columns = ["watch_time", "duration", "like"]
    frame = log.frame[columns]
    expected = clone(labeler).fit_transform(frame)
    reordered = clone(labeler).fit(frame).transform(log.frame[[*columns[::-1], "tag"]])
    np.testing.assert_array_equal(reordered, expected)
    values = {name: frame[name].to_numpy() for name in columns}
    for table in (pl.DataFrame(values), pa.table(values), frame.convert_dtypes()):
        np.testing.assert_array_equal(clone(labeler).fit_transform(table), expected)
    positions = Columns(watch_time=0, duration=1, explicit=(2,))
    by_position = clone(labeler).set_params(columns=positions)
    for array in (frame.to_numpy(), frame.to_numpy(dtype=object)):
        np.testing.assert_array_equal(by_position.fit_transform(array), expected)
    names = Columns(watch_time="played", duration="length", explicit=("thumb",))
    renamed = frame.set_axis(["played", "length", "thumb"], axis=1)
    by_name = clone(labeler).set_params(columns=names)
    np.testing.assert_array_equal(by_name.fit_transform(renamed), expected)


@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
@given(watch_time=EIGHTHS, duration=EIGHTHS, random=st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_fitted_rows_does_not_matter(
    labeler, watch_time, duration, random
):
    """Permuted rows give the same labels."""
    log = make_log(watch_time, duration, like=duration > 100)
    order = random.sample(range(12), 12)
    permuted = clone(labeler).fit(log.iloc[order]).transform(log)
    expected = clone(labeler).fit_transform(log)
    np.testing.assert_allclose(permuted, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
def test_a_failed_fit_leaves_the_labeler_as_it_was(labeler, log):
    """Neither what was learned nor the names of columns are lost or mixed."""
    columns = ["watch_time", "duration", "like"]
    wrong = -log.frame[columns].abs() - 1.0
    labeler = clone(labeler)
    with pytest.raises(ValueError, match="Negative"):
        labeler.fit(wrong)
    assert vars(labeler) == vars(clone(labeler))
    labeler.fit(log.frame[columns])
    before = dict(vars(labeler))
    with pytest.raises(ValueError, match="Negative"):
        labeler.fit(wrong.assign(more=1.0))
    assert vars(labeler) == before


@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
def test_what_is_wrong_is_named(labeler, log):
    """A missing column, a bad text among numbers, a missing value: by name and row."""
    names = Columns(watch_time="played", duration="length", explicit=("thumb",))
    with pytest.raises(ValueError, match=r"(played|length|thumb)'.* in the log"):
        clone(labeler).set_params(columns=names).fit(log.frame)
    frame = log.frame[["watch_time", "duration", "like"]].astype(object)
    text = frame.copy()
    text.iloc[3] = "oops"
    with pytest.raises(ValueError, match=r"must hold numbers.* 'oops' in row 3"):
        clone(labeler).fit(text)
    missing = (frame > 1).astype("boolean")
    missing.iloc[5] = pd.NA
    if isinstance(labeler, ExplicitFeedback):
        return  # what is missing is not known
    with pytest.raises(ValueError, match=r"must be finite .* the first is row 5"):
        clone(labeler).fit(missing)


def test_output_can_be_a_data_frame(log):
    """set_output gives named columns on the index of the log."""
    labeler = WatchTime().set_output(transform="pandas")
    label = labeler.fit_transform(log.frame.iloc[5:9])
    assert label.columns.tolist() == ["watchtime0"]
    assert label.index.tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize("labeler", LABELERS, ids=lambda e: type(e).__name__)
def test_output_of_all_estimators_can_be_a_data_frame(labeler, output, log):
    """Under scikit-learn's setting the labels are the same, in a frame with names."""
    expected = clone(labeler).fit_transform(log.frame)
    with config_context(transform_output=output):
        fitted = clone(labeler).fit(log.frame)
        found = [fitted.transform(log.frame), clone(labeler).fit_transform(log.frame)]
        union = FeatureUnion([("one", labeler), ("other", WatchTime())])
        both = union.fit_transform(log.frame)
    for labels in found:
        assert isinstance(
            labels, {"pandas": pd.DataFrame, "polars": pl.DataFrame}[output]
        )
        assert list(labels.columns) == [f"{type(labeler).__name__.lower()}0"]
        np.testing.assert_array_equal(labels.to_numpy(), expected)
    assert both.shape == (len(log.frame), 2)
    np.testing.assert_array_equal(both.to_numpy()[:, :1], expected)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_recommenders_use_labels_in_any_output(output, log, fast_ranker):
    """The setting changes nothing of what is trained on them."""
    recommender = LabelCraftRecommender(D2Q(), fast_ranker, random_state=0)
    expected = clone(recommender).fit(log.data, log.target).predict(log.data)
    with config_context(transform_output=output):
        found = clone(recommender).fit(log.data, log.target).predict(log.data)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(1, 4), (2, 2), (3,)])
def test_labels_to_turn_back_are_a_column(shape):
    """One for each row; the error tells the shape."""
    log = make_log([1.0, 2.0, 3.0, 4.0], 9.0)
    with pytest.raises(ValueError, match="a label for each of the 4 rows"):
        D2Q().fit(log).watch_time(np.zeros(shape), log)


@pytest.mark.parametrize("duration", [5e-324, 1e-320, 1e-300])
def test_a_share_of_next_to_nothing_is_finite(duration):
    """The largest number there is, and no warning."""
    log = make_log([1e300, 1.0, 0.0], duration)
    labeler = PlayCompletionRate(clip=False).fit(log)
    labels = labeler.transform(log)
    assert np.isfinite(labels).all()
    assert labels[0] == np.finfo(float).max
    assert np.isfinite(labeler.watch_time(labels, log)).all()


def test_labels_beyond_any_are_turned_back_into_the_ends():
    """Seconds from 0 to the duration."""
    log = make_log([1e38, 0.0, 3.0], [1e38, 1e38, 9e37])
    labels = [1e308, -1e308, 0.0]
    seconds = DVR(n_groups=1).fit(log).watch_time(labels, log)
    assert seconds[:2].tolist() == [1e38, 0.0]


@pytest.mark.parametrize("value", [10**400, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("labeler", "name"),
    [(D2Co(), "alpha"), (CWM(), "cost"), (ConditionalCDF(), "smoothing")],
)
def test_parameters_are_numbers_that_float64_has(labeler, name, value):
    """An infinite one makes labels that are none."""
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        clone(labeler).set_params(**{name: value}).fit(make_log([1.0, 2.0], 9.0))


@pytest.mark.parametrize(
    ("labeler", "name", "allowed", "refused"),
    [
        (D2Q(), "n_groups", 1, 0),
        (D2Co(), "window", 1, 0),
        (ConditionalCDF(), "smoothing", 0, -0.5),
        (CWM(), "cost", 1e-3, 0),
        (WatchTime(), "quantile", 0, -0.5),
        (WatchTime(), "quantile", 1, 1.5),
        (WatchTime(), "share", 0, -0.5),
        (WatchTime(), "share", 1, 1.5),
    ],
)
def test_parameters_have_bounds(labeler, name, allowed, refused):
    """The last value that is allowed is, and the first beyond it is not."""
    log = make_log([1.0, 2.0, 3.0], 5.0)
    clone(labeler).set_params(**{name: allowed}).fit(log)
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        clone(labeler).set_params(**{name: refused}).fit(log)


@pytest.mark.parametrize("labeler", LABELERS, ids=repr)
def test_labelers_say_that_feedback_is_not_negative(labeler):
    """To scikit-learn, by their tags."""
    assert get_tags(labeler).input_tags.positive_only


@pytest.mark.parametrize(
    "labeler", [D2Q(), ConditionalCDF(), D2Co(), CWM(), WatchTime()]
)
def test_predicted_labels_beyond_the_range_stand_for_its_ends(labeler):
    """Those below 0 give the watch time of 0, those above 1 that of 1."""
    log = make_log([1.0, 4.0, 6.0, 9.0], 10.0)
    seconds = labeler.fit(log).watch_time([-0.5, 0.0, 1.0, 1.5], log)
    assert seconds[0] == seconds[1]
    assert seconds[3] == seconds[2]


def test_labels_written_to_files_teach_nothing(tmp_path):
    """The columns of the log that was fitted stay those that are known."""
    log = make_log([5.0, 30.0], 10.0)
    labeler = PlayCompletionRate().fit(log)
    log.assign(page="home").to_parquet(tmp_path / "log.parquet")
    labeler.transform(tmp_path / "log.parquet", to=tmp_path / "labels")
    assert labeler.feature_names_in_.tolist() == list(log.columns)


@pytest.mark.parametrize("labeler", LABELERS, ids=repr)
def test_columns_are_given_by_name(labeler):
    """A place of theirs among the parameters is no promise."""
    parameter = signature(type(labeler)).parameters["columns"]
    assert parameter.kind is parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", ["watch_time", "duration"])
@pytest.mark.parametrize("labeler", LABELERS[2:], ids=repr)
def test_seconds_a_little_below_0_are_refused(labeler, name):
    """However little it is, by what is learned and by what is labelled."""
    log = make_log([5.0, 3.0], 10.0)
    wrong = log.assign(**{name: [-0.5, 3.0]})
    with pytest.raises(ValueError, match=name):
        clone(labeler).fit_transform(wrong)
    labeler = clone(labeler).fit(log)
    with pytest.raises(ValueError, match=name):
        labeler.transform(wrong)


@pytest.mark.parametrize("name", ["watch_time", "duration"])
@pytest.mark.parametrize("labeler", [D2Q(), DVR(), D2Co(), ConditionalCDF("user")])
def test_nothing_is_learned_of_seconds_below_0(labeler, name):
    """The error comes before the labels."""
    log = make_log([5.0, 3.0], 10.0).assign(user_id="a", **{name: [-0.5, 3.0]})
    with pytest.raises(ValueError, match=name):
        labeler.fit(log)


def test_no_scale_is_learned_of_watch_times_below_0():
    """Nor is a label made of them."""
    with pytest.raises(ValueError, match="watch_time"):
        WatchTime().fit(make_log([-0.5, 3.0], 10.0))
    for labeler in (WatchTime(), PlayCompletion(), PlayCompletionRate()):
        labeler.fit(make_log([5.0, 3.0], 10.0))
        with pytest.raises(ValueError, match="watch_time"):
            labeler.transform(make_log([-0.5, 3.0], 10.0))


@pytest.mark.parametrize("labeler", [D2Q(n_groups=0), D2Co(window=0)])
def test_there_is_at_least_one_group_and_window(labeler):
    """None is refused, and one is enough."""
    log = pd.DataFrame({"watch_time": [1.0, 3.0], "duration": [9.0, 9.0]})
    (name,) = {"n_groups", "window"} & {n for n, v in vars(labeler).items() if v == 0}
    with pytest.raises(ValueError, match=f"'{name}' parameter of"):
        labeler.fit(log)
    clone(labeler).set_params(**{name: 1}).fit(log)


@pytest.mark.filterwarnings("ignore:the explicit feedback of")
def test_rows_of_unknown_feedback_are_counted_over_days():
    """3 and then 1."""
    likes = [pd.DataFrame({"like": column}) for column in ([1, *[None] * 3], [0, None])]
    labeler = ExplicitFeedback(columns=Columns(explicit=("like",)))
    for log in likes:
        labeler.partial_fit(log.astype(float))
    assert labeler.n_unknown_ == 4
    assert labeler.__sklearn_tags__().input_tags.allow_nan


@pytest.mark.parametrize("name", ["quantile", "share"])
@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_quantile_and_share_are_parts_of_1(name, value):
    """Others are refused."""
    log = pd.DataFrame({"watch_time": [1.0, 3.0]})
    with pytest.raises(ValueError, match=f"'{name}' parameter of WatchTime"):
        WatchTime(**{name: value}).fit(log)
