"""Models that others serve without this library: ONNX."""

from sklearn.utils.validation import check_is_fitted

from sklabelcraft._onnx import (
    LABELERS,
    RANKERS,
    Graph,
    label_of,
    score_of,
    write_model,
)
from sklabelcraft._typing import Estimator, PathLike
from sklabelcraft.recommender import LabelCraftRecommender


def export_onnx(estimator: Estimator, path: PathLike) -> None:
    """Write a fitted ranker or labeler as an ONNX model that takes raw columns.

    Any ONNX runtime then computes what ``predict`` or ``transform`` does, to 1e-5: the
    vocabularies of ids, the ranks of numbers and the tables of labels lie in the model.

    Parameters
    ----------
    estimator : ranker, recommender or labeler
        A fitted `MLPRanker`, `DCNRanker`, `DINRanker`, a `ModuleRanker` with the
        network `MLP`, `DCN` or `DIN`, or a `LabelCraftRecommender` with one of these,
        of which the ranker is written; or a fitted `LabelCrafter`, `WatchTime`,
        `PlayCompletion`, `PlayCompletionRate`, `ExplicitFeedback`, `D2Q`, `DVR`,
        `D2Co`, `CWM`, or `ConditionalCDF` without ids.
    path : str or path-like
        The file to be written, or replaced, when all is complete. Of a model beyond
        2 GB, the large tables lie beside it, in ``<name>.<digest>.data``.

    Raises
    ------
    ValueError
        If the ranker sees categories that are dates, values of several kinds or whole
        numbers beyond int64, the vocabularies are beyond 2 GB, or a column is called
        like another input, the output or, as "%1", something inside.
    OSError
        If the file cannot be written, or a folder or a device is there.
    TypeError
        If the estimator or its network is another one.
    ImportError
        If onnx is not installed.

    Notes
    -----
    The model has an input of shape (n,) for each column, with the name of the column,
    or ``column_0`` by its position if columns have no names. Categories are text,
    int64 where all values in ``fit`` were whole (booleans are 0 and 1), else float64.
    An id of another type is refused by the runtime, so that "1", 1 and 1.0 are never
    taken for each other. All else, among it the duration in seconds and all feedback,
    is float64 and not checked: it must be finite, seconds and feedback at least 0;
    numbers other than seconds, and explicit feedback, may be missing, which is NaN.

    A value that was not seen in ``fit`` is scored as ``predict`` scores it. If values
    of a text or whole-number column were missing in ``fit``, a further input
    ``<column>_is_missing`` of booleans tells where they are; of other columns, a
    missing value is like one that was not seen. A missing float64 category is NaN.

    A column of lists is an input of shape (n, most), padded by anything, and one more,
    ``<column>_length``, int64 of shape (n,), of how many there are in each row; texts
    such as "39,43" are to be split into such lists. A column of vectors is float64 of
    shape (n, width).

    A ranker that looks at the past takes that of each row as inputs of shape (n, t),
    ``past_<column>`` for each categorical column but the user and for the duration,
    oldest first, and their number as ``past_length``, int64 of shape (n,); what lies
    behind that is padding and may be anything. Of more than ``history_length`` past
    impressions, the last ones count. The user's own past that ``predict`` looks up are
    all strictly earlier rows given to ``fit``; those of earlier days, before
    ``partial_fit``, it keeps as they were encoded then, while the model encodes all by
    what is known now.

    The output has shape (n,) and is float64: ``score``, or the label by the name that
    ``get_feature_names_out`` has for it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from sklabelcraft import D2Q
    >>> from sklabelcraft.export import export_onnx
    >>> log = pd.DataFrame({"watch_time": [1.0, 3.0], "duration": [9.0, 9.0]})
    >>> with TemporaryDirectory() as folder:
    ...     export_onnx(D2Q().fit(log), Path(folder, "label.onnx"))
    ...     [path.name for path in Path(folder).iterdir()]
    ['label.onnx']
    """
    _check_installed()
    check_is_fitted(estimator)
    if type(estimator) is LabelCraftRecommender:
        estimator = estimator.ranker_
    graph, kind = Graph(), type(estimator)
    if kind in RANKERS:
        score, columns = score_of(graph, estimator.model_)
        graph.output("score", score, "n")
    elif kind in LABELERS:
        label, columns = label_of(graph, estimator)
        graph.output(estimator.get_feature_names_out()[0], label, "n")
    else:
        known = [known.__name__ for known in (*RANKERS, *LABELERS)]
        raise TypeError(
            f"export_onnx takes {', '.join(known)} and a LabelCraftRecommender with "
            f"one of these rankers, got {kind.__name__}."
        )
    write_model(graph, path, kind.__name__, columns)


def _check_installed():
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "export_onnx needs onnx: pip install 'sklabelcraft[onnx]'."
        ) from error
