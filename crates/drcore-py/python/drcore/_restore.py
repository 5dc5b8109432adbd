"""Restoring, which blocks until it is done. :mod:`drcore.aio` has the same, awaited."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeAlias, cast, overload

from drcore import _native
from drcore._call import AgainstLike, LimitsLike, OnProgress, PlanLike, Target, Wake, options, wait
from drcore._native import Call, Copied, CopyPlan, RestorePlan, Restored
from drcore.types import Onto

Start: TypeAlias = "Callable[[Wake | None], Call]"


def restore(
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

    ``print(plan)`` shows what would be done, in order, and what is left out and why; ``plan.execute()`` does
    exactly that. ``drcore.explain("restore")`` has more.

    Args:
        archive: What ``pg_dump`` wrote: custom, directory, tar or plain SQL, compressed or not; or a repository
            of backups or one of them, as in :mod:`drcore.backup`: it is fetched into ``TMPDIR``, for as long
            as the plan is there, and put right from the baseline that lies beside it.
        target: What is restored into, by its URL and its name; of a scratch cluster the URL is enough.
        pick: Which backup of the repository: ``"newest"``, a day, an instant, or its name.
        onto: What happens to what the target holds: ``"empty"``, as it must be by default; ``"replace"`` takes
            it away first; ``"resume"`` goes on with a restore of this archive that was interrupted, and
            ``"start_over"`` takes away what that left.
        tables: Only these tables, such as ``"public.invoices"``, with what hangs on them.
        into_schema: Only the rows of these tables, into a new schema of this name: what the target holds stays
            as it is.
        jobs: How many sessions restore at once, from 1 to 64.
        clone_of: The name of what the target is a physical clone of, where it is one.
        plan: What must hold afterwards, and what is protected: a path, or the plan as a dict.
        against: The baseline of the backup, as a file, the URL of a backup, or Evidence: what the dump does
            not bring is put right from it, and the restored database verified.
        only: Only these checks when it is verified; the report lists the others as not selected.
        deadline: How long restoring may take, and verifying, such as ``"4h"``.
        sessions: How many sessions read when it is verified, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go.
        content: Whether the rows themselves are compared when it is verified.
        on_progress: Is told how far it is, in this thread. What it raises cancels the call.

    Raises:
        RefusedError: The target is not what was named, is protected, or holds something; ``detail`` shows
            what was compared.
        FormatError: It is no dump, or not a whole one.
        ToolError: No programs of PostgreSQL fit; ``hint`` says how to install them.
        UsageError: An argument cannot work, such as a table that the dump does not hold.
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
    return cast(RestorePlan, wait(start, on_progress))


@overload
def execute(
    plan: RestorePlan, *, apply: str | None = None, on_progress: OnProgress | None = None
) -> Restored: ...
@overload
def execute(plan: CopyPlan, *, apply: str | None = None, on_progress: OnProgress | None = None) -> Copied: ...
def execute(
    plan: RestorePlan | CopyPlan, *, apply: str | None = None, on_progress: OnProgress | None = None
) -> Restored | Copied:
    """Restores or copies as the plan says.

    A restore with a baseline puts right what the dump does not bring, and verifies; a copy is compared with
    what was copied. Both ends are looked at once more: where one is not what was planned, nothing is written.
    One object that cannot be restored, or table that cannot be copied, does not keep the others from it.
    Cancelled, it leaves the target marked as half restored, which never verifies: plan again, with
    ``onto="resume"`` or ``onto="start_over"``.

    Args:
        plan: What was reviewed.
        apply: The digest of what was reviewed; needed where the plan ``needs_review``.
        on_progress: Is told how far it is, in this thread. What it raises cancels the call.

    Raises:
        RefusedError: The plan is another by now, or was not reviewed.
        ToolError: PostgreSQL's programs could not go on.
        ConnectionError: The target does not answer any more.
    """
    return cast("Restored | Copied", wait(executing(plan, apply), on_progress))


def executing(plan: RestorePlan | CopyPlan, apply: str | None) -> Start:
    """How a plan is done, for whoever waits for it."""
    if isinstance(plan, CopyPlan):
        return lambda wake: _native.execute_copy(plan, apply, wake)
    return lambda wake: _native.execute(plan, apply, wake)


def planning(
    archive: str | os.PathLike[str], target: str | Target, against: AgainstLike | None, **given: object
) -> Start:
    """How a plan is begun, for whoever waits for it."""
    url, project = (target.url, target.project) if isinstance(target, Target) else (target, None)
    text, evidence = options(against, project=project, **given)
    return lambda wake: _native.restore(archive, url, text, evidence, wake)
