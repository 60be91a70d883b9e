"""The displays."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpydoc.validate import validate
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import FeatureUnion
from sklearn.utils import Bunch

from sklabelcraft import (
    D2Q,
    DVR,
    DurationBiasDisplay,
    ExplicitFeedback,
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
from sklabelcraft.plotting._annotations import place

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

DISPLAYS = [
    DurationBiasDisplay,
    LabelSurfaceDisplay,
    ObjectiveTradeoffDisplay,
    TrainingHistoryDisplay,
]
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
    ranker = MLPRanker(embedding_dim=4, hidden=(8,), max_epochs=3)
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


# What all of them do


def test_plot_returns_the_display_and_closes_nothing(log, recommenders, found):
    """Each lies in an open figure of its own, and plot draws it again in another."""
    plt.close("all")  # those of doctests
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
    options = {"k": 1} if display is ObjectiveTradeoffDisplay else {}
    n_data = 3 if options else 1 if display is TrainingHistoryDisplay else 2
    made = display(*data[:n_data], **options)
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
    assert display.labels == pytest.approx(np.broadcast_to(expected, (2, 12, 12)))
    end = log.frame["duration"].quantile(0.95)
    assert display.seconds[[0, -1]] == pytest.approx([1, end])


def test_surface_with_explicit_feedback(log):
    """The panels are those without and with it."""
    display = surface(ExplicitFeedback(), log.frame)
    assert (display.labels[0] == 0).all()
    assert (display.labels[1] == 1).all()
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == ["without explicit feedback", "with explicit feedback"]


def test_surface_without_columns_of_explicit_feedback(log):
    """There is one panel."""
    frame = log.frame[["watch_time", "duration"]]
    display = surface(PlayCompletion(), frame)
    watched, long = np.meshgrid(display.seconds, display.seconds, indexing="ij")
    assert np.array_equal(display.labels, [watched > long])
    assert len(display.axes_) == 1


@pytest.mark.parametrize("convert", [as_polars, pd.DataFrame])
def test_surface_takes_any_frame(log, convert):
    """Other columns have the values of the first row, in their order and types."""

    class Recorded(WatchTime):
        def transform(self, log):
            self.seen_ = log
            return super().transform(log)

    frame = convert(log.frame)
    labeler = Recorded()
    assert np.array_equal(
        surface(labeler, frame).labels, surface(WatchTime(), log.frame).labels
    )
    assert type(labeler.seen_) is type(frame)
    assert list(labeler.seen_.columns) == list(frame.columns)
    assert set(labeler.seen_["tag"]) == {frame["tag"][0]}
    assert set(labeler.seen_["comment"]) == {1}


def test_surface_takes_arrays(log):
    """Columns by position are those by name."""
    columns = ["like", "duration", "item_id", "watch_time"]
    display = surface(
        D2Q(watch_time=-1, duration=1),
        log.frame[columns].to_numpy(),
        watch_time=-1,
        duration=1,
        explicit=(0,),
    )
    assert np.array_equal(display.labels, surface(D2Q(), log.frame).labels)


def test_surface_takes_recommenders(log, recommenders):
    """They label as well."""
    whole, label = (
        LabelSurfaceDisplay.from_estimator(estimator, log.frame, n_points=5)
        for estimator in (
            recommenders["LabelCraft"],
            recommenders["LabelCraft"].labeler_,
        )
    )
    assert np.array_equal(whole.labels, label.labels)


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
    ("lowest", "highest", "by_decades"),
    [(0.001, 1, True), (0.02, 1, True), (0.1, 1, False), (-1, 1, False)],
)
def test_scale_of_the_colours(lowest, highest, by_decades):
    """Logarithmic if the labels are positive and span more than 1.5 decades."""
    seconds = np.geomspace(1, 10, 3)
    labels = np.linspace(lowest, highest, 18).reshape(2, 3, 3)
    display = LabelSurfaceDisplay(seconds, labels).plot()
    scales = {ax.collections[0].norm for ax in display.axes_}
    assert all(isinstance(s, matplotlib.colors.LogNorm) == by_decades for s in scales)
    assert {(s.vmin, s.vmax) for s in scales} == {(lowest, highest)}
    assert display.colorbar_.ax.get_ylabel() == "label"


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
        surface(D2Q(), frame)


# The durations that are shown

THREE_USERS = {
    "durations": [10, 60, 110, 20, 70, 999, 30],
    "groups": ["a", "a", "a", "b", "b", "c", "b"],
}
SCORES = {
    "up": [1, 2, 3, 1, 2, 9, 3],
    "tied": [0, 0, 0, 0, 0, 0, 0],
}


def test_durations_shown():
    """By hand: the top 2 of a and b; c has too few rows to take part."""
    display = DurationBiasDisplay.from_predictions(**THREE_USERS, scores=SCORES, k=2)
    assert display.shown["up"].tolist() == [[110, 60], [30, 70]]
    assert display.shown["tied"].tolist() == [[10, 60], [20, 70]]
    assert display.durations.tolist() == [10, 60, 110, 20, 70, 30]


def heights(ax):
    """The heights of the two histograms: all impressions, and those shown."""
    return [patch.get_data().values for patch in ax.patches]


def test_histograms():
    """By hand: bins of 50 s from 0, the last of them open; shares sum to 1."""
    display = DurationBiasDisplay.from_predictions(**THREE_USERS, scores=SCORES, k=2)
    assert display.edges_.tolist() == [0, 50, 100, np.inf]
    everything, up = heights(display.axes_[0])
    assert everything == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    assert up == pytest.approx([1 / 4, 2 / 4, 1 / 4])
    labels = [label.get_text() for label in display.axes_[0].get_xticklabels()]
    assert labels == ["0", "50", "\N{GREATER-THAN OR EQUAL TO} 100"]


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


def test_shown_durations_are_those_of_the_metric(log, recommenders):
    """Their spread per user is DS."""
    frame = as_polars(log.data)
    display = DurationBiasDisplay.from_estimators(recommenders, frame, k=7)
    for name, recommender in recommenders.items():
        expected = replace(ds_scorer, k=7)(recommender, log.data)
        assert display.shown[name].std(axis=1).mean() == pytest.approx(expected)


def test_one_list_of_all_rows(log, recommenders):
    """A user of None."""
    display = DurationBiasDisplay.from_estimators(recommenders, log.data, user=None)
    assert display.shown["PC"].shape == (1, 10)
    assert len(display.durations) == len(log.data)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"k": 3}, "no user has more than k=3 rows"),
        ({"k": 0}, "'k' parameter"),
        ({"bin_width": 0}, "'bin_width' parameter"),
        ({"scores": {}}, "at least one method"),
        ({"durations": [-1.0] * 7}, "durations must be finite and >= 0"),
    ],
)
def test_wrong_lists(wrong, message):
    """The message says what is wrong."""
    with pytest.raises(ValueError, match=message):
        DurationBiasDisplay.from_predictions(
            **THREE_USERS | {"scores": SCORES, "k": 2} | wrong
        )


def test_many_methods_begin_new_rows():
    """Five panels lie in two rows, and the axes of each can be read."""
    scores = {f"method {i}": SCORES["up"] for i in range(5)}
    display = DurationBiasDisplay.from_predictions(**THREE_USERS, scores=scores, k=2)
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
    ranker = MLPRanker(max_epochs=1, validation_fraction=0)
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


# The plane of the objectives


def test_tradeoff_is_that_of_the_table(found):
    """Points, bars and cross are where the comparison has them."""
    display = ObjectiveTradeoffDisplay.from_comparison(found, k=10)
    table = found.table.set_index(["k", "method", "metric"]).loc[10]
    methods, cross = display.ax_.collections[-2:]
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


def test_tradeoff_of_the_first_k(found):
    """Unless another is named."""
    display = ObjectiveTradeoffDisplay.from_comparison(found)
    assert display.k == 5
    assert display.ax_.get_xlabel() == "NWTG@5 (watch time)"
    with pytest.raises(ValueError, match=r"k must be one of \[5, 10\], got 3"):
        ObjectiveTradeoffDisplay.from_comparison(found, k=3)


def test_tradeoff_needs_three_metrics(found):
    """A log without explicit feedback has no plane."""
    fewer = Bunch(table=found.table[found.table["metric"] != "NEG"])
    with pytest.raises(ValueError, match=r"\['NEG'\] were not compared"):
        ObjectiveTradeoffDisplay.from_comparison(fewer)


@pytest.mark.parametrize("spread", [1.0, 0.01, 0.0])
def test_names_do_not_overlap(spread):
    """Eleven methods close to each other, or in one place."""
    rng = np.random.RandomState(0)
    names = [f"method {i}" for i in range(11)]
    means = pd.DataFrame(
        0.5 + spread * rng.uniform(size=(11, 3)), names, ["NWTG", "NEG", "DS"]
    )
    reference = pd.Series({"NWTG": 0.1, "NEG": 0.1, "DS": 1.0})
    display = ObjectiveTradeoffDisplay(means, 0.02 + 0 * means, reference, k=10).plot()
    display.figure_.draw_without_rendering()
    texts = [text for text in display.ax_.texts if text.get_text()]
    assert [text.get_text() for text in texts] == [*names, "random lists"]
    boxes = [matplotlib.text.Text.get_window_extent(text) for text in texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert display.ax_.bbox.overlaps(box)


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


def test_surface_takes_the_names_that_the_labeler_states(log):
    """Other names are not stated twice, and a wrong one is an error."""
    names = {"watch_time": "played", "duration": "length", "like": "thumb"}
    frame = log.frame.rename(columns=names)
    labeler = ExplicitFeedback(explicit=["thumb"]).fit(frame)
    display = LabelSurfaceDisplay.from_estimator(
        labeler, frame, watch_time="played", duration="length", n_points=3
    )
    assert display.labels.min(axis=(1, 2)).tolist() == [0, 1]
    d2q = D2Q(watch_time="played", duration="length").fit(frame)
    assert LabelSurfaceDisplay.from_estimator(d2q, frame, n_points=3).labels.ndim == 3
    with pytest.raises(ValueError, match="column 'tumb' is not in the log"):
        LabelSurfaceDisplay.from_estimator(d2q, frame, explicit=["tumb"])
