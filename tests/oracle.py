"""What is to come out, written down once more: plain Python and numpy, and slow.

Nothing of the library is used here, so that no mistake can be on both sides.
"""

import math

import numpy as np

BUCKETS = 32  # of the duration, as a category
POINTS = 1000  # quantiles that ranks are read off from


def play_completion_rate(rows, row):
    """The share that was watched."""
    watched, duration, _ = row
    return min(watched, duration) / duration


def explicit_feedback(rows, row):
    """Whether it was liked."""
    return float(row[2] > 0)


def watch_time(rows, row, q=0.9, share=0.2):
    """Two straight lines that meet at the quantile of all watch times."""
    ordered = sorted(watched for watched, _, _ in rows)
    place = (len(ordered) - 1) * q
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    knee = ordered[below] + (ordered[above] - ordered[below]) * (place - below)
    watched, largest = row[0], ordered[-1]
    if watched <= knee:
        return share * watched / knee if knee > 0 else 0.0
    if watched >= largest:
        return 1.0
    return 1 - (1 - share) * (largest - watched) / (largest - knee)


def duration_group(rows, duration, n_groups):
    """Watch times up to the duration of those of all rows that are as long."""
    ordered = sorted(duration for _, duration, _ in rows)
    ends = {ordered[-(-i * len(rows) // n_groups) - 1] for i in range(1, n_groups)}
    ends = sorted(ends - {ordered[-1]})

    def number(seconds):
        return sum(seconds > end for end in ends)

    alike = [row for row in rows if number(row[1]) == number(duration)]
    return [min(watched, length) for watched, length, _ in alike]


def d2q(rows, row, n_groups=3):
    """The share of the group that was watched no longer."""
    group = duration_group(rows, row[1], n_groups)
    return sum(watched <= min(row[:2]) for watched in group) / len(group)


def dvr(rows, row, n_groups=3):
    """The gain over the group, in its standard deviations."""
    group = duration_group(rows, row[1], n_groups)
    mean = sum(group) / len(group)
    std = math.sqrt(sum((watched - mean) ** 2 for watched in group) / len(group))
    return (min(row[:2]) - mean) / std if std > 1e-9 else 0.0


def rank(known, value):
    """The rank of a value from 0 to 1, by quantiles of the known ones."""
    points = np.quantile(known, np.linspace(0, 1, min(POINTS, len(known))))
    if value <= points[0] or value >= points[-1]:
        middle = (np.sign(value - points[0]) + 1) / 2
        return middle if points[0] == points[-1] else float(value >= points[-1])
    met = np.flatnonzero(points == value)
    place = met.mean() if len(met) else np.interp(value, points, np.arange(len(points)))
    return place / (len(points) - 1)


def scores(seen, asked, weights):
    """Scores of a network of embeddings, products of their pairs, and one layer.

    Parameters
    ----------
    seen, asked : list of tuple
        Rows that were learned from, in their order, and those that are asked about:
        categories, and the duration last.
    weights : dict of ndarray
        What was learned, by the names of a state of torch.

    Returns
    -------
    list of float
    """
    table = weights["embeddings.table.weight"].astype(np.float64)
    starts = weights["embeddings.starts"]
    *columns, durations = zip(*seen, strict=True)
    codes = [{v: i + 1 for i, v in enumerate(dict.fromkeys(c))} for c in columns]
    found = []
    for *categories, duration in asked:
        part = rank(durations, duration)
        code = [known.get(v, 0) for known, v in zip(codes, categories, strict=True)]
        code.append(1 + math.floor(part * BUCKETS * (1 - 1e-9)))
        rows = table[starts + code]
        pairs = sum(rows[i] * rows[j] for i in range(len(rows)) for j in range(i))
        inputs = np.concatenate([*rows, 20 * pairs, [np.float32(2 * part - 1)]])
        found.append(_layers(inputs, weights))
    return found


def _layers(values, weights):
    names = [name for name in weights if name.startswith("dense.")]
    numbers = sorted({int(name.split(".")[1]) for name in names})
    for number in numbers:
        weight, bias = (
            weights[f"dense.{number}.{part}"] for part in ("weight", "bias")
        )
        values = weight.astype(np.float64) @ values + bias
        if number != numbers[-1]:
            values = values / (1 + np.exp(-values))
    return values[0]
