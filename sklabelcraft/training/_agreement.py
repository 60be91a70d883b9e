"""That processes which train together have the same data and parameters."""

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from sklabelcraft.training._distributed import Alone, Processes

ADDRESS = re.compile(" at 0x[0-9a-fA-F]+")  # of an object, in its text


def check_agreed(group: Alone | Processes, summary: dict[str, str | int]) -> None:
    """Check that all processes have the same data and parameters.

    Parameters
    ----------
    group : Alone or Processes
        The processes.
    summary : dict of str to str or int
        What must be the same in all of them, by its name; addresses of objects in it
        are left out.

    Raises
    ------
    ValueError
        In all processes, if an entry differs between any two; it is named.
    """
    if group.size == 1:
        return
    own = {name: without_addresses(value) for name, value in summary.items()}
    found = group.gather([own], "summaries of the data")
    for name in dict.fromkeys(name for each in found for name in each):
        values = [each.get(name, "nothing") for each in found]
        if len(set(values)) > 1:
            told = ", ".join(f"{v} in process {i}" for i, v in enumerate(values))
            raise ValueError(
                "all processes must be given the same data and parameters; they "
                f"differ in {name}: {told}."
            )


def without_addresses(value: Any) -> str:
    """An object as text, which is the same in another process."""
    return ADDRESS.sub("", str(value))


def fingerprint(tensors: Iterable[Tensor]) -> str:
    """A short text that differs where some tensors do."""
    digest = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()
