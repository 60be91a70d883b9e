"""Finding the touched rows of embedding tables."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sklabelcraft._batches import Batch, Impressions, Pasts, numbered, share_windows
from sklabelcraft.modules import DCNModule, DINModule, Embeddings, MLPModule
from sklabelcraft.training import RowFinder, exact_logits
from sklabelcraft.training._rows import embeddings_of

SIZES = [6, 9, 4]


def random_batch(n, m, length, seed):
    generator = torch.Generator().manual_seed(seed)

    def draw(shape, columns):
        parts = [torch.randint(SIZES[j], shape, generator=generator) for j in columns]
        return torch.stack(parts, dim=-1)

    past_of = torch.randint(m, (n,), generator=generator)
    return Batch(
        draw((n,), range(3)),
        torch.zeros(n, 0),
        draw((5,), [2, 1]),
        torch.randint(5, (m, length), generator=generator),
        torch.ones(m, length),
        past_of,
    )


def make_din():
    torch.manual_seed(0)
    return DINModule(SIZES, 0, 1, 3, (4,), past_columns=(2, 1))


@settings(deadline=None)
@given(n=st.integers(1, 9), length=st.integers(0, 4), seed=st.integers(0, 99))
def test_scores_on_touched_rows_are_those_on_whole_tables(n, length, seed):
    """The found rows, each once, and the renumbered batches give the same scores."""
    module = make_din()
    batches = [random_batch(n, 2, length, seed), random_batch(3, 1, 2, seed + 1)]
    before = [batch.codes.clone() for batch in batches]
    finder = RowFinder(module, (2, 1))
    rows, found = finder.find(*batches)
    assert len(rows.unique()) == len(rows)
    theta = dict(module.named_parameters()) | finder.starts
    for name in finder.tables:
        theta[name] = theta[name][rows]
    for batch, small, codes in zip(batches, found, before, strict=True):
        score = torch.func.functional_call(module, theta, (small,))
        torch.testing.assert_close(score, module(batch))
        assert (batch.codes == codes).all()


def test_all_embeddings_of_a_module_are_found():
    """They are of the same columns; anything else is refused."""
    wide, deep = Embeddings([4, 3], 1), Embeddings([4, 3], 2)
    module = nn.ModuleDict({"wide": wide, "deep": deep})
    finder = RowFinder(module, ())
    assert finder.tables == ["wide.table.weight", "deep.table.weight"]
    assert set(finder.starts) == {"wide.starts", "deep.starts"}
    assert RowFinder(wide, ()).tables == ["table.weight"]
    assert embeddings_of(nn.Linear(1, 1)) == {}
    for other in ([4], [3, 4], [4, 4]):
        with pytest.raises(ValueError, match="all Embeddings of a network"):
            embeddings_of(nn.ModuleList([wide, Embeddings(other, 2)]))


def test_a_module_without_embeddings_keeps_the_codes():
    """Its own tables are read by the codes as they are."""
    batch = random_batch(3, 2, 1, 0)
    rows, (found,) = RowFinder(nn.Linear(1, 1), (2, 1)).find(batch)
    assert rows is None
    assert found is batch


windows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1)


@settings(deadline=None)
@given(windows)
def test_shared_windows_give_each_row_its_own_and_a_slot(pairs):
    """No two rows have the same slot, and there are not many more slots than rows."""
    start = torch.tensor([first for first, _ in pairs])
    stop = start + torch.tensor([length for _, length in pairs])
    first, last, window = share_windows(start, stop, 10)
    assert (first[window] == start).all()
    assert (last[window] == stop).all()
    slot = numbered(window)
    places = set(zip(window.tolist(), slot.tolist(), strict=True))
    assert len(places) == len(pairs)
    assert len(first) * (int(slot.max()) + 1) <= 10 * len(pairs)


def test_a_crowded_window_is_repeated():
    """Ninety rows with one past and ten alone do not make a table of 11 x 90."""
    start = torch.cat([torch.zeros(90, dtype=torch.int64), torch.arange(10)])
    first, _, window = share_windows(start, start + 3, 100)
    assert len(first) == 9 + 3
    assert int(numbered(window).max()) == 39


MODULES = {
    "mlp": lambda n: MLPModule(SIZES, 2, n, 8, (16, 8)),
    "dcn": lambda n: DCNModule(SIZES, 2, n, 8, (16, 8), 2),
    "din": lambda n: DINModule(SIZES, 2, n, 8, (16, 8), (2, 1)),
    "din with hidden attention": lambda n: DINModule(
        SIZES, 2, n, 8, (16, 8), (2, 1), (5,)
    ),
}


def random_impressions(n, generator):
    """Rows with pasts of 0 to 6 rows, some of them shared."""

    def draw(high, *shape):
        return torch.randint(high, shape, generator=generator)

    codes = torch.stack([draw(size, n) for size in SIZES], dim=1)
    past = torch.stack([draw(SIZES[j], 30) for j in (2, 1)], dim=1)
    start = draw(5, n) * 6
    room = torch.empty(30, dtype=torch.int64)
    pasts = Pasts(start, start + draw(7, n), draw(30, 40), past, (2, 1), room)
    return Impressions(codes, torch.rand(n, 2, generator=generator), pasts)


def rows_of(impressions, index):
    """Some of the rows alone."""
    pasts = impressions.pasts
    windows = {"start": pasts.start[index], "stop": pasts.stop[index]}
    return Impressions(
        impressions.codes[index], impressions.numeric[index], replace(pasts, **windows)
    )


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("kind", MODULES)
def test_logits_are_bit_equal_whatever_rows_are_beside(kind, n_outputs):
    """Single rows, random subsets and any order, also beyond one part of the rows."""
    torch_rng = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = MODULES[kind](n_outputs)
    for weight in module.parameters():
        torch.nn.init.normal_(weight, std=0.5, generator=torch_rng)
    impressions = random_impressions(9000, torch_rng)
    together = exact_logits(module, impressions)
    assert together.shape == (9000, n_outputs)
    for size in [1] * 20 + [2, 3, 5, 17, 64, 257, 9000]:
        index = torch.randperm(9000, generator=torch_rng)[:size]
        alone = exact_logits(module, rows_of(impressions, index))
        assert torch.equal(alone, together[index])


def test_exact_logits_are_those_of_the_module():
    """To what float32 leaves, and the module is as it was."""
    module = make_din()
    before = {name: p.clone() for name, p in module.named_parameters()}
    impressions = random_impressions(50, torch.Generator().manual_seed(0))
    rows = replace(impressions, numeric=torch.zeros(50, 0))
    expected = module(rows.batch(torch.arange(50)))
    torch.testing.assert_close(exact_logits(module, rows), expected)
    torch.testing.assert_close(dict(module.named_parameters()), before)
    assert module.training
