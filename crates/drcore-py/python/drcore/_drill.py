"""Rehearsing a restore, which blocks until it is done. :mod:`drcore.aio` has the same, awaited."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias, cast

from drcore import _native
from drcore._call import AgainstLike, LimitsLike, OnProgress, PlanLike, Recipe, Wake, options, wait
from drcore._native import Call, Rehearsal

Start: TypeAlias = "Callable[[Wake | None], Call]"


def drill(
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

    Nothing of yours is touched, and nothing is left. It is ``passed`` only where all came back, all of it was verified
    against the baseline of the backup, and the plan's ``[objectives]`` were met; ``drcore.explain("drill")`` has more.

    Args:
        backup: A repository of backups, of which the newest is taken, a day in it, one backup, or a file that
            ``pg_dump`` wrote; by default the repository of the plan's ``[backups]``.
        pick: Which backup of the repository: ``"newest"``, a day, an instant (the newest before it) or its name.
        recipe: What the database begins with that it is restored into; by default as the backup needs it.
        major: The major version of the server, such as 17; by default that of the backup.
        jobs: How many sessions restore at once, from 1 to 64.
        operator: Who rehearses, for the drill log; by default who is logged in.
        plan: What must hold, and the objectives: a path, or the plan as a dict.
        against: The baseline, as a file or Evidence; by default the one that lies beside the backup.
        deadline: How long verifying may take, such as ``"1h"``; what was not read by then is unread.
        sessions: How many sessions read when it is verified, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go.
        on_progress: Is told how far it is, in this thread. What it raises cancels the call.

    Raises:
        UsageError: There is no such backup, or an argument cannot work.
        FormatError: The backup is not what was written.
        ToolError: PostgreSQL's programs are not there; ``hint`` says how to install them.
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
    return cast(Rehearsal, wait(start, on_progress))


def rehearsing(backup: str | os.PathLike[str] | None, against: AgainstLike | None, **given: object) -> Start:
    """How a drill is begun, for whoever waits for it."""
    place = None if backup is None else os.fspath(backup)
    text, evidence = options(against, **given)
    return lambda wake: _native.drill(place, text, evidence, wake)
