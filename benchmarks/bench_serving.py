"""An exported model beside what it was made of: how large, how fast, how near.

    python benchmarks/bench_serving.py [kuairand|synthetic]

The default ranker and labels on up to 100,000 rows, on one thread: seconds to export,
megabytes, microseconds per row for calls of 1, 100 and all rows, of the model in
onnxruntime and of ``predict`` or ``transform``, and the largest difference.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
import torch
from _logs import load

from sklabelcraft import D2Q, DVR, DCNRanker, LabelCrafter, MLPRanker
from sklabelcraft.export import export_onnx

SIZES = 1, 100, 100_000


def exported(estimator, path):
    """A model that is ready to run, and the seconds that the export took."""
    start = time.perf_counter()
    export_onnx(estimator, path)
    took = time.perf_counter() - start
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options), took


def microseconds(run, n_rows, rounds=5):
    """The median time of a call, per row."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e6 * np.median(times) / n_rows


def feeds(model, frame):
    """The columns of a frame as inputs of the model."""
    kinds = {"tensor(double)": np.float64, "tensor(int64)": np.int64}
    return {
        wanted.name: frame[wanted.name].to_numpy(kinds.get(wanted.type, object))
        for wanted in model.get_inputs()
    }


def compare(estimator, function, frame, path):
    """Print how the model and the estimator do on the rows of a frame."""
    model, took = exported(estimator, path)
    gap = np.abs(model.run(None, feeds(model, frame))[0] - np.ravel(function(frame)))
    print(
        f"{type(estimator).__name__}: exported in {took:.2f} s, "
        f"{path.stat().st_size / 1e6:.2f} MB, differs by up to {gap.max():.1e}"
    )
    for n in SIZES:
        rows = frame[:n]
        given = feeds(model, rows)
        served = microseconds(lambda given=given: model.run(None, given), len(rows))
        ours = microseconds(lambda rows=rows: function(rows), len(rows))
        print(f"  {n:7d} rows: {served:9.2f} us a row, ours {ours:9.2f}")


def main(name="synthetic"):
    """Compare rankers and labelers."""
    torch.set_num_threads(1)
    log, _ = load(name)
    frame = log.frame
    labels = D2Q().fit_transform(frame)
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        for ranker in (MLPRanker, DCNRanker):
            fitted = ranker(max_epochs=1, random_state=0).fit(log.data, labels)
            compare(fitted, fitted.predict, log.data, path)
        crafter = LabelCrafter(MLPRanker(max_epochs=2), starts=[(0, 1, 0.5)])
        for labeler in (D2Q(), DVR(), crafter.set_params(random_state=0)):
            labeler.fit(frame)
            compare(labeler, labeler.transform, frame, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
