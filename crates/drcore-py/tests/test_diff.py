"""What differs between two sides, as handle, dataclasses, rows and data frame."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest

import drcore
from drcore import types
from support import Database

DAMAGE = """
    delete from invoices where id = 7;
    update invoices set created_at = '2020-01-01 00:00:00Z' where id <= 3;
"""


def test_the_same_is_the_same(database: Database, baseline: drcore.Evidence) -> None:
    diff = drcore.diff(database.url, database.url)
    assert (diff.verdict, diff.exit_code, list(diff.rows)) == ("same", 0, [])
    against = drcore.diff(baseline, database.url)
    assert against.verdict == "same"


def test_rows_columns_and_values(database: Database, tmp_path: Path) -> None:
    before = drcore.baseline(database.url, content=True)
    before.save(tmp_path / "before.json")
    database.execute(DAMAGE)
    diff = drcore.diff(tmp_path / "before.json", database.url, tables=["invoices"])
    assert (diff.verdict, diff.exit_code) == ("different", 1)
    (table,) = diff.tables
    assert isinstance(table, types.DiffTable)
    assert (table.table, table.only_in_a, table.only_in_b, table.changed) == ("public.invoices", 1, 0, 3)
    rows = list(diff.rows)
    assert all(isinstance(row, types.DiffRow) for row in rows)
    assert {(row.change, row.key["id"]) for row in rows} == {
        ("only_in_a", "7"),
        ("changed", "1"),
        ("changed", "2"),
        ("changed", "3"),
    }
    assert diff.a.kind == "baseline" and diff.b.kind == "database"
    assert [record["change"] for record in diff.records()] == [row.change for row in rows]
    assert len(diff.to_pandas()) == 4


def test_values_are_in_memory_and_not_in_what_is_written(database: Database, other: Database) -> None:
    other.execute(DAMAGE)
    diff = drcore.diff(database.url, other.url)
    (changed,) = [row for row in diff.rows if row.key["id"] == "2"]
    assert changed.columns == ["created_at"]
    assert changed.a is not None and changed.b is not None
    assert changed.b["created_at"] == "2020-01-01 00:00:00+00"
    for text in (str(diff), repr(diff), diff.to_json()):
        assert "2020-01-01" not in text
    assert "2020-01-01" in diff.to_json(values=True)
    assert pickle.loads(pickle.dumps(diff)) == diff
    none = drcore.diff(database.url, other.url, values=False, limit=1)
    assert all(row.a is None and row.b is None for row in none.rows)
    assert len(list(none.rows)) == 4
    with pytest.raises(drcore.UsageError, match="only some"):
        list(drcore.Diff.from_json(none.to_json()).rows)


def test_the_structure_is_compared_instead_of_rows(database: Database, other: Database) -> None:
    other.execute("delete from invoices; alter table invoices add column note text; create view v as select 1 as one")
    diff = drcore.diff(database.url, other.url, structure=True)
    assert (diff.verdict, diff.exit_code, list(diff.rows)) == ("different", 1, [])
    assert isinstance(diff.structure, types.DiffStructure)
    found = [(own.object_kind, own.of, own.name, own.change) for own in diff.structure.objects]
    assert found == [("column", "public.invoices", "note", "only_in_b"), ("view", None, "public.v", "only_in_b")]
    assert diff.structure.compared["tables"] >= 1
    assert "ONLY B   column public.invoices.note" in str(diff)
    same = asyncio.run(drcore.aio.diff(database.url, database.url, structure=True))
    assert same.verdict == "same" and same.structure is not None and same.structure.objects == []
    assert drcore.diff(database.url, database.url).structure is None
    with pytest.raises(drcore.UsageError, match="no rows are compared"):
        drcore.diff(database.url, other.url, structure=True, common_columns=True)


def test_awaited_is_the_same(database: Database, other: Database) -> None:
    diff = asyncio.run(drcore.aio.diff(database.url, other.url))
    assert diff.verdict == "same"


def test_what_cannot_work_is_told(database: Database, tmp_path: Path) -> None:
    dump = tmp_path / "old.dump"
    dump.write_bytes(b"PGDMP\x01")
    with pytest.raises(drcore.UsageError, match="pg_dump archive"):
        drcore.diff(dump, database.url)
    with pytest.raises(drcore.UsageError, match="neither side"):
        drcore.diff(database.url, database.url, tables=["nowhere"])
    lost = drcore.diff(database.url, "postgresql://u@127.0.0.1:1/d?sslmode=disable")
    assert lost.verdict == "unproven" and lost.unread[0].side == "b"
