"""The same, awaited; and what is told on the way."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest

import drcore
from drcore import _native
from support import Database

VERBS = ["baseline", "collect", "diff", "drill", "execute", "gap", "judge", "restore", "verify"]


def test_awaited_is_the_same(database: Database, baseline: drcore.Evidence) -> None:
    database.execute("delete from invoices where id <= 3")

    async def main() -> None:
        then = await drcore.aio.baseline(database.url)
        assert then.to_dict()["scans"] != baseline.to_dict()["scans"]
        evidence = await drcore.aio.collect(database.url, against=baseline)
        report = await drcore.aio.judge(evidence, against=baseline)
        assert report == drcore.judge(evidence, against=baseline)
        whole = await drcore.aio.verify(database.url, against=baseline)
        assert {**whole.to_dict(), "run": None} == {**report.to_dict(), "run": None}
        with pytest.raises(drcore.UsageError, match="no such check"):
            await drcore.aio.verify(database.url, only=["row_cuonts"])

    asyncio.run(main())


@pytest.mark.parametrize("verb", VERBS)
def test_awaited_takes_the_same_arguments(verb: str) -> None:
    blocking, awaited = getattr(drcore, verb), getattr(drcore.aio, verb)
    assert inspect.signature(blocking) == inspect.signature(awaited)
    assert inspect.iscoroutinefunction(awaited)


def test_twenty_at_once(database: Database, baseline: drcore.Evidence) -> None:
    async def main() -> list[drcore.Report]:
        calls = (drcore.aio.verify(database.url, against=baseline, only=["row_counts"]) for _ in range(20))
        return await asyncio.gather(*calls)

    assert {report.verdict for report in asyncio.run(main())} == {"passed"}


def test_twenty_from_threads(database: Database, baseline: drcore.Evidence) -> None:
    def call(_: int) -> tuple[str, set[int]]:
        told: set[int] = set()
        report = drcore.verify(
            database.url,
            against=baseline,
            only=["row_counts"],
            on_progress=lambda _: told.add(threading.get_ident()),
        )
        assert told == {threading.get_ident()}
        return report.verdict, told

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(call, range(20)))
    assert {verdict for verdict, _ in results} == {"passed"}


def test_progress_is_told_where_the_caller_is(database: Database, baseline: drcore.Evidence) -> None:
    told: list[tuple[drcore.Progress, int]] = []

    def tell(progress: drcore.Progress) -> None:
        told.append((progress, threading.get_ident()))

    drcore.verify(database.url, against=baseline, on_progress=tell)
    asyncio.run(drcore.aio.verify(database.url, against=baseline, on_progress=tell))
    assert {thread for _, thread in told} == {threading.get_ident()}
    last = told[-1][0]
    assert isinstance(last, drcore.Progress)
    assert (last.phase, last.done) == ("scan", last.total)
    assert last.rows == 1001
    assert 0 < last.bytes == last.bytes_total


PUBLIC: list[tuple[ModuleType | type, str]] = [
    *((drcore, name) for name in drcore.__all__ if callable(getattr(drcore, name))),
    *((drcore.aio, name) for name in VERBS),
    *((_native, name) for name in vars(_native) if not name.startswith("_")),
    *((drcore.Report, name) for name in vars(drcore.Report) if not name.startswith("_")),
    *((drcore.Gap, name) for name in vars(drcore.Gap) if not name.startswith("_")),
    *((drcore.Evidence, name) for name in vars(drcore.Evidence) if not name.startswith("_")),
]


@pytest.mark.parametrize(("owner", "name"), PUBLIC, ids=lambda value: getattr(value, "__name__", value))
def test_everything_has_a_docstring_and_a_signature(owner: ModuleType | type, name: str) -> None:
    thing = getattr(owner, name)
    if name == "Finding":  # A union, which has neither.
        return
    assert inspect.getdoc(thing), f"{name} has no docstring"
    if callable(thing) and thing is not _native.Call:
        inspect.signature(thing)
