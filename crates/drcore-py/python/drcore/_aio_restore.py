"""Restoring. As :func:`drcore.restore` and :func:`drcore.execute`, awaited."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast, overload

from drcore._call import AgainstLike, LimitsLike, OnProgress, PlanLike, Target, wait_async
from drcore._native import Copied, CopyPlan, RestorePlan, Restored
from drcore._restore import executing, planning
from drcore.types import Onto


async def restore(
    archive: str | os.PathLike[str],
    target: str | Target,
    *,
    pick: str | None = None,
    onto: Onto | None = None,
    tables: Sequence[str] | None = None,
    into_schema: str | None = None,
    jobs: int | None = None,
    clone_of: str | None = None,
    plan: PlanLike | None = None,
    against: AgainstLike | None = None,
    only: Sequence[str] | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    content: bool | None = None,
    on_progress: OnProgress | None = None,
) -> RestorePlan:
    """Plans the restore of a backup into a database; writes nothing there.

    Arguments and errors are those of :func:`drcore.restore`. ``on_progress`` is told in the event loop;
    ``await drcore.aio.execute(plan)`` does what was reviewed.
    """
    start = planning(
        archive,
        target,
        against,
        pick=pick,
        onto=onto,
        tables=tables,
        into_schema=into_schema,
        jobs=jobs,
        clone_of=clone_of,
        plan=plan,
        only=only,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
        content=content,
    )
    return cast(RestorePlan, await wait_async(start, on_progress))


@overload
async def execute(
    plan: RestorePlan, *, apply: str | None = None, on_progress: OnProgress | None = None
) -> Restored: ...
@overload
async def execute(
    plan: CopyPlan, *, apply: str | None = None, on_progress: OnProgress | None = None
) -> Copied: ...
async def execute(
    plan: RestorePlan | CopyPlan, *, apply: str | None = None, on_progress: OnProgress | None = None
) -> Restored | Copied:
    """Restores or copies as the plan says, and verifies.

    Arguments and errors are those of :func:`drcore.execute`. ``on_progress`` is told in the event loop.
    """
    return cast("Restored | Copied", await wait_async(executing(plan, apply), on_progress))
