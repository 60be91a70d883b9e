"""Ragged lists are padded, together or the long ones apart."""

import numpy as np
import pytest

from sklabelcraft import soft_topk
from sklabelcraft.topk import _ragged


@pytest.mark.parametrize(
    ("lengths", "chunk", "sizes"),
    [
        ([12, 40] + [1] * 20, 0, [2 * 40, 20 * 1]),  # longer than a quarter of 40
        ([10, 40] + [1] * 20, 0, [40, 10, 20 * 1]),  # 10 is not, of 40, but of 10
        ([12, 40] + [1] * 20, 880, [22 * 40]),  # so little need not be parted
        ([12, 40] + [1] * 20, 879, [2 * 40, 20 * 1]),
        ([8, 0, 0, 0], 0, [4 * 8]),  # four times the scores are not too much
        ([8, 0, 0, 0, 0], 0, [8]),  # lists without entries need no solving
    ],
)
def test_what_the_lists_are_padded_to(lengths, chunk, sizes, monkeypatch):
    """At most four times the scores, or what is small anyway: the same numbers."""
    scores = np.random.default_rng(0).normal(size=sum(lengths))
    together = soft_topk(scores, 1, temperature=0.5, lengths=lengths)
    padded, found = _ragged._padded, []

    def watched(scores, lengths, *rest):
        found.append(len(lengths) * int(lengths.max()))
        return padded(scores, lengths, *rest)

    monkeypatch.setattr(_ragged, "CHUNK", chunk)
    monkeypatch.setattr(_ragged, "_padded", watched)
    apart = soft_topk(scores, 1, temperature=0.5, lengths=lengths)
    np.testing.assert_allclose(apart, together, rtol=1e-13)
    assert found == sizes
