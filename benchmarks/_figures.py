"""The two pictures of the demo: the learned label, and the durations it shows."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

K = 10
COMPARED = ["PC", "D2Q", "DVR", "LabelCraft"]
BIN = 50  # seconds


def save_figures(folder, log, estimators):
    """Save the label surface and the duration histogram as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    crafter = estimators["LabelCraft"][0].labeler_
    test = log.data.iloc[log.split.test]
    scores = {name: estimators[name][0].predict(test) for name in COMPARED}
    pictures = {
        "label_surface.png": label_surface(log.frame, crafter),
        "duration_histogram.png": duration_histogram(log, scores),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=150)
        plt.close(figure)
        print(f"saved {folder / name}")


def label_surface(frame, crafter, size=160):
    """The learned label over watch time and duration, without and with a like."""
    longest = frame["duration"].quantile(0.95)
    axis = np.geomspace(1, longest, size)
    duration, watch_time = np.meshgrid(axis, axis)
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for ax, like in zip(axes, [0, 1], strict=True):
        grid = pd.DataFrame(
            {"watch_time": watch_time.ravel(), "duration": duration.ravel()}
        ).assign(**dict.fromkeys(crafter.explicit_, 0))
        grid[crafter.explicit_[0]] = like
        label = crafter.transform(grid).reshape(size, size)
        mesh = ax.pcolormesh(duration, watch_time, label, norm=LogNorm(0.001, 1))
        ax.plot(axis, axis, color="white", linestyle="--", linewidth=1)
        ax.set(
            title="with explicit feedback" if like else "without explicit feedback",
            xlabel="duration (s)",
            xscale="log",
            yscale="log",
        )
    axes[0].set_ylabel("watch time (s)")
    axes[0].text(10, 15, "watched once", color="white", rotation=41)
    figure.colorbar(mesh, ax=axes, label="crafted label")
    return figure


def duration_histogram(log, scores):
    """Durations of the shown lists per method, beside those of all impressions."""
    test = log.frame.iloc[log.split.test]
    bins = np.arange(0, test["duration"].quantile(0.99) + BIN, BIN)
    figure, axes = plt.subplots(
        1, len(COMPARED), figsize=(12, 3.2), sharey=True, layout="constrained"
    )
    for ax, name in zip(axes, COMPARED, strict=True):
        ranked = test.assign(score=scores[name]).sort_values("score", ascending=False)
        users = ranked.groupby("user_id", sort=False)
        long_enough = users["score"].transform("size") > K
        shown = ranked[(users.cumcount() < K) & long_enough]["duration"]
        everything = ranked[long_enough]["duration"]
        log_share = np.full(len(everything), 1 / len(everything))
        top_share = np.full(len(shown), 1 / len(shown))
        ax.hist(everything, bins, weights=log_share, color="0.75", label="all")
        ax.hist(
            shown,
            bins,
            weights=top_share,
            histtype="step",
            linewidth=2,
            color="#0072b2",
            label=f"top {K}",
        )
        ax.set(title=name, xlabel="duration (s)")
    axes[0].set_ylabel(f"share per {BIN} s")
    axes[-1].legend()
    return figure
