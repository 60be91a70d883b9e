"""The pictures of the demo: the learned label, what it shows, and the trade-off."""

import matplotlib

from sklabelcraft import (
    DurationBiasDisplay,
    LabelSurfaceDisplay,
    ObjectiveTradeoffDisplay,
)

COMPARED = ["PC", "D2Q", "DVR", "LabelCraft"]


def save_figures(folder, log, found):
    """Save the pictures of a comparison as PNG."""
    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    fitted = {name: found.estimators[name][0] for name in COMPARED}
    pictures = {
        "label_surface.png": LabelSurfaceDisplay.from_estimator(
            fitted["LabelCraft"], log.frame
        ),
        "duration_histogram.png": DurationBiasDisplay.from_estimators(
            fitted, log.data.iloc[log.split.test]
        ),
        "tradeoff.png": ObjectiveTradeoffDisplay.from_comparison(found),
    }
    for name, display in pictures.items():
        display.figure_.savefig(folder / name, dpi=150)
        print(f"saved {folder / name}")
