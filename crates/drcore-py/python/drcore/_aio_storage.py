"""The files of Supabase Storage. As :mod:`drcore.storage`, awaited."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import cast

from drcore import _native
from drcore._call import LimitsLike, OnProgress, PlanLike, as_json, wait_async
from drcore._native import StorageAudit

__all__ = ["audit"]


async def audit(
    url: str | None = None,
    *,
    store: str | None = None,
    tenant: str | None = None,
    plan: PlanLike | None = None,
    checksums: bool | None = None,
    probe: int | None = None,
    missing_below: Mapping[str, float] | None = None,
    samples: int | None = None,
    settle: str | None = None,
    resume: str | os.PathLike[str] | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    on_progress: OnProgress | None = None,
) -> StorageAudit:
    """Compares the rows of ``storage.objects`` with the bytes, and lists every file that something is wrong with.

    Nothing is written to the database or the store. A database or a store that cannot be reached gives
    a result too: unread, the verdict ``unproven``.

    Args:
        url: The database; by default ``DATABASE_URL``, else the ``PG*`` variables.
        store: Where the files are: ``s3://bucket/prefix`` or ``file:///dir``, or the service's API:
            ``supabase://ref`` or ``https://host/storage/v1``; by default the plan's. Keys are read from
            the environment.
        tenant: Whose files, where the store holds those of several tenants.
        plan: ``[storage_orphans]``, ``[[accept]]`` and limits: a path, or the plan as a dict.
        checksums: Whether checksums are compared too; of a directory, every file is read for it.
        probe: How many objects are asked for, chosen at random, where they can only be asked for one by one.
        missing_below: Which share of all is good enough, with 95 % confidence: ``{"percent": 0.1}``.
        samples: How many files are named of each thing that is wrong; ``rows`` gives all.
        settle: How long a file lies there without a row before it counts, ``"60s"`` by default.
        resume: A file where answers are noted while objects are asked for one by one: an audit that was
            interrupted goes on from there, for a day. It is gone once one came to its end.
        deadline: How long it may take, such as ``"10m"``.
        sessions: How many sessions read, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go.
        on_progress: Is told how far it is, in the event loop. What it raises cancels the call.

    Raises:
        UsageError: An argument cannot work, or no store is named.
        PlanError: The plan has mistakes; ``detail`` shows all of them.
        IoError: The plan cannot be read.
    """
    text = as_json(
        store=store,
        tenant=tenant,
        plan=plan,
        checksums=checksums,
        probe=probe,
        missing_below=missing_below,
        samples=samples,
        settle=settle,
        resume=resume,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
    )
    return cast(StorageAudit, await wait_async(lambda wake: _native.storage_audit(url, text, wake), on_progress))
