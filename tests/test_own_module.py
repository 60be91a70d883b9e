"""Bringing one's own network."""

import pytest
import torch
from torch import nn

from sklabelcraft import LabelCrafter, ModuleRanker


class Dense(nn.Module):
    """A network with tables of its own, stepped as a whole, one of them on the past."""

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
    ranker = ModuleRanker(Dense, history_length=3, max_epochs=2, batch_size=128)
    crafter = LabelCrafter(ranker, k=5, random_state=0).fit(log.frame)
    assert isinstance(crafter.ranker_.module_, Dense)
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
    ranker = ModuleRanker(
        Scaled, history_length=3, max_epochs=1, optimizer=optimizer, random_state=0
    )
    ranker.fit(log.data, log.preference)
    assert ranker.module_.scale != 1


def test_what_is_no_module_is_refused(log):
    """A builder must build one."""
    with pytest.raises(ValueError, match=r"must return a torch.nn.Module, got 3"):
        ModuleRanker(lambda *sizes: 3).fit(log.data, log.preference)
