"""What a dump holds, and whether it is whole, without a server."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest

import drcore
from drcore import types
from support import Database


@pytest.fixture
def dump(database: Database, tmp_path: Path) -> Path:
    """A dump of a thousand invoices and a table with a hostile name."""
    return database.dump(tmp_path / "backup.dump")


def test_a_whole_dump_has_its_rows(dump: Path, baseline: drcore.Evidence) -> None:
    inspection = drcore.inspect(dump, against=baseline, list=True)
    assert (inspection.verdict, inspection.exit_code, inspection.rows) == ("whole", 0, 1001)
    assert inspection.name == str(dump)
    assert isinstance(inspection.archive, types.ArchiveHeader)
    assert inspection.archive.form == "custom"
    assert {table.table: table.rows for table in inspection.tables} == {
        "public.invoices": 1000,
        'public."<script>alert(1)</script>"': 1,
    }
    assert inspection.entries is not None
    assert "TABLE DATA" in {entry.kind for entry in inspection.entries}
    assert (inspection.damage, inspection.differences, inspection.unproven) == ((), (), [])
    assert str(inspection).startswith("WHOLE")
    assert "\n" not in repr(inspection) and "1001 rows" in repr(inspection)


def test_half_a_dump_has_no_number_of_rows(dump: Path) -> None:
    dump.write_bytes(dump.read_bytes()[:-20])
    inspection = drcore.inspect(dump)
    assert (inspection.verdict, inspection.exit_code) == ("damaged", 1)
    assert None in {table.rows for table in inspection.tables}
    assert all(isinstance(damage, types.ArchiveDamage) for damage in inspection.damage)
    assert str(inspection).startswith("DAMAGED")


def test_rows_that_a_baseline_has_are_missed(
    database: Database, baseline: drcore.Evidence, tmp_path: Path
) -> None:
    database.execute("delete from invoices where id <= 7")
    inspection = drcore.inspect(database.dump(tmp_path / "later.dump"), against=baseline)
    assert (inspection.verdict, inspection.exit_code) == ("differs", 1)
    (difference,) = inspection.differences
    assert isinstance(difference, types.ArchiveDifference)
    assert (difference.object, difference.rows, difference.baseline) == ("public.invoices", 993, 1000)


def test_a_table_of_contents_alone_proves_nothing(dump: Path) -> None:
    inspection = drcore.inspect(str(dump), data=False)
    assert (inspection.verdict, inspection.exit_code, inspection.data_read) == ("unproven", 3, False)
    assert inspection.unproven


def test_two_dumps_are_compared(database: Database, dump: Path, tmp_path: Path) -> None:
    same = drcore.inspect(dump, against=dump)
    assert same.verdict == "whole"
    assert same.against is not None
    assert (same.against.dump, same.against.tables) == (str(dump), 2)
    database.execute("update invoices set tenant_id = 77 where id = 7")
    inspection = drcore.inspect(database.dump(tmp_path / "later.dump"), against=dump)
    assert inspection.verdict == "differs"
    assert [found.object for found in inspection.differences] == ["public.invoices"]


def test_it_is_a_value(dump: Path) -> None:
    inspection = drcore.inspect(dump, fingerprints=True)
    assert drcore.Inspection.from_json(inspection.to_json()) == inspection
    assert pickle.loads(pickle.dumps(inspection)) == inspection
    assert inspection.to_dict()["format"] == "drcore.inspect/1"
    assert all(table.fingerprint for table in inspection.tables)


def test_awaited_is_the_same(dump: Path) -> None:
    awaited = asyncio.run(drcore.aio.inspect(dump))
    assert {**awaited.to_dict(), "run": None} == {**drcore.inspect(dump).to_dict(), "run": None}


def test_what_cannot_work_is_refused(dump: Path, database: Database, tmp_path: Path) -> None:
    with pytest.raises(drcore.IoError, match="nowhere"):
        drcore.inspect(tmp_path / "nowhere.dump")
    with pytest.raises(drcore.UsageError, match="live database"):
        drcore.inspect(dump, against=database.url)
    with pytest.raises(drcore.UsageError, match="pg_dump archive"):
        drcore.verify(database.url, against=dump)
