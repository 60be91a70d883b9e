"""Fits that are killed at random moments and started again until they end.

    python benchmarks/_scale_kills.py CHECKPOINT RESULT

is such a fit, which says "begun" before it learns, and leaves a pickle of all that it
learned.
"""

import os
import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from sklabelcraft import MLP, LabelCrafter, MLPRanker
from sklabelcraft.datasets import make_short_videos

PATIENCE = 20  # seconds that a process waits for one that was killed before they met
MARGIN = 0.7  # of the time of a fit, within which it is killed
COUNTED = (
    "kills",
    "fits",
    "equal fits",
    "none yet",
    "readable",
    "unreadable",
    "in the middle of a save",
    "others ended by the launcher",
)


def fit_to_the_end(checkpoint, path):
    """Fit from where the checkpoint stands, and leave what was learned."""
    torch.set_num_threads(1)
    log = make_short_videos(200, 400, random_state=0).frame
    network = MLP(embedding_dim=4, hidden=(16,))
    ranker = MLPRanker(network, max_epochs=3, batch_size=256, learning_rate=0.01)
    ranker.set_params(checkpoint=checkpoint, every=3)
    crafter = LabelCrafter(ranker, validation_users=32, random_state=0)
    print("begun", flush=True)
    crafter.fit(log)
    Path(path).write_bytes(pickle.dumps(learned(crafter, log)))


def learned(crafter, log):
    """All that a crafter has learned, as arrays by name."""
    networks = {"label": crafter.label_net_, "ranker": crafter.ranker_.model_.module}
    return {
        f"{name} {part}": values.detach().numpy()
        for name, network in networks.items()
        for part, values in network.state_dict().items()
    } | {
        "labels": crafter.transform(log),
        "start": np.array(crafter.start_),
        "losses": np.array([epoch["loss"] for epoch in crafter.history_]),
    }


def equal(found, expected):
    """Whether two fits have learned the same, bit by bit."""
    return found.keys() == expected.keys() and all(
        values.tobytes() == expected[name].tobytes() for name, values in found.items()
    )


class Fit:
    """A fit by one or by two processes, which can be started again.

    Parameters
    ----------
    folder : Path
        Where its checkpoint and its results go.
    size : int
        The number of processes.
    """

    def __init__(self, folder, size):
        self.checkpoint, self.size = folder / "checkpoint", size
        self.results = [folder / f"{rank}.pickle" for rank in range(size)]

    def start(self):
        """Start all processes, and wait until they are about to learn."""
        shared = {"OMP_NUM_THREADS": "1"}
        if self.size > 1:
            shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
            shared |= {"WORLD_SIZE": str(self.size)}
        self.running = [
            subprocess.Popen(
                [sys.executable, __file__, str(self.checkpoint), str(result)],
                env=os.environ | shared | ({"RANK": str(rank)} if shared else {}),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for rank, result in enumerate(self.results)
        ]
        for process in self.running:
            process.stdout.readline()

    def end(self):
        """Wait for all processes; whether each of them ended by itself.

        Those that do not are ended, as torchrun does at once.
        """
        try:
            for process in self.running:
                process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return False
        finally:
            for process in self.running:
                process.kill()
                process.wait()
        return True

    def kill(self, rank):
        """Kill one of the processes, if it still runs; whether it did."""
        self.running[rank].kill()
        return self.running[rank].wait() < 0

    def learned(self):
        """What each of the processes left."""
        return [pickle.loads(result.read_bytes()) for result in self.results]

    def saved(self):
        """What a kill left: "none yet", "readable", or "unreadable"; and a half one."""
        file = self.checkpoint / "checkpoint.pt"
        half = file.with_suffix(".new").exists()
        if not file.exists():
            return "none yet", half
        try:
            torch.load(file, weights_only=True)
        except Exception:  # whatever makes it unreadable
            return "unreadable", half
        return "readable", half


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


def kills(n_kills, size, seed=0):
    """A row of counts on fits by so many processes, each time one of them is killed."""
    rng = np.random.default_rng(seed)
    with TemporaryDirectory() as folder:
        expected, seconds = undisturbed(Fit(Path(folder), size))
    counts = dict.fromkeys(COUNTED, 0)
    while counts["kills"] < n_kills:
        with TemporaryDirectory() as folder:
            fit = Fit(Path(folder), size)
            while disturbed(fit, rng, seconds, counts):
                pass
            counts["fits"] += 1
            pairs = zip(fit.learned(), expected, strict=True)
            counts["equal fits"] += all(equal(*pair) for pair in pairs)
        print(counts, flush=True)
    return {"processes": size, "seconds of a fit": seconds} | counts


def undisturbed(fit):
    """What a fit learns that nobody kills, and how long it takes."""
    fit.start()
    start = time.perf_counter()
    fit.end()
    return fit.learned(), time.perf_counter() - start


def disturbed(fit, rng, seconds, counts):
    """Start a fit, and kill one of its processes; whether that was before its end."""
    fit.start()
    time.sleep(rng.uniform(0, MARGIN * seconds))
    killed = fit.kill(int(rng.integers(fit.size)))
    counts["others ended by the launcher"] += not fit.end()
    if killed:
        state, half = fit.saved()
        counts["kills"] += 1
        counts[state] += 1
        counts["in the middle of a save"] += half
    return killed


if __name__ == "__main__":
    fit_to_the_end(*sys.argv[1:])
