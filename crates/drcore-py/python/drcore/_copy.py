"""Copying, which blocks until it is done. :mod:`drcore.aio` has the same, awaited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

from drcore import _native
from drcore._call import LimitsLike, OnProgress, PlanLike, Target, Wake, options, wait
from drcore._native import Call, CopyPlan
from drcore.types import Onto

Start: TypeAlias = "Callable[[Wake | None], Call]"


def copy(
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

    All rows are of one snapshot of the source. ``print(plan)`` shows what would be copied and what is left
    out; ``plan.execute()`` does exactly that, and compares. ``drcore.explain("copy")`` has more.

    Args:
        source: What is copied from, by its URL; it is read only.
        target: What is copied into, by its URL and its name; of a scratch cluster the URL is enough. It has the
            tables.
        onto: What happens to rows that the tables hold: ``"empty"``, as they must be by default; ``"replace"``
            takes them away first; ``"start_over"`` takes away what an interrupted copy left in them.
        tables: Only these tables, such as ``"public.invoices"``; all that are the application's otherwise.
        jobs: How many tables, or parts of one, are copied at once, from 1 to 64.
        clone_of: The name of what the target is a physical clone of, where it is one.
        plan: What must hold afterwards, and what is protected: a path, or the plan as a dict.
        only: Only these checks when the copy is compared; the report lists the others as not selected.
        deadline: How long copying may take, and comparing, such as ``"4h"``.
        sessions: How many sessions read when it is compared, from 1 to 64.
        limits: Further limits, as in the plan's ``[limits]``, before which they go.
        content: Whether the rows themselves are compared; they are by default.
        on_progress: Is told how far it is, in this thread. What it raises cancels the call.

    Raises:
        RefusedError: The target is not what was named, is protected, or its tables hold rows.
        UnsupportedError: The source cannot share a snapshot, as behind a pooler in transaction mode.
        UsageError: An argument cannot work, such as a table that the source does not have.
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
    return cast(CopyPlan, wait(start, on_progress))


def planning(source: str, target: str | Target, **given: object) -> Start:
    """How a plan is begun, for whoever waits for it."""
    url, project = (target.url, target.project) if isinstance(target, Target) else (target, None)
    text, _ = options(None, project=project, **given)
    return lambda wake: _native.copy(source, url, text, wake)
