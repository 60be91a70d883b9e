"""Results as they are read."""

import pickle
import re

import numpy as np
import pandas as pd

from sklabelcraft._bootstrap import summarise
from sklabelcraft._measuring import Measured
from sklabelcraft.results import Comparison, Front


def compared(values, metric="DS"):
    """A comparison of methods, of whose users one metric is given, seed by seed."""
    cells = {}
    for name, of_seeds in values.items():
        for seed, of_users in enumerate(of_seeds):
            frame = pd.DataFrame({(10, metric): of_users})
            frame.columns.names = ["k", "metric"]
            cells[name, seed, 0] = Measured(frame, 0 * frame + 1, frame.iloc[:1, :0])
    measured = Measured.together(cells)
    return summarise(measured, measured.mean(), next(iter(values)), 500, 0)


def best(found, metric="DS"):
    rows = found.table[found.table["metric"] == metric]
    return rows["method"][rows["best"]].tolist()


USERS = np.random.RandomState(0).normal(5, 2, size=100)


def test_the_best_is_ahead_by_more_than_noise():
    """A difference that all users share is one; users that cancel out are none."""
    for other, expected in [
        (USERS + 0.1, ["b"]),
        (USERS[::-1] + 0.1, []),
        (USERS, []),
        (USERS - 0.1, ["a"]),
    ]:
        assert best(compared({"a": [USERS], "b": [other]})) == expected
    two = {"a": [USERS], "b": [USERS + 0.1], "c": [USERS + 0.1]}
    assert best(compared(two)) == []
    assert best(compared({"a": [USERS]})) == []


def test_noise_of_seeds_counts_by_students_t():
    """Three seeds at -1, 0 and 1 around 5 have a half interval of 4.30 / sqrt(3)."""
    half = 4.302653 / np.sqrt(3)
    users = np.full(50, 5.0)
    for gap, expected in [(half * 1.01, ["b"]), (half * 0.99, [])]:
        moving = [users + gap - 1, users + gap, users + gap + 1]
        assert best(compared({"a": [users] * 3, "b": moving})) == expected


def test_the_summary_is_a_row_per_method():
    """Means with errors of as many digits as the least of them has two."""
    found = compared({"a": [USERS], "b": [USERS / 10 + 3]})
    wide = found.summary()
    assert wide.index.tolist() == ["a", "b"]
    assert wide.columns.tolist() == ["DS@10", "S@10"]
    rows = found.table.set_index(["metric", "method"])
    error = rows.loc["DS", "b"]["se_users"]
    assert 0.01 < error < 0.1
    mean = rows.loc["DS", "b"]["mean"]
    assert wide.loc["b", "DS@10"] == f"{mean:.3f} ± {error:.3f}"
    assert re.fullmatch(r"\d\.\d{3} ± \d\.\d{3} \*", wide.loc["a", "DS@10"])


def test_the_summary_of_a_mean_without_error():
    """Of a single user and seed there is the mean alone."""
    found = compared({"a": [[2.0]], "b": [[3.0]]})
    assert found.summary()["DS@10"].tolist() == ["2.000", "3.000"]
    assert best(found) == []


def test_it_is_printed_as_its_summary():
    """In a notebook as HTML, whatever names methods have; and is still a Bunch."""
    found = compared({"<b>": [USERS] * 2, "x": [USERS + 1] * 2})
    text = repr(found)
    assert text.startswith("Methods: 2, users: 100, seeds: 2. Mean ±")
    assert found.summary().to_string() in text
    html = found._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert set(found) == {"table", "seeds", "users", "reference"}
    assert "summary" in dir(found)
    again = pickle.loads(pickle.dumps(found))
    assert isinstance(again, Comparison)
    assert repr(again) == text


class Fused:
    weights_ = {"WT": 0.25, "duration": 0.75}


def test_a_front_is_printed_as_weights():
    """A row per platform, a column per head; and is still a dict."""
    front = Front({"(1, 3)": Fused(), "(3, 1)": Fused()})
    assert front.summary().loc["(3, 1)", "WT"] == 0.25
    for text in (repr(front), front._repr_html_()):
        assert "(1, 3)" in text
        assert "duration" in text
    assert isinstance(front, dict)
    assert list(front) == ["(1, 3)", "(3, 1)"]


def test_further_metrics_are_no_part_of_s():
    """Where none of the three is measured, there is no S."""
    table = compared({"a": [USERS]}, metric="AUC").table
    assert table["metric"].tolist() == ["AUC"]
