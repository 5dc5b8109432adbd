"""Backups of the platform, and going back in time there. Each call blocks; :mod:`drcore.aio` has the same, awaited."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import cast, overload

from drcore import _native
from drcore._call import AgainstLike, LimitsLike, OnProgress, PlanLike, options, wait
from drcore.types import PitrPlan, PitrRun, PlatformFacts

__all__ = ["backups", "pitr"]


def backups(project: str) -> PlatformFacts:
    """The daily backups of a project, and how far point-in-time recovery reaches.

    The token is read from ``SUPABASE_ACCESS_TOKEN``.

    Args:
        project: The project, by its ref.

    Raises:
        UsageError: There is no token, or no such project.
        AuthenticationError: The token will not do.
        ConnectionError: The platform does not answer.
    """
    return cast(PlatformFacts, wait(lambda wake: _native.platform_backups(project, wake), None))


@overload
def pitr(
    project: str,
    *,
    to: str | datetime,
    salvage: str | os.PathLike[str] | None = None,
    without_salvage: str | None = None,
    apply: None = None,
) -> PitrPlan: ...
@overload
def pitr(
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
def pitr(
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

    There is no way back but the salvage. Cancelled, only the watching ends: the platform goes on. That it was
    ``restored`` is what the platform says; what the database holds, only verifying tells: without a ``url``
    there is no ``report``, and nothing is proved. ``drcore.explain("platform")`` has more.

    Args:
        project: The project that is restored, by its ref.
        to: The instant to go back to, in whole seconds, with its offset.
        salvage: Where the salvage of less than an hour ago lies: see :func:`drcore.backup.salvage`.
        without_salvage: Why there is none, instead; the reason is recorded.
        apply: Start what the plan of this digest says, if it is still that one.
        url: The database to verify afterwards.
        plan: What must hold then: a path, or the plan as a dict.
        against: What it is compared with then: a file, the URL of a live database, or Evidence.
        only: Only these checks then.
        deadline: How long verifying may take, such as ``"10m"``.
        sessions: How many sessions read then, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go.
        content: Whether the rows themselves are compared then.
        on_progress: Is told how far verifying is, in this thread. What it raises cancels the call.

    Raises:
        RefusedError: The salvage is missing, old or of another project, the project is not running, or the
            plan is another by now; nothing was begun.
        UnsupportedError: Point-in-time recovery is off.
        UsageError: An argument cannot work, such as an instant that cannot be gone back to.
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
            PitrPlan, wait(lambda wake: _native.platform_pitr_plan(project, text, wake), None)
        )
    return cast(
        PitrRun,
        wait(lambda wake: _native.platform_pitr(project, text, evidence, wake), on_progress),
    )
