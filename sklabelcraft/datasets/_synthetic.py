"""A synthetic short-video log whose true preferences are known."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import validate_params

from sklabelcraft._numbers import real
from sklabelcraft._typing import RandomSource, typed
from sklabelcraft.datasets._base import make_bunch

N_FACTORS = 4
N_TAGS = 20
SIGNALS = {"like": -3.6, "follow": -5.4, "comment": -4.8}  # log-odds at preference 0
LIKING = 1.2  # log-odds per unit of preference
LARGEST = 1e6  # of exponents and log-odds, far from overflow
LONGEST = 100.0  # log seconds meant to watch, beyond the duration of any video
MOST = 10**8  # users, videos or rows
PARTS = {"train": 0.5, "valid": 0.75}  # where a user's rows go over to the next part
DESCRIPTION = """Synthetic short-video log.

{n_users} users x {n} impressions on {n_items} videos. The preference of a user for a
video is the product of latent factors plus the quality of the video, standardised over
the log. The time that a user means to watch is exp(2.2 + 0.8 preference +
{duration_bias} (log duration - 3.6) + noise of standard deviation {noise}) seconds; it
is cut at the duration, but a share {replays} of the completed videos is replayed, and a
share {idle} of all runs on in a loop with nobody watching.
Likes, follows and comments follow the preference alone; at preference 0 their log-odds
are those of a rare event plus {eagerness}. The earlier half
of each user's rows is for training, a quarter each for validation and test.
"""


@typed(
    validate_params(
        {
            "n_users": [Integral],
            "n_items": [Integral],
            "n_impressions": [Integral],
            "duration_bias": [Real],
            "noise": [Real],
            "replays": [Real],
            "idle": [Real],
            "eagerness": [Real],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
)
def make_short_videos(
    n_users: int = 500,
    n_items: int = 1000,
    *,
    n_impressions: int = 60,
    duration_bias: float = 0.6,
    noise: float = 0.6,
    replays: float = 0.1,
    idle: float = 0.0,
    eagerness: float = 0.0,
    random_state: RandomSource = None,
) -> Bunch:
    """Draw a log of short videos with known preferences.

    Parameters
    ----------
    n_users, n_items : int, default=500, 1000
        Number of users and videos.
    n_impressions : int, default=60
        Impressions of each user.
    duration_bias : float, default=0.6
        How much longer long videos are watched, whatever the preference: the power of
        the duration in the watch time.
    noise : float, default=0.6
        Standard deviation of the logarithm of the watch time, given preference and
        duration.
    replays : float, default=0.1
        Share of the completed videos that are watched again, for a while.
    idle : float, default=0.0
        Share of the impressions that run on in a loop, with nobody watching.
    eagerness : float, default=0.0
        How much more likely users like, follow and comment, in log-odds.
    random_state : int, RandomState instance or None, default=None
        Decides everything that is drawn.

    Returns
    -------
    Bunch
        The entries frame, data (X: user_id, item_id, duration, timestamp, tag), target
        (y: watch_time, like, follow, comment), split (row positions train, valid,
        test), DESCR, and preference, the true preference of each row, ndarray of
        shape (n,).

    Raises
    ------
    ValueError
        If a parameter is out of its bounds, or the log would have more than 100 million
        rows.

    Examples
    --------
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=20, n_items=50, random_state=0)
    >>> log.frame.shape, log.preference.shape
    ((1200, 9), (1200,))
    """
    sizes = {"n_users": n_users, "n_items": n_items, "n_impressions": n_impressions}
    n_users, n_items, n_impressions = map(int, _within(1, MOST, **sizes))
    _check_size(n_users, n_impressions)
    duration_bias, eagerness = _within(
        -LARGEST, LARGEST, duration_bias=duration_bias, eagerness=eagerness
    )
    (noise,) = _within(0, LARGEST, noise=noise)
    replays, idle = _within(0, 1, replays=replays, idle=idle)
    rng = check_random_state(random_state)
    users = np.repeat(np.arange(n_users), n_impressions)
    items = rng.randint(n_items, size=len(users))
    tags, preference = _preferences(rng, n_users, n_items, users, items)
    duration = np.exp(rng.normal(3.6, 0.8, n_items)).clip(5, 400)[items]
    watch_time = _watch(rng, preference, duration, duration_bias, noise, replays)
    watch_time += _loops(rng, duration, idle)
    frame = pd.DataFrame(
        {
            "user_id": users,
            "item_id": items,
            "duration": duration,
            "timestamp": np.tile(np.arange(float(n_impressions)), n_users),
            "tag": tags[items],
            "watch_time": watch_time,
        }
        | {
            name: rng.binomial(1, expit(rate + eagerness + LIKING * preference))
            for name, rate in SIGNALS.items()
        }
    )
    progress = (frame["timestamp"] + 0.5) / n_impressions
    bounds = [progress < PARTS["train"], progress < PARTS["valid"]]
    return make_bunch(
        frame,
        ["watch_time", *SIGNALS],
        np.select(bounds, ["train", "valid"], "test"),
        DESCRIPTION.format(
            n_users=n_users,
            n_items=n_items,
            n=n_impressions,
            duration_bias=duration_bias,
            noise=noise,
            replays=replays,
            idle=idle,
            eagerness=eagerness,
        ),
        preference=preference,
    )


def _within(low, high, **numbers):
    """Numbers within bounds, as floats."""
    return [real(value, name, low, high) for name, value in numbers.items()]


def _check_size(n_users, n_impressions):
    if n_users * n_impressions > MOST:
        raise ValueError(
            f"n_users * n_impressions must be at most {MOST} rows, got {n_users} * "
            f"{n_impressions}."
        )


def _preferences(rng, n_users, n_items, users, items):
    """Tags of the videos, and a preference for each row, standardised."""
    tags = rng.randint(N_TAGS, size=n_items)
    of_tags = rng.normal(size=(N_TAGS, N_FACTORS))
    of_items = of_tags[tags] + 0.5 * rng.normal(size=(n_items, N_FACTORS))
    of_users = rng.normal(size=(n_users, N_FACTORS))
    quality = rng.normal(size=n_items)[items]
    raw = (of_users[users] * of_items[items]).sum(1) + quality
    spread = raw.std() or 1.0
    names = np.array([f"tag{t}" for t in range(N_TAGS)])
    return names[tags], (raw - raw.mean()) / spread


def _watch(rng, preference, duration, duration_bias, noise, replays):
    """Seconds watched: cut at the duration, but for replays."""
    longer = duration_bias * (np.log(duration) - 3.6)
    log_seconds = 2.2 + 0.8 * preference + longer
    log_seconds += noise * rng.normal(size=len(duration))
    meant = np.exp(np.minimum(log_seconds, LONGEST))
    again = (meant >= duration) & (rng.uniform(size=len(duration)) < replays)
    extra = duration * rng.exponential(0.7, size=len(duration))
    return np.minimum(meant, duration) + np.where(again, extra, 0.0)


def _loops(rng, duration, idle):
    """Seconds that idle impressions run on for."""
    left = rng.uniform(size=len(duration)) < idle
    return np.where(left, duration * rng.exponential(2.0, size=len(duration)), 0.0)
