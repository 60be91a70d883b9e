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
    assert "explicit feedback" in found.rules


def test_rules_need_rows_to_be_tested_on():
    """Of two rows one teaches, and one alone has no R2."""
    rows = [np.ones(2)] * 4
    with pytest.raises(ValueError, match="at least 3 rows to be tested, got 2"):
        readable_tree(*rows, max_leaf_nodes=3)
