"""Linear attention by parts."""

import pytest
import torch
from torch.autograd import forward_ad

from sklabelcraft import _attention
from sklabelcraft._attention import LinearAttention


def plain(table, rows, mask, direction, offset):
    """The formula as it stands."""
    h = table[rows]
    weights = (torch.einsum("msd,mtd->mst", direction, h) + offset) * mask[:, None]
    return torch.einsum("mst,mtd->msd", weights, h)


@pytest.fixture(params=[1, 30, 10**6])
def inputs(request, monkeypatch):
    """Seven pasts of five, three seats each; one, some or all at a time."""
    monkeypatch.setattr(_attention, "CHUNK", request.param)
    torch.manual_seed(0)
    double = {"dtype": torch.float64}
    return (
        torch.randn(6, 2, **double),
        torch.randint(6, (7, 5)),
        torch.randint(2, (7, 5)).double(),
        torch.randn(7, 3, 2, **double),
        torch.randn(7, 3, 1, **double),
    )


def test_is_the_formula(inputs):
    """Gathered in parts or at once, it is the same sum."""
    torch.testing.assert_close(LinearAttention.apply(*inputs), plain(*inputs))


def test_gradients_are_those_of_the_formula(inputs):
    """In the table, the directions and the offsets."""
    leaves = [inputs[i].requires_grad_() for i in (0, 3, 4)]
    up = torch.randn(7, 3, 2, dtype=torch.float64)
    ours = torch.autograd.grad(LinearAttention.apply(*inputs), leaves, up)
    torch.testing.assert_close(ours, torch.autograd.grad(plain(*inputs), leaves, up))


def test_second_derivatives_are_those_of_the_formula(inputs):
    """The gradient can be derived again."""
    for i in (0, 3, 4):
        inputs[i].requires_grad_()
    table, rows, mask, direction, offset = inputs
    assert torch.autograd.gradgradcheck(
        lambda t, d, o: LinearAttention.apply(t, rows, mask, d, o),
        (table, direction, offset),
    )


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_forward_derivative_is_that_of_the_formula(inputs):
    """Along a direction in all three."""
    along = [torch.randn_like(inputs[i]) for i in (0, 3, 4)]
    tangents = []
    for function in (LinearAttention.apply, plain):
        with forward_ad.dual_level():
            pairs = list(inputs)
            for i, tangent in zip((0, 3, 4), along, strict=True):
                pairs[i] = forward_ad.make_dual(inputs[i], tangent)
            tangents.append(forward_ad.unpack_dual(function(*pairs)).tangent)
    torch.testing.assert_close(*tangents)
