"""Public short-video logs, and a synthetic one, in the canonical columns."""

from sklabelcraft.datasets._kuairand import load_kuairand
from sklabelcraft.datasets._synthetic import make_short_videos

__all__ = ["load_kuairand", "make_short_videos"]
