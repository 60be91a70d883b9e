"""Linear attention by parts."""

import pytest
import torch
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap

from sklabelcraft.modules import _attention
from sklabelcraft.modules._attention import LinearAttention


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


class Attention(torch.nn.Module):
    """The table, the directions and the offsets as parameters."""

    def __init__(self, attend, table, direction, offset):
        super().__init__()
        self.attend = attend
        self.table, self.direction, self.offset = map(
            torch.nn.Parameter, (table, direction, offset)
        )

    def forward(self, rows, mask):
        """Attend, with something before and after that is not linear."""
        table, direction = self.table.cos(), self.direction.exp()
        return self.attend(table, rows, mask, direction, self.offset).square()


def both(inputs):
    """The same module by parts and as the formula stands, and its other inputs."""
    table, rows, mask, direction, offset = inputs
    attend = LinearAttention.apply, plain
    modules = [Attention(one, table, direction, offset) for one in attend]
    return modules, dict(modules[0].named_parameters()), (rows, mask)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_change_along_all_parameters_is_that_of_the_formula(inputs):
    """By torch.func.jvp over functional_call, in one direction."""
    modules, theta, given = both(inputs)
    along = {name: torch.randn_like(value) for name, value in theta.items()}
    found = [
        jvp(
            lambda theta, m=module: functional_call(m, theta, given), (theta,), (along,)
        )
        for module in modules
    ]
    torch.testing.assert_close(*found)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_transforms_are_those_of_the_formula(inputs):
    """First and second derivatives in every order."""
    modules, theta, given = both(inputs)
    weights = torch.randn(7, 3, 2, dtype=torch.float64)

    def losses(transform):
        for module in modules:
            yield transform(
                lambda table, m=module: (
                    functional_call(m, theta | {"table": table}, given) * weights
                ).sum()
            )(theta["table"])

    torch.testing.assert_close(*losses(grad))
    for outer in (jacrev, jacfwd):
        for inner in (jacrev, jacfwd):
            torch.testing.assert_close(*losses(lambda f, o=outer, i=inner: o(i(f))))
    assert next(losses(hessian)).abs().max() > 0.1


@pytest.mark.parametrize("batched", [{0}, {1}, {2, 3}, {4}, {0, 1, 2, 3, 4}])
def test_vmap_is_that_of_the_formula(inputs, batched):
    """Values and gradients of a batch, in which some inputs are the same for all."""
    torch.manual_seed(1)
    changed = [
        torch.stack([x, x.flip(0), x.roll(1, 0)]) if i in batched else x
        for i, x in enumerate(inputs)
    ]
    in_dims = tuple(0 if i in batched else None for i in range(5))

    def summed(attend):
        return lambda *inputs: attend(*inputs).square().sum()

    attend = LinearAttention.apply, plain
    found = [vmap(one, in_dims)(*changed) for one in attend]
    torch.testing.assert_close(*found)
    slopes = [vmap(grad(summed(one), (0, 3, 4)), in_dims)(*changed) for one in attend]
    torch.testing.assert_close(*slopes)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("inputs", [30], indirect=True)
def test_derivatives_are_those_of_finite_differences(inputs):
    """Backwards and forwards, once and twice, and for many directions at once."""
    table, rows, mask, direction, offset = (x[:4] for x in inputs)
    rows = rows % 4
    leaves = [x.clone().requires_grad_() for x in (table, direction, offset)]

    def attend(table, direction, offset):
        return LinearAttention.apply(table, rows, mask, direction, offset)

    assert gradcheck(attend, leaves, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(attend, leaves, check_fwd_over_rev=True)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_autocast_changes_nothing(inputs):
    """Products are not rounded, be the inputs themselves rounded or not."""
    table, rows, mask, direction, offset = (
        x.float() if x.is_floating_point() else x for x in inputs
    )
    table.requires_grad_()

    def found(rounded):
        given = rows, mask, direction.to(rounded).requires_grad_(), offset.to(rounded)
        out = LinearAttention.apply(table, *given)
        slopes = torch.autograd.grad(out.sum(), (table, given[2]))
        assert out.dtype == slopes[0].dtype == torch.float32
        assert slopes[1].dtype == rounded
        one_more = jvp(lambda t: LinearAttention.apply(t, *given), (table,), (table,))
        return out, *slopes, *one_more

    for rounded in (torch.float32, torch.bfloat16):
        expected = found(rounded)
        with torch.autocast("cpu", torch.bfloat16):
            again = found(rounded)
        assert all(map(torch.equal, again, expected))


def test_there_may_be_no_past(inputs):
    """No pasts, or pasts of no impressions."""
    table, rows, mask, direction, offset = inputs
    none = LinearAttention.apply(table, rows[:0], mask[:0], direction[:0], offset[:0])
    assert none.shape == (0, 3, 2)
    empty = LinearAttention.apply(table, rows[:, :0], mask[:, :0], direction, offset)
    assert (empty == 0).all()
