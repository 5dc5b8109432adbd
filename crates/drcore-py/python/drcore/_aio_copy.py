"""Copying. As :func:`drcore.copy`, awaited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from drcore._call import LimitsLike, OnProgress, PlanLike, Target, wait_async
from drcore._copy import planning
from drcore._native import CopyPlan
from drcore.types import Onto


async def copy(
    source: str,
    target: str | Target,
    *,
    onto: Onto | None = None,
    tables: Sequence[str] | None = None,
    jobs: int | None = None,
    clone_of: str | None = None,
    plan: PlanLike | None = None,
    only: Sequence[str] | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    content: bool | None = None,
    on_progress: OnProgress | None = None,
) -> CopyPlan:
    """Plans to copy the rows of one live database into the tables of another; writes nothing there.

    Arguments and errors are those of :func:`drcore.copy`. ``on_progress`` is told in the event loop;
    ``await drcore.aio.execute(plan)`` does what was reviewed.
    """
    start = planning(
        source,
        target,
        onto=onto,
        tables=tables,
        jobs=jobs,
        clone_of=clone_of,
        plan=plan,
        only=only,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
        content=content,
    )
    return cast(CopyPlan, await wait_async(start, on_progress))
