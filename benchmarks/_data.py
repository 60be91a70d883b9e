"""The logs that the benchmarks run on."""

import os
from pathlib import Path

from sklabelcraft.datasets import load_kuairand, make_short_videos

ROOT = Path(__file__).resolve().parent.parent


def kuairand_folder():
    """The folder of KuaiRand-Pure, or None.

    It is looked for in the folder that the environment variable SKLABELCRAFT_DATA
    names, else in ``shared/data`` beside the repository.
    """
    data = Path(os.environ.get("SKLABELCRAFT_DATA", ROOT.parent / "shared" / "data"))
    folder = data / "KuaiRand-Pure"
    return folder if folder.is_dir() else None


def load(name):
    """The log ``"kuairand"`` or ``"synthetic"``; ``"auto"`` takes the first found."""
    folder = kuairand_folder()
    if name == "synthetic" or (name == "auto" and folder is None):
        return "synthetic", make_short_videos(1000, 2000, random_state=0)
    if folder is None:
        raise SystemExit(
            "KuaiRand-Pure was not found: set SKLABELCRAFT_DATA to the folder that "
            "holds KuaiRand-Pure."
        )
    return "kuairand", load_kuairand(folder)
