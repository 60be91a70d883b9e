"""Public short-video logs, and a synthetic one, in the canonical columns."""

from sklabelcraft.datasets._kuairand import load_kuairand
from sklabelcraft.datasets._kuairec import load_kuairec
from sklabelcraft.datasets._kuaisar import load_kuaisar
from sklabelcraft.datasets._synthetic import make_short_videos
from sklabelcraft.datasets._vk_lsvd import convert_vk_lsvd, load_vk_lsvd
from sklabelcraft.datasets._wechat import load_wechat

__all__ = [
    "convert_vk_lsvd",
    "load_kuairand",
    "load_kuairec",
    "load_kuaisar",
    "load_vk_lsvd",
    "load_wechat",
    "make_short_videos",
]
