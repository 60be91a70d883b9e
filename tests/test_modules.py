"""The networks."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklabelcraft import DCN, DIN, MLP
from sklabelcraft._batches import Batch
from sklabelcraft._counts import FeedbackCounts
from sklabelcraft.modules import (
    DCNModule,
    DurationReader,
    Feedback,
    LearnedLabel,
    Signals,
    StartingRule,
    interactions,
)
from sklabelcraft.modules._din import Slots
from sklabelcraft.modules._label import INPUTS

NETWORKS = [MLP, DCN, DIN]


def random_batch(n, length=4):
    torch.manual_seed(0)
    mask = (torch.rand(n, length) < 0.5).float()
    codes = torch.randint(0, 5, (n, 3))
    past, past_rows = torch.randint(0, 5, (7, 2)), torch.randint(0, 7, (n, length))
    return Batch(codes, torch.randn(n, 2), past, past_rows, mask, torch.arange(n))


def build(network, **more):
    torch.manual_seed(0)
    module = network(embedding_dim=4, hidden=(8,), **more)([5] * 3, 2, 2, (1, 2))
    torch.nn.init.normal_(module.embeddings.table.weight)
    return module


def test_interactions_are_the_sum_over_pairs():
    """The closed form equals 20 times the products of all pairs."""
    embedded = torch.randn(6, 4, 3, dtype=torch.float64)
    pairs = [embedded[:, i] * embedded[:, j] for i in range(4) for j in range(i)]
    torch.testing.assert_close(interactions(embedded), 20 * sum(pairs))


def test_cross_layers_multiply_with_the_inputs():
    """Two cross layers on (1, 2), by hand: x0 * (W x + b) + x."""
    cross = DCNModule([], 2, 1, 4, (), n_cross_layers=2)
    inputs = torch.tensor([[1.0, 2.0]])
    weights = [[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]
    biases = [0.5, -1.0], [0.0, 1.0]
    for layer, weight, bias in zip(cross.cross, weights, biases, strict=True):
        layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias)
    # (1, 2) * (5.5, 10) + (1, 2) = (6.5, 22); (1, 2) * (6.5, 23) + (6.5, 22).
    assert cross._cross(inputs).tolist() == [[13.0, 68.0]]


def test_last_layer_reads_crosses_and_dense_layers_side_by_side():
    """The sum of two heads is one linear layer on the concatenation."""
    batch, module = random_batch(6), build(DCN)
    embedded = module.embeddings(batch.codes)
    parts = [embedded.flatten(1), interactions(embedded), batch.numeric]
    inputs = torch.cat(parts, dim=1)
    *hidden, last = module.dense
    deep = torch.nn.Sequential(*hidden)(inputs)
    both = torch.cat([module._cross(inputs), deep], dim=1)
    weight = torch.cat([module.on_crossed.weight, last.weight], dim=1)
    expected = torch.nn.functional.linear(both, weight, last.bias)
    torch.testing.assert_close(module(batch), expected)


@pytest.mark.parametrize("network", NETWORKS)
def test_rows_do_not_depend_on_each_other(network):
    """Scores of one row alone and among others are the same."""
    batch, module = random_batch(6), build(network)
    one = Batch(*(part[2:3] for part in batch[:6]))
    one = one._replace(past=batch.past, past_of=torch.tensor([0]))
    torch.testing.assert_close(module(batch)[2:3], module(one))


def test_linear_attention_needs_no_wide_concatenation():
    """The collapsed form is the layer on (h, a, h - a, h * a), and so by hand."""
    batch, module = random_batch(6), build(DIN)
    past = module.embeddings(batch.past, [1, 2]).flatten(1)
    candidate = module.embeddings(batch.codes)[:, [1, 2]].flatten(1)
    given = past, batch.past_rows, batch.past_mask, candidate, Slots(batch)
    expected, found = module._attend(*given), module._attend_linearly(*given)
    torch.testing.assert_close(found, expected)
    by_hand, a = torch.zeros(8), candidate[2]
    for h, shown in zip(past[batch.past_rows[2]], batch.past_mask[2], strict=True):
        by_hand += shown * module.attention(torch.cat([h, a, h - a, h * a])) * h
    torch.testing.assert_close(found[2, 0], by_hand)


@pytest.mark.parametrize("attention_hidden", [(), (3,)])
def test_a_shared_past_is_as_one_of_ones_own(attention_hidden):
    """Candidates of one past score as with a copy of it each, wherever they sit."""
    batch, module = random_batch(6), build(DIN, attention_hidden=attention_hidden)
    past_of = torch.tensor([3, 0, 3, 3, 1, 0])
    own = batch._replace(
        past_rows=batch.past_rows[past_of], past_mask=batch.past_mask[past_of]
    )
    shared = batch._replace(past_of=past_of)
    torch.testing.assert_close(module(shared), module(own))


def test_padding_of_a_history_does_not_matter():
    """What stands in masked places, and how many there are, changes nothing."""
    batch, module = random_batch(6), build(DIN)
    junk = batch.past_rows.where(batch.past_mask > 0, 3)
    wider = torch.cat([junk, junk], dim=1)
    mask = torch.cat([batch.past_mask, torch.zeros_like(batch.past_mask)], dim=1)
    padded = batch._replace(past_rows=wider, past_mask=mask)
    torch.testing.assert_close(module(padded), module(batch))


def test_history_matters():
    """The same candidate with another past has another score."""
    batch, module = random_batch(6), build(DIN)
    other = batch._replace(past=(batch.past + 1) % 5)
    assert not torch.allclose(module(batch), module(other))


def make_label(weights=(0, 1, 0.5), inputs=INPUTS, hidden=(8,), bound=2.0):
    """A label that has learned of 50 rows, and these rows."""
    torch.manual_seed(0)
    watch_time, duration = 60 * torch.rand(2, 50, dtype=torch.float64)
    feedback = Feedback(watch_time, duration, (duration > 40).double())
    counts = FeedbackCounts.of(*(column.numpy() for column in feedback))
    signals = Signals.learn(counts, inputs)
    rule = StartingRule(weights, signals(feedback)[1], torch.ones(50))
    return LearnedLabel(signals, rule, hidden, bound).double(), feedback


def test_hand_made_labels_by_hand():
    """Watch time scaled at its quantile 0.9, its quantile, and explicit feedback."""
    watch_time = torch.arange(1, 12, dtype=torch.float64)
    feedback = Feedback(watch_time, torch.full((11,), 20.0).double(), watch_time > 10)
    feedback = feedback._replace(explicit=feedback.explicit.double())
    counts = FeedbackCounts.of(*(column.numpy() for column in feedback))
    inputs, labels = Signals.learn(counts, INPUTS)(feedback)
    scaled = [0.02 * w for w in range(1, 11)] + [1.0]  # the knee is 10, 0.2 there
    assert labels[:, 0].tolist() == pytest.approx(scaled)
    assert labels[:, 1].tolist() == pytest.approx([w / 11 for w in range(1, 12)])
    assert labels[:, 2].tolist() == [0.0] * 10 + [1.0]
    ranks = [-2 + 0.4 * i for i in range(11)]
    assert inputs[:, 0].tolist() == pytest.approx(ranks)
    assert inputs[:, 1].tolist() == pytest.approx([0.0] * 11)
    assert inputs[:, 2].tolist() == [0.0] * 10 + [2.0]


def test_label_starts_as_the_given_rule():
    """Before training its log-odds are those of the rule, with a margin to 0 and 1."""
    label, feedback = make_label()
    rule = label.rule(label.signals(feedback)[1])
    torch.testing.assert_close(label(feedback).logit(), rule)
    assert label(feedback).min().item() == pytest.approx(0.02)
    assert label(feedback).max().item() == pytest.approx(0.98)


def test_a_rule_without_weights_is_a_half():
    """Three times 0 starts from nothing."""
    label, feedback = make_label(weights=(0, 0, 0))
    assert (label(feedback) == 0.5).all()


def test_label_stays_within_bounds_of_the_rule():
    """Whatever the network has learned, the log-odds move by no more than the bound."""
    label, feedback = make_label(bound=0.5)
    rule = label(feedback).logit()
    for parameter in label.parameters():
        torch.nn.init.normal_(parameter, std=5)
    moved = (label(feedback).logit() - rule).abs().max()
    assert 0.4 < moved < 0.501
    label.bound = None
    assert (label(feedback).logit() - rule).abs().max() > 1


def test_label_reads_only_its_inputs():
    """What is not read does not matter."""
    label, feedback = make_label((1, 0, 0), ["watch_time"])
    for parameter in label.parameters():
        torch.nn.init.normal_(parameter)
    other = feedback._replace(duration=feedback.duration + 100)
    assert torch.equal(label(other), label(feedback))


def test_labels_are_bit_equal_whatever_rows_are_beside():
    """Single rows, subsets and any order."""
    label, feedback = make_label(hidden=(64, 64))
    for parameter in label.parameters():
        torch.nn.init.normal_(parameter)
    label.correction.float()
    together = label.exact(feedback)
    for size in [1] * 10 + [2, 7, 33, 50]:
        index = torch.randperm(50)[:size]
        assert (label.exact(feedback.rows(index)) == together[index]).all()
    plain = label(feedback).detach()[:, 0]
    assert plain.dtype == torch.float32
    np.testing.assert_allclose(together, plain, rtol=0, atol=1e-5)


def test_a_label_knows_of_the_rows_alone_not_of_their_order_or_split():
    """All its buffers are bit-equal, and its start is that of all rows by their std."""
    rng = np.random.default_rng(0)
    watch_time, duration = rng.integers(0, 99, (2, 400)) / 10
    rows = np.stack([watch_time, duration, rng.integers(0, 2, 400)])
    whole = FeedbackCounts.of(*rows)
    first, second, third = np.split(rows[:, rng.permutation(400)], [30, 300], axis=1)
    merged = FeedbackCounts.of(*third).merged(FeedbackCounts.of(*first))
    merged = merged.merged(FeedbackCounts.of(*second))
    states = []
    for counts in (whole, merged):
        signals = Signals.learn(counts, INPUTS)
        labels = signals(Feedback.counted(counts))[1]
        rule = StartingRule((1, 2, 0.5), labels, torch.from_numpy(counts.counts))
        states.append(LearnedLabel(signals, rule, (), 1).state_dict())
    for name, value in states[0].items():
        if not name.startswith("correction"):
            assert torch.equal(states[1][name], value), name
    std = signals(Feedback(*map(torch.from_numpy, rows)))[1].std(0, correction=0)
    torch.testing.assert_close(rule.weights, torch.tensor([1, 2, 0.5]) / std)


def test_all_that_a_label_knows_of_the_log_is_bounded():
    """Its state has the same size for ten times as many rows of whole seconds."""
    sizes = []
    for n in (5_000, 50_000):
        generator = torch.Generator().manual_seed(0)
        seconds = torch.randint(1, 60, (2, n), generator=generator).double()
        signals = Signals.learn(FeedbackCounts.of(*seconds.numpy()), INPUTS)
        rule = StartingRule((0, 1, 0), torch.rand(9, 3), torch.ones(9))
        label = LearnedLabel(signals, rule, (), 1)
        sizes.append(sum(value.numel() for value in label.state_dict().values()))
    assert sizes[1] < 1.1 * sizes[0]


def test_adversary_reverses_the_gradient_to_the_scores_alone():
    """The reader learns as ever; the scores get its gradient times minus the weight."""
    adversary = DurationReader(1, weight=0.3)
    logits = torch.randn(9, 1, requires_grad=True)
    target = torch.randn(9)
    weight = adversary.reader[0].weight

    def gradients(prediction):
        loss = (prediction - target).square().mean()
        return torch.autograd.grad(loss, [logits, weight])

    plain = gradients(adversary.reader(logits)[:, 0])
    reversed_ = gradients(adversary(logits))
    torch.testing.assert_close(adversary(logits), adversary.reader(logits)[:, 0])
    torch.testing.assert_close(reversed_[0], -0.3 * plain[0])
    torch.testing.assert_close(reversed_[1], plain[1])


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_are_plain_parameters(network):
    """They are cloned, varied and compared by their parameters."""
    changed = clone(network()).set_params(hidden=(4,), embedding_dim=3)
    module = changed([5] * 3, 2, 2, (1, 2))
    assert module.embeddings.dim == 3
    assert [layer.out_features for layer in module.dense[::2]] == [4, 2]
    assert network().hidden == (64, 32)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (MLP(embedding_dim=0), "'embedding_dim' parameter of MLP"),
        (DCN(n_cross_layers=0), "'n_cross_layers' parameter of DCN"),
        (DIN(history_length=0), "'history_length' parameter of DIN"),
        (DIN(attention_hidden=(0.5,)), "widths must be positive whole numbers"),
        (MLP(hidden=(2.5,)), "widths must be positive whole numbers"),
        (MLP(hidden=(2**16 + 1,)), "numbers up to 65536, got "),
        (DCN(embedding_dim=2**16 + 1), r"'embedding_dim' .* in the range \[1, 65536\]"),
    ],
)
def test_sizes_are_checked_when_a_network_is_made(network, message):
    """The error names the parameter."""
    with pytest.raises(ValueError, match=message):
        network([5] * 3, 2, 2, (1, 2))


def test_modules_are_float32_whatever_is_the_default():
    """Made under another default type, they are the same."""
    torch.set_default_dtype(torch.float64)
    try:
        made = [build(network) for network in NETWORKS]
    finally:
        torch.set_default_dtype(torch.float32)
    for module in made:
        assert {p.dtype for p in module.parameters()} == {torch.float32}
