"""A learned label told in a few rules."""

import numpy as np
import pytest

from sklabelcraft.inspection import readable_tree


@pytest.mark.parametrize("watch_time", [0.0, 1.0, 1e300])
@pytest.mark.parametrize("duration", [0.0, 1e-320, 1.0, 1e300])
def test_seconds_may_be_as_large_and_small_as_floats_are(watch_time, duration):
    """The share that was watched is cut off where a tree cannot compute with it."""
    n, labels = 8, np.arange(8.0) % 2
    explicit = labels
    seconds = np.full(n, watch_time), np.full(n, duration)
    found = readable_tree(*seconds, explicit, labels, max_leaf_nodes=3)
    assert found.fidelity == 1
    assert found.rules["explicit feedback"].tolist() == ["no", "yes"]


def test_rules_need_rows_to_be_tested_on():
    """Of two rows one teaches, and one alone has no R2."""
    rows = [np.ones(2)] * 4
    with pytest.raises(ValueError, match="at least 3 rows to be tested, got 2"):
        readable_tree(*rows, max_leaf_nodes=3)


@pytest.fixture
def told():
    """A label that is 1234.5 beyond 12.345 s, noisy where somebody liked."""
    rng = np.random.default_rng(0)
    watch_time = rng.choice([12.0, 12.69], 4000)
    explicit = rng.integers(2, size=4000).astype(float)
    label = np.where(watch_time > 12.345, 1234.5, 0) + 900 * explicit * rng.normal(
        size=4000
    )
    return readable_tree(watch_time, np.full(4000, 60.0), explicit, label, 2)


def test_rules_are_a_table_with_units(told):
    """Three significant digits; what decides nothing is empty."""
    assert told.rules.columns.tolist() == [*told.names, "label", "share of rows"]
    assert told.names[:2] == ["watch time (s)", "duration (s)"]
    low, high = told.rules.to_dict("records")
    split = {low["share watched"], low["watch time (s)"]}
    assert split in ({"to 12.3", ""}, {"to 0.206", ""})
    assert low["duration (s)"] == low["explicit feedback"] == ""
    assert abs(high["label"] - 1234.5) < 60
    assert high["label"] % 10 == 0  # 1230 rather than 1234.5
    assert high["share of rows"] == round(high["share of rows"], 3)


def test_fidelity_is_told_apart_by_explicit_feedback(told):
    """Where the label is noisy, the rules say less of it than elsewhere."""
    assert told.fidelity_without_explicit > 0.99
    assert 0.2 < told.fidelity_with_explicit < told.fidelity < 0.9
    n = 40
    none = readable_tree(*[np.arange(n, dtype=float)] * 2, np.zeros(n), np.arange(n), 3)
    assert np.isnan(none.fidelity_with_explicit)


def test_rules_are_read_in_a_terminal_and_in_a_notebook(told):
    """Both show the table and the three fidelities, and no row is cut."""
    for shown in (repr(told), told._repr_html_()):
        assert all(name in shown for name in told.rules.columns)
        found = told.fidelity, told.fidelity_without_explicit
        assert "{:.3g}; without explicit feedback {:.3g}, ".format(*found) in shown
        assert f"with it {told.fidelity_with_explicit:.3g}" in shown
        assert "1.2e" not in shown
    assert max(map(len, repr(told).splitlines())) <= 100
    assert told._repr_html_().count("<tr") == 3
