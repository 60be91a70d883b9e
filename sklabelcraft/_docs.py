"""Texts that several docstrings share, each written once."""

from typing import TypeVar

T = TypeVar("T")
SAMPLE_WEIGHT = """\
sample_weight : array-like of shape (n,) or str, default=None
    What each row counts for in the loss, such as an inverse propensity of its position;
    none negative. Only their ratios matter: they are divided by their mean, so that a
    row of weight 2 counts as two rows, and one of weight 0 as none. Of a log in files,
    the name of the column that holds them. None for 1 each."""
IN_OBJECTIVES = """
    Held-out rows count by their weights in the objectives, as
    :class:`~sklabelcraft.objectives.Objective` says. The scales and quantiles that
    labels are made of count all rows alike."""
HELD_OUT_LOG = """\
log_val : as log, default=None
    Held-out impressions on which the objectives are measured. By default the latest
    `validation_fraction` of each user's rows in `log` is held out; of more than 2**20
    rows, of some users drawn by their hashes.
"""
SAMPLE_WEIGHT_VAL = """
sample_weight_val : as sample_weight, default=None
    The weights of the held-out rows that are given."""
TEXTS = {
    "sample_weight": SAMPLE_WEIGHT,
    "sample_weights": SAMPLE_WEIGHT + SAMPLE_WEIGHT_VAL,
    "held_out_log": HELD_OUT_LOG + SAMPLE_WEIGHT + IN_OBJECTIVES + SAMPLE_WEIGHT_VAL,
    "ranking": """\
scores : array-like of shape (n,)
    The higher, the earlier in the list. Equal scores are no order.
groups : array-like of shape (n,)
    The user of each row; missing ones are one user.
k : int, default=10
    Length of the shown list; users with at most k rows are left out.""",
    "explicit": """\
explicit : array-like of shape (n,) or (n, n_signals)
    Explicit feedback, 0/1 or counts; several signals are summed, and NaN is a missing
    one. Rows in which that leaves open whether there is any are left out, with a
    warning of how many they are.""",
    "scored": """\
column : str, int or sequence of them
    The column that is measured: ``"watch_time"``, ``"duration"``, ``"explicit"`` and
    ``"item"`` stand for those that `columns` name; of several, those present are
    measured together. Items are given as numbers.
table : {"X", "y"}, default="y"
    Where that column is.
columns : Columns, default=None
    Names or positions of the columns; None for those of the estimator that is scored,
    else the usual names.
k : int, default=None
    Length of the shown lists; users with more than k rows take part. None for that of
    the estimator that is scored, else 10.""",
    "impressions": """\
X : data frame or array of shape (n, n_columns)
    Impressions: what is known before them.""",
    "impressions_or_files": """\
X : data frame or array of shape (n, n_columns)
    Impressions: what is known before them. Or the whole log in Parquet files: a
    ``pyarrow.dataset.Dataset``, or the path to a file or to a folder of them, which are
    read a window at a time, in each epoch again.""",
    "vk_lsvd": """\
path : str or path-like
    The folder of the official data set (or its parent), with ``metadata`` and
    ``subsamples`` or ``interactions``, or one of the subsamples in it; ``~`` is the
    home folder.""",
    "vk_lsvd_weeks": """\
subsample : str, default=None
    The name of a folder in ``subsamples``, or "interactions" for the whole log, 40
    billion rows in 27 weeks; None for the only one of them that is there.
weeks : array-like of int, default=None
    The numbers of the weeks, of 0 to 26; None for those that are there.""",
    "nonnegative": """\
X : array-like of shape (n, n_columns)
    Nonnegative values.
y : None
    Ignored.""",
    "log": """\
log : data frame or array of shape (n, n_columns)
    Impressions with their feedback. Or Parquet files: a ``pyarrow.dataset.Dataset``, or
    the path to a file or to a folder of them, which are read a window at a time.
y : None
    Ignored.""",
    "feedback": """\
y : data frame, series or array of shape (n,) or (n, n_signals)
    Their feedback: what is logged after them.""",
    "feedback_if_apart": """\
y : data frame, series or array of shape (n,) or (n, n_signals), default=None
    Their feedback: what is logged after them. None where X is the whole log.""",
    "unknown": """\
Explicit feedback that is missing is not known. Where no signal is above 0 and one is
missing, the label is its expectation given the watch time w and the duration d:
(1 - p) g(w, d, 0) + p g(w, d, 1), with p the share of rows with explicit feedback among
those of a like watch time that are known, in 20 bins of its rank. An objective is
measured on the lists without the rows in which its column is missing; those of watch
time and duration must not be.""",
    "n_unknown": """\
n_unknown_ : int
    Number of rows of the last ``fit`` or ``partial_fit``, those held out included,
    whose explicit feedback is not known.""",
    "groups": """\
n_groups : int, default=30
    Number of equal-frequency duration groups; equal durations are never split, so there
    may be fewer.""",
    "columns": """\
columns : Columns, default=None
    Names or positions of the log's columns; None for those of the estimator around
    this one, else the usual names.""",
    "objective_weights": """\
objective_weights : sequence of float or dict, default=None
    What a unit of each objective is worth to the platform; None for 1 each. Or by its
    name, the column and the measure, as in ``{"explicit_gain": 3}``; those left out are
    worth 1. One of weight 0 is only measured; others are from 1e-12 to 1e12.""",
    "statistics": """\
statistics_ : object or None
    What the label is learned from, to which ``partial_fit`` adds: how often each value
    occurred. Of more than 2**20 distinct ones, numbers are rounded down to fewer bits,
    no fewer than it takes. None where nothing is learned.""",
    "seen": """\
seen_ : object or None
    Which items each user had in the rows so far, held-out ones among them: what
    ``recommend`` leaves out. None where the log has no users or items.""",
    "learned_names": """\
n_features_in_ : int
    Number of columns of the data given to ``fit``.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Names of the columns, if a frame; later rows are in one, too.""",
    "training": """\
loss : {"auto", "log_loss", "brier", "squared_error"} or callable, default="auto"
    "log_loss" (cross entropy) and "brier" (squared error) fit the sigmoid of the
    logit to labels in [0, 1], "squared_error" the logit itself to any label. "auto"
    is "log_loss" where all labels lie in [0, 1], else "squared_error". A callable
    maps logits and labels (tensors) to the loss of each element.
optimizer : {"adamw", "sgd"}, default="adamw"
    "sgd" is plain gradient descent, as in Algorithm 1 of LabelCraft. Either steps only
    those rows of the embeddings that a batch touches, with the result of stepping all.
learning_rate : float, default=0.001
    Of the optimiser.
weight_decay : float, default=0.1
    Each step takes the share ``learning_rate * weight_decay`` of every weight away;
    with "sgd" that is twice the factor lambda of Algorithm 1.
batch_size : int, default=512
    Impressions per step.
max_epochs : int, default=20
    Passes over the training rows at most, in ``fit``.
patience : int, default=5
    Epochs without progress on the held-out rows after which training stops. The
    weights of the best epoch are kept.
averaging : float, default=0.5
    Share of the exponential average of the weights that each epoch keeps. The average
    is what the held-out rows judge and what scores; 0 for the weights as they are.
validation_fraction : float, default=None
    Share of each user's rows, the latest, held out when no validation data is given to
    ``fit``; None for 0.1. Where nothing is held out, all epochs are run. A
    ``LabelCrafter`` holds out rows itself and refuses a ranker that states it.
adversary_weight : float, default=0.0
    If positive, the duration is no feature, and the network is trained against an
    adversary that reads the duration out of its scores, with this weight on the
    reversed gradient; DVR uses 0.1.
replay : float, default=5.0
    In ``partial_fit``, how many earlier rows are learned from again for each new one.
    For that, some 2**18 rows are remembered, drawn from all so far; 0 for none.
min_count : int, default=2
    Values of a categorical column seen less often share the embedding that also serves
    values never seen.
device : str or torch.device, default="cpu"
    Where the network is trained and scores, such as "cuda". What is drawn is the same
    on all; sums on a GPU may differ in their last digits from run to run.
precision : {"float32", "bfloat16", "float64"}, default="float32"
    Of the matrix products in training. bfloat16 pays with wide layers and batches of
    thousands, where the processor has it. With float64 weights, numbers and labels are
    float64, too, and the weights remain so: several processes then learn the same to 12
    digits, however many they are. Scores are computed in float64.
window_bytes : int, default=2**26
    Of a log in Parquet files, about so many bytes are held at a time: row groups in
    random order, whose rows are then brought into random order together. The order of
    a log that fits is that of the same log in memory.
checkpoint : str or path, default=None
    A folder to save training in after each epoch. A fit that was killed goes on from
    there when it is called again, with the same result. When it is over, another fit
    may have the folder.
every : int, default=None
    Steps after which to save in `checkpoint` as well.
columns : Columns, default=None
    Names or positions of the columns; None for those of the estimator around this one,
    else the usual names.
random_state : int, RandomState instance or None, default=None
    Controls the initial weights and the order of the rows; None for that of the
    estimator around this one.""",
    "to": """\
to : str or path, default=None
    Of a log in Parquet files, a folder to be made, to which its rows are written with
    the result as further columns, file by file. It should lie outside of the log's own
    folder, all files in which are read as the log.""",
    "sizes": """\
cardinalities : list of int
    Number of codes of each categorical column, those of lists last.
n_numeric, n_outputs : int
    How many numbers a row has, and labels.
past_columns : tuple of int
    The categorical columns that the past consists of.""",
    "trained": """\
model_ : RankerModel
    What was learned: ``model_.module`` is the network, a ``torch.nn.Module``.
features_ : list of str or int
    The columns that the network sees.
history_ : list of dict
    Per epoch, the training loss and the held-out one.
training_state_ : dict
    The state of the optimiser, from which ``partial_fit`` goes on.
n_features_in_ : int
    Number of columns of X.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Names of the columns of X, if a frame; later rows are in one, too.""",
}


def shared(documented: T) -> T:
    """Fill the places such as ``{columns}`` of a docstring with the shared texts."""
    lines = []
    for line in (documented.__doc__ or "").splitlines():
        name = line.strip()[1:-1]
        if line.strip() == f"{{{name}}}" and name in TEXTS:
            indent = line[: line.index("{")]
            text = TEXTS[name].splitlines()
            lines += [f"{indent}{part}" if part else "" for part in text]
        else:
            lines.append(line)
    documented.__doc__ = "\n".join(lines)
    return documented
