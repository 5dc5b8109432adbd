"""The verbs of :mod:`drcore`, awaited.

Cancelling a task cancels on the server, and is through within a second: a task that is cancelled
(by ``asyncio.wait_for``, too) ends after the server was told.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import cast

from drcore import _aio_backup as backup
from drcore import _aio_drills as drills
from drcore import _aio_platform as platform
from drcore import _aio_storage as storage
from drcore import _native
from drcore._aio_copy import copy
from drcore._aio_drill import drill
from drcore._aio_restore import execute, restore
from drcore._call import (
    AgainstLike,
    Allow,
    LimitsLike,
    OnProgress,
    PlanLike,
    Recipe,
    Target,
    as_json,
    options,
    side,
    wait_async,
)
from drcore._native import Diff, Evidence, Gap, Inspection, RepairPlan, Repaired, Report, Scratch

__all__ = [
    "apply",
    "backup",
    "baseline",
    "collect",
    "copy",
    "create_database",
    "diff",
    "drill",
    "drills",
    "execute",
    "gap",
    "init",
    "inspect",
    "judge",
    "platform",
    "repair",
    "restore",
    "scratch",
    "storage",
    "verify",
]


async def verify(
    url: str | None = None,
    *,
    plan: PlanLike | None = None,
    against: AgainstLike | None = None,
    only: Sequence[str] | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    content: bool | None = None,
    store: str | None = None,
    tenant: str | None = None,
    attempt_writes: str | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Verifies a database: collects, and judges.

    A database that cannot be reached gives a report too: everything unread, the verdict
    ``unproven``.

    Args:
        url: The database; by default ``DATABASE_URL``, else the ``PG*`` variables.
        plan: What must hold: a path, or the plan as a dict.
        against: What it is compared with: a file, the URL of a live database, or Evidence.
        only: Only these checks; the report lists the others as not selected.
        deadline: How long it may take, such as ``"10m"``; what was not read by then is unread.
        sessions: How many sessions read, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go:
            ``{"statement_timeout": "1h", "snapshot_age": "30m"}``.
        content: Whether the rows themselves are read and compared; by default where the server is near.
        store: Where the files of Supabase Storage are: ``s3://bucket/prefix`` or ``file:///dir``, or the
            service's API: ``supabase://ref`` or ``https://host/storage/v1``.
        tenant: Whose files, where the store holds those of several tenants.
        attempt_writes: The name of the database, as ``repair`` has it, where the plan's ``[tenant_isolation]`` wants
            writes to be attempted as users: each is undone. Never production's.
        on_progress: Is told how far it is, in the event loop. What it raises cancels the call.

    Raises:
        UsageError: An argument cannot work, such as the name of a check that does not exist.
        PlanError: The plan has mistakes; ``detail`` shows all of them.
        FormatError: The baseline is none, or newer than this version.
        IoError: The plan or the baseline cannot be read.
    """
    text, evidence = options(
        against,
        plan=plan,
        only=only,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
        content=content,
        store=store,
        tenant=tenant,
        attempt_writes=attempt_writes,
    )
    return cast(Report, await wait_async(lambda wake: _native.verify(url, text, evidence, wake), on_progress))


async def collect(
    url: str | None = None,
    *,
    plan: PlanLike | None = None,
    against: AgainstLike | None = None,
    only: Sequence[str] | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    content: bool | None = None,
    store: str | None = None,
    tenant: str | None = None,
    attempt_writes: str | None = None,
    snapshot: str | None = None,
    shard: str | None = None,
    on_progress: OnProgress | None = None,
) -> Evidence:
    """Collects what :func:`verify` would judge. Where nothing can be read, the Evidence says so.

    Args:
        url: The database; by default ``DATABASE_URL``, else the ``PG*`` variables.
        plan: What must hold: a path, or the plan as a dict.
        against: What it will be compared with: it decides what is read.
        only: Only what these checks want to know.
        deadline: How long it may take, such as ``"10m"``; what was not read by then is unread.
        sessions: How many sessions read, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go:
            ``{"statement_timeout": "1h", "snapshot_age": "30m"}``.
        content: Whether the rows themselves are read and compared; by default where the server is near.
        store: Where the files of Supabase Storage are: ``s3://bucket/prefix`` or ``file:///dir``, or the
            service's API: ``supabase://ref`` or ``https://host/storage/v1``.
        tenant: Whose files, where the store holds those of several tenants.
        attempt_writes: The name of the database, as ``repair`` has it, where the plan's ``[tenant_isolation]`` wants
            writes to be attempted as users: each is undone. Never production's.
        snapshot: The id of an exported snapshot to join, such as that of a running ``pg_dump``.
        shard: Only this share of the work, such as ``"2/4"``; :meth:`Evidence.merge` puts all together.
        on_progress: Is told how far it is, in the event loop. What it raises cancels the call.

    Raises:
        UsageError: An argument cannot work, such as the name of a check that does not exist.
        PlanError: The plan has mistakes; ``detail`` shows all of them.
        FormatError: The baseline is none, or newer than this version.
        IoError: The plan or the baseline cannot be read.
    """
    text, evidence = options(
        against,
        plan=plan,
        only=only,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
        content=content,
        store=store,
        tenant=tenant,
        attempt_writes=attempt_writes,
        snapshot=snapshot,
        shard=shard,
    )
    return cast(Evidence, await wait_async(lambda wake: _native.collect(url, text, evidence, wake), on_progress))


async def judge(
    evidence: Evidence,
    *,
    plan: PlanLike | None = None,
    against: AgainstLike | None = None,
    only: Sequence[str] | None = None,
) -> Report:
    """Judges Evidence that was collected before. Connects to nothing, unless ``against`` is a URL.

    Args:
        evidence: What was collected.
        plan: What must hold: a path, or the plan as a dict.
        against: What it is compared with: a file, the URL of a live database, or Evidence.
        only: Only these checks; the report lists the others as not selected.

    Raises:
        UsageError: An argument cannot work, such as the name of a check that does not exist.
        PlanError: The plan has mistakes; ``detail`` shows all of them.
        FormatError: The baseline is none, or newer than this version.
        IoError: The plan or the baseline cannot be read.
    """
    text, baseline = options(against, plan=plan, only=only)
    return cast(Report, await wait_async(lambda wake: _native.judge(evidence, text, baseline, wake), None))


async def baseline(
    url: str | None = None,
    *,
    plan: PlanLike | None = None,
    only: Sequence[str] | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    content: bool | None = None,
    snapshot: str | None = None,
    shard: str | None = None,
    on_progress: OnProgress | None = None,
) -> Evidence:
    """Collects a baseline: Evidence to :meth:`~Evidence.save` beside a backup.

    What could not be collected as a whole raises: half a baseline would be half a proof.

    Args:
        url: The database; by default ``DATABASE_URL``, else the ``PG*`` variables.
        plan: What must hold: a path, or the plan as a dict.
        only: Only what these checks want to know.
        deadline: How long it may take, such as ``"10m"``.
        sessions: How many sessions read, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go:
            ``{"statement_timeout": "1h", "snapshot_age": "30m"}``.
        content: Whether the rows themselves are read and compared; by default where the server is near.
        snapshot: The id of an exported snapshot to join, such as that of a running ``pg_dump``.
        shard: Only this share of the work, such as ``"2/4"``; :meth:`Evidence.merge` puts all together.
        on_progress: Is told how far it is, in the event loop. What it raises cancels the call.

    Raises:
        Error: One of its subclasses, by what kept the baseline from being collected.
    """
    text, _ = options(
        None,
        plan=plan,
        only=only,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
        content=content,
        snapshot=snapshot,
        shard=shard,
    )
    return cast(Evidence, await wait_async(lambda wake: _native.baseline(url, text, wake), on_progress))

async def diff(
    a: AgainstLike,
    b: AgainstLike | None = None,
    *,
    tables: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    common_columns: bool | None = None,
    limit: int | None = None,
    values: bool | None = None,
    structure: bool | None = None,
    plan: PlanLike | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    on_progress: OnProgress | None = None,
) -> Diff:
    """Compares two databases, or one with a baseline: which tables, columns and rows differ.

    ``same`` only where every row of every compared table is the same and nothing was left unread. A
    side that cannot be reached gives a result too: everything unread, the verdict ``unproven``.

    Args:
        a: The one side: a URL, the file of a baseline, or Evidence.
        b: The other side; by default the database of ``DATABASE_URL``, else the ``PG*`` variables.
        tables: Only these tables.
        exclude: Not these: ``"schema.table"`` or ``"table"``, where ``*`` stands for any text.
        common_columns: Whether a table whose columns differ is compared by those that both have.
        limit: How many rows of each sort a table shows, 20 by default; ``rows`` gives all.
        values: Whether values of rows that differ are read, as they are by default. The text shows
            none, and JSON only where it is asked for them.
        structure: Whether every object of the structure is compared, as the catalogs say it, instead
            of rows: ``diff.structure`` has what differs.
        plan: Scope, exceptions and limits: a path, or the plan as a dict.
        deadline: How long it may take, such as ``"10m"``; what was not read by then is unread.
        sessions: How many sessions read on each side, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go:
            ``{"statement_timeout": "1h", "snapshot_age": "30m"}``.
        on_progress: Is told how far it is, in the event loop. What it raises cancels the call.

    Raises:
        UsageError: An argument cannot work, such as a table that is nowhere, or a dump as a side.
        PlanError: The plan has mistakes; ``detail`` shows all of them.
        FormatError: A baseline is none, or newer than this version.
        IoError: The plan or a baseline cannot be read.
    """
    text = as_json(
        tables=tables,
        exclude=exclude,
        common_columns=common_columns,
        limit=limit,
        values=values,
        structure=structure,
        plan=plan,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
    )
    return cast(Diff, await wait_async(lambda wake: _native.diff(side(a), side(b), text, wake), on_progress))

async def gap(
    url: str | None = None,
    *,
    since: str | datetime,
    tenant_column: str | None = None,
    tables: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    plan: PlanLike | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    snapshot: str | None = None,
    on_progress: OnProgress | None = None,
) -> Gap:
    """Counts the rows that were created after an instant, per table, tenant and hour.

    Ask a state that still knows: the old database, a replica, a salvaged copy. Of a state without
    any newer row the verdict is ``unproven``: it looks like the restored copy.

    Args:
        url: The database; by default ``DATABASE_URL``, else the ``PG*`` variables.
        since: The instant that a restore went back to, with its offset from UTC.
        tenant_column: The column that says which tenant a row belongs to; else the plan's.
        tables: Only these tables.
        columns: Columns such as ``"proposals.sent_at"`` that say when a row was created, where the
            usual names do not.
        plan: Scope, tenancy and limits: a path, or the plan as a dict.
        deadline: How long it may take, such as ``"10m"``; what was not read by then is unread.
        sessions: How many sessions read, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go:
            ``{"statement_timeout": "1h", "snapshot_age": "30m"}``.
        snapshot: The id of an exported snapshot to join.
        on_progress: Is told how far it is, in the event loop. What it raises cancels the call.

    Raises:
        UsageError: An argument cannot work, such as a table that is nowhere.
        PlanError: The plan has mistakes; ``detail`` shows all of them.
        Error: Another of its subclasses, by what kept everything from being read.
    """
    text = as_json(
        since=since,
        tenant_column=tenant_column,
        tables=tables,
        columns=columns,
        plan=plan,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
        snapshot=snapshot,
    )
    return cast(Gap, await wait_async(lambda wake: _native.gap(url, text, wake), on_progress))


async def init(
    url: str | None = None,
    *,
    deadline: str | None = None,
    limits: LimitsLike | None = None,
    on_progress: OnProgress | None = None,
) -> str:
    """Writes a commented plan, as TOML, from what a database is like.

    Looks at the catalog only. The plan writes down what it sees, damage included: begin with a database
    that is well, and read every line.

    Args:
        url: The database; by default ``DATABASE_URL``, else the ``PG*`` variables.
        deadline: How long it may take, such as ``"10m"``.
        limits: Further limits, as in the plan's ``[limits]``.
        on_progress: Is told how far it is, in the event loop. What it raises cancels the call.

    Raises:
        Error: One of its subclasses, by what kept the catalog from being read.
    """
    text, _ = options(None, deadline=deadline, limits=limits)
    return cast(str, await wait_async(lambda wake: _native.init(url, text, wake), on_progress))


async def inspect(
    archive: str | os.PathLike[str],
    *,
    against: AgainstLike | None = None,
    data: bool | None = None,
    fingerprints: bool | None = None,
    list: bool | None = None,
) -> Inspection:
    """Reads a dump without a server: whether it is whole, and how many rows each table has.

    Custom, directory, tar and plain SQL, also compressed as a whole. Half a table has no number of
    rows, and a dump that breaks is no error: the verdict is ``damaged``.

    Args:
        archive: The file, the directory of ``pg_dump -Fd``, or the URL of a repository of backups, of a day
            in it or of one backup.
        against: A baseline of the snapshot that was dumped: its file, the URL of a backup, or Evidence; or
            the path of another dump, with which the rows themselves are compared.
        data: Whether the data is read, as it is by default; else only the table of contents is, and the
            verdict is ``unproven``.
        fingerprints: Whether the rows of each table are hashed, so that two dumps can be compared.
        list: Whether the table of contents is part of what is given, as ``entries``.

    Raises:
        UsageError: An argument cannot work.
        IoError: It cannot be read at all.
    """
    text, evidence = options(against, data=data, fingerprints=fingerprints, list=list)
    path = os.fspath(archive)
    return cast(Inspection, await wait_async(lambda wake: _native.inspect(path, text, evidence, wake), None))


async def repair(
    url: str | None = None,
    *,
    report: Report | None = None,
    choices: Mapping[str, str] | None = None,
    allow: Allow | None = None,
    plan: PlanLike | None = None,
    against: AgainstLike | None = None,
    only: Sequence[str] | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    content: bool | None = None,
    on_progress: OnProgress | None = None,
) -> RepairPlan:
    """Plans what puts the findings of a database right; writes nothing.

    Verifies first, with the same options as :func:`verify`, or takes a report. ``print(plan)`` shows
    every statement with what it can break and the findings that it answers; ``await drcore.aio.apply(plan, target)``
    applies what was reviewed.

    Args:
        url: The database; by default ``DATABASE_URL``, else the ``PG*`` variables.
        report: The findings of this report, instead of verifying first.
        choices: For findings that need a choice, the way, by check or by the id of a finding:
            ``{"orphan_fks": "delete"}``.
        allow: The worst class of remedy that goes in without having been chosen by name, ``"safe"``
            by default.
        plan: What must hold: a path, or the plan as a dict.
        against: What it is compared with: a file, the URL of a live database, or Evidence.
        only: Only the findings of these checks.
        deadline: How long verifying may take, such as ``"10m"``.
        sessions: How many sessions read, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go.
        content: Whether the rows themselves are read and compared; by default where the server is near.
        on_progress: Is told how far it is, in the event loop. What it raises cancels the call.

    Raises:
        UsageError: An argument cannot work, such as a choice that fits no finding.
        PlanError: The plan has mistakes; ``detail`` shows all of them.
    """
    text, evidence = options(
        against,
        choices=choices,
        allow=allow,
        plan=plan,
        only=only,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
        content=content,
    )
    return cast(
        RepairPlan,
        await wait_async(lambda wake: _native.repair(url, text, evidence, report, wake), on_progress),
    )


async def apply(plan: RepairPlan, target: Target, *, on_progress: OnProgress | None = None) -> Repaired:
    """Applies a reviewed plan, all of it or nothing, and verifies again.

    The target must be what the plan is for, and what answers; ``drcore.explain("guard")`` says what is
    refused, always before anything is written. Once the last statement was sent it is not cancelled
    any more.

    Args:
        plan: What was reviewed.
        target: What is written to, by its URL and its name.
        on_progress: Is told how far verifying again is, in the event loop. What it raises cancels the call.

    Raises:
        RefusedError: The target is not what was named, or not what the plan is for; ``detail`` shows
            what was compared.
        QueryError: The server refused a statement; nothing was changed.
    """
    return cast(
        Repaired,
        await wait_async(lambda wake: _native.apply(plan, target.url, target.project, wake), on_progress),
    )


@asynccontextmanager
async def scratch(
    *,
    major: int | None = None,
    recipe: Recipe | None = None,
    port: int | None = None,
    settings: Mapping[str, object] | None = None,
) -> AsyncIterator[Scratch]:
    """Starts a throw-away PostgreSQL server on this machine: ``async with drcore.aio.scratch() as db: …``.

    Args:
        major: The major version, such as 17; by default what is found.
        recipe: ``"plain"``; ``"supabase"``, a fresh project with its roles, schemas, login and storage
            tables; or ``"supabase_roles"``, only what a dump of a whole project does not bring itself.
        port: Listens on 127.0.0.1 at this port too, where everybody on this machine may connect.
        settings: Further settings of the server, such as ``{"max_connections": 20}``.

    Raises:
        ToolError: PostgreSQL's programs are not there; ``hint`` says how to install them.
    """
    text = as_json(major=major, recipe=recipe, port=port, settings=settings)
    cluster = cast(Scratch, await wait_async(lambda wake: _native.scratch(text, wake), None))
    try:
        yield cluster
    finally:
        cluster.close()


async def create_database(scratch: Scratch, name: str) -> str:
    """Creates a database in a scratch cluster, as its recipe has it; gives its connection string."""
    return cast(str, await wait_async(lambda wake: _native.create_database(scratch, name, wake), None))
