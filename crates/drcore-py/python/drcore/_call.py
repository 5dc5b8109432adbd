"""Waiting for the core: in a thread, where Ctrl-C must work, and in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Literal, TypeAlias, cast

from drcore import _convert
from drcore._native import Call, Evidence
from drcore.types import Progress

PlanLike: TypeAlias = "str | os.PathLike[str] | Mapping[str, object]"
"""A path to a ``.toml`` or ``.json`` file, or the plan itself."""

AgainstLike: TypeAlias = "str | os.PathLike[str] | Evidence"
"""A file, the URL of a live database, or Evidence."""

LimitsLike: TypeAlias = "Mapping[str, object]"
"""Sessions, timeouts, deadline and age of the snapshot, as in the plan's ``[limits]``."""

OnProgress: TypeAlias = "Callable[[Progress], object]"
"""Is told how far a call is. What it raises cancels the call, and is raised from it."""

Allow: TypeAlias = Literal["safe", "availability_risk", "destructive"]
"""The worst class of remedy that goes into a plan without having been chosen by name."""

Recipe: TypeAlias = Literal["plain", "supabase", "supabase_roles"]
"""What every database of a scratch cluster begins with."""

Wake: TypeAlias = "Callable[[], None]"


@dataclass(frozen=True)
class Target:
    """What is written to: a database, by its URL, and what it is called.

    The name is compared with every part of the URL that speaks of a project, and with the server that
    answers, when something is to be written.
    """

    url: str = field(repr=False)
    """The connection string."""
    project: str
    """The ref of a Supabase project where the URL names one, else ``database@system_identifier``."""


def options(against: AgainstLike | None, **given: object) -> tuple[str, Evidence | None]:
    """The core's own JSON, which it reads itself. Evidence goes beside it."""
    if isinstance(against, Evidence):
        return as_json(**given), against
    return as_json(**given, against=against), None


def side(given: AgainstLike | None) -> tuple[str | None, Evidence | None]:
    """One side of a comparison. Evidence is in Rust already."""
    if given is None or isinstance(given, str):
        return given, None
    if isinstance(given, Evidence):
        return None, given
    return os.fspath(given), None


def as_json(**given: object) -> str:
    """The core's own JSON. What is none of JSON's types is put as the core reads it."""
    return json.dumps(given, default=_plain)


def wait(start: Callable[[Wake | None], Call], on_progress: OnProgress | None) -> Any:
    """Runs a call to its end. Ctrl-C is seen between two waits."""
    call = start(None)
    try:
        while not call.wait(0.1):
            _tell(call, on_progress)
        _tell(call, on_progress)
        return call.result()
    except BaseException:
        # The statements on the server end with the call, whatever ended it.
        call.cancel()
        while not call.wait(0.1):
            call.progress()
        raise


async def wait_async(start: Callable[[Wake | None], Call], on_progress: OnProgress | None) -> Any:
    """Runs a call to its end. Whoever cancels the task waits until the server was told."""
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake() -> None:
        # From another thread. A loop that is closed has nobody waiting.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(woken.set)

    call = start(wake)
    try:
        while not call.done():
            await woken.wait()
            woken.clear()
            _tell(call, on_progress)
        return call.result()
    except GeneratorExit:
        call.cancel()
        raise
    except BaseException:
        call.cancel()
        while not call.done():
            await woken.wait()
            woken.clear()
            call.progress()
        raise


def _tell(call: Call, on_progress: OnProgress | None) -> None:
    text = call.progress()
    if text is not None and on_progress is not None:
        on_progress(cast(Progress, _convert.from_json("progress", text)))


def _plain(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (date, datetime, time)):  # As `tomllib` gives them.
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be an option of drcore")
