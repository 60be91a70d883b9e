"""The training step of the peers, in our own plain writing, to be timed against.

``published_step`` is Algorithm 1 as LabelCraft's authors run it, ``engineer_step`` the
same mathematics as one would write it today, ``higher_step`` and ``torchopt_step`` the
latter by two libraries. All take the pair of the optimizers of ranker and labeler,
change both modules in place, and return the gradient of -M in the labeler's parameters.
In training mode, Dice uses the statistics of the rows of each call, so there the loop
over users differs from one call for all users.
"""

from functools import partial
from itertools import pairwise
from math import log
from typing import NamedTuple

import torch
from bench_topk import EPSILON, ITERATIONS
from torch import nn
from torch.func import functional_call

from sklabelcraft._lists import Lists
from sklabelcraft.modules import Batch, Embeddings
from sklabelcraft.objectives import duration_objective as M3
from sklabelcraft.objectives import explicit_objective as M2
from sklabelcraft.objectives import watch_time_objective as M1
from sklabelcraft.training._platform import measure_all, soft_ranks, standardise

WIDTH = 12
PAST_COLUMNS = (1, 2, 3)  # item, duration bucket, tag
N_DURATION_BUCKETS, N_TAGS = 63, 100
K, TEMPERATURE, TAU = 10, 0.25, 0.5


class Problem(NamedTuple):
    """What one step of training is about.

    Attributes
    ----------
    cardinalities : list of int
        Number of codes of user, item, duration bucket and tag.
    training, validation : Batch
        The rows; those for validation user after user, with one past per user.
    feedback : tensor of shape (n_training, 3)
        Inputs of the labeler.
    lengths : long tensor of shape (n_users,)
        Number of validation rows of each user, all more than k.
    watch, explicit, duration : tensor of shape (n_validation,)
        What the objectives measure, in [0, 1].
    """

    cardinalities: list
    training: Batch
    validation: Batch
    feedback: torch.Tensor
    lengths: torch.Tensor
    watch: torch.Tensor
    explicit: torch.Tensor
    duration: torch.Tensor

    def users(self):
        """The rows of one user after the other, with what is measured on them."""
        rows = torch.arange(len(self.watch)).split(self.lengths.tolist())
        for user, row in enumerate(rows):
            codes, numeric, past, past_rows, mask, _ = self.validation
            own = past_rows[user, None], mask[user, None]
            first = torch.zeros_like(row)
            batch = Batch(codes[row], numeric[row], past, *own, first)
            yield batch, self.watch[row], self.explicit[row], self.duration[row]


class Dice(nn.Module):
    """The activation p x + (1 - p) alpha x, p the sigmoid of the standardised x."""

    def __init__(self, width):
        super().__init__()
        self.standardise = nn.BatchNorm1d(width, affine=False)
        self.alpha = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        """Activations of the shape of `x`, (n, width)."""
        p = torch.sigmoid(self.standardise(x))
        return p * x + (1 - p) * self.alpha * x


def dice_layers(n_inputs, hidden):
    """Linear layers with Dice between them, down to one output."""
    widths = [n_inputs, *hidden]
    layers = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), Dice(after)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))


class PublishedDIN(nn.Module):
    """The published ranker; with ``output=nn.Identity()`` it gives logits instead."""

    def __init__(self, cardinalities, hidden=(200, 80), output=torch.sigmoid):
        super().__init__()
        self.embeddings = Embeddings(cardinalities, WIDTH)
        width = WIDTH * len(PAST_COLUMNS)
        self.attention = nn.Sequential(nn.Linear(4 * width, width), nn.Linear(width, 1))
        self.dense = dice_layers(WIDTH + 2 * width, hidden)
        self.output = output

    def forward(self, batch):
        """Predictions of shape (n, 1)."""
        user_and_candidate = self.embeddings(batch.codes).flatten(1)
        past = batch.past[batch.past_rows[batch.past_of]]
        past = self.embeddings(past, PAST_COLUMNS).flatten(2)
        mask = batch.past_mask[batch.past_of]
        interest = self._attend(past, user_and_candidate[:, WIDTH:], mask)
        return self.output(self.dense(torch.cat([user_and_candidate, interest], dim=1)))

    def _attend(self, past, candidate, mask):
        """The weighted sum of the past, (n, 36)."""
        candidate = candidate[:, None].expand_as(past)
        pairs = [past, candidate, past - candidate, past * candidate]
        weights = self.attention(torch.cat(pairs, dim=2)) * mask[:, :, None]
        return (weights * past).sum(1)


class PublishedMLP(nn.Module):
    """The published ranker without the past."""

    def __init__(self, cardinalities, hidden=(200, 80), output=torch.sigmoid):
        super().__init__()
        self.embeddings = Embeddings(cardinalities, WIDTH)
        self.dense = dice_layers(WIDTH * len(cardinalities), hidden)
        self.output = output

    def forward(self, batch):
        """Predictions of shape (n, 1)."""
        return self.output(self.dense(self.embeddings(batch.codes).flatten(1)))


class PublishedLabeler(nn.Sequential):
    """The published label network, three inputs to one label in [0, 1]."""

    def __init__(self):
        super().__init__(
            nn.Linear(3, 256, bias=False),
            nn.ReLU(),
            nn.Linear(256, 256, bias=False),
            nn.ReLU(),
            nn.Linear(256, 1, bias=False),
            nn.Sigmoid(),
        )

    def craft(self, feedback):
        """Labels of the feedback, by the name that our step calls them by."""
        return self(feedback)


def published_step(module, labeler, problem, optimizers, k=K):
    """Algorithm 1 as published: user by user, 1000 Sinkhorn iterations for each."""
    labels = labeler(problem.feedback)
    value = (module(problem.training) - labels).square().mean()
    moved = moved_by_sgd(module, value, optimizers[0])
    per_user = [user_objectives(module, moved, *user, k) for user in problem.users()]
    objective = balanced(torch.stack(per_user).mean(0))
    gradient = raise_by_labeler(objective, labeler, optimizers[1])
    new_labels = labeler(problem.feedback).detach()
    lower((module(problem.training) - new_labels).square().mean(), optimizers[0])
    return gradient


def user_objectives(module, moved, rows, watch, explicit, duration, k):
    """M1, M2 and M3 of one user's rows, ranked by the moved ranker."""
    scores = functional_call(module, moved, (rows,))[:, 0]
    share = PublishedTopK.apply(scores, k) / k
    spread = (share * (duration - (share * duration).sum()).square()).sum().sqrt()
    return torch.stack([(share * watch).sum(), (share * explicit).sum(), spread])


class PublishedTopK(torch.autograd.Function):
    """The k + 1 anchor top-k of one list: Sinkhorn iterations, backward by hand.

    As in the published code, the iterations are outside the graph, and the gradient is
    the implicit one at whatever plan they have reached (Xie et al., NeurIPS 2020).
    """

    @staticmethod
    def forward(ctx, scores, k):
        """The log-domain iterations."""
        n = len(scores)
        anchors = torch.arange(k, -1, -1, dtype=scores.dtype)
        cost = (scores[:, None] - anchors).square()
        largest = cost.max()
        cost = cost / largest
        log_nu = torch.full((k + 1,), 1 / n)
        log_nu[-1] = (n - k) / n
        log_nu.log_()
        f, g = torch.zeros(n, 1), torch.zeros(1, k + 1)
        for _ in range(ITERATIONS):
            f = -EPSILON * (((g - cost) / EPSILON).logsumexp(1, keepdim=True) + log(n))
            g = EPSILON * (log_nu - ((f - cost) / EPSILON).logsumexp(0, keepdim=True))
        plan = ((f + g - cost) / EPSILON).exp()
        ctx.save_for_backward(plan, (scores[:, None] - anchors) * 2 / largest)
        return plan[:, :-1].sum(1) * n

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        """With potentials u, w that keep the margins of the plan where they are."""
        plan, slope = ctx.saved_tensors
        grad = grad[:, None] * len(plan) * plan
        grad[:, -1] = 0
        rows, columns = plan.sum(1, keepdim=True), plan[:, :-1].sum(0)
        system = columns.diag() - plan[:, :-1].T @ (plan[:, :-1] / rows)
        mean = grad.sum(1, keepdim=True) / rows
        w = torch.linalg.lstsq(
            system, grad[:, :-1].sum(0) - plan[:, :-1].T @ mean[:, 0]
        )
        w = torch.cat([w.solution, torch.zeros(1)])
        u = mean - (plan @ w)[:, None] / rows
        return (slope * (plan * (u + w) - grad)).sum(1) / EPSILON, None


def ahead_by_hand(module, problem, loss, labels, optimizer):
    """Logits now, and scores of the validation rows after a differentiable step."""
    logits = module(problem.training)
    moved = moved_by_sgd(module, loss(logits, labels).mean(), optimizer)
    return logits, functional_call(module, moved, (problem.validation,))


def ahead_by_higher(module, problem, loss, labels, optimizer):
    """The same with the library ``higher``."""
    import higher

    context = higher.innerloop_ctx(module, optimizer, copy_initial_weights=False)
    with context as (patched, inner):
        logits = patched(problem.training)
        inner.step(loss(logits, labels).mean())
        return logits, patched(problem.validation)


def ahead_by_torchopt(module, problem, loss, labels, optimizer):
    """The same with the library ``torchopt``."""
    import torchopt

    before = torchopt.extract_state_dict(module, by="reference")
    inner = torchopt.MetaSGD(module, lr=optimizer.param_groups[0]["lr"])
    logits = module(problem.training)
    inner.step(loss(logits, labels).mean())
    scores = module(problem.validation)
    torchopt.recover_state_dict(module, before)
    return logits, scores


def engineer_step(
    module, labeler, problem, loss, optimizers, look_ahead=ahead_by_hand, **ranking
):
    """The step as one would write it today: all users at once, closed-form top-k."""
    labels = labeler(problem.feedback)
    logits, scores = look_ahead(module, problem, loss, labels, optimizers[0])
    objective = balanced(measured(scores[:, 0], problem, **ranking))
    gradient = raise_by_labeler(objective, labeler, optimizers[1])
    new_labels = labeler(problem.feedback).detach()
    lower(loss(logits, new_labels).mean(), optimizers[0])
    return gradient


higher_step = partial(engineer_step, look_ahead=ahead_by_higher)
torchopt_step = partial(engineer_step, look_ahead=ahead_by_torchopt)


def moved_by_sgd(module, value, optimizer):
    """Buffers and parameters one step ahead, with the graph of the step."""
    parameters, rate = dict(module.named_parameters()), optimizer.param_groups[0]["lr"]
    gradients = torch.autograd.grad(
        value, list(parameters.values()), create_graph=True, materialize_grads=True
    )
    pairs = zip(parameters.items(), gradients, strict=True)
    moved = {name: p - rate * gradient for (name, p), gradient in pairs}
    return dict(module.named_buffers()) | moved


def measured(scores, problem, k=K, temperature=TEMPERATURE):
    """The three objectives of all users at once, tensor of shape (3,)."""
    lists = Lists(None, problem.lengths)
    scores = standardise(scores, lists)
    alpha = soft_ranks(scores, lists, k, temperature)
    values = problem.watch, problem.explicit, problem.duration
    return measure_all((M1, M2, M3), alpha, values, lists)


def balanced(values):
    """The objectives as one number; the weights carry no gradient."""
    return (torch.softmax(-TAU * values.detach(), 0) * values).sum()


def raise_by_labeler(objective, labeler, optimizer):
    """Step the labeler up the objective; return the gradient of its negative."""
    parameters = list(labeler.parameters())
    gradient = torch.autograd.grad(-objective, parameters)
    for p, slope in zip(parameters, gradient, strict=True):
        p.grad = slope
    optimizer.step()
    return list(gradient)


def lower(value, optimizer):
    """Step down a loss."""
    optimizer.zero_grad()
    value.backward()
    optimizer.step()


def make_problem(
    n_users,
    n_items,
    batch=4096,
    n_validation_users=64,
    rows_per_user=100,
    history=100,
    seed=0,
    touched=10_000,
):
    """Draw a :class:`Problem` on at most `touched` random users and items."""
    random = torch.Generator().manual_seed(seed)
    users = 1 + torch.randperm(n_users, generator=random)[:touched]
    items = 1 + torch.randperm(n_items, generator=random)[:touched]
    duration = 1 + torch.randint(N_DURATION_BUCKETS, items.shape, generator=random)
    tag = 1 + torch.randint(N_TAGS, items.shape, generator=random)
    items = torch.stack([items, duration, tag], dim=1)
    training = draw_rows(users, items, batch, 1, history, random)
    validation = draw_rows(
        users, items, n_validation_users, rows_per_user, history, random
    )
    lengths = torch.full((n_validation_users,), rows_per_user)
    feedback = torch.rand(batch, 3, generator=random)
    watch, like, duration = torch.rand(3, int(lengths.sum()), generator=random)
    values = watch, (like < 0.1).float(), duration
    sizes = [n_users + 1, n_items + 1, N_DURATION_BUCKETS + 1, N_TAGS + 1]
    return Problem(sizes, training, validation, feedback, lengths, *values)


def draw_rows(users, items, n_users, rows_per_user, history, random):
    """Rows user after user, which share the user's code and full history."""
    n = n_users * rows_per_user
    past_of = torch.arange(n_users).repeat_interleave(rows_per_user)
    user = users[torch.randint(len(users), (n_users,), generator=random)][past_of]
    item = items[torch.randint(len(items), (n,), generator=random)]
    return Batch(
        torch.cat([user[:, None], item], dim=1),
        2 * torch.rand(n, 1, generator=random) - 1,
        items,
        torch.randint(len(items), (n_users, history), generator=random),
        torch.ones(n_users, history),
        past_of,
    )
