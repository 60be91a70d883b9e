"""What must hold between the fields of a part, so that no index leads out of it."""

import numpy as np
import torch

from sklabelcraft._counts import FeedbackCounts, numbers_of
from sklabelcraft._saved._refusing import require
from sklabelcraft._saved._trees import inside
from sklabelcraft._torch import Undrawn
from sklabelcraft.modules import DurationReader
from sklabelcraft.modules._embeddings import check_widths
from sklabelcraft.training._growth import shapes_of
from sklabelcraft.training._optimizers import BODY

LARGEST_STEP = 2**31 - 2
MOST_JOBS = 256


def numbers(fields, path):
    """All that are counted are finite."""
    finite = np.isfinite(numbers_of(fields["keys"])).all()
    require(finite, inside(path, "keys"), "those of finite numbers", fields["keys"])


def feedback(fields, path):
    """All seconds that are counted are finite."""
    counts = FeedbackCounts(**fields)
    finite = np.isfinite(counts.watched).all() and np.isfinite(counts.duration).all()
    require(finite, inside(path, "keys"), "those of finite seconds", fields["keys"])


def vocabulary(fields, path):
    """The missing value has a code among those of the values, or right after them."""
    most, code = len(fields["values"]) + 1, fields["missing_code"]
    require(code <= most, inside(path, "missing_code"), f"at most {most}", code)


def vocabularies(known, path):
    """All of them have learned."""
    for name, vocabulary in known.items():
        learned = isinstance(vocabulary.values, np.ndarray)
        require(learned, path, f"a vocabulary of {name!r}", vocabulary.values)


def combinations(fields, path):
    """The sizes are those of the vocabularies and one more."""
    vocabularies(fields["vocabularies"], path)
    sizes = [len(known) + 1 for known in fields["vocabularies"].values()]
    require(fields["sizes"][:-1] == sizes, path, f"of sizes {sizes}", fields["sizes"])


def seen(fields, path):
    """The pairs of the users follow each other, of items that are known."""
    users, items, starts, codes = fields.values()
    vocabularies({"user": users, "item": items}, path)
    n = len(users) + 2
    require(len(starts) == n, inside(path, "starts"), f"{n} starts", len(starts))
    ends = starts[:2].any() or starts[-1] != len(codes)
    require(not ends, inside(path, "starts"), f"from 0 to {len(codes)}", starts)
    _codes_below(codes[:, None], [len(items)], inside(path, "codes"))


def counts_by_ids(fields, path):
    """Each column of codes has a vocabulary that knows its codes."""
    known, codes = fields["vocabularies"], fields["codes"]
    vocabularies(known, path)
    most = [len(vocabulary) for vocabulary in known.values()]
    _codes_below(codes, most, inside(path, "codes"))


def _codes_below(codes, most, path):
    """Codes of each column, (n, n_columns), are at most so many."""
    require(codes.shape[1] == len(most), path, f"{len(most)} columns", codes.shape)
    if len(codes) and len(most):
        largest = codes.max(axis=0).tolist()
        fits = all(code <= end for code, end in zip(largest, most, strict=True))
        require(fits, path, f"at most {most}", largest)


def _lists_below(bags, most, path):
    """Codes in the lists of each column are at most so many."""
    require(bags.n_columns == len(most), path, f"{len(most)} columns", bags.n_columns)
    if len(bags.codes):
        fits = bool((bags.codes <= torch.tensor(most)[bags.column]).all())
        require(fits, path, f"at most {most}", bags.codes.max())


def cells(module, path):
    """Rows add up over the cells, and each group begins where one may."""
    total, before = module["total"], module["before"]
    ends = bool(total[0] == 0) and bool(before.max() <= total[-1])
    require(ends, path, "counts that add up", total[-1:])


def encoder(fields, path):
    """There is a vocabulary or a rank for each feature; numbers alone have gaps."""
    names = [list(fields[n]) for n in ("vocabularies", "occurrences")]
    require(names[0] == names[1], path, f"occurrences of {names[0]}", names[1])
    numbers = [list(fields[n]) for n in ("numbers", "ranks")]
    require(numbers[0] == numbers[1], path, f"ranks of {numbers[0]}", numbers[1])
    known, features = sorted(names[0] + numbers[0], key=str), fields["features"]
    alike = known == sorted(features, key=str)
    require(alike, path, f"the features {known}", features)
    for name in ("gaps", "vectors"):
        some, keys = fields[name], list(fields["ranks"])
        inner = len(set(some)) == len(some) and set(some) <= set(keys)
        require(inner, inside(path, name), f"some of {keys}", some)
    lists = fields["lists"]
    last = names[0][len(names[0]) - len(lists) :] == lists
    require(last, inside(path, "lists"), f"the last ones of {names[0]}", lists)
    n_numbers, n_ranks = ([*map(len, fields[n].values())] for n in ("numbers", "ranks"))
    require(n_numbers == n_ranks, path, f"ranks of {n_numbers} numbers", n_ranks)
    vocabularies(fields["vocabularies"], path)


STORE = ("_users", "_times", "_store", "_past")


def history(fields, path):
    """What is remembered lies sorted by user and time, if anything is."""
    there = [name for name in STORE if name in fields]
    needed = list(STORE) if fields["length"] else []
    require(there == needed, path, f"with {needed}", there)
    if not there:
        return
    users, times, store, past = (fields[name] for name in STORE)
    later = (users[1:] > users[:-1]) | (
        (users[1:] == users[:-1]) & (times[1:] >= times[:-1])
    )
    require(later.all(), path, "sorted by user and time", "another order")
    known = not len(store) or int(store.max()) < len(past)
    require(known, path, f"rows of a past of {len(past)}", store.max())
    vocabularies({fields["user"]: fields["_vocabulary"]}, path)


def model(fields, path):
    """The past is coded by the encoder, and several outputs have a scale."""
    encoder, past = fields["encoder"], fields["history"]
    columns, sizes = past.columns, encoder.cardinalities
    sizes = sizes[: len(sizes) - len(encoder.lists)]
    known = all(0 <= column < len(sizes) for column in columns)
    require(known, path, f"columns of {len(sizes)}", columns)
    if past.length:
        most = [sizes[column] - 1 for column in columns]
        _codes_below(past._past.numpy(), most, inside(path, "history"))
    several = fields["n_outputs"] > 1
    for name in ("head_mean", "head_scale"):
        value = fields[name]
        there = value is not None
        right = there == several and (not there or len(value) == fields["n_outputs"])
        require(right, inside(path, name), "one for each of several outputs", value)


def bags(fields, path):
    """The lists have as many elements together as there are."""
    n, wanted = len(fields["codes"]), int(fields["lengths"].sum())
    require(n == wanted, path, f"{wanted} elements", n)


def kept_rows(fields, path):
    """There are as many users as rows, and lists for all of them or none."""
    n, users, lists = len(fields["codes"]), fields["users"], fields["bags"]
    require(len(users.values) == n, path, f"{n} users", len(users.values))
    known = len(lists.lengths) == (n if lists.n_columns else 0)
    require(known, path, f"lists of {n} rows", lists.lengths.shape)


def memory(fields, path):
    """There is a number for each row, and no fewer rows have been seen."""
    n = len(fields["rows"])
    require(len(fields["drawn"]) == n, path, f"{n} numbers", len(fields["drawn"]))
    require(fields["n_seen"] >= n, path, f"of {n} rows or more", fields["n_seen"])


def rows_of(rows, model, path, columns):
    """Kept rows are coded by a model's encoder, and hold the columns of these names."""
    sizes = [size - 1 for size in model.encoder.cardinalities]
    n = len(sizes) - len(model.encoder.lists)
    _codes_below(rows.codes.numpy(), sizes[:n], inside(path, "codes"))
    _lists_below(rows.bags, sizes[n:], inside(path, "bags"))
    n_numeric = model.encoder.n_numeric
    width = rows.numeric.shape[1]
    require(width == n_numeric, inside(path, "numeric"), f"{n_numeric} columns", width)
    for name in columns:
        there = name in rows.columns
        require(there, inside(path, "columns"), f"with {name!r}", list(rows.columns))


def weights_of(rows, shape, path):
    """Kept rows have weights of this shape."""
    found = rows.weights.shape
    require(found == shape, inside(path, "weights"), f"of shape {shape}", found)


def optimizer(state, values, path):
    """What an optimiser keeps belongs to weights of these names."""
    tables = [name for name in values if name.endswith("embeddings.table.weight")]
    body = sum(value.numel() for name, value in values.items() if name not in tables)
    shapes = {name: tuple(values[name].shape) for name in tables}
    shapes |= {BODY: (body,)} if body else {}
    moments, last = state["moments"], state["last"]
    number = {value.shape[1] for value in moments.values() if value.ndim > 1}
    require(number in ({0}, {2}), path, "0 or 2 moments of each", number)
    found = {name: (len(v), *v.shape[2:]) for name, v in moments.items()}
    require(found == shapes, path, f"moments of {shapes}", found)
    dtypes = {value.dtype for value in (*moments.values(), *values.values())}
    require(len(dtypes) == 1, path, "of one type", dtypes)
    found = {name: tuple(value.shape) for name, value in last.items()}
    wanted = {name: (shapes[name][0], 1) for name in tables}
    require(found == wanted, path, f"last steps of {wanted}", found)
    for value in last.values():
        most = int(value.max()) if value.numel() else 0
        require(most <= state["n_steps"], path, f"{state['n_steps']} steps", most)


def _weights(module):
    return dict(module.named_parameters())


def adversary(state, n_outputs, path):
    """The weights are those of a reader of so many logits."""
    with torch.device("meta"), Undrawn():
        wanted = shapes_of(DurationReader(n_outputs, 0.0).state_dict())
    found = shapes_of(state["reader"])
    require(found == wanted, path, f"weights of {wanted}", found)
    optimizer(state["optimizer"], state["reader"], path)


def ranker(estimator, path):
    """What training goes on from belongs to the model."""
    if not hasattr(estimator, "model_"):
        return
    trained, state = estimator.model_, estimator.training_state_
    path = inside(path, "training_state_")
    optimizer(state["optimizer"], _weights(trained.module), path)
    if state["adversary"] is not None:
        adversary(state["adversary"], trained.n_outputs, inside(path, "adversary"))
    if state["memory"] is not None:
        rows = state["memory"].rows
        against = ["1"] if state["adversary"] is not None else []
        rows_of(rows, trained, inside(path, "memory"), ["0", *against])
        shape = tuple(rows.columns["0"].shape)
        wanted = (len(rows), trained.n_outputs)
        require(shape == wanted, inside(path, "memory"), f"labels of {wanted}", shape)
        weights_of(rows, wanted, inside(path, "memory"))


def crafter(estimator, path):
    """What training goes on from belongs to label and ranker."""
    if not hasattr(estimator, "label_net_"):
        return
    ranker = estimator.ranker_
    require(hasattr(ranker, "model_"), path, "of a fitted ranker", ranker)
    trained, state = estimator.ranker_.model_, estimator.training_state_
    path = inside(path, "training_state_")
    task, label = state["task"], estimator.label_net_
    optimizer(task["optimizer"], _weights(trained.module), inside(path, "task"))
    optimizer(task["outer"], _weights(label), inside(path, "task"))
    rows_of(state["held_out"], trained, inside(path, "held_out"), state["scaled"])
    weights_of(state["held_out"], (len(state["held_out"]),), inside(path, "held_out"))
    if state["memory"] is not None:
        names = "watch_time", "duration", "explicit"
        rows = state["memory"].rows
        rows_of(rows, trained, inside(path, "memory"), names)
        weights_of(rows, (len(rows),), inside(path, "memory"))


def label(fields, path):
    """The correction reads what the signals are."""
    wide, read = fields["correction"][0].in_features, fields["signals"].read
    require(wide == len(read), path, f"a correction of {len(read)} inputs", wide)


def groups(estimator, path):
    """Groups of ids have counts, and are those that `by` names."""
    if not hasattr(estimator, "statistics_"):
        return
    known, counted = estimator.groups_, estimator.counts_
    names = estimator._id_keys(estimator._stated("columns"))
    parts = [] if known is None else list(known.vocabularies)
    by_ids = estimator.statistics_.by_ids
    counted_by = [] if by_ids is None else list(by_ids.vocabularies)
    require(parts == counted_by == names, path, f"groups by {names}", parts)
    if known is not None:
        n, size = len(known) + 2, len(counted.before)
        require(size == n, path, f"counts of {n - 1} groups", size - 1)
        coarse, n = known.sizes[-1], len(estimator.edges_) + 1
        require(coarse == n, path, f"groups in {n} coarser ones", coarse)


def recommender(estimator, path):
    """The labeler labels, and the ranker is fitted, if the recommender is."""
    if hasattr(estimator, "ranker_"):
        ranker, labeler = estimator.ranker_, estimator.labeler_
        require(hasattr(ranker, "model_"), path, "of a fitted ranker", ranker)
        require(hasattr(labeler, "transform"), path, "of a labeler", labeler)


def widths(network, path):
    """The widths of a network are positive whole numbers."""
    for name in ("hidden", "attention_hidden"):
        check_widths(getattr(network, name, ()))


def union(estimator, path):
    """Named labelers, or what stands for none."""
    pairs = estimator.transformer_list
    named = isinstance(pairs, list) and all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in pairs
    )
    require(named, path, "pairs of a name and a labeler", pairs)
    usable = all(
        part in ("drop", "passthrough") or hasattr(part, "transform")
        for part in (part for _, part in pairs)
    )
    require(usable, path, "labelers", pairs)
    n_jobs = estimator.n_jobs
    few = n_jobs is None or (type(n_jobs) is int and abs(n_jobs) <= MOST_JOBS)
    require(few, inside(path, "n_jobs"), f"None or up to {MOST_JOBS}", n_jobs)
    weights = estimator.transformer_weights
    require(weights is None or isinstance(weights, dict), path, "weights", weights)


def measured(fields, path):
    """What is scaled has a knee and a maximum."""
    scaled = fields["objective"].transform == "scale"
    there = [name in fields for name in ("knee", "maximum")]
    require(there == [scaled, scaled], path, "scaled or not", fields["objective"])


def heads(fields, path):
    """All recommenders score, and the duration has ranks if it is a head."""
    for name, part in fields["recommenders"].items():
        require(hasattr(part, "predict"), inside(path, name), "a recommender", part)
    there = "ranks" in fields
    require(there == (fields["duration"] is not None), path, "with ranks or not", there)
