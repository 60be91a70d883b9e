"""From where an indicator is as good as 0."""

import math

import torch


def negligible(dtype):
    """Where sigmoid(-x), for larger x, stays as it is.

    Beyond, its square is no longer a normal number, and those take twice the time.
    """
    return -math.log(torch.finfo(dtype).tiny ** 0.5)
