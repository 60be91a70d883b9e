"""The one-step hypergradient equals differentiation through the unrolled step."""

import copy

import pytest
import torch
from joblib import Parallel, delayed
from sklearn.utils import Bunch

from sklabelcraft._bags import Bags
from sklabelcraft._batches import Impressions, Pasts
from sklabelcraft._counts import FeedbackCounts
from sklabelcraft._lists import Lists
from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.losses import brier_loss, log_loss, squared_error
from sklabelcraft.modules import (
    DCNModule,
    DINModule,
    Feedback,
    LearnedLabel,
    MLPModule,
    Signals,
    StartingRule,
)
from sklabelcraft.modules._label import INPUTS
from sklabelcraft.objectives import (
    duration_objective,
    explicit_objective,
    watch_time_objective,
)
from sklabelcraft.training import BilevelStep, Platform, RankerSteps, label_gradient
from sklabelcraft.training._hypergradient import (
    _by_reverse_mode,
    derivative_along,
    gradients_in,
)
from sklabelcraft.training._optimizers import SGD
from sklabelcraft.training._platform import random_references

CARDINALITIES, N_NUMERIC, N_ROWS = [6, 9, 4], 2, 24
OF_LISTS = 5  # codes of one more column
double = {"dtype": torch.float64}
ALIKE = torch.ones(N_ROWS, **double)


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
    shape = [[*CARDINALITIES, OF_LISTS], N_NUMERIC, n_outputs, 3, (5, 4)]
    own = {"mlp": (MLPModule,), "dcn": (DCNModule, 2), "din": (DINModule, [1, 2])}
    ranker, *rest = own[kind]
    return randomise(ranker(*shape, *rest))


def make_label():
    """A learned label far from its start, and what it made of some feedback."""
    watch_time, duration = 60 * torch.rand(2, N_ROWS, **double)
    feedback = Feedback(watch_time, duration, torch.rand(N_ROWS, **double).round())
    counts = FeedbackCounts.of(*(column.numpy() for column in feedback))
    signals = Signals.learn(counts, INPUTS)
    rule = StartingRule((0, 1, 0.5), signals(feedback)[1], torch.ones(N_ROWS))
    label = randomise(LearnedLabel(signals, rule, (4,), 2.0))
    return label, label.prepare(feedback)


def make_impressions(n):
    """Random rows with histories of 0 to 4 past rows, and lists of 0 to 3 codes."""
    codes, store = [
        torch.stack([torch.randint(size, (m,)) for size in CARDINALITIES], dim=1)
        for m in (n, 20)
    ]
    start = torch.randint(36, (n,))
    stop = start + torch.randint(5, (n,))
    numeric = torch.rand(n, N_NUMERIC, **double)
    store, past = torch.randint(20, (40,)), store[:, 1:]
    room = torch.empty(20, dtype=torch.int64)
    pasts = Pasts(start, stop, store, past, (1, 2), room)
    lengths = torch.randint(4, (n, 1))
    bags = Bags(torch.randint(OF_LISTS, (int(lengths.sum()),)), lengths)
    return Impressions(codes, numeric, pasts, bags)


def make_platform():
    """Five held-out users, of whom the platform shows the best two of each."""
    lengths = torch.tensor([4, 3, 6, 5, 7])
    lists = Lists(torch.randperm(int(lengths.sum())), lengths)
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


def make_steps(kind, ranker, impressions, n_outputs=1):
    """SGD, or AdamW after three real steps."""
    settings = Bunch(
        optimizer=kind, learning_rate=0.1, weight_decay=0.2, precision="float32"
    )
    steps = RankerSteps(ranker, impressions.pasts.columns, n_outputs, settings)
    for _ in range(3 * (kind == "adamw")):
        (batch,) = steps.start(impressions.batch(torch.randperm(N_ROWS)[:9]))
        steps.finish(steps.score(batch).square().mean())
    return steps


def unrolled(steps, loss, batch, labels, parameters, objective, mean=torch.mean):
    """The gradient in `parameters`, with the graph of the whole step."""
    value = mean(loss(steps.score(batch), labels))
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
        return platform.value(steps.score(held_out, theta), shown)[0]

    return batch, objective


def rise_of(steps, loss, batch, labels, objective):
    """The label gradient of a step."""
    return label_gradient(
        lambda theta: steps.score(batch, theta),
        steps.theta,
        steps.score(batch),
        loss,
        labels,
        objective,
        steps.optimizer.propose,
    )


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["mlp", "dcn", "din"])
def test_equals_the_unrolled_step(kind, loss, optimizer, n_outputs):
    """Pushed through the learned labels, it is the gradient of the unrolled step."""
    labels_of = [make_label() for _ in range(n_outputs)]
    parameters = [p for label, _ in labels_of for p in label.parameters()]
    impressions = make_impressions(N_ROWS)
    steps = make_steps(optimizer, make_ranker(kind, n_outputs), impressions, n_outputs)
    batch, objective = one_step(steps, make_platform(), impressions)

    def craft():
        return torch.cat([label.craft(known) for label, known in labels_of], dim=1)

    labels = craft()
    rise = rise_of(steps, loss, batch, labels, objective)
    labels.backward(rise)
    ours = flat([p.grad for p in parameters])
    exact = flat(unrolled(steps, loss, batch, craft(), parameters, objective))
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
    label_gradient(
        lambda theta: steps.score(batch, theta),
        steps.theta,
        logits,
        log_loss,
        labels,
        objective,
        steps.optimizer.propose,
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
        gradients = gradients_in(steps.theta, value)
        return objective(steps.optimizer.propose(steps.theta, gradients)[0]).item()

    rise = rise_of(steps, log_loss, batch, labels, objective)
    h = 1e-3 / rise.norm()
    gained = one_step_ahead(labels + h * rise) - one_step_ahead(labels - h * rise)
    assert gained == pytest.approx(2 * h.item() * rise.norm().item() ** 2, rel=1e-4)


@pytest.mark.parametrize("weights", [ALIKE, torch.linspace(0, 2, N_ROWS, **double)])
def test_a_bilevel_step_moves_the_label_along_it(weights):
    """The label goes up by the unrolled gradient, the ranker down its new labels.

    Rows count by their weights.
    """

    def mean(values):
        return (values * weights[:, None]).mean()

    ranker, impressions = make_ranker("mlp", 1), make_impressions(N_ROWS)
    twin = copy.deepcopy(ranker)
    label, known = make_label()
    platform, rows = make_platform(), torch.arange(N_ROWS)
    shown = platform.draw(5, torch.Generator().manual_seed(0))
    steps = make_steps("sgd", twin, impressions)
    batch, held_out = steps.start(impressions.batch(rows), shown.batch)

    def objective(theta):
        return platform.value(steps.score(held_out, theta), shown)[0]

    parameters = list(label.parameters())
    crafted = label.craft(known)
    rise = unrolled(steps, log_loss, batch, crafted, parameters, objective, mean)
    expected = [p.detach() + 0.1 * g for p, g in zip(parameters, rise, strict=True)]
    outer = SGD(label, 0.1)
    steps_of_ranker = make_steps("sgd", ranker, impressions)
    step = BilevelStep(steps_of_ranker, log_loss, label, outer, platform)
    loss, balance = step.take(impressions.batch(rows), known, weights[:, None], shown)
    torch.testing.assert_close([p.detach() for p in parameters], expected)
    assert balance.sum() == pytest.approx(1)

    new_labels = label.craft(known).detach()
    value = mean(log_loss(steps.score(batch), new_labels))
    steps.finish(value)
    assert loss.item() == pytest.approx(value.item())
    torch.testing.assert_close(
        dict(ranker.named_parameters()), dict(twin.named_parameters())
    )


def test_without_shown_users_only_the_ranker_moves():
    """The label stays, and nothing is balanced."""
    ranker, impressions = make_ranker("mlp", 1), make_impressions(N_ROWS)
    label, known = make_label()
    before = [p.detach().clone() for p in label.parameters()]
    outer = SGD(label, 0.1)
    steps = make_steps("sgd", ranker, impressions)
    step = BilevelStep(steps, log_loss, label, outer, make_platform())
    _, balance = step.take(
        impressions.batch(torch.arange(N_ROWS)), known, ALIKE[:, None]
    )
    assert balance is None
    torch.testing.assert_close([p.detach() for p in label.parameters()], before)


@pytest.mark.parametrize("kind", ["mlp", "dcn", "din"])
def test_two_reverse_passes_equal_forward_mode(kind):
    """What serves operations without a forward derivative is the same derivative."""
    impressions = make_impressions(N_ROWS)
    steps = make_steps("sgd", make_ranker(kind, 1), impressions)
    (batch,) = steps.start(impressions.batch(torch.arange(N_ROWS)))
    theta = {name: value.detach() for name, value in steps.theta.items()}
    direction = {name: torch.randn_like(value) for name, value in theta.items()}

    def score(theta):
        return steps.score(batch, theta)

    forward = derivative_along(score, theta, direction)
    backward = _by_reverse_mode(score, theta, direction)
    assert (forward - backward).abs().max() < 1e-10 * forward.abs().max()


class Cube(torch.autograd.Function):
    """An operation of the old style, that torch can only derive backwards."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grad


def test_an_operation_without_forward_derivative_is_derived_by_two_passes():
    """By hand: the derivative of x^3 along v is 3 x^2 v."""
    x, v = torch.randn(5, **double), torch.randn(5, **double)
    found = derivative_along(lambda theta: Cube.apply(theta["x"]), {"x": x}, {"x": v})
    torch.testing.assert_close(found, 3 * x**2 * v, rtol=1e-12, atol=0)


class Doubling(torch.autograd.Function):
    """An operation of the old style, whose derivative has a derivative as stated."""

    @staticmethod
    def forward(ctx, x, derivative):
        ctx.derivative = derivative
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return ctx.derivative(grad), None


class Doubled(torch.autograd.Function):
    """Twice the gradient; its own derivative is said to be a factor."""

    @staticmethod
    def forward(ctx, grad, factor):
        ctx.factor = factor
        return 2 * grad

    @staticmethod
    def backward(ctx, grad):
        return ctx.factor * grad, None


OTHER = torch.ones(2, **double, requires_grad=True)  # not what is derived in


def along_doubling(derivative, v):
    """The derivative of 2 x + y along v, with 2 x by an operation of the old style."""

    def score(theta):
        return Doubling.apply(theta["x"], derivative) + theta["y"]

    theta = {name: torch.ones(len(v), **double) for name in "xy"}
    direction = {"x": torch.tensor(v, **double), "y": torch.ones(len(v), **double)}
    return derivative_along(score, theta, direction)


@pytest.mark.parametrize(
    ("derivative", "v"),
    [
        (lambda grad: 2 * grad.detach(), [1.0, -1.0]),  # whose sum is right, 0
        (lambda grad: (2 * grad).detach() + 0 * grad, [1.0, 0.0]),
        (lambda grad: torch.full_like(grad, 2.0), [1.0, -1.0]),
        (lambda grad: OTHER * torch.full_like(grad, 2.0), [1.0, -1.0]),
        (lambda grad: Doubled.apply(grad, 2.04), [1.0, 2.0]),
        (lambda grad: Doubled.apply(grad, 1.96), [1.0, 2.0]),
    ],
)
def test_a_derivative_without_one_of_its_own_is_told(derivative, v):
    """Be it cut off from the gradient or off by more than a hundredth."""
    with pytest.raises(ValueError, match=r"has no derivative itself\), so that"):
        along_doubling(derivative, v)


def test_rounding_of_a_derivative_is_allowed():
    """Up to a hundredth; and where nothing moves, nothing can be lost."""
    along = along_doubling(lambda grad: Doubled.apply(grad, 2.01), [100.0, -200.0])
    assert along.tolist() == pytest.approx([1 + 201, 1 - 402])
    along = along_doubling(lambda grad: 2 * grad.detach(), [0.0, 0.0])
    assert along.tolist() == [1, 1]


def test_a_derivative_cut_off_from_all_gradients_is_told():
    """Although something else could be derived."""
    theta = {"x": torch.ones(2, **double)}
    with pytest.raises(ValueError, match="has no derivative itself"):
        derivative_along(
            lambda theta: Doubling.apply(theta["x"], lambda grad: OTHER * 2.0),
            theta,
            theta,
        )


def test_gradients_are_dense_and_of_all_parameters():
    """Also of tables by sparse gradients, and of what does not matter."""
    table = torch.ones(3, 1, **double).requires_grad_()
    theta = {"table": table, "other": torch.ones(2, **double).requires_grad_()}
    rows = torch.tensor([1, 1])
    value = torch.nn.functional.embedding(rows, table, sparse=True).sum()
    found = gradients_in(theta, value, retain_graph=True)
    assert not found["table"].is_sparse
    assert found["table"].tolist() == [[0], [2], [0]]
    assert found["other"].tolist() == [0, 0]
    along = _by_reverse_mode(lambda t: t["x"] ** 2, *[{"x": table, "y": table}] * 2)
    assert along.tolist() == [[2], [2], [2]]


def test_the_graph_of_gradients_is_kept_only_if_that_is_asked_for():
    """Its memory is free after them."""
    theta = {"x": torch.ones(2, **double).requires_grad_()}
    value = theta["x"].square().sum()
    assert gradients_in(theta, value, retain_graph=True)["x"].tolist() == [2, 2]
    assert gradients_in(theta, value)["x"].tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="second time"):
        gradients_in(theta, value)


def test_along_no_direction_nothing_changes():
    """And there is nothing that could be lost."""
    x = torch.ones(2, **double)
    along = derivative_along(lambda t: Cube.apply(t["x"]), {"x": x}, {"x": 0 * x})
    assert along.tolist() == [0, 0]


def test_why_an_operation_has_no_derivative_is_told_in_a_line_each():
    """Of at most 200 letters."""

    def score(theta):
        raise NotImplementedError("\n  " + "a" * 300 + "\nb")

    x = torch.zeros(1)
    with pytest.raises(ValueError, match="label can be learned through it") as told:
        derivative_along(score, {"x": x}, {"x": x})
    line = "(" + "a" * 200 + ")"
    assert str(told.value).count(line) == 2
    assert isinstance(told.value.__cause__, NotImplementedError)


def test_threads_derive_forwards_in_turn():
    """Torch has one level of forward mode for all threads: nobody ends another's."""

    def along(seed):
        torch_rng = torch.Generator().manual_seed(seed)
        x, w, v = torch.randn(3, 16, 16, generator=torch_rng, **double)
        theta, direction = {"x": x, "w": w}, {"x": v, "w": v}
        return derivative_along(lambda t: (t["x"] @ t["w"]).tanh(), theta, direction)

    seeds = list(range(3)) * 100
    at_once = Parallel(3, backend="threading")(delayed(along)(s) for s in seeds)
    alone = [along(seed) for seed in range(3)] * 100
    assert all(torch.equal(*pair) for pair in zip(at_once, alone, strict=True))
