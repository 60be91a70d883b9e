"""What is trained, saved so that a killed fit can go on where it was."""

import os
from os.path import expanduser
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch

from sklabelcraft._disk import sync_folder

FILE = "checkpoint.pt"
SAVED = "identity", "finished", "state", "drawing"


class Checkpoint:
    """Saves what is trained after each epoch and, perhaps, after every so many steps.

    A file is written beside the one before, and takes its place when it is complete, so
    that there is a readable one at any moment.

    Parameters
    ----------
    settings : object
        With the folder, ``checkpoint``, and the number of steps, ``every``, or None.
    identity : str
        Tells this fit from others.
    trained : Loop or Race
        Has a state, and is over once it is ``finished``.
    writes : bool
        Whether this process is the one that writes.
    draws : bool
        Whether torch's own generator is drawn from in training.

    Raises
    ------
    ValueError
        If the folder cannot be written to, or has the checkpoint of another fit that is
        not over, or one that cannot be read.
    """

    def __init__(
        self, settings: Any, identity: str, trained: Any, writes: bool, draws: bool
    ) -> None:
        self.folder, self.every = Path(expanduser(settings.checkpoint)), settings.every
        self.file = self.folder / FILE
        self.identity, self.trained = identity, trained
        self.writes, self.draws, self.n_steps = writes, draws, 0
        if writes:
            self._make_folder()

    def _make_folder(self):
        """Make the folder now, as it would be late to fail after an epoch."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise ValueError(
                f"checkpoint={str(self.folder)!r} must be a folder that can be written "
                f"to: {error}"
            ) from error

    def resume(self) -> None:
        """Go on from what was saved, if this fit was."""
        if not self.file.exists():
            return
        saved = self._read()
        if saved["identity"] == self.identity:
            self.trained.load_state_dict(saved["state"])
            if self.draws:
                torch.default_generator.set_state(saved["drawing"])
        elif not saved["finished"]:
            raise ValueError(
                f"{self.file} is of another fit, with other rows or parameters, that "
                "is not over: remove it, or state another folder as checkpoint."
            )

    def _read(self):
        try:
            saved = torch.load(self.file, weights_only=True, map_location="cpu")
            return {name: saved[name] for name in SAVED}
        except Exception as error:
            raise ValueError(
                f"{self.file} is no checkpoint that can be read: remove it, or state "
                "another folder as checkpoint."
            ) from error

    def end_step(self) -> None:
        """Save, if it is time."""
        self.n_steps += 1
        if self.every is not None and self.n_steps % self.every == 0:
            self.save()

    def end_epoch(self) -> Any:
        """Save after an epoch."""
        self.save()

    def save(self) -> None:
        """Put the state of now in the place of the one before."""
        if not self.writes:
            return
        saved = {
            "identity": self.identity,
            "finished": self.trained.finished,
            "state": self.trained.state(),
            "drawing": torch.default_generator.get_state() if self.draws else None,
        }
        new = self.file.with_suffix(".new")
        with new.open("wb") as file:
            torch.save(saved, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.file)
        sync_folder(self.folder)
