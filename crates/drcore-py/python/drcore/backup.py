"""Backups: a repository of them in a bucket or a directory. Each call blocks; :mod:`drcore.aio` has the same, awaited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast, overload

from drcore import _native
from drcore._call import LimitsLike, OnProgress, PlanLike, as_json, wait
from drcore.types import BackupList, PrunePlan, Pruned, Taken, Verification

__all__ = ["list", "prune", "salvage", "take", "verify"]

Dump = Literal["custom", "directory"]
"""How a dump is written: one file, which goes to the repository as it comes, or a file a table."""


def take(
    url: str | None = None,
    *,
    to: str | None = None,
    plan: PlanLike | None = None,
    content: bool | None = None,
    dump: Dump | None = None,
    jobs: int | None = None,
    compress: str | None = None,
    exclude_schemas: Sequence[str] = (),
    exclude_tables: Sequence[str] = (),
    exclude_table_data: Sequence[str] = (),
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    on_progress: OnProgress | None = None,
) -> Taken:
    """Takes a backup: a dump and a baseline of one snapshot, into a repository.

    Either all of it is there in the end, with its manifest, or nothing that could be taken for a backup.

    Args:
        url: The database; by default ``DATABASE_URL``, else the ``PG*`` variables.
        to: The repository: ``s3://bucket/prefix``, ``gs://…``, ``az://…`` or a directory; by default
            that of the plan. Keys are read from the environment.
        plan: What the baseline must be able to answer: a path, or the plan as a dict.
        content: Whether the baseline shows every row that differs; by default it does.
        dump: How the dump is written; ``"directory"`` by several sessions at once.
        jobs: How many sessions write a dump of the directory format, 2 by default.
        compress: ``"gzip:6"``, ``"zstd:3"`` or ``"none"``; by default what suits the programs.
        exclude_schemas: Patterns of schemas that are left out, which the manifest tells.
        exclude_tables: Patterns of tables that are left out.
        exclude_table_data: Patterns of tables whose rows are left out.
        deadline: How long it may take, such as ``"4h"``.
        sessions: How many sessions read for the baseline, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go.
        on_progress: Is told how far it is, in this thread. What it raises cancels the call.

    Raises:
        PermissionError: The role may not read something: a dump without it is no backup.
        ToolError: ``pg_dump`` is missing, too old, or fails; ``hint`` says what to do.
        UnsupportedError: Behind a transaction pooler a snapshot cannot be shared.
        UsageError: An argument cannot work.
    """
    text = as_json(
        to=to,
        plan=plan,
        content=content,
        dump=dump,
        jobs=jobs,
        compress=compress,
        exclude_schemas=exclude_schemas,
        exclude_tables=exclude_tables,
        exclude_table_data=exclude_table_data,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
    )
    return cast(Taken, wait(lambda wake: _native.backup_take(url, text, wake), on_progress))


def salvage(
    url: str | None = None,
    *,
    to: str | None = None,
    plan: PlanLike | None = None,
    content: bool | None = None,
    compress: str | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    on_progress: OnProgress | None = None,
) -> Taken:
    """Holds on to what there is before something is done in place: without what is broken or may not be read.

    What is not in it, it tells. It is never picked as a backup by itself, and never pruned.

    Args:
        url: The database; by default ``DATABASE_URL``, else the ``PG*`` variables.
        to: The repository or directory; by default that of the plan.
        plan: What the baseline must be able to answer: a path, or the plan as a dict.
        content: Whether the baseline shows every row that differs; by default it does.
        compress: ``"gzip:6"``, ``"zstd:3"`` or ``"none"``; by default what suits the programs.
        deadline: How long it may take, such as ``"4h"``.
        sessions: How many sessions read for the baseline, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go.
        on_progress: Is told how far it is, in this thread. What it raises cancels the call.

    Raises:
        UsageError: An argument cannot work.
    """
    text = as_json(
        to=to,
        plan=plan,
        content=content,
        compress=compress,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
    )
    return cast(Taken, wait(lambda wake: _native.backup_salvage(url, text, wake), on_progress))


def list(repository: str) -> BackupList:
    """What a repository holds, the newest first, dumps of others too.

    Args:
        repository: ``s3://bucket/prefix``, ``gs://…``, ``az://…`` or a directory.

    Raises:
        ConnectionError: The store does not answer. Half a list is none.
        UsageError: There is no such bucket or directory.
    """
    return cast(BackupList, wait(lambda wake: _native.backup_list(repository, wake), None))


def verify(
    repository: str,
    *,
    backup: str | None = None,
    record: bool | None = None,
    on_progress: OnProgress | None = None,
) -> Verification:
    """Looks into a backup without restoring it: ``verdict`` is ``whole``, ``damaged`` or ``unproven``.

    Every byte is read: sums are compared with the manifest's, and the rows of each table, counted in the
    dump, with the baseline's. What it shows is recorded beside the backup.

    Args:
        repository: A repository, a day in it (the newest backup is meant), or one backup.
        backup: Which: ``"newest"``, a day, an instant (the newest before it) or a name.
        record: Whether it is recorded; by default it is.
        on_progress: Is told how far it is, in this thread. What it raises cancels the call.

    Raises:
        ConnectionError: The store does not answer: whether the backup is whole is not known.
        UsageError: There is no such backup, or it was never finished.
    """
    text = as_json(backup=backup, record=record)
    return cast(
        Verification, wait(lambda wake: _native.backup_verify(repository, text, wake), on_progress)
    )


@overload
def prune(
    repository: str,
    *,
    keep: str | None = None,
    keep_last: int | None = None,
    foreign: bool | None = None,
    apply: None = None,
) -> PrunePlan: ...
@overload
def prune(
    repository: str,
    *,
    keep: str | None = None,
    keep_last: int | None = None,
    foreign: bool | None = None,
    apply: str,
) -> Pruned: ...
def prune(
    repository: str,
    *,
    keep: str | None = None,
    keep_last: int | None = None,
    foreign: bool | None = None,
    apply: str | None = None,
) -> PrunePlan | Pruned:
    """Which backups are too old; with the digest of that plan, removes them.

    Never removed are the newest that can be restored from, the newest that was verified, salvages and,
    unless ``foreign`` says so, dumps that others made.

    Args:
        repository: ``s3://bucket/prefix``, ``gs://…``, ``az://…`` or a directory.
        keep: Keep what is no older, such as ``"30 days"``.
        keep_last: Keep so many, the newest.
        foreign: Let dumps go too that others made.
        apply: Remove what the plan of this digest names, if it is still that one.

    Raises:
        UsageError: Neither ``keep`` nor ``keep_last`` is given, or the plan is another by now.
    """
    text = as_json(keep=keep, keep_last=keep_last, foreign=foreign, apply=apply)
    if apply is None:
        return cast(
            PrunePlan, wait(lambda wake: _native.backup_prune_plan(repository, text, wake), None)
        )
    return cast(Pruned, wait(lambda wake: _native.backup_prune(repository, text, wake), None))
