"""What is on the disk and stays there."""

import os


def sync_folder(folder):
    """Let the names in a folder survive a loss of power, where a system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
