"""The one-step hypergradient equals differentiation through the unrolled step."""

import pytest
import torch
from torch.func import functional_call

from sklabelcraft._batches import Impressions, UserLists
from sklabelcraft._hypergradient import adam_step, label_gradient, sgd_step
from sklabelcraft._platform import Platform, random_references
from sklabelcraft.losses import brier_loss, log_loss, squared_error
from sklabelcraft.modules import DIN, MLP, LabelNet
from sklabelcraft.objectives import (
    SoftmaxBalancing,
    duration_objective,
    explicit_objective,
    watch_time_objective,
)

CARDINALITIES, N_NUMERIC, N_INPUTS, N_ROWS = [6, 9, 4], 2, 3, 24
double = {"dtype": torch.float64}


def squared_label(logits, labels):
    """A user's own loss, curved in the label as well as in the logit."""
    return (logits - labels.square()).cosh().log() + labels * logits.tanh()


LOSSES = [log_loss, brier_loss, squared_error, squared_label]


@pytest.fixture(autouse=True)
def seed():
    """The same numbers in every test; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def randomise(module):
    """A module in float64 with all parameters far from a start near 0."""
    module = module.double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return module


def make_ranker(kind, n_outputs):
    shape = [CARDINALITIES, N_NUMERIC, n_outputs, 3, (5, 4)]
    return randomise(MLP(*shape) if kind == "mlp" else DIN(*shape, [1, 2]))


def make_impressions(n):
    """Random rows with histories of 0 to 4 past rows."""
    codes, store = [
        torch.stack([torch.randint(size, (m,)) for size in CARDINALITIES], dim=1)
        for m in (n, 20)
    ]
    start = torch.randint(16, (n,))
    stop = start + torch.randint(5, (n,))
    return Impressions(codes, torch.rand(n, N_NUMERIC, **double), start, stop, store)


def make_platform():
    """Five held-out users, of whom the platform shows the best two of each."""
    lengths = torch.tensor([4, 3, 6, 5, 7])
    lists = UserLists(torch.randperm(int(lengths.sum())), lengths)
    objectives = (watch_time_objective, explicit_objective, duration_objective)
    values = [torch.rand(len(lists.rows), **double) for _ in objectives]
    values[1] = values[1].round()
    return Platform(
        impressions=make_impressions(len(lists.rows)),
        lists=lists,
        objectives=objectives,
        values=values,
        references=random_references(objectives, values, lists, 2),
        balancing=SoftmaxBalancing(2.0),
        k=2,
        temperature=0.3,
    )


def make_step(kind, ranker, batch):
    """Rate 0.3 for all, or AdamW after three real steps."""
    if kind == "sgd":
        return sgd_step(0.3, decay=0.05)
    optimizer = torch.optim.AdamW(ranker.parameters(), lr=0.02, weight_decay=2.5)
    for _ in range(3):
        optimizer.zero_grad()
        ranker(batch).square().mean().backward()
        optimizer.step()
    return adam_step(ranker, optimizer)


def unrolled(ranker, batch, labels, parameters, loss, objective, step):
    """The gradient in `parameters`, with the graph of the whole step."""
    theta = dict(ranker.named_parameters())
    value = loss(functional_call(ranker, theta, (batch,)), labels).mean()
    gradients = torch.autograd.grad(value, list(theta.values()), create_graph=True)
    gradients = dict(zip(theta, gradients, strict=True))
    constant = {name: g.detach() for name, g in gradients.items()}
    moved, rates = step({n: p.detach() for n, p in theta.items()}, constant)
    moved = {n: p - rates[n] * (gradients[n] - constant[n]) for n, p in moved.items()}
    return torch.autograd.grad(objective(moved), parameters)


def flat(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("steps", ["sgd", "adam"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["mlp", "din"])
def test_equals_the_unrolled_step(kind, loss, steps, n_outputs):
    """Pushed through the label networks, it is the gradient of the unrolled step."""
    ranker = make_ranker(kind, n_outputs)
    starts = [[0.5, 1.0, -0.5], [1.0, 0.0, 0.0]][:n_outputs]
    label_nets = [randomise(LabelNet(N_INPUTS, (4,), start)) for start in starts]
    parameters = [p for net in label_nets for p in net.parameters()]
    batch = make_impressions(N_ROWS).batch(torch.arange(N_ROWS))
    batch = batch._replace(past_mask=batch.past_mask.double())
    feedback, platform = torch.randn(N_ROWS, N_INPUTS, **double), make_platform()

    def craft():
        return torch.cat([net(feedback) for net in label_nets], dim=1)

    def objective(theta):
        def score(held):
            return functional_call(ranker, theta, (held,))

        return platform.balanced(platform.measure(score, len(platform.lists.lengths)))

    step = make_step(steps, ranker, batch)
    labels = craft()
    rise = label_gradient(ranker, ranker(batch), loss, batch, labels, objective, step)
    labels.backward(rise)
    ours = flat([p.grad for p in parameters])
    exact = flat(unrolled(ranker, batch, craft(), parameters, loss, objective, step))
    assert rise.shape == labels.shape
    assert exact.abs().max() > 1e-6
    assert (ours - exact).abs().max() < 1e-10 * exact.abs().max()


def test_leaves_the_ranker_and_its_graph_for_the_training_step():
    """Parameters and their grads are untouched, and the logits can still go back."""
    ranker, platform = make_ranker("mlp", 1), make_platform()
    batch = make_impressions(N_ROWS).batch(torch.arange(N_ROWS))
    before = {name: p.detach().clone() for name, p in ranker.named_parameters()}

    def objective(theta):
        def score(held):
            return functional_call(ranker, theta, (held,))

        return platform.balanced(platform.measure(score, 5))

    logits, labels = ranker(batch), torch.rand(N_ROWS, 1, **double, requires_grad=True)
    step = make_step("sgd", ranker, batch)
    label_gradient(ranker, logits, log_loss, batch, labels, objective, step)
    assert labels.grad is None
    assert all(p.grad is None for p in ranker.parameters())
    torch.testing.assert_close(dict(ranker.named_parameters()), before)
    log_loss(logits, labels.detach()).mean().backward()
    assert all(p.grad is not None for p in ranker.parameters())


def test_brings_the_objective_up():
    """A small step of the labels along it raises the objective by its squared norm."""
    ranker, platform = make_ranker("din", 1), make_platform()
    batch = make_impressions(N_ROWS).batch(torch.arange(N_ROWS))
    labels = torch.rand(N_ROWS, 1, **double)
    step = sgd_step(0.3)
    weights = SoftmaxBalancing(2.0)(platform.measure(ranker, 5))

    def objective(theta):
        def score(held):
            return functional_call(ranker, theta, (held,))

        return (weights * platform.measure(score, 5)).sum()

    def one_step_ahead(labels):
        theta = dict(ranker.named_parameters())
        value = log_loss(ranker(batch), labels).mean()
        gradients = torch.autograd.grad(value, list(theta.values()))
        pairs = zip(theta.items(), gradients, strict=True)
        return objective({name: p - 0.3 * g for (name, p), g in pairs}).item()

    rise = label_gradient(
        ranker, ranker(batch), log_loss, batch, labels, objective, step
    )
    h = 1e-3 / rise.norm()
    gained = one_step_ahead(labels + h * rise) - one_step_ahead(labels - h * rise)
    assert gained == pytest.approx(2 * h.item() * rise.norm().item() ** 2, rel=1e-4)


@pytest.mark.parametrize("n_before", [0, 1, 3])
def test_adam_step_leads_where_the_optimiser_goes(n_before):
    """theta' is what AdamW's next step makes of theta, from its first step on."""
    ranker = make_ranker("mlp", 1)
    batch = make_impressions(N_ROWS).batch(torch.arange(N_ROWS))
    groups = [
        {"params": ranker.embeddings.parameters(), "lr": 0.5, "weight_decay": 0.1},
        {"params": ranker.dense.parameters()},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.02, weight_decay=0.5)
    for _ in range(n_before + 1):
        theta = {name: p.detach().clone() for name, p in ranker.named_parameters()}
        optimizer.zero_grad()
        ranker(batch).square().mean().backward()
        gradients = {name: p.grad for name, p in ranker.named_parameters()}
        moved, _ = adam_step(ranker, optimizer)(theta, gradients)
        optimizer.step()
    for name, parameter in ranker.named_parameters():
        torch.testing.assert_close(moved[name], parameter.detach(), rtol=1e-12, atol=0)
