"""Bringing one's own network."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from sklabelcraft import LabelCrafter, ModuleRanker
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.modules import Batch, Embeddings, Network
from sklabelcraft.training._derivable import Derivable
from sklabelcraft.training._hypergradient import derivative_along


@pytest.fixture(scope="module")
def small():
    """A log on which any network trains in a blink."""
    return make_short_videos(n_users=20, n_items=30, n_impressions=30, random_state=0)


class Dense(nn.Module):
    """A network with tables of its own, stepped as a whole, one of them on the past."""

    history_length = 3

    def __init__(self, cardinalities, n_numeric, n_outputs, past_columns):
        super().__init__()
        self.user = nn.Embedding(cardinalities[0], 4)
        self.past = nn.Embedding(cardinalities[past_columns[0]], 4)
        self.last = nn.Linear(8 + n_numeric, n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        own = self.user(batch.codes[:, 0])
        past = self.past(batch.past[:, 0])[batch.past_rows] * batch.past_mask[..., None]
        parts = [own, past.mean(1)[batch.past_of], batch.numeric]
        return self.last(torch.cat(parts, dim=1))


def test_a_label_is_crafted_with_any_module(log):
    """One without our embeddings serves as well, and is the ranker afterwards."""
    ranker = ModuleRanker(Dense, max_epochs=2, batch_size=128)
    crafter = LabelCrafter(ranker, k=5, random_state=0).fit(log.frame)
    assert isinstance(crafter.ranker_.model_.module, Dense)
    assert crafter.transform(log.frame).std() > 0.05


class Scaled(Dense):
    """A network with a parameter that is a single number."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        return self.scale * super().forward(batch)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_single_number_is_learned_too(log, optimizer):
    """Parameters may have any shape."""
    ranker = ModuleRanker(Scaled, max_epochs=1, optimizer=optimizer, random_state=0)
    ranker.fit(log.data, log.preference)
    assert ranker.model_.module.scale != 1


def test_what_is_no_module_is_refused(log):
    """A network must make one."""
    with pytest.raises(ValueError, match=r"must return a torch.nn.Module .*, got 3"):
        ModuleRanker(lambda *sizes: 3).fit(log.data, log.preference)
    with pytest.raises(ValueError, match=r"must make a torch.nn.Module, got None"):
        ModuleRanker().fit(log.data, log.preference)


class Sized(Network):
    """A network with a parameter of its own, after the protocol of ours."""

    def __init__(self, width=4):
        self.width = width

    _parameter_constraints = {"width": [int]}

    def build(self, cardinalities, n_numeric, n_outputs, past_columns):
        """A linear model of embeddings."""
        return Linear(self.width, cardinalities, n_outputs)


class Linear(nn.Module):
    """A linear model of embeddings."""

    def __init__(self, width, cardinalities, n_outputs):
        super().__init__()
        self.embeddings = Embeddings(cardinalities, width)
        self.last = nn.Linear(width * len(cardinalities), n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        return self.last(self.embeddings(batch.codes).flatten(1))


def test_a_network_of_the_same_protocol_can_be_searched_over(small):
    """Its parameters are those of the ranker, two levels down."""
    ranker = ModuleRanker(Sized(), max_epochs=1).set_params(network__width=7)
    module = ranker.fit(small.data, small.preference).model_.module
    assert module.embeddings.dim == 7
    with pytest.raises(ValueError, match="The 'width' parameter of Sized"):
        ranker.set_params(network__width="wide").fit(small.data, small.preference)


class Rows(nn.Module):
    """A network on what torch itself has: embeddings of all columns, then a body."""

    sparse = False

    def __init__(self, cardinalities, n_numeric, n_outputs, past_columns):
        super().__init__()
        self.tables = nn.ModuleList(
            nn.Embedding(n, 4, sparse=self.sparse) for n in cardinalities
        )
        self.width = 4 * len(cardinalities)
        self.make_body(sum(cardinalities))
        self.last = nn.Linear(self.width, n_outputs)

    def make_body(self, n_codes):
        """Make what comes after the embeddings; nothing here."""

    def body(self, embedded, batch):
        """From (n, n_columns, 4) to (n, width)."""
        return embedded.flatten(1)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        columns = [table(batch.codes[:, j]) for j, table in enumerate(self.tables)]
        return self.last(self.body(torch.stack(columns, dim=1), batch))


class Recurrent(Rows):
    """An LSTM along the columns."""

    def make_body(self, n_codes):
        self.width = 3
        self.lstm = nn.LSTM(4, 3, batch_first=True)

    def body(self, embedded, batch):
        return self.lstm(embedded)[0][:, -1]


class Attention(Rows):
    """Attention between the columns, and its weights if asked for."""

    weights = False

    def make_body(self, n_codes):
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def body(self, embedded, batch):
        mixed, _ = self.attention(
            embedded, embedded, embedded, need_weights=self.weights
        )
        return mixed.flatten(1)


class WeighedAttention(Attention):
    """The same by the way in which torch keeps the weights."""

    weights = True


class FusedAttention(Rows):
    """Attention by the one function of torch."""

    def body(self, embedded, batch):
        mixed = nn.functional.scaled_dot_product_attention(embedded, embedded, embedded)
        return mixed.flatten(1)


class Bag(Rows):
    """The mean of the embeddings of all codes."""

    mode = "mean"

    def make_body(self, n_codes):
        self.bag = nn.EmbeddingBag(n_codes, 4, mode=self.mode)
        self.width = 4

    def body(self, embedded, batch):
        return self.bag(batch.codes)


class SumBag(Bag):
    """Their sum."""

    mode = "sum"


class OldWeightNorm(Rows):
    """Weights that are computed by a hook."""

    def make_body(self, n_codes):
        self.layer = weight_norm(nn.Linear(self.width, self.width))

    def body(self, embedded, batch):
        return self.layer(embedded.flatten(1))


class NewWeightNorm(OldWeightNorm):
    """Weights that are computed by a parametrization."""

    def make_body(self, n_codes):
        self.layer = parametrizations.weight_norm(nn.Linear(self.width, self.width))


class SpectralNorm(OldWeightNorm):
    """Weights that are computed with buffers that change in training."""

    def make_body(self, n_codes):
        self.layer = parametrizations.spectral_norm(nn.Linear(self.width, self.width))


class Dropout(Rows):
    """Draws in training."""

    def body(self, embedded, batch):
        return nn.functional.dropout(embedded.flatten(1), 0.3, self.training)


class DropoutModule(Rows):
    """Draws in training, by a layer."""

    def make_body(self, n_codes):
        self.dropout = nn.Dropout(0.3)

    def body(self, embedded, batch):
        return self.dropout(embedded.flatten(1))


class Cube(torch.autograd.Function):
    """An operation of the old style, which torch cannot derive forwards."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x + x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (1 + 3 * x**2)


class OldFunction(Rows):
    """With such an operation."""

    def body(self, embedded, batch):
        return Cube.apply(embedded).flatten(1)


class Sparse(Rows):
    """With tables whose gradients are sparse."""

    sparse = True


class Flat(Rows):
    """Logits without an axis for the outputs."""

    def forward(self, batch):
        return super().forward(batch)[:, 0]


class Double(Rows):
    """Logits in float64."""

    def forward(self, batch):
        return super().forward(batch).double()


class Constants(Rows):
    """With constants that are made in the call."""

    def body(self, embedded, batch):
        half = torch.tensor(0.5, dtype=torch.float32)
        shift = torch.linspace(0, 1, self.width, dtype=torch.float32)
        return embedded.flatten(1) * half + torch.ones(1, self.width) * shift


OWN = [
    Rows,
    Recurrent,
    Attention,
    WeighedAttention,
    FusedAttention,
    Bag,
    SumBag,
    OldWeightNorm,
    NewWeightNorm,
    SpectralNorm,
    Dropout,
    DropoutModule,
    OldFunction,
    Sparse,
    Flat,
    Double,
    Constants,
]
of_any_kind = pytest.mark.parametrize("network", OWN)
old_weight_norm = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")


@old_weight_norm
@of_any_kind
def test_any_module_is_trained_alone(small, network):
    """It learns, and a row's score is bit-equal whatever is beside it."""
    ranker = ModuleRanker(network, learning_rate=0.05, max_epochs=4, random_state=0)
    ranker.set_params(batch_size=64).fit(small.data, small.preference)
    losses = [epoch["loss"] for epoch in ranker.history_]
    assert losses[-1] < losses[0]
    scores = ranker.predict(small.data)
    assert len(np.unique(scores)) > 100
    rows = np.random.RandomState(0).permutation(len(small.data))
    for part in (rows, rows[:37], rows[:1]):
        alone = ranker.predict(small.data.iloc[part])
        np.testing.assert_array_equal(alone, scores[part])


@old_weight_norm
@of_any_kind
def test_a_label_is_learned_through_any_module(small, network):
    """The same one each time, and the caller's generators are left alone."""
    ranker = ModuleRanker(network, max_epochs=2, batch_size=64)
    crafter = LabelCrafter(
        ranker, k=3, learning_rate=0.01, starts=[(0, 1, 1)], random_state=0
    )
    before = torch.get_rng_state()
    labels = crafter.fit(small.frame).transform(small.frame)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    again = crafter.fit(small.frame)
    np.testing.assert_array_equal(again.transform(small.frame), labels)
    crafter.set_params(learning_rate=1e-12)
    start = crafter.fit(small.frame).transform(small.frame)
    assert np.abs(labels - start).max() > 1e-3


@old_weight_norm
@of_any_kind
def test_the_derivative_along_a_direction_is_that_of_differences(network):
    """By whatever way torch can derive the operations."""
    torch_rng = torch.Generator().manual_seed(0)
    codes = torch.randint(5, (8, 3), generator=torch_rng)
    batch = Batch(codes, *[None] * 5)
    module = network([5, 6, 7], 0, 1, (1,)).double().eval()
    theta = {name: value.detach() for name, value in module.named_parameters()}
    along = {
        name: torch.randn(value.shape, generator=torch_rng, dtype=torch.float64)
        for name, value in theta.items()
    }

    def score(theta):
        return torch.func.functional_call(module, theta, (batch,))

    h = 1e-5
    up, down = ({n: theta[n] + sign * h * along[n] for n in theta} for sign in (1, -1))
    differences = (score(up) - score(down)) / (2 * h)
    found = derivative_along(score, theta, along)
    torch.testing.assert_close(found, differences.detach(), rtol=1e-6, atol=1e-7)


BAGS = [
    {"offsets": torch.tensor([0, 3, 3, 7])},
    {"offsets": torch.tensor([0, 2, 9]), "include_last_offset": True},
    {"offsets": torch.tensor([0, 3, 7]), "padding_idx": 2},
    {"offsets": torch.tensor([0, 3]), "mode": "sum"},
    {"offsets": torch.tensor([0, 3]), "mode": "sum", "per_sample_weights": 1},
]


@pytest.mark.parametrize("options", BAGS)
def test_bags_step_by_step_are_those_of_torch(options):
    """Whatever begins where, is left out, or has weights."""
    torch_rng = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, generator=torch_rng, dtype=torch.float64)
    codes = torch.randint(4, (9,), generator=torch_rng)
    if "per_sample_weights" in options:
        weights = torch.rand(9, generator=torch_rng, dtype=torch.float64)
        options = options | {"per_sample_weights": weights}
    expected = nn.functional.embedding_bag(codes, weight, **options)
    with Derivable():
        found = nn.functional.embedding_bag(codes, weight, **options)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_step_by_step_is_that_of_torch(causal):
    """With a mask of either kind, and along time."""
    torch_rng = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 4, generator=torch_rng, dtype=torch.float64)
    seen = torch.rand(5, 5, generator=torch_rng) < 0.7
    seen |= torch.eye(5, dtype=torch.bool)
    masks = [None] if causal else [None, seen, torch.log(0.1 + seen.double())]
    for mask in masks:
        options = {"attn_mask": mask, "is_causal": causal}
        expected = nn.functional.scaled_dot_product_attention(q, k, v, **options)
        with Derivable():
            found = nn.functional.scaled_dot_product_attention(q, k, v, **options)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("network", [Dropout, DropoutModule])
def test_what_is_dropped_is_drawn_from_the_random_state(small, network):
    """Equal seeds are equal bits, other seeds are not; scores drop nothing."""

    def scores(seed, batch_size=64):
        ranker = ModuleRanker(network, max_epochs=1, random_state=seed)
        ranker.set_params(batch_size=batch_size, validation_fraction=0)
        torch.rand(1)
        before = torch.get_rng_state()
        ranker.fit(small.data, small.preference)
        assert torch.equal(torch.get_rng_state(), before)
        first = ranker.predict(small.data)
        np.testing.assert_array_equal(ranker.predict(small.data), first)
        return first

    np.testing.assert_array_equal(scores(0), scores(0))
    assert (scores(0) != scores(1)).any()


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (lambda logits: logits.T, r"\(1, 64\)"),
        (lambda logits: logits.repeat(1, 2), r"\(64, 2\)"),
        (lambda logits: logits[:5], r"\(5, 1\)"),
        (lambda logits: (logits,), "tuple"),
    ],
)
def test_logits_of_a_wrong_shape_are_an_error(small, shape, told):
    """The error says what was wanted and what was got."""

    class Wrong(Rows):
        def forward(self, batch):
            return shape(super().forward(batch))

    ranker = ModuleRanker(Wrong, batch_size=64)
    with pytest.raises(ValueError, match=rf"logits of shape \(64, 1\) .* got .*{told}"):
        ranker.fit(small.data, small.preference)
    assert not hasattr(ranker, "model_")


class Once(torch.autograd.Function):
    """An operation that torch can derive once, and only backwards."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return 2 * grad


class DerivedOnce(Rows):
    """With such an operation."""

    def body(self, embedded, batch):
        return Once.apply(embedded).flatten(1)


@pytest.mark.parametrize("seed", [0, 22, 49, 52])
def test_an_operation_that_can_be_derived_neither_way_is_an_error(small, seed):
    """No label is learned through it, but it can be trained on a finished one.

    Also where what torch leaves out adds up to nearly nothing.
    """
    ranker = ModuleRanker(DerivedOnce, max_epochs=1)
    crafter = LabelCrafter(ranker, k=3, random_state=seed)
    with pytest.raises(ValueError, match=r"neither forwards .* nor twice backwards"):
        crafter.fit(small.frame)
    assert not hasattr(crafter, "ranker_")
    ranker.fit(small.data, small.preference).predict(small.data)


def test_an_error_of_ones_own_is_not_hidden(small):
    """A network that fails itself fails with its own error."""

    class Failing(Rows):
        def body(self, embedded, batch):
            raise RuntimeError("my own mistake")

    for estimator, X, y in (
        (ModuleRanker(Failing), small.data, small.preference),
        (LabelCrafter(ModuleRanker(Failing), k=3), small.frame, None),
    ):
        with pytest.raises(RuntimeError, match="my own mistake"):
            estimator.fit(X, y)


def test_own_constants_in_double_precision(log):
    """A network's own float32 constants do not stand in the way."""

    class Shifted(Dense):
        def forward(self, batch):
            return super().forward(batch) @ torch.ones(1, 1)

    ranker = ModuleRanker(Shifted, precision="float64", max_epochs=1, random_state=0)
    assert np.isfinite(ranker.fit(log.data, log.preference).predict(log.data)).all()
