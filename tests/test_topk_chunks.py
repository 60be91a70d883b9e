"""Lists are computed some at a time, and so that every number stays a normal one."""

import math

import pytest
import torch

from sklabelcraft.topk._chunks import chunks
from sklabelcraft.topk._negligible import negligible


@pytest.mark.parametrize(
    ("n_lists", "parts"),
    [
        (4, [4]),
        (22, [22]),  # 1.4 times the size
        (26, [13, 13]),
        (44, [15, 15, 14]),
        (64, [16, 16, 16, 16]),
    ],
)
def test_parts_are_of_about_a_quarter_of_a_million_scores(n_lists, parts):
    """Lists of 2**14 scores: 16 of them are 2**18."""
    (*found,) = chunks(torch.empty(1, n_lists, 2**14))
    assert [part.shape for (part,) in found] == [(1, n, 2**14) for n in parts]


def test_a_list_is_never_parted():
    """Be it ever so long."""
    found = list(chunks(torch.empty(1, 2, 2**20)))
    assert [part.shape for (part,) in found] == [(1, 1, 2**20)] * 2


def test_the_largest_tensor_says_how_many_parts_there_are():
    """All are parted alike, in their order."""
    k, alpha = torch.arange(96.0).view(3, 32, 1), torch.empty(3, 32, 2**13)
    first, second, third = chunks(k, alpha)
    assert [len(first), len(second), len(third)] == [2, 2, 2]
    assert torch.equal(torch.cat([first[0], second[0], third[0]], 1), k)
    assert [x[1].shape[1] for x in (first, second, third)] == [11, 11, 10]


@pytest.mark.parametrize("shape", [(1, 0, 5), (1, 3, 0), (1, 3, 5)])
def test_what_is_small_is_one_part(shape):
    """As it is, and though there be no list."""
    lists = torch.empty(shape)
    ((part,),) = chunks(lists)
    assert part is lists


@pytest.mark.parametrize(
    ("dtype", "bits"), [(torch.float32, 126), (torch.float64, 1022)]
)
def test_what_is_negligible_has_a_normal_square(dtype, bits):
    """Half the exponents from 1 down to the least normal number, 2**-bits."""
    assert negligible(dtype) == pytest.approx(bits / 2 * math.log(2), rel=1e-15)
