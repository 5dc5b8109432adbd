"""Drills: on a backup and on a dump, recorded, read back, and stopped."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import drcore
from drcore import drills, types
from support import Database, eventually

OBJECTIVES = {"objectives": {"rto": "1h", "rpo": "1h"}}


@pytest.fixture
def repository(database: Database, tmp_path: Path) -> Path:
    """A repository with a backup in it."""
    place = tmp_path / "repository"
    place.mkdir()
    drcore.backup.take(database.url, to=str(place))
    return place


def test_a_whole_backup_passes_and_its_times_are_measured(repository: Path, tmp_path: Path) -> None:
    told: list[drcore.Progress] = []
    rehearsal = drcore.drill(
        repository, plan=OBJECTIVES, operator="night shift", jobs=2, on_progress=told.append
    )
    assert (rehearsal.verdict, rehearsal.problems, rehearsal.exit_code) == ("passed", [], 0), str(rehearsal)
    assert isinstance(rehearsal.backup, types.RehearsedBackup) and rehearsal.backup.baseline
    assert [(outcome.objective, outcome.met) for outcome in rehearsal.objectives] == [("rto", True), ("rpo", True)]
    assert [time.step for time in rehearsal.run.steps] == ["fetch", "start", "restore", "verify"]
    assert rehearsal.run.rto_ms == sum(time.elapsed_ms for time in rehearsal.run.steps) > 0
    assert rehearsal.run.rpo_ms is not None and rehearsal.run.rpo_ms < 3_600_000
    assert rehearsal.report is not None and rehearsal.report.examined["rows"] == 1001
    assert rehearsal.restored.errors == () and rehearsal.server.split(".")[0].isdigit()
    assert {"transfer", "restore", "scan"} <= {progress.phase for progress in told}
    assert str(rehearsal).startswith("PASSED") and "passed" in repr(rehearsal)
    with pytest.raises(TypeError, match="verdict"):
        bool(rehearsal)

    # The record is the same, however it is kept.
    file = tmp_path / "drill.json"
    file.write_text(rehearsal.to_json())
    again = [drcore.Rehearsal.load(file), drcore.Rehearsal(rehearsal.to_json()), copy.deepcopy(rehearsal)]
    again.append(pickle.loads(pickle.dumps(rehearsal)))
    assert all(one == rehearsal for one in again)
    assert rehearsal.to_dict()["format"] == "drcore.rehearsal/1"
    assert rehearsal.row.operator == "night shift"
    log = tmp_path / "drills.md"
    for _ in range(2):
        rehearsal.append_to(log)
    assert len(log.read_text().splitlines()) == 4
    assert log.read_text().startswith(rehearsal.to_markdown())


def test_without_a_baseline_or_in_time_it_is_no_success(database: Database, tmp_path: Path) -> None:
    dump = database.dump(tmp_path / "app.dump")
    unproven = drcore.drill(dump)
    assert (unproven.verdict, unproven.exit_code) == ("unproven", 3)
    assert any("no baseline" in problem for problem in unproven.problems)
    baseline = drcore.baseline(database.url)
    late = drcore.drill(dump, against=baseline, plan={"objectives": {"rto": "1ms"}})
    assert (late.verdict, late.exit_code) == ("failed", 1)
    assert [outcome.met for outcome in late.objectives] == [False]
    database.execute("insert into invoices values (2000, 1)")
    lost = drcore.drill(dump, against=drcore.baseline(database.url))
    assert lost.verdict == "failed" and lost.report is not None
    assert [finding.kind for finding in lost.report.findings if finding.check == "row_counts"] == ["fewer_rows"]


def test_drills_are_recorded_and_what_else_lies_there_is_told(repository: Path) -> None:
    rehearsal = asyncio.run(drcore.aio.drill(repository))
    name = drills.record(repository, rehearsal)
    record = repository / name
    assert drcore.Rehearsal.load(record) == rehearsal
    # Earlier ones, of which nobody knows the sum, and which were quick.
    for day in ("2026-01-01", "2026-02-01"):
        earlier = json.loads(rehearsal.to_json())
        earlier["run"]["started_at"] = f"{day}T03:00:00Z"
        earlier["run"]["rto_ms"] = 0
        (repository / "drills" / f"{day}.json").write_text(json.dumps(earlier))
    history = drills.history(repository, slower_by=1)
    assert isinstance(history, types.DrillHistory) and history.left_out == []
    assert [drill.record for drill in history.drills][0] == name and len(history.drills) == 3
    [trend] = history.trends
    assert (trend.record, trend.earlier, trend.rto.median_ms) == (name, 2, 0)
    assert trend.rto.longer is (rehearsal.run.rto_ms > 2000) and bool(trend.notes) is trend.rto.longer
    assert history.last_passed_at == rehearsal.run.started_at
    # One bit, what is cut off, and what is something else.
    flipped = bytearray(record.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    record.write_bytes(flipped)
    (repository / "drills" / "cut.json").write_text(rehearsal.to_json()[:-100])
    (repository / "drills" / "notes.txt").write_text("call the night shift")
    history = asyncio.run(drcore.aio.drills.history(repository / "drills"))
    assert len(history.drills) == 2
    assert {left.record: left.problem for left in history.left_out} == {
        name: "damaged",
        "drills/cut.json": "damaged",
        "drills/notes.txt": "foreign",
    }
    # Records are no backups, and nothing that lies around, unless they are called otherwise.
    assert drcore.backup.list(str(repository)).other_objects == 4


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where scratch clusters are made: PostgreSQL's user must get there, which it cannot below tmp_path."""
    with tempfile.TemporaryDirectory(prefix="drcore-") as place:
        os.chmod(place, 0o755)
        monkeypatch.setenv("DRCORE_SCRATCH_DIR", place)
        yield Path(place)


def test_stopped_it_leaves_nothing(repository: Path, scratch: Path) -> None:

    def stop(progress: drcore.Progress) -> None:
        if progress.phase == "restore":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drcore.drill(repository, on_progress=stop)
    eventually(lambda: os.listdir(scratch) == [])

    async def main() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(drcore.aio.drill(repository, on_progress=lambda _: started.set()))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    eventually(lambda: os.listdir(scratch) == [])


def test_mistakes_are_told(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(drcore.UsageError, match="no backup was named"):
        drcore.drill()
    with pytest.raises(drcore.UsageError, match="baseline"):
        drcore.drill(repository, against="postgresql://localhost/source")
    with pytest.raises(drcore.UsageError, match="recipe"):
        drcore.drill(repository, recipe="supa")  # type: ignore[arg-type]
    with pytest.raises(drcore.UsageError, match="2020"):
        drcore.drill(repository, pick="2020-01-01")
    with pytest.raises(drcore.UsageError, match="nowhere"):
        drills.history(tmp_path / "nowhere")
    with pytest.raises(drcore.UsageError, match="slower_by"):
        drills.history(tmp_path, slower_by=0)
    with pytest.raises(drcore.FormatError, match=r"drcore\.rehearsal/1"):
        drcore.Rehearsal.from_json('{"format": "drcore.drill/1"}')


def test_a_review_begins_with_what_is_known(database: Database, tmp_path: Path) -> None:
    baseline = drcore.baseline(database.url)
    database.execute("update invoices set created_at = '2026-11-20T02:30:00Z' where id <= 5")
    gap = drcore.gap(database.url, since="2026-11-20T02:00:00Z", tenant_column="tenant_id")
    database.execute("delete from invoices where id <= 3")
    report = drcore.verify(database.url, against=baseline)
    file = tmp_path / "gap.json"
    file.write_text(gap.to_json())
    text = drcore.review(report, file)
    assert text.startswith("# Post-incident review") and "**FAILED**" in text
    assert "5 rows of 1 table were created after 2026-11-20 02:00:00Z" in text
    assert "(`row_counts:fewer_rows:public.invoices`)" in text
    places = text.count("**TO WRITE:**")
    assert places > 10 and f"in {places} places" in text
    assert drcore.review(str(file)).startswith("# Post-incident review")
    with pytest.raises(drcore.UsageError):
        drcore.review()
    with pytest.raises(drcore.IoError):
        drcore.review(tmp_path / "none.json")
    (tmp_path / "baseline.json").write_text(baseline.to_json())
    with pytest.raises(drcore.FormatError, match="evidence"):
        drcore.review(report, tmp_path / "baseline.json")
