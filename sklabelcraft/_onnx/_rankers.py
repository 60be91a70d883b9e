"""The scores of rankers, in a graph, from raw ids and numbers."""

from sklabelcraft._onnx._encoder import Columns, name_of
from sklabelcraft._onnx._graph import DOUBLE, WHOLE, stacked
from sklabelcraft._onnx._networks import Rows, logits_of
from sklabelcraft.losses import UNIT_LOSSES
from sklabelcraft.rankers import DCNRanker, DINRanker, MLPRanker, ModuleRanker

RANKERS = MLPRanker, DCNRanker, DINRanker, ModuleRanker


def score_of(graph, model):
    """The scores of a RankerModel, (n,), and which input has which role."""
    encoder = model.encoder
    codes, numbers = _encoded(Columns(graph, encoder, ("n",)), encoder.vocabularies)
    codes = stacked(codes, 1) if codes else stacked(numbers, 1).take([], 1).to(WHOLE)
    numbers = stacked(numbers, 1) if numbers else codes.take([], 1).to(DOUBLE)
    rows = Rows(codes, numbers, *_past(graph, model))
    logits = logits_of(model.module, rows).as_single()
    (user, item), duration = encoder.ids, encoder.duration
    roles = {"user": user, "item": item, "duration": duration}
    roles = {r: name_of(key) for r, key in roles.items() if key in encoder.features}
    return _scored(model, logits), roles


def _encoded(columns, categories):
    """Codes of the categories and of the duration; ranks of numbers, in [-1, 1]."""
    encoder = columns.encoder
    codes = [columns.code(key) for key in categories]
    ranks = {key: columns.rank(key) for key in encoder.ranks}
    if encoder.duration in ranks:
        codes.append(columns.bucket(ranks[encoder.duration]))
    return codes, [(rank * 2 - 1).as_single() for rank in ranks.values()]


def _past(graph, model):
    """Codes of the past, (n, t, n_past_columns), and shares, (n, t), in its mean."""
    history, encoder = model.history, model.encoder
    if not history.length or not history.columns:
        return None, None
    columns = Columns(graph, encoder, ("n", "t"), "past_")
    keys = [*encoder.vocabularies, encoder.duration]
    codes = [
        columns.code(key)
        if key in encoder.vocabularies
        else columns.bucket(columns.rank(key))
        for key in (keys[j] for j in history.columns)
    ]
    length = graph.input("past_length", WHOLE, "n").with_axis(1)
    n_past = codes[0].apply("Shape", dtype=WHOLE, start=1).without_axis(0)
    zero, one = graph.constant(0), graph.constant(1)
    position = graph.add("Range", zero, n_past, one, dtype=WHOLE)
    there = (position < length) & (position >= length - history.length)
    there = there.to(DOUBLE)
    share = there / there.sum(1).maximum(1).with_axis(1)
    return stacked(codes, 2), share


def _scored(model, logits):
    """One score per row, (n,), as the model makes it of logits, (n, n_outputs)."""
    if model.head_mean is not None:
        return ((logits - model.head_mean) / model.head_scale).sum(1) / model.n_outputs
    unit = model.loss in UNIT_LOSSES.values()
    logits = logits.without_axis(1)
    return logits.sigmoid() if unit else logits
