"""Row-sparse optimisers do what the dense ones do."""

import pytest
import torch
from torch import nn

from sklabelcraft.modules import Embeddings
from sklabelcraft.training._optimizers import SGD, AdamW, _tail_sums

N_CODES, DIM = 12, 3


class Toy(nn.Module):
    """A table of two columns and a layer."""

    def __init__(self):
        super().__init__()
        self.embeddings = Embeddings([N_CODES, 5], DIM)
        self.layer = nn.Linear(2 * DIM, 1)


def make(optimizer, **kwargs):
    """A module in float64, the optimiser, and a twin with torch's own."""
    torch.manual_seed(0)
    module, twin = Toy().double(), Toy().double()
    twin.load_state_dict(module.state_dict())
    dense = {SGD: torch.optim.SGD, AdamW: torch.optim.AdamW}[optimizer]
    rate, decay = kwargs["learning_rate"], kwargs["weight_decay"]
    return (
        module,
        optimizer(module, **kwargs),
        twin,
        dense(twin.parameters(), lr=rate, weight_decay=decay),
    )


def random_rows(n_touched):
    return torch.cat([torch.randperm(N_CODES)[:n_touched], N_CODES + torch.arange(2)])


def step(optimizer, dense, twin, rows):
    """The same random gradient in the touched rows for both."""
    theta = optimizer.gather(rows)
    gradients = {name: torch.randn_like(value) for name, value in theta.items()}
    for name, parameter in twin.named_parameters():
        touched = rows if "table" in name else slice(None)
        parameter.grad = torch.zeros_like(parameter)
        parameter.grad[touched] = gradients[name]
    dense.step()
    return theta, gradients


def compare(module, twin, **tolerance):
    for name, parameter in module.named_parameters():
        expected = dict(twin.named_parameters())[name]
        torch.testing.assert_close(parameter, expected, **tolerance)


def run(optimizer, n_touched, n_steps, **kwargs):
    module, rows_alone, twin, dense = make(optimizer, **kwargs)
    for _ in range(n_steps):
        rows = random_rows(n_touched)
        rows_alone.accept(*step(rows_alone, dense, twin, rows))
    rows_alone.settle()
    return module, twin


def test_sgd_is_exactly_the_dense_one_on_untouched_rows_too():
    """Lazy decay makes no difference."""
    module, twin = run(SGD, 2, 30, learning_rate=0.1, weight_decay=0.2)
    compare(module, twin, rtol=1e-12, atol=1e-14)


def test_adamw_is_exactly_the_dense_one_where_all_rows_are_touched():
    """Then nothing is at rest."""
    shape = {"learning_rate": 0.01, "weight_decay": 0.5}
    module, rows_alone, twin, dense = make(AdamW, **shape)
    for _ in range(20):
        everything = torch.arange(N_CODES + 5)
        rows_alone.accept(*step(rows_alone, dense, twin, everything))
    compare(module, twin, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_touched", [1, 4])
def test_adamw_at_rest_keeps_the_dense_one_s_moves(n_touched):
    """Rows move on by their momentum: all but equal after many steps of rest."""
    shape = {"learning_rate": 0.01, "weight_decay": 0.1}
    module, twin = run(AdamW, n_touched, 200, **shape)
    compare(module, twin, rtol=0, atol=2e-5)
    start = Toy().double().embeddings.table.weight
    assert (module.embeddings.table.weight - start).abs().max() > 0.1


@pytest.mark.parametrize("optimizer", [SGD, AdamW])
def test_propose_leads_where_accept_goes(optimizer):
    """It changes nothing, and its rates are how far the gradient moves theta."""
    shape = {"learning_rate": 0.1, "weight_decay": 0.2}
    module, rows_alone, twin, dense = make(optimizer, **shape)
    for _ in range(3):
        rows_alone.accept(*step(rows_alone, dense, twin, random_rows(4)))
    rows = random_rows(4)
    theta, gradients = step(rows_alone, dense, twin, rows)
    before = {name: p.clone() for name, p in module.named_parameters()}
    moved, rates = rows_alone.propose(theta, gradients)
    torch.testing.assert_close(dict(module.named_parameters()), before)
    assert all((rate > 0).all() for rate in rates.values())
    rows_alone.accept(theta, gradients)
    after = dict(module.named_parameters())
    torch.testing.assert_close(after["layer.weight"], moved["layer.weight"])
    table = "embeddings.table.weight"
    torch.testing.assert_close(after[table][rows], moved[table])


def test_gather_brings_rows_up_to_date():
    """A row at rest is read as if every step had decayed it."""
    module, sgd, *_ = make(SGD, learning_rate=0.5, weight_decay=1.0)
    before = module.embeddings.table.weight[3].detach().clone()
    for _ in range(4):
        theta = sgd.gather(torch.tensor([7]))
        sgd.accept(theta, {name: torch.zeros_like(p) for name, p in theta.items()})
    theta = sgd.gather(torch.tensor([3]))
    row = theta["embeddings.table.weight"][0]
    torch.testing.assert_close(row, before / 16)


@pytest.mark.parametrize("optimizer", [SGD, AdamW])
def test_goes_on_from_its_state(optimizer):
    """A fresh optimiser with the state of another takes the same steps, bit by bit."""
    shape = {"learning_rate": 0.1, "weight_decay": 0.2}
    module, first, twin, dense = make(optimizer, **shape)
    for _ in range(3):
        first.accept(*step(first, dense, twin, random_rows(4)))
    other = Toy().double()
    other.load_state_dict(module.state_dict())
    second = optimizer(other, **shape)
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        rows = random_rows(4)
        theta, gradients = step(first, dense, twin, rows)
        first.accept(theta, gradients)
        again = second.gather(rows)
        assert all(torch.equal(again[name], theta[name]) for name in theta)
        second.accept(again, gradients)
    for one in (first, second):
        one.settle()
    compare(module, other, rtol=0, atol=0)


def test_a_state_of_another_optimizer_is_refused():
    """With more or fewer moments, or of other parameters."""
    plain, adamw = SGD(Toy(), 0.1), AdamW(Toy(), 0.1)
    narrow, wide = (AdamW(nn.Linear(n, 1), 0.1) for n in (3, 7))
    for one, other in ((plain, adamw), (adamw, plain), (narrow, wide), (wide, narrow)):
        with pytest.raises(ValueError, match="it must stay as it was"):
            one.load_state_dict(other.state_dict())


def test_a_state_goes_with_the_parameters_that_the_module_has_by_then():
    """As where a fit that was interrupted goes on."""
    module = Toy()
    adamw = AdamW(module, 0.1)
    with torch.no_grad():
        module.layer.bias.fill_(7.0)
    adamw.load_state_dict(adamw.state_dict())
    assert adamw.gather(torch.arange(2))["layer.bias"].tolist() == [7]


@pytest.mark.parametrize("n", [1, 2, 8, 1000])
def test_rates_of_adamw_by_hand(n):
    """In step n of equal gradients, D = rate (1 - b) / (1 - b^n) / |g| with b = 0.9."""
    adamw = make(AdamW, learning_rate=0.1, weight_decay=0.0)[1]
    rows = torch.arange(N_CODES + 5)
    theta = adamw.gather(rows)
    gradients = {name: 1 + torch.rand_like(value) for name, value in theta.items()}
    for _ in range(n - 1):
        adamw.accept(theta, gradients)
        theta = adamw.gather(rows)
    _, rates = adamw.propose(theta, gradients)
    expected = {name: 0.01 / (1 - 0.9**n) / g for name, g in gradients.items()}
    torch.testing.assert_close(rates, expected)


def test_plain_steps_keep_nothing_of_the_gradients():
    """AdamW keeps two numbers of each parameter."""
    for optimizer, kept in ((SGD, 0), (AdamW, 2)):
        module = Toy()
        moments = optimizer(module, 0.1).state_dict()["moments"]
        n_parameters = sum(p.numel() for p in module.parameters())
        assert sum(m.numel() for m in moments.values()) == kept * n_parameters


def test_rates_of_sgd_are_the_learning_rate():
    """D is the same for all."""
    sgd = make(SGD, learning_rate=0.3, weight_decay=0.2)[1]
    theta = sgd.gather(torch.arange(4))
    _, rates = sgd.propose(theta, theta)
    assert all((rate == 0.3).all() for rate in rates.values())


def test_rows_rest_for_as_long_as_one_likes():
    """At last they have moved by rate r / (1 - r), with r = 0.9 / sqrt(0.999)."""
    module, adamw, *_ = make(AdamW, learning_rate=0.1, weight_decay=0.0)
    before = module.embeddings.table.weight.detach().clone()
    state = adamw.state_dict() | {"n_steps": 40_000}
    state["moments"]["embeddings.table.weight"].fill_(1.0)
    state["last"]["embeddings.table.weight"].fill_(30_000)
    adamw.load_state_dict(state)
    adamw.settle()
    r = 0.9 / 0.999**0.5
    expected = before - 0.1 * r / (1 - r)
    torch.testing.assert_close(module.embeddings.table.weight.data, expected)


def test_sums_of_moves_at_rest_by_hand():
    """F_s sums r^j c_(s + j), with c the bias correction, which is 1 beyond n."""
    n, r = 1001, 0.95
    found = _tail_sums(0.9, 0.999, r, n)
    assert len(found) == n + 1
    steps = torch.arange(1, n + 600, dtype=torch.float64)
    c = (1 - 0.999**steps).sqrt() / (1 - 0.9**steps)
    c[n:] = 1
    for s in (0, 1, n - 1, n):
        later = c[s:]
        expected = (r ** steps[: len(later)] * later).sum()
        torch.testing.assert_close(found[s], expected)


def settled(optimizer, moments):
    """A table of ones after steps 4, 5 and 6 of rest, and what is kept of it."""
    module = Toy().double()
    torch.nn.init.ones_(module.embeddings.table.weight)
    rests = optimizer(module, learning_rate=0.1, weight_decay=0.2)
    state, table = rests.state_dict(), "embeddings.table.weight"
    state["n_steps"] = 6
    state["last"][table].fill_(3)
    for i, moment in enumerate(moments):
        state["moments"][table][:, i] = moment
    rests.load_state_dict(state)
    rests.settle()
    kept = rests.state_dict()
    assert (kept["last"][table] == 6).all()
    return module.embeddings.table.weight.detach(), kept["moments"][table].unbind(1)


def test_three_steps_of_rest_by_hand():
    """A row decays by 0.98 in each; with AdamW it moves and its moments decay, too."""
    value, _ = settled(SGD, ())
    torch.testing.assert_close(value, torch.full_like(value, 0.98**3))
    expected, mean, square = 1.0, 3.0, 4.0
    for i in (4, 5, 6):
        mean, square = 0.9 * mean, 0.999 * square
        unbiased = mean / (1 - 0.9**i), square / (1 - 0.999**i)
        expected = 0.98 * expected - 0.1 * unbiased[0] / unbiased[1] ** 0.5
    value, moments = settled(AdamW, (3.0, 4.0))
    torch.testing.assert_close(value, torch.full_like(value, expected))
    for moment, by_hand in zip(moments, (mean, square), strict=True):
        torch.testing.assert_close(moment, torch.full_like(moment, by_hand))


@pytest.mark.parametrize("optimizer", [SGD, AdamW])
def test_nothing_decays_unless_it_is_asked_for(optimizer):
    """By default a step without a gradient leaves the parameters as they are."""
    module = Toy()
    before = [p.detach().clone() for p in module.parameters()]
    plain = optimizer(module, 0.5)
    theta = plain.gather(torch.arange(N_CODES + 5))
    plain.accept(theta, {name: torch.zeros_like(p) for name, p in theta.items()})
    assert all(
        torch.equal(*pair) for pair in zip(module.parameters(), before, strict=True)
    )


def test_moves_at_rest_stay_finite_where_everything_decays_fast():
    """By a half each step, which is faster than what the momentum does."""
    module = Toy().double()
    fast = AdamW(module, learning_rate=0.5, weight_decay=1.0)
    table = "embeddings.table.weight"
    state = fast.state_dict() | {"n_steps": 40_000}
    state["moments"][table].fill_(1.0)
    fast.load_state_dict(state)
    fast.settle()
    assert (module.embeddings.table.weight == 0).all()
    assert 0 < fast._tail.min() <= fast._tail.max() < 20
