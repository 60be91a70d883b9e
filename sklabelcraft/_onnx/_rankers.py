"""The scores of rankers, in a graph, from raw ids and numbers."""

from sklabelcraft._onnx._encoder import Columns, bucket_of, name_of, share_of
from sklabelcraft._onnx._graph import DOUBLE, WHOLE, stacked
from sklabelcraft._onnx._networks import Rows, logits_of
from sklabelcraft.losses import UNIT_LOSSES
from sklabelcraft.rankers import DCNRanker, DINRanker, MLPRanker, ModuleRanker

RANKERS = MLPRanker, DCNRanker, DINRanker, ModuleRanker


def score_of(graph, model):
    """The scores of a RankerModel, (n,), and which input has which role."""
    encoder = model.encoder
    if not encoder.features:
        raise ValueError("a ranker that sees no column cannot be exported.")
    columns = Columns(graph, encoder, _past_keys(model))
    codes, numbers, past = _encoded(columns)
    bags = [columns.bag(key) for key in encoder.lists]
    none = stacked(codes or numbers, 1) if codes or numbers else bags[0][0]
    none = none.take([], 1)
    codes = stacked(codes, 1) if codes else none.to(WHOLE)
    numbers = stacked(numbers, 1) if numbers else none.to(DOUBLE)
    rows = Rows(codes, numbers, bags, None, None)
    if past:
        length = graph.input("past_length", WHOLE, "n")
        share = share_of(past[0], length, model.history.length)
        rows = rows._replace(past=stacked(past, 2), share=share)
    logits = logits_of(model.module, rows).as_single()
    return _scored(model, logits), _roles(encoder)


def _encoded(columns):
    """Codes and numbers of the rows, each (n,), and codes of their pasts, (n, t)."""
    encoder = columns.encoder
    codes = {key: columns.code(key) for key in encoder.single}
    found = {key: columns.ranks(key) for key in encoder.ranks}
    ranks = {key: several for key, (several, _) in found.items()}
    if encoder.duration in ranks:
        codes[encoder.duration] = bucket_of(*ranks[encoder.duration])
    past = [codes[key].behind(1, 1) for key in columns.with_past]
    codes = [columns.of_row(key, values) for key, values in codes.items()]
    ranks = [columns.of_row(key, rank) for key in ranks for rank in ranks[key]]
    numbers = [(rank * 2 - 1).as_single() for rank in ranks]
    numbers += [found[key][1].to(DOUBLE) for key in encoder.gaps]
    return codes, numbers, past


def _roles(encoder):
    (user, item), duration = encoder.ids, encoder.duration
    roles = {"user": user, "item": item, "duration": duration}
    return {r: name_of(key) for r, key in roles.items() if key in encoder.features}


def _past_keys(model):
    """The columns that describe a past impression, if the network sees any."""
    if not model.history.length:
        return []
    keys = [*model.encoder.single, model.encoder.duration]
    return [keys[j] for j in model.history.columns]


def _scored(model, logits):
    """One score per row, (n,), as the model makes it of logits, (n, n_outputs)."""
    if model.head_mean is not None:
        return ((logits - model.head_mean) / model.head_scale).sum(1) / model.n_outputs
    unit = model.loss in UNIT_LOSSES.values()
    logits = logits.without_axis(1)
    return logits.sigmoid() if unit else logits
