"""Records of drills: kept in a directory or a repository of backups, below ``drills/``, and read back.

Each call blocks; :mod:`drcore.aio` has the same, awaited.
"""

from __future__ import annotations

import os
from typing import cast

from drcore import _native
from drcore._call import as_json, wait
from drcore._native import Rehearsal
from drcore.types import DrillHistory

__all__ = ["history", "record"]


def record(place: str | os.PathLike[str], rehearsal: Rehearsal) -> str:
    """Writes the record of a drill, and gives its name there.

    Args:
        place: ``s3://bucket/prefix``, ``gs://…``, ``az://…`` or a directory. Keys are read from the environment.
        rehearsal: What :func:`drcore.drill` gave.

    Raises:
        UsageError: There is no such directory.
        IoError: It could not be written; nothing of it is there.
    """
    return cast(str, wait(lambda wake: _native.drills_record(os.fspath(place), rehearsal, wake), None))


def history(place: str | os.PathLike[str], *, slower_by: int | None = None) -> DrillHistory:
    """All drills that are recorded in a place, the newest first, and whether the newest took longer than before.

    What lies there and cannot be read, or is no record, is in ``left_out`` with the cause.

    Args:
        place: As for :func:`record`.
        slower_by: What counts as slower: by more than so many per cent of the median, 50 by default.

    Raises:
        UsageError: There is no such directory, or an argument cannot work.
        ConnectionError: The store does not answer: half a list is none.
    """
    text = as_json(slower_by=slower_by)
    return cast(
        DrillHistory, wait(lambda wake: _native.drills_history(os.fspath(place), text, wake), None)
    )
