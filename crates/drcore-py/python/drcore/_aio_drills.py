"""Records of drills. As :mod:`drcore.drills`, awaited."""

from __future__ import annotations

import os
from typing import cast

from drcore import _native
from drcore._call import as_json, wait_async
from drcore._native import Rehearsal
from drcore.types import DrillHistory

__all__ = ["history", "record"]


async def record(place: str | os.PathLike[str], rehearsal: Rehearsal) -> str:
    """Writes the record of a drill, and gives its name there.

    Arguments and errors are those of :func:`drcore.drills.record`.
    """
    return cast(
        str, await wait_async(lambda wake: _native.drills_record(os.fspath(place), rehearsal, wake), None)
    )


async def history(place: str | os.PathLike[str], *, slower_by: int | None = None) -> DrillHistory:
    """All drills that are recorded in a place, the newest first, and whether the newest took longer than before.

    Arguments and errors are those of :func:`drcore.drills.history`.
    """
    text = as_json(slower_by=slower_by)
    return cast(
        DrillHistory,
        await wait_async(lambda wake: _native.drills_history(os.fspath(place), text, wake), None),
    )
