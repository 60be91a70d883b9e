"""The two pictures of the demo: the learned label, and the durations it shows."""

import matplotlib

from sklabelcraft import DurationBiasDisplay, LabelSurfaceDisplay

COMPARED = ["PC", "D2Q", "DVR", "LabelCraft"]


def save_figures(folder, log, estimators):
    """Save the label surface and the duration histogram as PNG."""
    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    fitted = {name: estimators[name][0] for name in COMPARED}
    pictures = {
        "label_surface.png": LabelSurfaceDisplay.from_estimator(
            fitted["LabelCraft"], log.frame
        ),
        "duration_histogram.png": DurationBiasDisplay.from_estimators(
            fitted, log.data.iloc[log.split.test]
        ),
    }
    for name, display in pictures.items():
        display.figure_.savefig(folder / name, dpi=150)
        print(f"saved {folder / name}")
