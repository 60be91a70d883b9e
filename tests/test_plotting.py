"""The displays."""

import sys
from dataclasses import replace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpydoc.validate import validate
from sklearn import config_context
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.utils import Bunch

from sklabelcraft import (
    D2Q,
    DVR,
    MLP,
    Columns,
    DurationBiasDisplay,
    ExplicitFeedback,
    FusedRecommender,
    LabelCrafter,
    LabelCraftRecommender,
    LabelSurfaceDisplay,
    MLPRanker,
    ObjectiveTradeoffDisplay,
    PlayCompletion,
    TrainingHistoryDisplay,
    WatchTime,
    compare_labelers,
    ds_scorer,
)
from sklabelcraft.labelers import BaseLabeler
from sklabelcraft.objectives import Objective
from sklabelcraft.plotting._annotations import place

DISPLAYS = [
    DurationBiasDisplay,
    LabelSurfaceDisplay,
    ObjectiveTradeoffDisplay,
    TrainingHistoryDisplay,
]
LIKES = Columns(explicit=("like",))
FACTORIES = ("from_estimator", "from_estimators", "from_predictions", "from_comparison")


@pytest.fixture(autouse=True)
def _no_figure_is_left_or_shown(monkeypatch):
    def show(*args, **kwargs):
        raise AssertionError("a display shows nothing by itself")

    monkeypatch.setattr(plt, "show", show)
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def recommenders(log):
    """Fitted on the small log, one with a crafted label."""
    ranker = MLPRanker(MLP(embedding_dim=4, hidden=(8,)), max_epochs=3)
    labelers = {"PC": PlayCompletion(), "LabelCraft": LabelCrafter(starts=[(0, 1, 0)])}
    return {
        name: LabelCraftRecommender(labeler, ranker, random_state=0).fit(
            log.data, log.target
        )
        for name, labeler in labelers.items()
    }


@pytest.fixture(scope="module")
def found(log):
    quick = LabelCraftRecommender(ranker=MLPRanker(max_epochs=1))
    return compare_labelers(
        {"WT": WatchTime(), "D2Q": D2Q()},
        log.data,
        log.target,
        cv=log.split,
        recommender=quick,
        k=[5, 10],
        n_seeds=1,
        n_bootstrap=50,
        random_state=0,
    )


def as_polars(frame):
    return pl.DataFrame({name: frame[name].to_numpy() for name in frame})


def surface(labeler, frame, **options):
    fitted = labeler.fit(frame)
    return LabelSurfaceDisplay.from_estimator(fitted, frame, n_points=12, **options)


def four_displays(log, recommenders, found):
    """One of each, drawn on figures of their own."""
    return [
        surface(D2Q(), log.frame),
        DurationBiasDisplay.from_estimators(recommenders, log.data),
        TrainingHistoryDisplay.from_estimator(recommenders["PC"]),
        ObjectiveTradeoffDisplay.from_comparison(found),
    ]


@pytest.fixture(autouse=True)
def no_figures():
    """Those of other tests are closed."""
    plt.close("all")


# What all of them do


def test_plot_returns_the_display_and_closes_nothing(log, recommenders, found):
    """Each lies in an open figure of its own, and plot draws it again in another."""
    displays = four_displays(log, recommenders, found)
    figures = [display.figure_ for display in displays]
    assert [plt.figure(number) for number in plt.get_fignums()] == figures
    for display, first in zip(displays, figures, strict=True):
        assert display.plot() is display
        assert display.figure_ is not first
        assert plt.fignum_exists(first.number)


def test_given_axes_are_used(log, recommenders, found):
    """Axes of a figure, or of a part of one, are drawn on; no figure is made."""
    displays = four_displays(log, recommenders, found)
    plt.close("all")
    figure = plt.figure()
    for part, display in zip(figure.subfigures(4), displays, strict=True):
        axes = part.subplots(1, 2 if hasattr(display, "axes_") else 1)
        display.plot(axes)
        drawn = getattr(display, "axes_", axes)
        assert np.array_equal(np.ravel(drawn), np.ravel(axes))
        assert all(ax.has_data() for ax in np.ravel(axes))
        assert display.figure_ is part
    assert plt.get_fignums() == [figure.number]


def test_wrong_number_of_axes(log):
    """Two panels do not fit on one axes."""
    with pytest.raises(ValueError, match="2 axes are to be drawn on, got 1"):
        surface(D2Q(), log.frame, axes=plt.figure().subplots())


@pytest.mark.parametrize("display", DISPLAYS)
def test_matplotlib_is_optional(display, monkeypatch):
    """Without matplotlib, the message says who needs it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    data = [{"a": []}] * 3
    n_data = {ObjectiveTradeoffDisplay: 3, TrainingHistoryDisplay: 1}.get(display, 2)
    lists = display in (ObjectiveTradeoffDisplay, DurationBiasDisplay)
    made = display(*data[:n_data], **{"k": 1} if lists else {})
    with pytest.raises(ImportError, match=rf"{display.__name__}.plot requires"):
        made.plot()


@pytest.mark.parametrize(
    "name", [f"{d.__name__}.{f}" for d in DISPLAYS for f in FACTORIES if hasattr(d, f)]
)
def test_class_methods_are_documented(name):
    """By numpydoc's rules, but for those that the house does not ask for."""
    errors = {error[0] for error in validate(f"sklabelcraft.{name}")["errors"]}
    assert errors <= {"ES01", "EX01", "GL01", "RT02", "SA01"}


# The surface of a label


def test_surface_of_watch_time_is_constant_along_duration(log):
    """Rows are watch times, columns durations; explicit feedback changes nothing."""
    display = surface(WatchTime(), log.frame)
    labels = WatchTime().fit(log.frame)
    expected = labels.transform(pd.DataFrame({"watch_time": display.seconds}))
    there = np.isfinite(display.labels)
    expected = np.broadcast_to(expected, (2, 12, 12))
    assert display.labels[there] == pytest.approx(expected[there])
    end = log.frame["duration"].quantile(0.95)
    assert display.seconds[[0, -1]] == pytest.approx([1, end])


def test_surface_with_explicit_feedback(log):
    """The panels are those without and with it."""
    display = surface(ExplicitFeedback(), log.frame)
    assert [set(panel[np.isfinite(panel)]) for panel in display.labels] == [{0}, {1}]
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == ["without explicit feedback", "with explicit feedback"]


def test_surface_without_columns_of_explicit_feedback(log):
    """There is one panel."""
    frame = log.frame[["watch_time", "duration"]]
    display = surface(PlayCompletion(), frame)
    watched, long = np.meshgrid(display.seconds, display.seconds, indexing="ij")
    there = np.isfinite(display.labels[0])
    assert there.sum() > 20
    assert np.array_equal(display.labels[0, there], (watched > long)[there])
    assert len(display.axes_) == 1


@pytest.mark.parametrize("convert", [as_polars, pd.DataFrame])
def test_surface_takes_any_frame(log, convert):
    """Other columns have the values of one row, in their order and types."""

    class Recorded(WatchTime):
        def transform(self, log):
            self.seen_ = log
            return super().transform(log)

    frame = convert(log.frame)
    labeler = Recorded()
    assert np.array_equal(
        surface(labeler, frame).labels,
        surface(WatchTime(), log.frame).labels,
        equal_nan=True,
    )
    assert type(labeler.seen_) is type(frame)
    assert list(labeler.seen_.columns) == list(frame.columns)
    first = log.frame.sort_values(["user_id", "item_id", "timestamp"]).iloc[0]
    assert set(labeler.seen_["tag"]) == {first["tag"]}
    assert set(labeler.seen_["comment"]) == {1}
    assert labeler.seen_["item_id"].dtype == frame["item_id"].dtype


class Rough(BaseLabeler):
    """A label that also reads another column."""

    def _label(self, log, columns):
        return log.numeric(columns.watch_time) + 1000 * log.numeric("visits")


@pytest.mark.parametrize("convert", [as_polars, pd.DataFrame])
def test_surface_does_without_the_order_of_the_rows(log, convert):
    """Nor does it look at the index; missing values and lists do not matter."""
    n = len(log.frame)
    odd = log.frame.assign(user_id=None, tag=[["a"]] * n, visits=np.arange(n))
    odd["item_id"] = odd["item_id"].where(odd["item_id"] > 0)
    orders = [odd, odd.sample(frac=1, random_state=0), odd[::-1]]
    labeler = Rough().fit(odd)
    expected, *others = (
        LabelSurfaceDisplay.from_estimator(labeler, convert(frame), n_points=4).labels
        for frame in orders
    )
    first = odd.sort_values(["item_id", "timestamp"])["visits"].iloc[0]
    assert np.nanmin(expected[0, 0]) == np.nanmax(expected[0, 0]) == 1 + 1000 * first
    for labels in others:
        assert np.array_equal(labels, expected, equal_nan=True)


def test_surface_of_values_without_an_order(log):
    """Texts beside numbers are passed over."""
    frame = log.frame.assign(visits=0).astype({"user_id": object})
    frame.loc[3, "user_id"] = "somebody"
    display = LabelSurfaceDisplay.from_estimator(Rough().fit(frame), frame, n_points=3)
    there = np.isfinite(display.labels[0, :, 0])
    assert display.labels[0, there, 0] == pytest.approx(display.seconds[there])


@pytest.mark.parametrize("as_array", [True, False])
def test_surface_takes_positions(log, as_array):
    """Columns by position are those by name."""
    order = ["like", "duration", "item_id", "watch_time"]
    data = log.frame[order].set_axis(range(4), axis=1).astype({0: int, 3: float})
    data = data.to_numpy() if as_array else data
    names = Columns(watch_time=-1, duration=1, explicit=(0,))
    expected = surface(D2Q(), log.frame, columns=LIKES).labels
    stated = surface(D2Q(columns=names), data)
    assert np.array_equal(stated.labels, expected, equal_nan=True)
    assert np.array_equal(
        surface(D2Q(columns=names), data, columns=names).labels,
        expected,
        equal_nan=True,
    )


@pytest.mark.parametrize("dtype", [int, object])
def test_surface_takes_arrays_of_any_type(log, dtype):
    """The grid is not rounded to whole seconds where the log is; texts stay."""
    data = np.ceil(log.frame[["watch_time", "duration"]].to_numpy()).astype(dtype)
    if dtype is object:
        data = np.column_stack([data, np.full(len(data), "a", dtype=object)])
    names = Columns(watch_time=0, duration=1, explicit=())
    display = surface(WatchTime(columns=names), data)
    assert len(np.unique(display.labels[np.isfinite(display.labels)])) == 12


@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize("convert", [as_polars, pd.DataFrame])
def test_surface_with_outputs_as_frames(log, recommenders, convert, output):
    """What transformers are set to return does not matter."""
    pytest.importorskip("pyarrow")
    frame = convert(log.frame)
    labelers = [D2Q(), FeatureUnion([("ef", ExplicitFeedback())])]
    expected = [surface(labeler, log.frame).labels for labeler in labelers]
    with config_context(transform_output=output):
        for labeler, labels in zip(labelers, expected, strict=True):
            assert np.array_equal(
                surface(labeler, frame).labels, labels, equal_nan=True
            )
        LabelSurfaceDisplay.from_estimator(
            recommenders["LabelCraft"], frame, n_points=3
        )


@pytest.mark.parametrize("name", ["PC", "LabelCraft"])
def test_surface_takes_recommenders(log, recommenders, name):
    """Their labeler is drawn."""
    whole, label, frozen = (
        LabelSurfaceDisplay.from_estimator(estimator, log.frame, n_points=5)
        for estimator in (
            recommenders[name],
            recommenders[name].labeler_,
            FrozenEstimator(recommenders[name].labeler_),
        )
    )
    assert np.array_equal(whole.labels, label.labels, equal_nan=True)
    assert np.array_equal(whole.labels, frozen.labels, equal_nan=True)


def test_surface_needs_a_fitted_estimator(log):
    """Of either kind."""
    for estimator in (D2Q(), LabelCraftRecommender(D2Q())):
        with pytest.raises(NotFittedError):
            LabelSurfaceDisplay.from_estimator(estimator, log.frame)


def test_surface_needs_labels(log, recommenders):
    """What only ranks has none."""
    recommender = recommenders["PC"]
    fused = FusedRecommender([("a", recommender), ("b", recommender)])
    fused.heads_ = None
    for wrong in (recommender.ranker_, fused):
        with pytest.raises(TypeError, match="must be a fitted labeler with transform"):
            LabelSurfaceDisplay.from_estimator(wrong, log.frame)


def test_surface_marks_where_videos_are_watched_once(log):
    """A dashed line where the watch time is the duration, on logarithmic axes."""
    for ax in surface(D2Q(), log.frame).axes_:
        (line,) = ax.lines
        assert line.get_linestyle() == "--"
        assert np.array_equal(*line.get_data())
        assert [text.get_text() for text in ax.texts] == ["watched once"]
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert (ax.get_xlabel()[-3:], ax.get_xlim()) == ("(s)", ax.get_ylim())


@pytest.mark.parametrize(
    ("lowest", "highest", "scale"),
    [(0.1, 0.7, (0, 1)), (0.0, 1.0, (0, 1)), (-1, 1, (-1, 1)), (0.5, 30, (0.5, 30))],
)
def test_scale_of_the_colours(lowest, highest, scale):
    """One for both panels, and one for all labels between 0 and 1."""
    seconds = np.geomspace(1, 10, 3)
    labels = np.linspace(lowest, highest, 18).reshape(2, 3, 3)
    display = LabelSurfaceDisplay(seconds, labels).plot()
    norms = {ax.collections[0].norm for ax in display.axes_}
    assert {(norm.vmin, norm.vmax) for norm in norms} == {scale}
    assert display.colorbar_.ax.get_ylabel() == "label"


def test_surface_is_empty_where_there_are_no_impressions(log):
    """Of the log, or with explicit feedback; cells beside those with some are drawn."""
    frame = log.frame.head(2).assign(
        watch_time=[1.0, 50.0], duration=[1.0, 100.0], like=[0, 1], follow=0, comment=0
    )
    display = LabelSurfaceDisplay.from_estimator(
        WatchTime().fit(log.frame), frame, n_points=24
    )
    without, told = np.isfinite(display.labels)
    assert without[:2, :2].all()
    assert without.sum() == 4
    assert told[:, -2:].any()
    assert 6 <= told.sum() <= 9
    assert not (without & told).any()


def test_scale_of_ones_own():
    """A scale that is asked for is that of both panels."""
    labels = np.linspace(0.1, 1, 18).reshape(2, 3, 3)
    display = LabelSurfaceDisplay(np.geomspace(1, 10, 3), labels).plot(norm="log")
    for ax in display.axes_:
        norm = ax.collections[0].norm
        assert isinstance(norm, matplotlib.colors.LogNorm)
        assert (norm.vmin, norm.vmax) == (0.1, 1)
    norm = matplotlib.colors.Normalize(0, 2)
    display.plot(norm=norm, cmap="cividis")
    assert all(ax.collections[0].norm is norm for ax in display.axes_)


def test_surface_needs_one_label(log):
    """Two labels at once are two pictures."""
    both = FeatureUnion([("d2q", D2Q()), ("dvr", DVR())])
    with pytest.raises(ValueError, match=r"one label per impression .* got 2"):
        surface(both, log.frame)


def test_surface_needs_seconds(log):
    """Durations in another unit leave no axis."""
    frame = log.frame.assign(duration=log.frame["duration"] / 3600)
    with pytest.raises(ValueError, match="the durations, which is 0"):
        surface(WatchTime(), frame)
    with pytest.raises(ValueError, match="must have rows"):
        LabelSurfaceDisplay.from_estimator(WatchTime().fit(frame), frame[:0])


def test_surface_takes_the_names_that_the_labeler_states(log):
    """Other names are not stated twice, and a wrong one is an error."""
    names = {"watch_time": "played", "duration": "length", "like": "thumb"}
    frame = log.frame.rename(columns=names)
    names = Columns(watch_time="played", duration="length", explicit=("thumb",))
    labeler = ExplicitFeedback(columns=names).fit(frame)
    display = LabelSurfaceDisplay.from_estimator(labeler, frame, n_points=3)
    assert np.nanmin(display.labels, axis=(1, 2)).tolist() == [0, 1]
    d2q = D2Q(columns=names).fit(frame)
    for stating in (d2q, make_pipeline("passthrough", d2q), FrozenEstimator(d2q)):
        drawn = LabelSurfaceDisplay.from_estimator(stating, frame, n_points=3)
        assert drawn.labels.shape == (2, 3, 3)
    with pytest.raises(ValueError, match="column 'tumb' is not in the log"):
        LabelSurfaceDisplay.from_estimator(
            d2q, frame, columns=replace(names, explicit=["tumb"])
        )


def test_surface_takes_the_names_that_a_recommender_states(log):
    """Its labeler inherited them."""
    names = Columns(watch_time="played", duration="length", explicit=("thumb",))
    renamed = {"watch_time": "played", "duration": "length", "like": "thumb"}
    X, y = (part.rename(columns=renamed) for part in (log.data, log.target))
    recommender = LabelCraftRecommender(
        D2Q(), MLPRanker(max_epochs=1), columns=names, random_state=0
    ).fit(X, y)
    frame = log.frame.rename(columns=renamed)
    display = LabelSurfaceDisplay.from_estimator(recommender, frame, n_points=12)
    assert np.array_equal(
        display.labels, surface(D2Q(), log.frame, columns=LIKES).labels, equal_nan=True
    )
    display = DurationBiasDisplay.from_estimators({"D2Q": recommender}, X)
    assert np.array_equal(display.durations, log.data["duration"])


def test_surface_takes_the_positions_that_a_recommender_inherited(log):
    """Those of the log in which the columns of y follow those of X."""
    X = log.data[["user_id", "item_id", "duration"]].to_numpy(float)
    y = log.target[["watch_time", "like"]].to_numpy(float)
    names = Columns(user=0, item=1, duration=2, watch_time=0, explicit=(1,))
    recommender = LabelCraftRecommender(
        D2Q(),
        MLPRanker(max_epochs=1),
        columns=replace(names, timestamp=None),
        random_state=0,
    ).fit(X, y)
    display = LabelSurfaceDisplay.from_estimator(
        recommender, np.hstack([X, y]), n_points=12
    )
    assert np.array_equal(
        display.labels, surface(D2Q(), log.frame, columns=LIKES).labels, equal_nan=True
    )


def test_surface_without_explicit_feedback_that_is_there(log):
    """One panel is enough for a label that does without."""
    display = surface(WatchTime(), log.frame, columns=Columns(explicit=()))
    assert display.labels.shape == (1, 12, 12)


# The durations that are shown

THREE_USERS = pd.DataFrame(
    {
        "duration": [10, 60, 110, 20, 70, 999, 30],
        "user_id": ["a", "a", "a", "b", "b", "c", "b"],
    }
)
SCORES = {
    "up": [1, 2, 3, 1, 2, 9, 3],
    "tied": [0, 0, 0, 0, 0, 0, 0],
    "in part": [1, 0, 0, 0, 0, 9, 0],
}


def durations_of(X=THREE_USERS, scores=SCORES, k=2, **options):
    return DurationBiasDisplay.from_predictions(X, scores, k=k, **options)


def test_durations_shown():
    """By hand: the top 2 of a and b; c has too few rows to take part."""
    display = durations_of()
    assert display.durations.tolist() == [10, 60, 110, 20, 70, 30]
    assert display.shown["up"].tolist() == [0, 1, 1, 0, 1, 1]


def test_equal_scores_are_no_order():
    """By hand: those that are tied share the places that are left."""
    display = durations_of()
    assert display.shown["tied"].tolist() == [2 / 3] * 6
    assert display.shown["in part"].tolist() == [1, 1 / 2, 1 / 2, 2 / 3, 2 / 3, 2 / 3]
    everything, tied = heights(display.axes_[1])
    assert tied == pytest.approx(everything)
    _, in_part = heights(display.axes_[2])
    assert in_part == pytest.approx([(1 + 4 / 3) / 4, (1 / 2 + 2 / 3) / 4, 1 / 8])


def test_all_scores_equal():
    """By hand: of each user, all impressions as if drawn, k of n."""
    X = pd.DataFrame({"user_id": list("aaabbbbc"), "duration": [10.0] * 3 + [60] * 5})
    display = durations_of(X, {"none": np.zeros(8)})
    everything, shown = heights(display.axes_[0])
    assert everything == pytest.approx([3 / 7, 4 / 7])
    assert shown == pytest.approx([1 / 2, 1 / 2])
    assert display.shown["none"].tolist() == [2 / 3] * 3 + [1 / 2] * 4


@pytest.mark.parametrize("levels", [1, 3, 1000])
def test_the_order_of_the_rows_decides_nothing(log, levels):
    """Nor does the index: the histograms are the same to the last bit."""
    rng = np.random.RandomState(0)
    X = log.data.iloc[rng.randint(len(log.data), size=1500)].reset_index(drop=True)
    X["user_id"] = X["user_id"].where(X["user_id"] != 3)
    scores = pd.Series(rng.randint(levels, size=len(X)))
    order = rng.permutation(len(X))
    first, *others = (
        DurationBiasDisplay.from_predictions(frame, {"a": values}, k=7, bin_width=9)
        for frame, values in (
            (X, scores),
            (X.iloc[order], scores[order]),
            (X.iloc[order], scores[order].set_axis(range(len(X)))),
            (as_polars(X.iloc[order]), pl.Series(scores[order].to_numpy())),
        )
    )
    for other in others:
        assert np.array_equal(other.shown["a"], first.shown["a"][order])
        assert np.array_equal(other.edges_, first.edges_)
        assert np.array_equal(heights(other.axes_[0]), heights(first.axes_[0]))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_users_are_one_user(missing):
    """They make one more list."""
    X = THREE_USERS.assign(user_id=THREE_USERS["user_id"].replace({"b": missing}))
    display = durations_of(X.convert_dtypes())
    assert display.shown["up"].tolist() == [0, 1, 1, 0, 1, 1]


def heights(ax):
    """The heights of the two histograms: all impressions, and those shown."""
    return [patch.get_data().values for patch in ax.patches]


def test_histograms():
    """By hand: bins of 50 s from 0, the last of them open; shares sum to 1."""
    display = durations_of()
    assert display.edges_.tolist() == [0, 50, 100, np.inf]
    everything, up = heights(display.axes_[0])
    assert everything == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    assert up == pytest.approx([1 / 4, 2 / 4, 1 / 4])
    labels = [label.get_text() for label in display.axes_[0].get_xticklabels()]
    assert labels == ["0", "50", "\N{GREATER-THAN OR EQUAL TO} 100"]
    (_, top) = display.axes_[-1].get_legend().get_texts()
    assert top.get_text() == "top 2"


@pytest.mark.parametrize("bin_width", [3, 50, 1e4])
def test_shares_sum_to_one(log, recommenders, bin_width):
    """In every panel, whatever the bins; the panels have the same axes."""
    display = DurationBiasDisplay.from_estimators(
        recommenders, log.data, bin_width=bin_width
    )
    assert [ax.get_title() for ax in display.axes_] == list(recommenders)
    for ax in display.axes_:
        assert [sum(values) for values in heights(ax)] == pytest.approx([1, 1])
        assert max(map(max, heights(ax))) <= ax.get_ylim()[1]
        assert ax.get_ylim() == display.axes_[0].get_ylim()
        assert np.array_equal(ax.get_xticks(), display.axes_[0].get_xticks())


@pytest.mark.parametrize("unit", [1, 1e12])
def test_a_few_endless_videos_lie_in_the_last_bin(unit):
    """They take no memory, and bins are as wide as one says."""
    X = pd.DataFrame({"user_id": 0, "duration": np.arange(200.0) * unit})
    X.loc[0, "duration"] = 1e15 * unit
    display = durations_of(X, {"a": np.arange(200)}, bin_width=50 * unit)
    assert display.edges_.tolist() == [0, 50 * unit, 100 * unit, 150 * unit, np.inf]
    assert heights(display.axes_[0])[0] == pytest.approx(
        [49 / 200, *[1 / 4] * 2, 51 / 200]
    )


@pytest.mark.parametrize("duration", [1e15, 1e308])
@pytest.mark.parametrize("bin_width", [50, 1e-5])
def test_too_many_bins(duration, bin_width):
    """Durations in another unit would make billions of bins; no figure is left."""
    X = THREE_USERS.assign(duration=duration)
    with pytest.raises(
        ValueError, match=f"bin_width={bin_width:g} makes .* bins up to"
    ):
        durations_of(X, bin_width=bin_width)
    assert not plt.get_fignums()


def test_shown_durations_are_those_of_the_metric(log, recommenders):
    """Their spread per user is DS; with tied scores too, k are expected in all."""
    display = DurationBiasDisplay.from_estimators(
        recommenders, as_polars(log.data), k=7
    )
    users = log.data["user_id"].to_numpy()
    for name, recommender in recommenders.items():
        shown = pd.DataFrame({"weight": display.shown[name], "d": display.durations})
        assert shown.groupby(users)["weight"].sum().to_numpy() == pytest.approx(7)
        certain = shown["weight"].isin([0, 1]).groupby(users).transform("all")
        alone = shown[certain & (shown["weight"] == 1)]["d"]
        spread = alone.groupby(users[alone.index]).std(ddof=0)
        assert len(spread) > 20
        expected = replace(ds_scorer, k=7).per_user(
            recommender.predict(log.data), log.data
        )
        assert spread.to_numpy() == pytest.approx(expected[spread.index])


def test_one_list_of_all_rows(log, recommenders):
    """A user of None."""
    names = Columns(user=None)
    display = DurationBiasDisplay.from_estimators(recommenders, log.data, columns=names)
    assert display.shown["PC"].sum() == pytest.approx(10)
    assert len(display.durations) == len(log.data)


@pytest.mark.parametrize("as_array", [True, False])
def test_names_and_positions_of_columns(as_array):
    """User and duration are found where the columns say; the time is not read."""
    X = THREE_USERS.rename(columns={"user_id": "uid", "duration": "length"})
    names = Columns(user="uid", duration="length", timestamp="?")
    if as_array:
        X, names = X.to_numpy(), Columns(user=1, duration=-2)
    display = durations_of(X, columns=names)
    assert display.shown["up"].tolist() == [0, 1, 1, 0, 1, 1]
    assert display.durations.tolist() == [10, 60, 110, 20, 70, 30]


class ByColumn(LabelCraftRecommender):
    """States columns or k, and scores by a column."""

    def predict(self, X):
        return X["score"]

    def __sklearn_is_fitted__(self):
        return True


LENGTHS = THREE_USERS.rename(columns={"user_id": "uid", "duration": "length"}).assign(
    score=SCORES["up"]
)
NAMES = Columns(user="uid", duration="length")


def test_estimators_state_columns_and_k():
    """Those that state none follow, and what only others read may differ."""
    other = replace(NAMES, explicit=("thumb",), features=("score",))
    estimators = {
        "foreign": DummyRegressor().fit(LENGTHS, SCORES["tied"]),
        "ours": ByColumn(),
        "in a pipeline": make_pipeline("passthrough", ByColumn(columns=NAMES)),
        "frozen": FrozenEstimator(ByColumn(columns=other, k=2)),
    }
    display = DurationBiasDisplay.from_estimators(estimators, LENGTHS)
    assert display.k == 2
    tied, *shown = display.shown.values()
    assert tied.tolist() == [2 / 3] * 6
    assert [values.tolist() for values in shown] == [[0, 1, 1, 0, 1, 1]] * 3


def test_given_columns_and_k_come_first():
    """What the estimators state is for where none are given."""
    estimators = {"a": ByColumn(columns=Columns(), k=10)}
    display = DurationBiasDisplay.from_estimators(
        estimators, LENGTHS, columns=NAMES, k=1
    )
    assert display.shown["a"].tolist() == [0, 0, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (
            [{"columns": NAMES, "k": 2}, {"columns": replace(NAMES, user=None)}],
            r"different columns: {'a': \('uid', 'length'\), 'b': \(None, 'length'\)}",
        ),
        (
            [{"columns": NAMES, "k": 2}, {"columns": NAMES, "k": 1}],
            "different k: {'a': 2, 'b': 1}; say by k=",
        ),
    ],
)
def test_estimators_that_contradict_each_other(stated, message):
    """One picture has one k and one kind of lists."""
    first, second = stated
    estimators = {"a": ByColumn(**first), "b": ByColumn(**second)}
    with pytest.raises(ValueError, match=message):
        DurationBiasDisplay.from_estimators(estimators, LENGTHS)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"k": 3}, "no user has more than k=3 rows"),
        ({"k": 0}, "'k' parameter"),
        ({"k": None}, "'k' parameter"),
        ({"bin_width": 0}, "'bin_width' parameter"),
        ({"columns": "duration"}, "'columns' parameter"),
        ({"columns": Columns(duration="length")}, "column 'length' is not in the log"),
        ({"scores": {}}, "at least one method"),
        ({"scores": [0] * 7}, "'scores' parameter"),
        ({"scores": {"a": [0] * 6}}, "as many rows as scores, 6; got 7"),
        ({"scores": {"a": [np.nan] * 7}}, "scores must be finite"),
        (
            {"X": THREE_USERS.assign(duration=-1.0)},
            "column 'duration' must be finite and >= 0",
        ),
    ],
)
def test_wrong_lists(wrong, message):
    """The message says what is wrong."""
    with pytest.raises(ValueError, match=message):
        durations_of(**wrong)


def test_many_methods_begin_new_rows():
    """Five panels lie in two rows, and the axes of each can be read."""
    scores = {f"method {i}": SCORES["up"] for i in range(5)}
    display = durations_of(scores=scores)
    assert len(display.figure_.axes) == 5
    labelled = [ax.get_ylabel() != "" for ax in display.axes_]
    assert labelled == [True, False, False, False, True]


# Training


def test_history_of_a_crafted_label(recommenders):
    """Curves are the objectives; random lists are at 1, the warm-up is shaded."""
    crafter = recommenders["LabelCraft"].labeler_
    display = TrainingHistoryDisplay.from_estimator(recommenders["LabelCraft"])
    history = pd.DataFrame(crafter.history_)
    drawn = {line.get_label(): line.get_ydata() for line in display.ax_.lines}
    assert drawn["weighted mean"].tolist() == history["objective"].tolist()
    assert drawn["duration spread"].tolist() == history["duration_spread"].tolist()
    assert "loss" not in drawn
    (dotted,) = (line for line in display.ax_.lines if line.get_linestyle() == ":")
    assert list(dotted.get_ydata()) == [1, 1]
    (shade,) = display.ax_.patches
    assert (shade.get_x(), shade.get_width()) == (0.5, crafter.warmup_epochs)
    best = history["objective"][1:].idxmax()
    assert display.kept == ("weighted mean", best)
    assert drawn["weights kept"] == history["objective"][best]
    weights, *others = (line.get_ydata() for line in display.balance_ax_.lines)
    assert len(others) == 2
    np.testing.assert_array_equal(weights, history["weight_watch_time_gain"])


def test_history_of_a_run_that_was_stopped_in_the_warmup(recommenders):
    """No epoch was kept."""
    crafter = recommenders["LabelCraft"].labeler_
    stopped = LabelCrafter(warmup_epochs=5)
    stopped.history_ = crafter.history_[:2]
    display = TrainingHistoryDisplay.from_estimator(stopped)
    assert display.kept is None
    assert display.n_warmup == 2


def test_history_of_a_ranker(recommenders):
    """Training and held-out loss, from the recommender or from its ranker."""
    ranker = recommenders["PC"].ranker_
    history = pd.DataFrame(ranker.history_)
    for estimator in (ranker, recommenders["PC"]):
        display = TrainingHistoryDisplay.from_estimator(estimator)
        training, held_out, kept = display.ax_.lines
        assert training.get_xdata().tolist() == [1, 2, 3]
        assert training.get_ydata().tolist() == history["loss"].tolist()
        assert held_out.get_ydata().tolist() == history["validation_loss"].tolist()
        assert kept.get_xdata() == history["validation_loss"].argmin() + 1
        assert not display.ax_.patches


def test_history_without_held_out_rows(log, recommenders):
    """The training loss alone."""
    ranker = MLPRanker(max_epochs=1, validation_fraction=0.0)
    ranker.fit(log.data, np.linspace(0, 1, len(log.data)))
    display = TrainingHistoryDisplay.from_estimator(ranker)
    assert list(display.curves) == ["training"]
    assert display.kept is None


def test_history_needs_one(log):
    """A rule was not trained, and an estimator must be fitted."""
    with pytest.raises(ValueError, match="nothing in D2Q has a history"):
        TrainingHistoryDisplay.from_estimator(D2Q().fit(log.frame))
    with pytest.raises(NotFittedError):
        TrainingHistoryDisplay.from_estimator(MLPRanker())


WATCH_TIME, WEIGHT = Objective("watch_time"), Objective("weight_watch_time")


@pytest.mark.parametrize("warmup_epochs", [0, 1])
@pytest.mark.parametrize(
    ("objectives", "weights", "names"),
    [
        ([Objective("weight_kg"), WATCH_TIME], None, ["weight_kg", "watch_time"]),
        ([Objective("weight kg")], None, ["weight kg"]),
        ([WATCH_TIME, WEIGHT], [0, 1], ["watch_time", "weight_watch_time_mean_1"]),
        ([WATCH_TIME, WEIGHT], None, ["watch_time", "weight_watch_time_mean_1"]),
        (
            [replace(WATCH_TIME, measure="spread"), WEIGHT],
            None,
            ["watch_time_spread", "weight_watch_time"],
        ),
        ([Objective("a_b"), Objective("a b")], None, ["a_b", "a b"]),
        ([Objective("weighted"), WATCH_TIME], None, ["weighted", "watch_time"]),
    ],
)
def test_odd_names_of_objectives(log, objectives, weights, names, warmup_epochs):
    """Objectives on columns that read like weights, alike, or like the mean."""
    columns = ("weight_kg", "weight kg", "weight_watch_time", "a_b", "a b", "weighted")
    rng = np.random.RandomState(0)
    frame = log.frame.assign(**{c: rng.uniform(size=len(log.frame)) for c in columns})
    crafter = LabelCrafter(
        MLPRanker(MLP(embedding_dim=2, hidden=()), max_epochs=2),
        objectives=objectives,
        objective_weights=weights,
        starts=[(0, 1, 0)],
        warmup_epochs=warmup_epochs,
        random_state=0,
    ).fit(frame)
    display = TrainingHistoryDisplay.from_estimator(crafter)
    history = pd.DataFrame(crafter.history_)
    names = [n if n.endswith(("spread", "_1")) else f"{n}_mean" for n in names]
    curves, mean = list(display.curves.values())[:-1], display.curves["weighted mean"]
    assert len(curves) == len(names)
    for name, curve in zip(names, curves, strict=True):
        assert np.array_equal(curve, history[name])
    assert np.array_equal(mean, history["objective"])
    counting = names[1:] if weights else names
    assert list(display.balance) == list(display.curves)[-1 - len(counting) : -1]
    for name, balance in zip(counting, display.balance.values(), strict=True):
        np.testing.assert_array_equal(balance, history[f"weight_{name}"])


@pytest.mark.parametrize("warmup_epochs", [0, 1])
def test_weight_of_an_objective_beside_an_objective_on_a_weight(warmup_epochs):
    """By hand: their names differ by a number, as those of equal objectives do."""
    warmup = {"epoch": 0, "loss": 0.7, "objective": 1.0}
    warmup |= {"watch_time_mean": 1.1, "weight_watch_time_mean_1": 1.2}
    weights = {"weight_watch_time_mean": 0.4, "weight_weight_watch_time_mean_1": 0.6}
    crafter = LabelCrafter(warmup_epochs=warmup_epochs)
    crafter.history_ = [warmup] * warmup_epochs + [warmup | weights]
    display = TrainingHistoryDisplay.from_estimator(crafter)
    names = ["watch time mean", "weight watch time mean 1"]
    assert list(display.curves) == [*names, "weighted mean"]
    assert {n: v[-1] for n, v in display.balance.items()} == dict(
        zip(names, [0.4, 0.6], strict=True)
    )


def test_odd_names_in_a_run_that_was_stopped_in_the_warmup():
    """There are no weights then."""
    crafter = LabelCrafter(warmup_epochs=3)
    epoch = {"epoch": 0, "loss": 0.7, "objective": 1.0}
    crafter.history_ = [epoch | {"a_mean": 1.1, "weight_a_mean": 1.2}]
    display = TrainingHistoryDisplay.from_estimator(crafter)
    assert list(display.curves) == ["a mean", "weight a mean", "weighted mean"]
    assert not display.balance


# The plane of the objectives


def test_tradeoff_is_that_of_the_table(found):
    """Points, bars and cross are where the comparison has them."""
    display = ObjectiveTradeoffDisplay.from_comparison(found, k=10)
    table = found.table.set_index(["k", "method", "metric"]).loc[10]
    methods, cross = display.axes_[0].collections[-2:]
    for name, point, spread in zip(
        ["WT", "D2Q"], methods.get_offsets(), methods.get_array(), strict=True
    ):
        mean, error = table["mean"][name], table["se_users"][name]
        assert point.tolist() == pytest.approx([mean["NWTG"], mean["NEG"]])
        assert spread == pytest.approx(mean["DS"])
        assert display.errors.loc[name, "NEG"] == error["NEG"]
    reference = found.reference[10]
    assert cross.get_offsets()[0].tolist() == pytest.approx(
        reference[["NWTG", "NEG"]].tolist()
    )
    assert cross.norm is methods.norm
    assert display.colorbar_.ax.get_ylabel() == "DS@10 (spread of durations, s)"


def test_tradeoff_has_the_sums_in_order(found):
    """Each method beside its name, with its bar; random lists are at 3."""
    display = ObjectiveTradeoffDisplay.from_comparison(found, k=10)
    table = found.table.set_index(["k", "metric", "method"]).loc[10].loc["S"]
    sums = display.axes_[1]
    table = table.sort_values("mean")
    assert [text.get_text() for text in sums.get_yticklabels()] == list(table.index)
    bars, points = sums.collections
    assert points.get_offsets()[:, 0].tolist() == table["mean"].tolist()
    assert points.get_offsets()[:, 1].tolist() == [0, 1]
    half = [np.ptp(bar[:, 0]) / 2 for bar in bars.get_segments()]
    assert half == pytest.approx(table["se_users"].tolist())
    assert sums.lines[-1].get_xdata() == [3, 3]


def test_tradeoff_of_the_first_k(found):
    """Unless another is named."""
    display = ObjectiveTradeoffDisplay.from_comparison(found)
    assert display.k == 5
    assert display.axes_[0].get_xlabel() == "NWTG@5 (watch time)"
    with pytest.raises(ValueError, match=r"k must be one of \[5, 10\], got 3"):
        ObjectiveTradeoffDisplay.from_comparison(found, k=3)


def test_tradeoff_needs_three_metrics(found):
    """A log without explicit feedback has no plane."""
    table = found.table[found.table["metric"] != "NEG"]
    fewer = Bunch(table=table, reference=found.reference)
    with pytest.raises(ValueError, match=r"\['NEG'\] were not compared"):
        ObjectiveTradeoffDisplay.from_comparison(fewer)
    no_sum = Bunch(
        table=found.table[found.table["metric"] != "S"], reference=fewer.reference
    )
    with pytest.raises(ValueError, match=r"\['S'\] were not compared"):
        ObjectiveTradeoffDisplay.from_comparison(no_sum)


@pytest.mark.parametrize(("zeros", "place"), [(["DS"], 2), (["DS", "NEG"], 1)])
def test_random_lists_are_where_their_sum_is(found, zeros, place):
    """A metric that is 0 of lists at random has no part in S."""
    display = ObjectiveTradeoffDisplay.from_comparison(found)
    display.reference = display.reference.where(~display.reference.index.isin(zeros), 0)
    assert display.plot().axes_[1].lines[-1].get_xdata() == [place, place]


def test_a_mean_that_cannot_be_drawn_is_named(found):
    """By its metric and method, as where nobody of a segment likes anything."""
    display = ObjectiveTradeoffDisplay.from_comparison(found)
    plt.close("all")
    means = display.means.copy()
    means.loc["D2Q", ["NEG", "S"]] = np.nan
    wrong = ObjectiveTradeoffDisplay(means, display.errors, display.reference, k=5)
    with pytest.raises(ValueError, match="the NEG of 'D2Q' must be finite, got nan"):
        wrong.plot()
    display.reference = display.reference * np.nan
    with pytest.raises(ValueError, match="the NWTG of random lists must be finite"):
        display.plot()
    assert not plt.get_fignums()


@pytest.mark.parametrize("spread", [1.0, 0.01, 0.0])
def test_names_do_not_overlap(spread):
    """Eleven methods close to each other, or in one place."""
    rng = np.random.RandomState(0)
    names = [f"method {i}" for i in range(11)]
    means = pd.DataFrame(
        0.5 + spread * rng.uniform(size=(11, 4)), names, ["NWTG", "NEG", "DS", "S"]
    )
    reference = pd.Series({"NWTG": 0.1, "NEG": 0.1, "DS": 1.0})
    display = ObjectiveTradeoffDisplay(means, 0.02 + 0 * means, reference, k=10).plot()
    display.figure_.draw_without_rendering()
    texts = [text for text in display.axes_[0].texts if text.get_text()]
    assert [text.get_text() for text in texts] == [*names, "random lists"]
    boxes = [matplotlib.text.Text.get_window_extent(text) for text in texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert display.axes_[0].bbox.overlaps(box)


def test_thin_bars():
    """A name goes around a bar, or crosses it where that would be a long way."""
    mark, size, inside = np.array([[50, 50]]), np.array([[20, 10]]), [0, 0, 100, 100]
    nothing, bar = np.empty((0, 4)), np.array([[50, 49, 90, 51]])
    offsets = place(mark, size, nothing, inside, thin=bar)
    assert offsets.tolist() == [[0, 15]]
    bars = np.array([[50 + i, 0, 51 + i, 100] for i in range(-50, 50, 15)])
    offsets = place(mark, size, nothing, inside, thin=bars)
    assert np.abs(offsets).max() <= 20


def test_nearest_free_place():
    """To the right of the mark; above it, where the right is taken."""
    size, inside = np.array([[20, 10]]), [0, 0, 100, 100]
    nothing = np.empty((0, 4))
    assert place(np.array([[50, 50]]), size, nothing, inside).tolist() == [[20, 0]]
    right = np.array([[60, 45, 100, 55]])
    assert place(np.array([[50, 50]]), size, right, inside).tolist() == [[0, 15]]
    assert place(np.array([[85, 50]]), size, nothing, inside).tolist() == [[0, 15]]


CURVE = {"a": np.array([1.0, 0.5])}


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: durations_of(bin_width=1e101), "bin_width must be .* to 1e.100"),
        (lambda: durations_of(bin_width=10**400), "bin_width must be a finite number"),
        (
            lambda: durations_of(X=THREE_USERS.assign(duration=1e101), bin_width=1e99),
            "durations can be drawn up to 1e.100, got 1e.101",
        ),
        (
            lambda: DurationBiasDisplay(np.array([np.nan]), {"a": [1.0]}, k=1),
            "makes nan bins",
        ),
        (
            lambda: LabelSurfaceDisplay(np.array([1.0, 2]), np.full((1, 2, 2), 1e300)),
            "labels can be drawn up to",
        ),
        (lambda: TrainingHistoryDisplay({}), "curves must have an epoch"),
        (lambda: TrainingHistoryDisplay({"a": []}), "curves must have an epoch"),
        (
            lambda: TrainingHistoryDisplay({"a": np.array([1.0, -1e300])}),
            "the curve 'a' can be drawn up to",
        ),
        (
            lambda: TrainingHistoryDisplay(CURVE, balance={"a": np.full(2, 1e300)}),
            "the curve 'a' can be drawn up to",
        ),
    ],
)
def test_what_no_axis_can_show_is_refused(draw, message):
    """Before anything is drawn."""
    with pytest.raises(ValueError, match=message):
        draw().plot()
    assert not plt.get_fignums()


def test_own_options_of_points(found):
    """Come first, by short names and long ones; one scale of colours is for all."""
    options = {"edgecolor": "red", "s": 9, "vmin": -50.0, "vmax": 99.0, "cmap": "gray"}
    display = ObjectiveTradeoffDisplay.from_comparison(found, **options)
    *_, points, cross = display.axes_[0].collections
    sums = display.axes_[1].collections[-1]
    for drawn in (points, sums):
        assert drawn.get_edgecolor()[0].tolist() == [1, 0, 0, 1]
        assert drawn.get_sizes().tolist() == [9]
    assert points.get_clim() == (-50.0, 99.0)
    for drawn in (cross, sums):
        assert (drawn.norm, drawn.cmap) == (points.norm, points.cmap)


@pytest.mark.parametrize("norm", ["log", matplotlib.colors.Normalize(-1, 1000)])
def test_own_scale_of_the_points(found, norm):
    """Random lists and sums are on it, too."""
    display = ObjectiveTradeoffDisplay.from_comparison(found, norm=norm)
    *_, points, cross = display.axes_[0].collections
    assert cross.norm is points.norm is display.axes_[1].collections[-1].norm
    assert np.isfinite(points.get_clim()).all()


def test_own_options_of_lines():
    """Come first, by short names and long ones."""
    line = TrainingHistoryDisplay(CURVE).plot(c="red", ms=9).ax_.lines[0]
    assert (line.get_color(), line.get_markersize()) == ("red", 9)
    display = durations_of(label="first two", ec="red", lw=5)
    _, steps = display.axes_[0].patches
    assert (steps.get_label(), steps.get_linewidth()) == ("first two", 5)
    assert steps.get_edgecolor() == (1, 0, 0, 1)


@pytest.mark.parametrize("name", ["c", "color", "fc", "x"])
def test_colours_of_points_are_not_for_choice(found, name):
    """They tell the spread."""
    with pytest.raises(ValueError, match=r"cannot be stated: the (colours|means)"):
        ObjectiveTradeoffDisplay.from_comparison(found, **{name: "red"})
    assert not plt.get_fignums()


def test_curves_keep_their_names():
    """One label for all of them would be none; nor is what is drawn an option."""
    with pytest.raises(ValueError, match="'label' cannot be stated: each curve has"):
        TrainingHistoryDisplay(CURVE).plot(label="x")
    with pytest.raises(ValueError, match="'values' cannot be stated"):
        durations_of(values=[1])
    assert not plt.get_fignums()


@pytest.mark.parametrize("ax", [1, "ax", [None], object()])
def test_what_is_drawn_on_is_an_axes(ax):
    """Anything else is a TypeError that says so."""
    one = LabelSurfaceDisplay(np.array([1.0, 2.0]), np.ones((1, 2, 2)))
    for display in (one, TrainingHistoryDisplay(CURVE)):
        with pytest.raises(TypeError, match="must be matplotlib's Axes, got"):
            display.plot(ax)


def test_a_curve_of_a_run_that_diverged_has_gaps():
    """Where a loss is infinite or no number, nothing is drawn."""
    display = TrainingHistoryDisplay({"a": np.array([1.0, np.nan, np.inf])}).plot()
    display.figure_.canvas.draw()
    assert np.isfinite(display.ax_.get_ylim()).all()


@pytest.mark.parametrize("n_points", [1, 2049, 10**12])
def test_points_of_a_surface_are_bounded(n_points, log):
    """A grid that does not fit into memory is refused before it is made."""
    labeler = WatchTime().fit(log.frame)
    with pytest.raises(ValueError, match="'n_points' parameter"):
        LabelSurfaceDisplay.from_estimator(labeler, log.frame, n_points=n_points)


@pytest.mark.parametrize("label", [0.0, 1e-320, 1e-90])
def test_tiny_labels_are_drawn(label):
    """On a scale that can be written down."""
    labels = np.array([[[label, 1.0], [label, 0.5]]])
    display = LabelSurfaceDisplay(np.array([1.0, 2.0]), labels).plot()
    display.figure_.canvas.draw()
    assert display.colorbar_.ax.get_ylim() == (0, 1)


def test_tradeoff_with_an_unknown_error(found):
    """Of one resample it is NaN: there is no bar, and names lie as beside none."""
    display = ObjectiveTradeoffDisplay.from_comparison(found)
    places = []
    for error in (np.nan, np.inf, 0.0):
        errors = display.errors * 0 + error
        again = ObjectiveTradeoffDisplay(display.means, errors, display.reference, k=10)
        again.plot().figure_.canvas.draw()
        places.append([text.get_position() for text in again.axes_[0].texts])
    assert places[0] == places[1] == places[2]


@pytest.mark.parametrize(
    "wrong", [None, Bunch(table=3), Bunch(table=pd.DataFrame({"k": [1]}))]
)
def test_tradeoff_needs_a_comparison(wrong, found):
    """Anything else is refused, and a table alone."""
    for given in (wrong, Bunch(table=found.table)):
        with pytest.raises(TypeError, match="found must be what compare_labelers"):
            ObjectiveTradeoffDisplay.from_comparison(given)


@pytest.mark.parametrize("wrong", [None, object(), LabelCraftRecommender])
def test_bias_needs_estimators_that_score(wrong):
    """One that cannot is named."""
    with pytest.raises(TypeError, match=r"must be fitted .* for 'b'"):
        DurationBiasDisplay.from_estimators({"b": wrong}, pd.DataFrame())


@pytest.mark.parametrize("k", [pd.NA, "10", 3])
def test_tradeoff_needs_a_k_that_was_compared(found, k):
    """And a method to compare."""
    with pytest.raises(ValueError, match="k must be one of"):
        ObjectiveTradeoffDisplay.from_comparison(found, k=k)
    nothing = Bunch(table=found.table[:0], reference=found.reference)
    with pytest.raises(ValueError, match="no methods were compared"):
        ObjectiveTradeoffDisplay.from_comparison(nothing)
