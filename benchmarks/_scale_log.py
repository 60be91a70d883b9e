"""A planted log of any size, drawn and written a row group at a time."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

N_DAYS, GROUP = 20, 2**17
N_FACTORS, N_TAGS = 4, 20
DAY = 86_400_000  # milliseconds
SKEWS = 2, 3  # users are drawn as u**2, items as u**3: about r**(-2/3) times at rank r
SIGNALS = {"like": -3.6, "follow": -5.4, "comment": -4.8}  # log-odds at preference 0
LIKING = 1.2  # log-odds per unit of preference


class PlantedLog:
    """Users and items with factors, and impressions that are drawn of them.

    The preference of a user for an item is the product of their factors plus the
    quality of the item, about standardised. As in ``make_short_videos``, the time meant
    to watch follows it and the duration, and is cut at the duration; likes, follows and
    comments follow the preference alone.

    Parameters
    ----------
    n_users, n_items : int
        How many there are.
    seed : int
        Controls all that is drawn.
    """

    def __init__(self, n_users, n_items, seed=0):
        self.rng = rng = np.random.default_rng(seed)
        self.n_users, self.n_items = n_users, n_items
        self.of_users = rng.standard_normal((n_users, N_FACTORS), np.float32)
        self.tags = rng.integers(N_TAGS, size=n_items, dtype=np.int32)
        of_tags = rng.standard_normal((N_TAGS, N_FACTORS), np.float32)[self.tags]
        own = rng.standard_normal((n_items, N_FACTORS), np.float32)
        spread = np.sqrt(np.float32(1.25 * N_FACTORS + 1))
        self.of_items = (of_tags + own / 2) / spread
        self.quality = rng.standard_normal(n_items, np.float32) / spread
        log_duration = 3.6 + 0.8 * rng.standard_normal(n_items, np.float32)
        self.duration = np.exp(log_duration).clip(5, 300)
        self.names = pa.array([f"tag{number}" for number in range(N_TAGS)])

    def rows(self, n, begin, end):
        """Draw impressions between two times, in milliseconds.

        Returns
        -------
        pyarrow.Table
        """
        sizes = zip((self.n_users, self.n_items), SKEWS, strict=True)
        users, items = (
            (size * self.rng.random(n) ** skew).astype(np.int64) for size, skew in sizes
        )
        products = self.of_users[users] * self.of_items[items]
        preference = products.sum(axis=1) + self.quality[items]
        duration = self.duration[items]
        tags = pa.array(self.tags[items])
        tags = pa.DictionaryArray.from_arrays(tags, self.names)
        return pa.table(
            {
                "user_id": users,
                "item_id": items,
                "duration": duration,
                "timestamp": np.linspace(begin, end, n, False).astype(np.int64),
                "tag": tags.cast(pa.string()),
                "watch_time": self._watched(preference, duration),
            }
            | {name: self._given(preference, at) for name, at in SIGNALS.items()}
        )

    def _watched(self, preference, duration):
        """Seconds, of which none are beyond the duration."""
        noise = self.rng.standard_normal(len(preference), np.float32)
        longer = 0.6 * (np.log(duration) - 3.6)
        meant = 2.2 + 0.8 * preference + longer + 0.6 * noise
        return np.minimum(np.exp(meant), duration)

    def _given(self, preference, at):
        """Whether explicit feedback is given, 0 or 1."""
        odds = np.exp(at + LIKING * preference)
        drawn = self.rng.random(len(preference), np.float32)
        return (drawn * (1 + odds) < odds).astype(np.int8)


def write_log(folder, n_rows, n_users, n_items, seed=0):
    """Write a planted log, a file for each day, in memory for one row group.

    Parameters
    ----------
    folder : Path
        Where the files go.
    n_rows, n_users, n_items, seed : int
        The size of the log, and what its draws begin with.
    """
    log = PlantedLog(n_users, n_items, seed)
    folder.mkdir(parents=True, exist_ok=True)
    bounds = np.linspace(0, n_rows, N_DAYS + 1).astype(int)
    for day, n in enumerate(np.diff(bounds)):
        write_day(log, folder / f"day{day:02d}.parquet", day, int(n))


def write_day(log, path, day, n):
    """Write the rows of a day, with rising timestamps."""
    edges = [*range(0, n, GROUP), n]
    times = [int(DAY * (day + edge / n)) for edge in edges]
    writer = None
    for i, edge in enumerate(edges[:-1]):
        table = log.rows(edges[i + 1] - edge, times[i], times[i + 1])
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
