"""Backups of the platform, and going back in time there. As :mod:`drcore.platform`, awaited."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import cast, overload

from drcore import _native
from drcore._call import AgainstLike, LimitsLike, OnProgress, PlanLike, options, wait_async
from drcore.types import PitrPlan, PitrRun, PlatformFacts

__all__ = ["backups", "pitr"]


async def backups(project: str) -> PlatformFacts:
    """The daily backups of a project, and how far point-in-time recovery reaches.

    Arguments and errors are those of :func:`drcore.platform.backups`.
    """
    return cast(PlatformFacts, await wait_async(lambda wake: _native.platform_backups(project, wake), None))


@overload
async def pitr(
    project: str,
    *,
    to: str | datetime,
    salvage: str | os.PathLike[str] | None = None,
    without_salvage: str | None = None,
    apply: None = None,
) -> PitrPlan: ...
@overload
async def pitr(
    project: str,
    *,
    to: str | datetime,
    salvage: str | os.PathLike[str] | None = None,
    without_salvage: str | None = None,
    apply: str,
    url: str | None = None,
    plan: PlanLike | None = None,
    against: AgainstLike | None = None,
    only: Sequence[str] | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    content: bool | None = None,
    on_progress: OnProgress | None = None,
) -> PitrRun: ...
async def pitr(
    project: str,
    *,
    to: str | datetime,
    salvage: str | os.PathLike[str] | None = None,
    without_salvage: str | None = None,
    apply: str | None = None,
    url: str | None = None,
    plan: PlanLike | None = None,
    against: AgainstLike | None = None,
    only: Sequence[str] | None = None,
    deadline: str | None = None,
    sessions: int | None = None,
    limits: LimitsLike | None = None,
    content: bool | None = None,
    on_progress: OnProgress | None = None,
) -> PitrPlan | PitrRun:
    """Plans going back in time, in place; with the digest of that plan, starts it and watches it to its end.

    Arguments and errors are those of :func:`drcore.platform.pitr`. ``on_progress`` is told in the event loop.
    """
    text, evidence = options(
        against,
        to=to,
        salvage=salvage,
        without_salvage=without_salvage,
        apply=apply,
        url=url,
        plan=plan,
        only=only,
        deadline=deadline,
        sessions=sessions,
        limits=limits,
        content=content,
    )
    if apply is None:
        return cast(
            PitrPlan, await wait_async(lambda wake: _native.platform_pitr_plan(project, text, wake), None)
        )
    return cast(
        PitrRun,
        await wait_async(lambda wake: _native.platform_pitr(project, text, evidence, wake), on_progress),
    )
