"""Odd data for the Displays: they draw what is finite, or say what is wrong."""

from fractions import Fraction

import matplotlib
import numpy as np
import pandas as pd
from _odd_values import (
    brief,
    choose,
    column,
    framed,
    numbers,
    odd_number,
    often,
    spoiled,
)
from sklearn.utils import Bunch

from sklabelcraft import (
    D2Q,
    Columns,
    DurationBiasDisplay,
    LabelSurfaceDisplay,
    ObjectiveTradeoffDisplay,
    PlayCompletionRate,
    TrainingHistoryDisplay,
    WatchTime,
)

matplotlib.use("Agg")
LABELERS = [WatchTime, D2Q, PlayCompletionRate]


def _drawn(display):
    """The display, drawn to the end."""
    display.figure_.canvas.draw()
    return display


def _check(display):
    """All that is drawn lies somewhere."""
    import matplotlib.pyplot as plt

    for ax in display.figure_.axes:
        assert np.isfinite([ax.get_xlim(), ax.get_ylim()]).all(), "limits not finite"
    plt.close("all")


def _widths(rng):
    usual = [50, 1.0, 0.5, 1e-3, 1e300, 1e308, 1e-320, Fraction(1, 3)]
    return odd_number(rng) if often(rng, 0.2) else choose(rng, usual)


def duration_bias(rng):
    """Histograms of odd durations by odd scores."""
    n = int(rng.integers(0, 40))
    users = spoiled(rng, [choose(rng, [1, 2]) for _ in range(n)], 0.03)
    durations, _ = column(rng, n, share=0.05)
    scores = {
        name: column(rng, n, lowest=-np.inf, share=0.03)[0]
        for name in choose(rng, [["a"], ["a", "b$_"], [], [None, 3], list("abcdef")])
    }
    options = {"k": odd_number(rng) if often(rng, 0.1) else choose(rng, [1, 2, 3])}
    options["bin_width"] = _widths(rng) if often(rng, 0.5) else 50
    if often(rng, 0.1):
        options["axes"] = choose(rng, [[], 1, "a", None, [None]])
    if often(rng, 0.2):
        options["columns"] = Columns(user=choose(rng, [None, "user_id", 0]))

    X = framed(rng, {"user_id": users, "duration": durations})

    def call():
        return _drawn(DurationBiasDisplay.from_predictions(X, scores, **options))

    given = {"X": X, "scores": scores} | options
    return f"DurationBiasDisplay({brief(given)})", call, _check


def label_surface(rng):
    """Labels of odd logs; or odd labels as they are."""
    n = int(rng.integers(1, 20))
    log = {
        "duration": column(rng, n, share=0.1)[0],
        "watch_time": column(rng, n, share=0.05)[0],
        "other": column(rng, n)[0],
    }
    explicit = often(rng, 0.5)
    log |= {"like": (rng.random(n) < 0.5).astype(int).tolist()} if explicit else {}
    usual = choose(rng, [2, 3, 20])
    n_points = odd_number(rng) if often(rng, 0.15) else usual
    labeler = choose(rng, LABELERS)(columns=Columns(explicit=("like",) * explicit))
    fitted = pd.DataFrame({"duration": [1.0, 9.0, 30.0], "watch_time": [0.5, 9.0, 3.0]})
    labels = np.array(spoiled(rng, numbers(rng, 8, -np.inf), 0.0)).reshape(2, 2, 2)
    directly, frame = often(rng, 0.3), framed(rng, log)

    def call():
        if directly:
            return _drawn(LabelSurfaceDisplay(np.array([1.0, 9.0]), labels).plot())
        labeler.fit(fitted.assign(like=1))
        return _drawn(
            LabelSurfaceDisplay.from_estimator(labeler, frame, n_points=n_points)
        )

    given = {"labeler": labeler, "n_points": n_points}
    given |= {"labels": labels} if directly else {"log": frame}
    return f"LabelSurfaceDisplay({brief(given)})", call, _check


def training_history(rng):
    """Odd curves, warm-ups and weights."""
    n = int(rng.integers(0 if often(rng, 0.1) else 1, 6))
    names = choose(rng, [["a"], ["a", "b"], list("abcdefgh"), ["$x", "_y", ""]])
    odd = [np.nan, np.inf, -np.inf, 1e300, -1e300, 1.7e308, 1e-320]

    def curve():
        huge = often(rng, 0.1)
        values = np.array(numbers(rng, n, -np.inf)) if huge else rng.normal(size=n)
        if n and often(rng, 0.4):
            values[int(rng.integers(n))] = choose(rng, odd)
        return values

    given = {"curves": {name: curve() for name in names}}
    given["relative"] = often(rng, 0.5)
    given["n_warmup"] = choose(rng, [0, 1, 3, 100])
    if names and n and often(rng, 0.5):
        given["kept"] = (names[0], int(rng.integers(n)))
    if often(rng, 0.4):
        given["balance"] = {name: curve() for name in names}

    def call():
        return _drawn(TrainingHistoryDisplay(**given).plot())

    return f"TrainingHistoryDisplay({brief(given)})", call, _check


def tradeoff(rng):
    """Odd means, errors and references of methods."""
    n = int(rng.integers(0 if often(rng, 0.1) else 1, 5))
    metrics = ["NWTG", "NEG", "DS", "S"]
    odd = [np.nan, np.inf, 1e300, 1.7e308, -1e300, 1e-320, 0.0]

    def table():
        values = rng.random((n, 4))
        if n and often(rng, 0.15):
            values[int(rng.integers(n)), int(rng.integers(4))] = choose(rng, odd)
        return pd.DataFrame(values, columns=metrics)

    means, errors = table(), table()
    reference = pd.Series(rng.random(3), metrics[:3])
    if often(rng, 0.1):
        reference.iloc[int(rng.integers(3))] = choose(rng, odd)
    k = odd_number(rng) if often(rng, 0.1) else choose(rng, [None, 10])
    methods = choose(rng, [list("abcde")[:n], ["$", "_", "", "x" * 60, "é"][:n]])
    long = means.assign(method=methods).melt("method", var_name="metric")
    long = long.rename(columns={"value": "mean"}).assign(k=10)
    long["se_users"] = errors.melt()["value"]
    if often(rng, 0.1):
        long = long[long["metric"] != choose(rng, metrics)]

    def call():
        found = Bunch(table=long, reference=pd.concat({10: reference}))
        return _drawn(ObjectiveTradeoffDisplay.from_comparison(found, k=k))

    given = {"table": long, "reference": reference, "k": k}
    return f"ObjectiveTradeoffDisplay({brief(given)})", call, _check


FAMILIES = {
    "duration_bias": duration_bias,
    "label_surface": label_surface,
    "training_history": training_history,
    "tradeoff": tradeoff,
}
