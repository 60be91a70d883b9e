"""Derivatives of the soft top-k in all its arguments, and the transforms of torch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import forward_ad, functional, gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from sklabelcraft import soft_topk
from sklabelcraft.topk import _chunks
from sklabelcraft.topk._inputs import Checked
from sklabelcraft.topk._two_anchor import TwoAnchorTopK

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

double = {"dtype": torch.float64}
MASK = torch.tensor([[1, 1, 0, 1], [1, 1, 1, 1]])
LENGTHS = [2, 0, 5, 1]
eighths = st.integers(-40, 40).map(lambda i: i / 8)
score_lists = st.lists(eighths, min_size=2, max_size=12)
temperatures = st.floats(-4, 1).map(lambda power: 10**power)


def masked(scores, k, softness):
    return soft_topk(scores, k, temperature=softness, mask=MASK)


def ragged(scores, k, softness):
    return soft_topk(scores.flatten(), k, temperature=softness, lengths=LENGTHS)


def relative(scores, k, softness):
    return soft_topk(scores, k, epsilon=softness)


def padded(scores, k, softness):
    return soft_topk(scores, k, temperature=softness)


def sorted_ranks(scores, _, softness):
    return soft_topk(scores, 2, temperature=softness, method="sorted")


def sorted_relative(scores, _, softness):
    return soft_topk(scores, 2, epsilon=softness, method="sorted")


TWO_ANCHOR = [padded, masked, ragged, relative]
SORTED = [sorted_ranks, sorted_relative]


@pytest.fixture(params=[(), (2,)], ids=["one for all", "one per list"])
def inputs(request):
    """Scores, k and the softness, for all lists or for each."""
    torch.manual_seed(0)
    k, softness = torch.rand(2, *request.param, **double)
    return torch.randn(2, 4, **double), 3 * k, softness + 0.1


def adapted(form, inputs):
    """The same for the four ragged lists, if so."""
    scores, *others = inputs
    if form is ragged:
        others = [x if x.ndim == 0 else x.repeat(2) for x in others]
    return leaves((scores, *others))


def leaves(inputs, n=3):
    return [x.clone().requires_grad_(i < n) for i, x in enumerate(inputs)]


def test_two_scores_by_hand():
    """alpha_1 = sigmoid(d / 2 tau) at k = 1, and an added share goes to both alike."""
    scores = torch.tensor([2.0, 1.0], **double)
    k, tau = torch.tensor([1.0, 0.5], **double).requires_grad_()
    shown = torch.sigmoid(1 / (2 * tau.detach()))
    alpha = soft_topk(scores, k, temperature=tau)[0]
    of_k, of_tau = torch.autograd.grad(alpha, (k, tau))
    torch.testing.assert_close(alpha, shown)
    torch.testing.assert_close(of_k, torch.tensor(0.5, **double))
    by_hand = -shown * (1 - shown) / (2 * tau.detach() ** 2)
    torch.testing.assert_close(of_tau, by_hand)


@pytest.mark.parametrize("form", TWO_ANCHOR)
def test_derivatives_are_those_of_finite_differences(form, inputs):
    """In scores, k and the softness, backwards and forwards, one and many at once."""
    arguments = adapted(form, inputs)
    options = {"check_forward_ad": True, "check_batched_grad": True}
    assert gradcheck(form, arguments, **options)


@pytest.mark.parametrize("form", TWO_ANCHOR)
def test_second_derivatives_are_those_of_finite_differences(form, inputs):
    """In all three as well, as derivatives of the backward pass."""
    arguments = adapted(form, inputs)
    assert gradgradcheck(form, arguments, check_fwd_over_rev=True)


@pytest.mark.parametrize("form", SORTED)
def test_derivatives_on_sorted_anchors_are_those_of_finite_differences(form, inputs):
    """In the scores and the softness."""
    scores, _, softness = inputs
    options = {"check_forward_ad": True, "check_batched_grad": True, "atol": 1e-4}
    arguments = leaves((scores, softness), 2)
    assert gradcheck(lambda s, t: form(s, None, t), arguments, **options)


@settings(max_examples=50, deadline=None)
@given(score_lists, st.floats(0.01, 0.99), st.booleans(), temperatures)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_added_to_k_is_shown(dtype, scores, share, whole, temperature):
    """d alpha / dk is at least 0 and sums to 1, be the list ever so sharp."""
    n = len(scores)
    k = min(n - 1, max(1, round(share * n))) if whole else share * n
    scores, one = torch.tensor(scores, dtype=dtype), torch.ones((), **double)

    def shown(k):
        return soft_topk(scores, k, temperature=temperature)

    _, change = jvp(shown, (k * one,), (one,))
    _, backwards = functional.vjp(shown, k * one, torch.ones_like(change))
    exact = {"atol": 1e-5 if dtype == torch.float32 else 1e-12, "rtol": 0}
    assert (change >= 0).all()
    torch.testing.assert_close(change.double().sum(), one, **exact)
    torch.testing.assert_close(backwards, one, **exact)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [0.1, 1e-3, 1e-8])
def test_the_boundary_shares_what_is_added_to_k(dtype, temperature):
    """At a whole k the last shown and the first left out do, however far apart."""
    scores = torch.tensor([[5.0, 3.0, 2.0, 0.0], [2.0, 5.0, -torch.inf, 4.0]])
    scores, k = scores.to(dtype), torch.tensor([2.0, 1.0], **double)

    def shown(k):
        return soft_topk(scores, k, temperature=temperature)

    expected = torch.tensor([[0, 0.5, 0.5, 0], [0, 0.5, 0, 0.5]], dtype=dtype)
    _, change = jvp(shown, (k,), (torch.ones_like(k),))
    torch.testing.assert_close(change, expected, atol=1e-4, rtol=0)
    backwards = jacrev(lambda k: shown(k).double())(k).sum(2)
    torch.testing.assert_close(backwards, expected.double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("k", [-1.0, 0.0, 3.0, 7.5])
def test_lists_shown_whole_or_not_at_all_have_no_derivative(k):
    """Neither in k nor in the temperature, in a list of three."""
    scores = torch.tensor([3.0, -torch.inf, 1.0, 2.0])
    k, tau = torch.tensor(k).requires_grad_(), torch.tensor(0.5, requires_grad=True)
    alpha = soft_topk(scores, k, temperature=tau)
    slopes = torch.autograd.grad((alpha * torch.arange(4)).sum(), (k, tau))
    assert [slope.item() for slope in slopes] == [0, 0]


@settings(max_examples=50, deadline=None)
@given(score_lists, st.floats(0.01, 0.99), temperatures)
@pytest.mark.parametrize("method", ["two_anchor", "sorted"])
def test_the_unit_of_the_scores_has_no_derivative(method, scores, share, temperature):
    """alpha(c s, c tau) = alpha(s, tau), and so s . d/ds + tau d/dtau = 0."""
    scores = torch.tensor(scores, **double).requires_grad_()
    tau = torch.tensor(temperature, **double).requires_grad_()
    k = (
        max(1, round(share * len(scores)))
        if method == "sorted"
        else share * len(scores)
    )
    alpha = soft_topk(scores, k, temperature=tau, method=method)
    weights = torch.linspace(-1, 1, len(scores), **double)
    slopes = torch.autograd.grad((alpha * weights).sum(), (scores, tau))
    terms = slopes[0] * scores, slopes[1] * tau
    total = terms[0].sum() + terms[1]
    assert total.abs() <= 1e-9 * (1 + terms[0].abs().sum())


def eager_gradients(loss, inputs, n):
    """Gradients of a loss in the inputs of those numbers by plain autograd."""
    arguments = [x.clone().requires_grad_(i in n) for i, x in enumerate(inputs)]
    return torch.autograd.grad(loss(*arguments), [arguments[i] for i in n])


@pytest.fixture(params=[*TWO_ANCHOR, *SORTED])
def loss(request):
    """A function of the indicator that is not linear, and what it can be derived in."""
    torch.manual_seed(1)
    weights = torch.randn(8, **double)

    def of_indicator(*inputs):
        return (request.param(*inputs).flatten() * weights).square().sum()

    in_all = request.param in TWO_ANCHOR
    return of_indicator, (0, 1, 2) if in_all else (0, 2), request.param


@pytest.fixture
def batch():
    """Four examples of scores, of a k and of a softness."""
    torch.manual_seed(2)
    scores = torch.randn(4, 2, 4, **double)
    return scores, 3 * torch.rand(4, **double), 0.1 + torch.rand(4, **double)


def first(batch):
    return tuple(x[0] for x in batch)


def test_vmap_is_one_by_one(loss, batch):
    """With a batch of everything or of some, along any axis, once or twice."""
    _, _, form = loss
    found = vmap(form)(*batch)
    scores, k, softness = batch
    for i in range(4):
        alone = form(scores[i], k[i], softness[i])
        torch.testing.assert_close(found[i], alone, rtol=0, atol=1e-10)
    along = vmap(form, (1, None, None))(scores.transpose(0, 1), k[0], softness[0])
    torch.testing.assert_close(along[0], found[0])
    crossed = vmap(vmap(form, (None, None, 0)), (0, None, None))(scores, k[0], softness)
    torch.testing.assert_close(crossed[0, 0], found[0])
    assert crossed.shape[:2] == (4, 4)


def test_a_batch_may_be_empty(loss, batch):
    """No examples have no results, of the right shape."""
    loss, _, form = loss
    none = tuple(x[:0] for x in batch)
    assert vmap(form)(*none).shape == (0, *form(*first(batch)).shape)
    assert vmap(grad(loss))(*none).shape == (0, 2, 4)


def test_grad_and_vmap_in_either_order(loss, batch):
    """Gradients of each example, and of all examples at once."""
    loss, n, _ = loss
    each = vmap(grad(loss, n))(*batch)
    at_once = grad(lambda *inputs: vmap(loss)(*inputs).sum(), n)(*batch)
    for i in range(4):
        expected = eager_gradients(loss, [x[i] for x in batch], n)
        torch.testing.assert_close(tuple(x[i] for x in each), expected)
    torch.testing.assert_close(at_once, each)
    torch.testing.assert_close(grad(loss, n)(*first(batch)), tuple(x[0] for x in each))


def test_jacobians_backwards_and_forwards(loss, batch):
    """jacrev, jacfwd and jvp agree."""
    _, n, form = loss
    inputs = first(batch)
    backwards, forwards = (jacobian(form, n)(*inputs) for jacobian in (jacrev, jacfwd))
    torch.testing.assert_close(backwards, forwards)
    along = torch.randn_like(inputs[0])
    _, change = jvp(lambda scores: form(scores, *inputs[1:]), inputs[:1], (along,))
    torch.testing.assert_close(change, (forwards[0] * along).sum((-1, -2)))


@pytest.mark.parametrize("loss", TWO_ANCHOR, indirect=True)
def test_second_derivatives_in_every_order(loss, batch):
    """Backwards or forwards, twice or each once: the same, and for batches too."""
    loss, n, _ = loss
    inputs = first(batch)
    found = hessian(loss, n)(*inputs)
    for outer in (jacrev, jacfwd):
        for inner in (jacrev, jacfwd):
            again = outer(inner(loss, n), n)(*inputs)
            torch.testing.assert_close(again, found)
    each = vmap(hessian(loss))(*batch)
    torch.testing.assert_close(each[0], found[0][0])


@pytest.mark.parametrize("loss", TWO_ANCHOR, indirect=True)
def test_derivatives_of_all_arguments_by_a_chain(loss, batch):
    """Of a number that scores, k and softness depend on, up to the third."""
    loss, _, _ = loss
    scores, k, softness = first(batch)

    def chained(x):
        return loss(scores * x.cos(), k + x.square(), softness * x.exp())

    x = torch.tensor(0.3, **double)
    second, third = hessian(chained), jacfwd(jacfwd(jacfwd(chained)))(x)
    torch.testing.assert_close(jacfwd(jacfwd(chained))(x), second(x))
    torch.testing.assert_close(jacrev(second)(x), third)
    step = 1e-4
    difference = (second(x + step) - second(x - step)) / (2 * step)
    torch.testing.assert_close(third, difference, rtol=1e-4, atol=1e-4)


def test_what_is_checked_has_the_derivatives_of_what_it_was():
    """Forwards twice, too."""

    def checked(x):
        return Checked.apply(x.exp(), lambda _: None)

    x = torch.tensor(0.3, **double)
    torch.testing.assert_close(jacfwd(jacfwd(checked))(x), x.exp())


@pytest.mark.parametrize("method", ["two_anchor", "sorted"])
def test_a_list_that_is_masked_has_no_part_in_a_gradient(method):
    """Nor has its largest cost, and the others have theirs."""
    scores = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]], requires_grad=True)
    mask = torch.tensor([[0, 0, 0], [1, 1, 1]])
    shown = soft_topk(scores, 1, epsilon=0.1, mask=mask, method=method)
    shown[:, 2].sum().backward()
    assert (scores.grad[0] == 0).all()
    assert (scores.grad[1] != 0).all()


def test_derivatives_in_the_temperature_in_several_parts(monkeypatch):
    """First and second ones, of several k of each list: as together, and as alone."""
    torch.manual_seed(0)
    scores, k = torch.randn(20, 8, **double), torch.tensor([[2.0], [5.0]])

    def derivatives(k):
        tau = torch.full((20,), 0.5, **double, requires_grad=True)
        shown = soft_topk(scores, k, temperature=tau).square().sum()
        (first,) = torch.autograd.grad(shown, tau, create_graph=True)
        return first.detach(), *torch.autograd.grad(first.sum(), tau)

    together = derivatives(k)
    monkeypatch.setattr(_chunks, "CHUNK", 64)
    parted = derivatives(k)
    alone = [derivatives(each) for each in k]
    for whole, part, one, two in zip(together, parted, *alone, strict=True):
        torch.testing.assert_close(part, whole)
        torch.testing.assert_close(one + two, whole)


def test_plain_autograd_on_top_of_a_transform(batch):
    """The gradient by torch.func can be derived by backward."""
    scores, k, softness = first(batch)

    def loss(scores):
        return padded(scores, k, softness).square().sum()

    leaf = scores.clone().requires_grad_()
    (found,) = torch.autograd.grad(grad(loss)(leaf).sum(), leaf)
    torch.testing.assert_close(found, hessian(loss)(scores).sum((0, 1)))


@pytest.mark.parametrize("form", [padded, ragged, *SORTED])
def test_batches_of_gradients(form, batch):
    """Many at once by plain autograd, in both ways that it has."""
    arguments = leaves(first(batch), 1)
    alpha = form(*arguments)
    many = torch.randn(4, *alpha.shape, **double)

    def back(down, **options):
        options = {"retain_graph": True, **options}
        return torch.autograd.grad(alpha, arguments[0], down, **options)[0]

    expected = torch.stack([back(one) for one in many])
    torch.testing.assert_close(vmap(back)(many), expected)
    torch.testing.assert_close(back(many, is_grads_batched=True), expected)


def test_vectorised_hessian(batch):
    """torch.autograd.functional has the same with its batches."""
    scores, k, softness = first(batch)

    def loss(scores):
        return padded(scores, k, softness).square().sum()

    expected = hessian(loss)(scores)
    for strategy in ("reverse-mode", "forward-mode"):
        options = {"vectorize": True, "outer_jacobian_strategy": strategy}
        found = functional.hessian(loss, scores, **options)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("loss", SORTED, indirect=True)
def test_second_derivatives_on_sorted_anchors_are_refused(loss, batch):
    """In every order, as they must not pass for zeros."""
    loss, _, _ = loss
    for outer in (jacrev, jacfwd):
        for inner in (jacrev, jacfwd):
            with pytest.raises(NotImplementedError, match="only once"):
                outer(inner(loss))(*first(batch))


def test_k_of_sorted_anchors_has_no_derivative():
    """It is refused, by whatever transform it is asked for."""
    scores, k = torch.arange(4.0), torch.tensor(2.0)

    def shown(k):
        return soft_topk(scores, k, temperature=0.3, method="sorted").sum()

    for ask in (grad, jacfwd, lambda f: lambda k: f(k.clone().requires_grad_())):
        with pytest.raises(ValueError, match="cannot be differentiated in k"):
            ask(shown)(k)
    with (
        forward_ad.dual_level(),
        pytest.raises(ValueError, match="differentiated in k"),
    ):
        shown(forward_ad.make_dual(k, k))
    with pytest.raises(ValueError, match="takes one whole k"):
        vmap(shown)(torch.tensor([1.0, 2.0]))
    assert vmap(shown)(torch.tensor([2.0, 2.0])).tolist() == pytest.approx([2, 2])


def test_refusals_under_transforms():
    """Numbers are looked at there as well."""
    scores = torch.tensor([[3.0, 1.0], [2.0, 0.0]])
    cases = [
        ("finite or -inf", lambda s: soft_topk(s / 0, 1, temperature=1)),
        ("k must be a finite", lambda s: soft_topk(s, s[0] / 0, temperature=1)),
        ("temperature must be", lambda s: soft_topk(s, 1, temperature=-s[0])),
        ("epsilon must be", lambda s: soft_topk(s, 1, epsilon=s[1] * 0)),
        ("mask must be 0 or 1", lambda s: soft_topk(s, 1, temperature=1, mask=s)),
        ("got a single number", lambda s: soft_topk(s[0], 1, temperature=1)),
    ]
    for message, function in cases:
        for transformed in (
            vmap(function),
            vmap(jacfwd(function)),
            vmap(jacrev(function)),
        ):
            with pytest.raises(ValueError, match=message):
                transformed(scores)


def test_only_what_is_needed_is_kept():
    """The indicator and the temperature, unless k or that is to be differentiated."""
    scores = torch.randn(1, 5, 9, requires_grad=True)
    k, tau = torch.full((1, 5, 1), 2.0), torch.ones(1, 5, 1)
    alpha, *_ = TwoAnchorTopK.apply(scores, k, tau)
    kept = [x.data_ptr() for x in alpha.grad_fn.saved_tensors]
    assert kept == [alpha.data_ptr(), tau.data_ptr()]
