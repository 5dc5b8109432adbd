"""Rehearsing a restore. As :func:`drcore.drill`, awaited."""

from __future__ import annotations

import os
from typing import cast

from drcore._call import AgainstLike, LimitsLike, OnProgress, PlanLike, Recipe, wait_async
from drcore._drill import rehearsing
from drcore._native import Rehearsal


async def drill(
    backup: str | os.PathLike[str] | None = None,
    *,
    pick: str | None = None,
    recipe: Recipe | None = None,
    major: int | None = None,
    jobs: int | None = None,
    operator: str | None = None,
    plan: PlanLike | None = None,
    against: AgainstLike | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    on_progress: OnProgress | None = None,
) -> Rehearsal:
    """Rehearses a restore: fetches a backup, restores it into a throw-away cluster, verifies it, and takes the time.

    Arguments and errors are those of :func:`drcore.drill`. ``on_progress`` is told in the event loop.
    """
    start = rehearsing(
        backup,
        against,
        pick=pick,
        recipe=recipe,
        major=major,
        jobs=jobs,
        operator=operator,
        plan=plan,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
    )
    return cast(Rehearsal, await wait_async(start, on_progress))
