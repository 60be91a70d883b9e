"""The networks."""

import pytest
import torch

from sklabelcraft._batches import Batch
from sklabelcraft.modules import DIN, MLP, DurationAdversary, LabelNet, interactions


def random_batch(n, length=4):
    torch.manual_seed(0)
    mask = (torch.rand(n, length) < 0.5).float()
    codes = torch.randint(0, 5, (n, 3))
    past = torch.randint(0, 5, (n, length, 3))
    return Batch(codes, torch.randn(n, 2), past, mask)


def build(ranker):
    torch.manual_seed(0)
    shape = {"cardinalities": [5] * 3, "n_numeric": 2, "n_outputs": 2}
    shape |= {"embedding_dim": 4, "hidden": (8,)}
    module = ranker(**shape) if ranker is MLP else ranker(**shape, past_columns=[1, 2])
    for table in module.embeddings.tables:
        torch.nn.init.normal_(table.weight)
    return module


def test_interactions_are_the_sum_over_pairs():
    """The closed form equals the products of all pairs."""
    embedded = torch.randn(6, 4, 3, dtype=torch.float64)
    pairs = [embedded[:, i] * embedded[:, j] for i in range(4) for j in range(i)]
    torch.testing.assert_close(interactions(embedded), sum(pairs))


@pytest.mark.parametrize("ranker", [MLP, DIN])
def test_rows_do_not_depend_on_each_other(ranker):
    """Scores of one row alone and among others are the same."""
    batch, module = random_batch(6), build(ranker)
    one = Batch(*(part[2:3] for part in batch))
    torch.testing.assert_close(module(batch)[2:3], module(one))


def test_attention_is_linear_in_the_wide_concatenation():
    """The collapsed form is the layer on (h, a, h - a, h * a)."""
    batch, module = random_batch(6), build(DIN)
    past = module.embeddings(batch.past, [1, 2]).flatten(2)
    candidate = module.embeddings(batch.codes)[:, [1, 2]].flatten(1)
    a = candidate[:, None].expand_as(past)
    wide = torch.cat([past, a, past - a, past * a], dim=-1)
    expected = module.attention(wide)[..., 0]
    torch.testing.assert_close(module._attend(past, candidate), expected)


def test_padding_of_a_history_does_not_matter():
    """What stands in masked places, and how many there are, changes nothing."""
    batch, module = random_batch(6), build(DIN)
    junk = batch.past.where(batch.past_mask[..., None] > 0, 3)
    wider = torch.cat([junk, junk], dim=1)
    mask = torch.cat([batch.past_mask, torch.zeros_like(batch.past_mask)], dim=1)
    padded = batch._replace(past=wider, past_mask=mask)
    torch.testing.assert_close(module(padded), module(batch))


def test_history_matters():
    """The same candidate with another past has another score."""
    batch, module = random_batch(6), build(DIN)
    other = batch._replace(past=(batch.past + 1) % 5)
    assert not torch.allclose(module(batch), module(other))


def test_label_starts_as_the_given_rule():
    """Before training the label orders rows as the starting rule does."""
    inputs = torch.randn(50, 3)
    label = LabelNet(3, (8,), (1.0, 0.0, 2.0))(inputs)[:, 0]
    rule = inputs @ torch.tensor([1.0, 0.0, 2.0])
    assert torch.equal(label.argsort(), rule.argsort())
    assert label.std() > 0.1


def test_adversary_reverses_the_gradient_to_the_scores_alone():
    """The reader learns as ever; the scores get its gradient times minus the weight."""
    adversary = DurationAdversary(1, weight=0.3)
    logits = torch.randn(9, 1, requires_grad=True)
    target = torch.randn(9)
    weight = adversary.reader[0].weight

    def gradients(prediction):
        loss = (prediction - target).square().mean()
        return torch.autograd.grad(loss, [logits, weight])

    plain = gradients(adversary.reader(logits)[:, 0])
    reversed_ = gradients(adversary(logits))
    torch.testing.assert_close(reversed_[0], -0.3 * plain[0])
    torch.testing.assert_close(reversed_[1], plain[1])
