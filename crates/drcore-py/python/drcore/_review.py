"""The review of an incident. It reads records only, and needs no twin that is awaited."""

from __future__ import annotations

import os
from typing import TypeAlias

from drcore import _native
from drcore._native import Gap, Rehearsal, Repaired, Report, Restored

Record: TypeAlias = "Rehearsal | Restored | Repaired | Report | Gap | str | os.PathLike[str]"
"""What a verb gave, or the path of a file that holds its JSON."""


def review(*records: Record) -> str:
    """Begins the review of an incident, or of a drill, as Markdown, from what was recorded.

    Timeline, RTO and RPO, what was lost, what was done and verified are filled in; every place that only people
    can fill says ``TO WRITE``. ``drcore.explain("review")`` has more.

    Args:
        records: What :func:`drcore.drill`, ``execute``, ``apply``, ``verify`` and ``gap`` gave, or files with their
            JSON, in any order.

    Raises:
        UsageError: There is none.
        FormatError: One is no record of these, or newer than this version.
        IoError: A file cannot be read.
    """
    files = [os.fspath(record) for record in records if isinstance(record, (str, os.PathLike))]
    given = [record.to_json() for record in records if not isinstance(record, (str, os.PathLike))]
    return _native.review(given, files)
