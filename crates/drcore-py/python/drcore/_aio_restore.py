"""Restoring. As :func:`drcore.restore` and :func:`drcore.execute`, awaited."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

from drcore import _native
from drcore._call import AgainstLike, LimitsLike, OnProgress, PlanLike, Target, wait_async
from drcore._native import RestorePlan, Restored
from drcore._restore import planning
from drcore.types import Onto


async def restore(
    archive: str | os.PathLike[str],
    target: str | Target,
    *,
    pick: str | None = None,
    onto: Onto | None = None,
    tables: Sequence[str] | None = None,
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


async def execute(
    plan: RestorePlan, *, apply: str | None = None, on_progress: OnProgress | None = None
) -> Restored:
    """Restores as the plan says; with a baseline, puts right what the dump does not bring, and verifies.

    Arguments and errors are those of :func:`drcore.execute`. ``on_progress`` is told in the event loop.
    """
    return cast(Restored, await wait_async(lambda wake: _native.execute(plan, apply, wake), on_progress))
