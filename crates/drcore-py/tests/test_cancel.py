"""Whoever stops waiting stops the server too."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import drcore
from support import Database, eventually

PLAN: dict[str, object] = {
    "row_counts": {"tables": {"invoices": 1000}},
    "limits": {"lock_timeout": "60s", "connect_timeout": "60s"},
}

SCRIPT = """
import signal, sys, time, drcore
# A shell starts what it runs in the background with Ctrl-C ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
plan = {"row_counts": {"tables": {"invoices": 1000}}, "limits": {"lock_timeout": "60s"}}
try:
    drcore.verify(sys.argv[1], plan=plan)
except KeyboardInterrupt:
    print("interrupted", time.time())
"""


def test_ctrl_c_stops_the_server_within_a_second(locked: Database) -> None:
    command = [sys.executable, "-c", SCRIPT, locked.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        locked.wait_until_read()
        pressed = time.time()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    word, when = out.split()
    assert word == "interrupted"
    assert float(when) - pressed < 1
    # Not a moment later: the statement was gone before the call returned.
    assert locked.reading() == 0


def test_cancelling_a_task_stops_the_server(locked: Database) -> None:
    async def main() -> None:
        task = asyncio.create_task(drcore.aio.verify(locked.url, plan=PLAN))
        await asyncio.to_thread(locked.wait_until_read)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 1
        assert locked.reading() == 0

    asyncio.run(main())


def test_wait_for_stops_the_server(locked: Database) -> None:
    async def main() -> None:
        began = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(drcore.aio.verify(locked.url, plan=PLAN), 0.5)
        assert time.monotonic() - began < 1.5
        assert locked.reading() == 0

    asyncio.run(main())


@pytest.mark.parametrize("verb", [drcore.aio.collect, drcore.aio.baseline, drcore.aio.verify])
def test_every_verb_that_reads_can_be_cancelled(
    locked: Database, verb: Callable[..., Coroutine[Any, Any, object]]
) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(verb(locked.url, plan=PLAN), 0.3)

    asyncio.run(main())
    assert locked.reading() == 0


def test_a_host_that_never_answers_is_given_up() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"postgresql://a@127.0.0.1:{silent.getsockname()[1]}/x"
            began = time.monotonic()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(drcore.aio.verify(url, plan=PLAN), 0.2)
            assert time.monotonic() - began < 1.5

    asyncio.run(main())


def test_an_abandoned_coroutine_stops_the_server(locked: Database) -> None:
    async def main() -> None:
        coroutine = drcore.aio.verify(locked.url, plan=PLAN)
        coroutine.send(None)
        await asyncio.to_thread(locked.wait_until_read)
        coroutine.close()
        await asyncio.to_thread(eventually, lambda: locked.reading() == 0)

    asyncio.run(main())


def test_what_a_progress_callback_raises_cancels_and_is_raised(locked: Database) -> None:
    def refuse(progress: drcore.Progress) -> None:
        # What describes the locked table's index waits already.
        if progress.phase == "catalog":
            raise LookupError("enough")

    began = time.monotonic()
    with pytest.raises(LookupError, match="enough"):
        drcore.verify(locked.url, plan=PLAN, on_progress=refuse)
    with pytest.raises(LookupError, match="enough"):
        asyncio.run(drcore.aio.verify(locked.url, plan=PLAN, on_progress=refuse))
    assert time.monotonic() - began < 2
    assert locked.reading() == 0


def test_a_call_does_not_hold_up_other_threads(locked: Database) -> None:
    reports: list[drcore.Report] = []
    thread = threading.Thread(
        target=lambda: reports.append(drcore.verify(locked.url, plan=PLAN, deadline="700ms"))
    )
    thread.start()
    turns = 0
    while thread.is_alive():
        time.sleep(0.005)
        turns += 1
    assert turns > 20
    assert reports[0].verdict == "unproven"


def test_a_forked_process_can_verify(database: Database) -> None:
    drcore.verify(database.url)
    if (child := os.fork()) == 0:
        status = 1
        try:
            drcore.verify(database.url, plan=PLAN, only=["row_counts"]).assert_passed()
            status = 0
        finally:
            os._exit(status)
    ended: list[int] = []
    thread = threading.Thread(target=lambda: ended.append(os.waitpid(child, 0)[1]))
    thread.start()
    thread.join(10)
    if thread.is_alive():
        os.kill(child, signal.SIGKILL)
    assert ended == [0]
