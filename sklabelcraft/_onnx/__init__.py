"""Fitted estimators written down as ONNX graphs, operator by operator."""

from sklabelcraft._onnx._file import write_model
from sklabelcraft._onnx._graph import Graph
from sklabelcraft._onnx._labelers import LABELERS, label_of
from sklabelcraft._onnx._rankers import RANKERS, score_of

__all__ = ["Graph", "LABELERS", "RANKERS", "label_of", "score_of", "write_model"]
