"""Scratch clusters: there inside the block, gone after it."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import unquote, urlsplit

import pytest

import drcore


def directory(url: str) -> str:
    return unquote(urlsplit(url).netloc.rpartition("@")[2].rpartition(":")[0])


def test_it_is_there_and_then_gone() -> None:
    with drcore.scratch() as db:
        where = directory(db.url)
        assert os.path.isdir(where)
        url = drcore.create_database(db, "app")
        assert url == db.url_of("app")
        assert drcore.verify(url, only=["row_counts"]).verdict == "unproven"
    assert not os.path.exists(where)
    assert "closed" in repr(db)
    db.close()
    with pytest.raises(drcore.UsageError, match="closed"):
        db.url_of("app")


def test_it_is_gone_after_an_error_too() -> None:
    where = ""
    with pytest.raises(ZeroDivisionError), drcore.scratch(recipe="supabase") as db:
        where = directory(db.url)
        assert drcore.collect(db.url).run.failure is None
        raise ZeroDivisionError
    assert where and not os.path.exists(where)


def test_awaited() -> None:
    async def main() -> str:
        async with drcore.aio.scratch(settings={"max_connections": 20}) as db:
            await drcore.aio.create_database(db, "app")
            assert os.path.isdir(directory(db.url))
            return directory(db.url)

    assert not os.path.exists(asyncio.run(main()))


def test_mistakes_are_told() -> None:
    with pytest.raises(drcore.UsageError, match="recipe"):
        drcore.scratch(recipe="supa")  # type: ignore[arg-type]
    with pytest.raises(drcore.ToolError) as missing:
        drcore.scratch(major=9)
    assert "postgresql-9" in (missing.value.hint or "")
