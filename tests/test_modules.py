"""The networks."""

import pytest
import torch

from sklabelcraft._batches import Batch
from sklabelcraft.modules import (
    DCN,
    DIN,
    MLP,
    DurationAdversary,
    LabelNet,
    interactions,
)

OWN = {MLP: {}, DCN: {"n_cross_layers": 2}, DIN: {"past_columns": [1, 2]}}


def random_batch(n, length=4):
    torch.manual_seed(0)
    mask = (torch.rand(n, length) < 0.5).float()
    codes = torch.randint(0, 5, (n, 3))
    past, past_rows = torch.randint(0, 5, (7, 2)), torch.randint(0, 7, (n, length))
    alone = torch.arange(n), torch.zeros(n, dtype=torch.int64)
    return Batch(codes, torch.randn(n, 2), past, past_rows, mask, *alone)


def build(ranker, **more):
    torch.manual_seed(0)
    shape = {"cardinalities": [5] * 3, "n_numeric": 2, "n_outputs": 2}
    shape |= {"embedding_dim": 4, "hidden": (8,)}
    module = ranker(**shape, **OWN[ranker] | more)
    for table in module.embeddings.tables:
        torch.nn.init.normal_(table.weight)
    return module


def test_interactions_are_the_sum_over_pairs():
    """The closed form equals 20 times the products of all pairs."""
    embedded = torch.randn(6, 4, 3, dtype=torch.float64)
    pairs = [embedded[:, i] * embedded[:, j] for i in range(4) for j in range(i)]
    torch.testing.assert_close(interactions(embedded), 20 * sum(pairs))


def test_cross_layers_multiply_with_the_inputs():
    """Two cross layers on (1, 2), by hand: x0 * (W x + b) + x."""
    cross, inputs = DCN([], 2, 1, 4, (), n_cross_layers=2), torch.tensor([[1.0, 2.0]])
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


@pytest.mark.parametrize("ranker", [MLP, DCN, DIN])
def test_rows_do_not_depend_on_each_other(ranker):
    """Scores of one row alone and among others are the same."""
    batch, module = random_batch(6), build(ranker)
    one = Batch(*(part[2:3] for part in batch))
    one = one._replace(past=batch.past, past_of=torch.tensor([0]))
    torch.testing.assert_close(module(batch)[2:3], module(one))


def test_linear_attention_needs_no_wide_concatenation():
    """The collapsed form is the layer on (h, a, h - a, h * a), and so by hand."""
    batch, module = random_batch(6), build(DIN)
    past = module.embeddings(batch.past, [1, 2]).flatten(1)
    candidate = module.embeddings(batch.codes)[:, [1, 2]].flatten(1)
    expected = module._attend(past, candidate, batch)
    found = module._attend_linearly(past, candidate, batch)
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
    seat = torch.tensor([2, 0, 0, 1, 0, 1])
    shared = batch._replace(past_of=past_of, seat=seat)
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


def test_label_starts_as_the_given_rule():
    """Before training its log-odds are the last input."""
    inputs = torch.randn(50, 4)
    label = LabelNet(3, (8,), bound=2.0)(inputs)[:, 0]
    torch.testing.assert_close(label.logit(), inputs[:, 3])


def test_label_stays_within_bounds_of_the_rule():
    """Whatever the network has learned, the log-odds move by no more than the bound."""
    net, inputs = LabelNet(3, (8,), bound=0.5), torch.randn(50, 4)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=5)
    moved = net(inputs)[:, 0].logit() - inputs[:, 3]
    assert 0.4 < moved.abs().max() < 0.501


def test_adversary_reverses_the_gradient_to_the_scores_alone():
    """The reader learns as ever; the scores get its gradient times minus the weight."""
    adversary = DurationAdversary(torch.nn.Identity(), 1, weight=0.3)
    logits = torch.randn(9, 1, requires_grad=True)
    target = torch.randn(9)
    weight = adversary.reader[0].weight

    def gradients(prediction):
        loss = (prediction - target).square().mean()
        return torch.autograd.grad(loss, [logits, weight])

    plain = gradients(adversary.reader(logits)[:, 0])
    reversed_ = gradients(adversary(logits)[:, 1])
    torch.testing.assert_close(adversary(logits)[:, :1], logits)
    torch.testing.assert_close(reversed_[0], -0.3 * plain[0])
    torch.testing.assert_close(reversed_[1], plain[1])
