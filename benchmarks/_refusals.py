"""Which exceptions say on purpose what was wrong, and which a library stumbled into."""

import linecache
import traceback
from pathlib import Path

PACKAGE = str(Path(__file__).resolve().parents[1] / "sklabelcraft")
FOREIGN = "_foreign_rankers.py"  # where models of other libraries are called


def on_purpose(error):
    """Whether it is a ValueError or TypeError that ours or scikit-learn's checks raise.

    What a model of another library raises, whatever it is, is that model's own. That
    there is no such file is a refusal, too.
    """
    frames = traceback.extract_tb(error.__traceback__)
    last, inside = frames[-1], ours_in(frames)
    if inside and inside[-1].filename.endswith(FOREIGN):
        return True
    if not isinstance(error, ValueError | TypeError | FileNotFoundError):
        return False
    line = linecache.getline(last.filename, last.lineno).strip()
    ours = bool(inside) and inside[-1] is last and line.startswith("raise")
    behind = frames[frames.index(inside[-1]) + 1 :] if inside else frames
    checks = any("/sklearn/utils/" in frame.filename for frame in behind)
    return ours or checks


def ours_in(frames):
    """Those frames that lie in the package."""
    return [frame for frame in frames if frame.filename.startswith(PACKAGE)]


def place_of(error):
    """The last line of the package that an exception went through."""
    frames = traceback.extract_tb(error.__traceback__)
    last = (ours_in(frames) or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
