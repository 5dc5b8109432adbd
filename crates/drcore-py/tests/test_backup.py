"""Backups: taken, listed, looked into and pruned; and what cannot work."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import drcore
from drcore import backup, types
from support import Database


def test_a_backup_is_taken_listed_looked_into_and_pruned(database: Database, tmp_path: Path) -> None:
    told: list[drcore.Progress] = []
    to = str(tmp_path)
    taken = backup.take(database.url, to=to, compress="gzip:1", on_progress=told.append)
    assert isinstance(taken, types.Taken) and taken.unread == [] and told
    [entry] = backup.list(to).backups
    assert (entry.name, entry.state, entry.verified) == (taken.name, "complete", None)
    verification = backup.verify(to)
    assert (verification.verdict, verification.problems) == ("whole", [])
    [entry] = backup.list(to).backups
    assert entry.verified is not None and entry.verified.verdict == "whole"
    # The newest stays, however old.
    plan = backup.prune(to, keep="1s")
    assert plan.remove == []
    assert isinstance(backup.prune(to, keep="1s", apply=plan.digest), types.Pruned)
    with pytest.raises(drcore.Error):
        backup.prune(to, keep="1s", apply="00000000")


def test_what_is_not_what_was_written_is_damaged(database: Database, tmp_path: Path) -> None:
    to = str(tmp_path)
    taken = backup.take(database.url, to=to)
    dump = tmp_path / f"{taken.name}.dump"
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)
    verification = backup.verify(to, backup=taken.name)
    assert verification.verdict == "damaged"
    assert any("SHA-256" in problem for problem in verification.problems)
    assert backup.list(to).backups[0].state == "damaged"


def test_the_same_awaited_and_salvages_kept_apart(database: Database, tmp_path: Path) -> None:
    to = str(tmp_path)

    async def main() -> types.Taken:
        taken = await drcore.aio.backup.salvage(database.url, to=to)
        assert len((await drcore.aio.backup.list(to)).backups) == 1
        return taken

    assert asyncio.run(main()).manifest.kind == "salvage"
    with pytest.raises(drcore.UsageError):
        backup.verify(to)


def test_what_cannot_work_is_told(database: Database, tmp_path: Path) -> None:
    with pytest.raises(drcore.UsageError, match="to:"):
        backup.take(database.url)
    with pytest.raises(drcore.Error):
        backup.list("/nowhere/at/all")
    with pytest.raises(drcore.UsageError):
        backup.prune(str(tmp_path))
