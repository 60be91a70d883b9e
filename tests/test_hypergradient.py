"""The one-step hypergradient equals differentiation through the unrolled step."""

import pytest
import torch

from sklabelcraft._batches import Impressions
from sklabelcraft._hypergradient import label_gradient
from sklabelcraft._platform import Platform, random_references
from sklabelcraft._training import RankerSteps, Schedule
from sklabelcraft._user_lists import UserLists
from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.losses import brier_loss, log_loss, squared_error
from sklabelcraft.modules import DCN, DIN, MLP, LabelNet
from sklabelcraft.objectives import (
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
    """A module in float64 with all parameters far from a start near 0.

    Those of embeddings less so, as their products are enlarged.
    """
    module = module.double()
    for name, parameter in module.named_parameters():
        small = name.startswith("embeddings")
        torch.nn.init.normal_(parameter, std=0.1 if small else 0.4)
    return module


def make_ranker(kind, n_outputs):
    shape = [CARDINALITIES, N_NUMERIC, n_outputs, 3, (5, 4)]
    own = {"mlp": (MLP,), "dcn": (DCN, 2), "din": (DIN, [1, 2])}
    ranker, *rest = own[kind]
    return randomise(ranker(*shape, *rest))


def make_impressions(n):
    """Random rows with histories of 0 to 4 past rows."""
    codes, store = [
        torch.stack([torch.randint(size, (m,)) for size in CARDINALITIES], dim=1)
        for m in (n, 20)
    ]
    start = torch.randint(36, (n,))
    stop = start + torch.randint(5, (n,))
    numeric = torch.rand(n, N_NUMERIC, **double)
    store, past = torch.randint(20, (40,)), store[:, 1:]
    place = torch.empty(20, dtype=torch.int64)
    return Impressions(codes, numeric, start, stop, store, past, (1, 2), place)


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
        weights=torch.tensor([1.0, 3.0, 0.5], **double),
        balancing=SoftmaxBalancing(2.0),
        k=2,
        temperature=0.3,
    )


def make_steps(kind, ranker, impressions, loss=log_loss):
    """SGD, or AdamW after three real steps."""
    schedule = Schedule(loss, kind, 0.3, 0.2, N_ROWS, 1, 1, 0.0)
    steps = RankerSteps(ranker, impressions, schedule)
    for _ in range(3 * (kind == "adamw")):
        (batch,) = steps.start(impressions.batch(torch.randperm(N_ROWS)[:9]))
        steps.finish(steps.score(batch).square().mean())
    return steps


def unrolled(steps, batch, labels, parameters, objective):
    """The gradient in `parameters`, with the graph of the whole step."""
    value = steps.loss(steps.score(batch), labels).mean()
    theta = steps.theta
    gradients = torch.autograd.grad(value, list(theta.values()), create_graph=True)
    gradients = dict(zip(theta, gradients, strict=True))
    constant = {name: g.detach() for name, g in gradients.items()}
    detached = {name: value.detach() for name, value in theta.items()}
    moved, rates = steps.optimizer.propose(detached, constant)
    moved = {n: p - rates[n] * (gradients[n] - constant[n]) for n, p in moved.items()}
    return torch.autograd.grad(objective(moved), parameters)


def flat(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


def one_step(steps, platform, impressions):
    """A batch of all rows and the objective on all users, both ready for a step."""
    shown = platform.draw(len(platform.lists.lengths))
    rows = torch.arange(len(impressions))
    batch, held_out = steps.start(impressions.batch(rows), shown.batch)

    def objective(theta):
        return platform.balanced(platform.measure(steps.score(held_out, theta), shown))

    return batch, objective


def rise_of(steps, batch, labels, objective):
    """The label gradient of a step."""
    return label_gradient(
        steps.module,
        steps.theta,
        steps.score(batch),
        steps.loss,
        batch,
        labels,
        objective,
        steps.optimizer.propose,
    )


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["mlp", "dcn", "din"])
def test_equals_the_unrolled_step(kind, loss, optimizer, n_outputs):
    """Pushed through the label networks, it is the gradient of the unrolled step."""
    label_nets = [
        randomise(LabelNet(N_INPUTS - 1, (4,), 2.0)) for _ in range(n_outputs)
    ]
    parameters = [p for net in label_nets for p in net.parameters()]
    feedback, impressions = (
        torch.randn(N_ROWS, N_INPUTS, **double),
        make_impressions(N_ROWS),
    )
    steps = make_steps(optimizer, make_ranker(kind, n_outputs), impressions, loss)
    batch, objective = one_step(steps, make_platform(), impressions)

    def craft():
        return torch.cat([net(feedback) for net in label_nets], dim=1)

    labels = craft()
    rise = rise_of(steps, batch, labels, objective)
    labels.backward(rise)
    ours = flat([p.grad for p in parameters])
    exact = flat(unrolled(steps, batch, craft(), parameters, objective))
    assert rise.shape == labels.shape
    assert exact.abs().max() > 1e-6
    assert (ours - exact).abs().max() < 1e-10 * exact.abs().max()


def test_leaves_the_ranker_and_its_graph_for_the_training_step():
    """The parameters are untouched, and the logits can still go back."""
    ranker, impressions = make_ranker("mlp", 1), make_impressions(N_ROWS)
    before = {name: p.detach().clone() for name, p in ranker.named_parameters()}
    steps = make_steps("sgd", ranker, impressions)
    batch, objective = one_step(steps, make_platform(), impressions)
    labels = torch.rand(N_ROWS, 1, **double, requires_grad=True)
    logits = steps.score(batch)
    propose = steps.optimizer.propose
    label_gradient(
        ranker, steps.theta, logits, log_loss, batch, labels, objective, propose
    )
    assert labels.grad is None
    torch.testing.assert_close(dict(ranker.named_parameters()), before)
    steps.finish(log_loss(logits, labels.detach()).mean())
    assert all((p != before[name]).any() for name, p in ranker.named_parameters())


def test_brings_the_objective_up():
    """A small step of the labels along it raises the objective by its squared norm."""
    ranker, platform = make_ranker("din", 1), make_platform()
    impressions = make_impressions(N_ROWS)
    steps = make_steps("sgd", ranker, impressions)
    shown = platform.draw(5)
    weights = SoftmaxBalancing(2.0)(platform.measure(ranker(shown.batch), shown))
    batch, held_out = steps.start(impressions.batch(torch.arange(N_ROWS)), shown.batch)
    labels = torch.rand(N_ROWS, 1, **double)

    def objective(theta):
        return (weights * platform.measure(steps.score(held_out, theta), shown)).sum()

    def one_step_ahead(labels):
        value = log_loss(steps.score(batch), labels).mean()
        gradients = torch.autograd.grad(value, list(steps.theta.values()))
        gradients = dict(zip(steps.theta, gradients, strict=True))
        return objective(steps.optimizer.propose(steps.theta, gradients)[0]).item()

    rise = rise_of(steps, batch, labels, objective)
    h = 1e-3 / rise.norm()
    gained = one_step_ahead(labels + h * rise) - one_step_ahead(labels - h * rise)
    assert gained == pytest.approx(2 * h.item() * rise.norm().item() ** 2, rel=1e-4)
