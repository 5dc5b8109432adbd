"""The files of Supabase Storage: an audit as handle, rows and data frame."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest

import drcore
from drcore import types
from support import Database

VERSION = "1f9d7a52-3c0e-4b57-9a2e-{:012d}"

STORAGE = """
    create schema storage;
    create table storage.buckets (id text primary key, name text);
    create table storage.objects (bucket_id text, name text, version text, metadata jsonb);
    insert into storage.buckets values ('docs', 'docs');
    insert into storage.objects
        select 'docs', n || '.pdf', '1f9d7a52-3c0e-4b57-9a2e-' || lpad(n::text, 12, '0'), '{"size": 5}'
        from generate_series(1, 30) n;
"""


@pytest.fixture
def files(database: Database, tmp_path: Path) -> str:
    """A store in which 2 of 30 files are missing, and one has no row."""
    database.execute(STORAGE)
    for number in range(3, 32):
        file = tmp_path / "stub" / "docs" / f"{number}.pdf" / VERSION.format(number)
        file.parent.mkdir(parents=True)
        file.write_text("bytes")
    return f"file://{tmp_path}"


def test_every_file_is_told(database: Database, files: str) -> None:
    told: list[drcore.Progress] = []
    audit = drcore.storage.audit(database.url, store=files, settle="100ms", samples=1, on_progress=told.append)
    assert (audit.verdict, audit.exit_code) == ("failed", 1)
    assert told[-1].phase == "files" and told[-1].total >= 1
    assert {finding.kind for finding in audit.check.findings} == {"missing_files", "unreferenced_files"}
    assert audit.files is not None
    missing = audit.files.buckets["docs"].missing
    assert missing is not None and missing.files == 2
    rows = list(audit.rows)
    assert all(isinstance(row, types.StorageRow) for row in rows)
    assert sorted((row.problem, row.name, row.bytes) for row in rows) == [
        ("missing", "1.pdf", 5),
        ("missing", "2.pdf", 5),
        ("unreferenced", "31.pdf", 5),
    ]
    assert [record["name"] for record in audit.records()] == [row.name for row in rows]
    frame = audit.to_pandas()
    assert len(frame) == 3 and list(frame["problem"]).count("missing") == 2
    assert "FAILED" in str(audit) and "missing" in str(audit)


def test_it_is_stored_without_the_rows(database: Database, files: str) -> None:
    audit = drcore.storage.audit(database.url, plan={"storage_orphans": {"store": files, "settle": "100ms"}})
    again = drcore.StorageAudit.from_json(audit.to_json())
    assert again == audit and pickle.loads(pickle.dumps(audit)) == audit
    assert audit.to_dict()["format"] == "drcore.storage/1"
    with pytest.raises(drcore.UsageError, match="does not hold every file"):
        again.records()


def test_awaited_is_the_same(database: Database, files: str, tmp_path: Path) -> None:
    # A directory is listed: nothing is noted.
    notes = tmp_path / "notes.ndjson"
    audit = asyncio.run(drcore.aio.storage.audit(database.url, store=files, settle="100ms", resume=notes))
    assert not notes.exists()
    assert len(audit.records()) == 3


def test_what_cannot_work_is_told(database: Database) -> None:
    with pytest.raises(drcore.UsageError, match="no store was named"):
        drcore.storage.audit(database.url)
    with pytest.raises(drcore.UsageError, match="only s3://"):
        drcore.storage.audit(database.url, store="ftp://files")
    lost = drcore.storage.audit("postgresql://u@127.0.0.1:1/d?sslmode=disable", store="file:///nowhere")
    assert lost.verdict == "unproven" and lost.run.failure is not None
