"""Restoring: planned, reviewed, done and verified; interrupted and gone on with; and refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

import drcore
from drcore import types
from support import Database, eventually

SLOW = """
    create function slow() returns boolean language sql volatile as
    $$ select pg_catalog.current_setting('app.slow', true) is distinct from 'on' or pg_catalog.pg_sleep(0.1) is not null $$;
    create table slow (id int primary key check (public.slow()));
    insert into slow select generate_series(1, 600);
"""


@pytest.fixture
def empty() -> Iterator[Database]:
    """What is restored into."""
    made = Database(f"py_{uuid4().hex}")
    Database("postgres").execute(f"create database {made.name} template template0")
    yield made
    Database("postgres").execute(f"drop database {made.name} with (force)")


def is_marked(database: Database) -> bool:
    return database.execute("select to_regnamespace('drcore_restore') is not null") == "t"


def test_a_plan_is_reviewed_done_and_verified(
    database: Database, baseline: drcore.Evidence, empty: Database, tmp_path: Path
) -> None:
    archive = database.dump(tmp_path / "app.dump")
    told: list[drcore.Progress] = []
    plan = drcore.restore(archive, empty.url, against=baseline, jobs=2)
    assert plan.digest in str(plan) and plan.digest in repr(plan)
    assert (plan.onto, plan.jobs, plan.needs_review) == ("empty", 2, False)
    assert (plan.archive.form, plan.archive.tables) == ("custom", 2)
    assert plan.target.scratch and plan.missing_roles == []
    assert [omitted.why for omitted in plan.left_out] == ["present"]  # The database itself.
    [step] = plan.steps
    assert isinstance(step, types.EntriesStep) and step.tables == 2
    assert plan.to_dict()["digest"] == plan.digest
    assert empty.execute("select count(*) from pg_class where relname = 'invoices'") == "0"

    restored = plan.execute(on_progress=told.append)
    assert restored.errors == () and restored.missing_rows == [] and restored.loaded == ()
    assert restored.report is not None and restored.report.verdict == "passed", str(restored)
    assert restored.after is not None and restored.after.failure is None
    assert (restored.exit_code, restored.digest) == (0, plan.digest)
    assert str(restored).startswith("RESTORED") and "- [ ] " in restored.to_markdown()
    assert len(restored.cut_over.steps) > 0 and restored.run.writes
    assert restored.to_dict()["format"] == "drcore.restored/1"
    assert {"restore", "scan"} <= {progress.phase for progress in told}
    assert empty.execute("select count(*) from invoices") == "1000"
    assert not is_marked(empty)
    # A cell of a notebook that runs again does it only once.
    with pytest.raises(drcore.RefusedError) as refused:
        plan.execute()
    assert "not empty" in str(refused.value)
    assert empty.execute("select count(*) from invoices") == "1000"


def test_a_backup_is_picked_fetched_and_put_right_from_its_own_baseline(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    taken = drcore.backup.take(database.url, to=str(tmp_path))
    with pytest.raises(drcore.UsageError):
        drcore.restore(tmp_path, empty.url, pick="2001-01-01")
    plan = drcore.restore(tmp_path.as_uri(), empty.url, pick=taken.name)
    assert plan.archive.file.endswith(taken.name)
    assert asyncio.run(drcore.aio.restore(tmp_path, empty.url, pick="newest")).digest == plan.digest
    restored = plan.execute()
    assert restored.report is not None and restored.report.verdict == "passed", str(restored)
    assert empty.execute("select count(*) from invoices") == "1000"


def test_rows_come_into_a_schema_beside_what_is_there(database: Database, tmp_path: Path) -> None:
    archive = database.dump(tmp_path / "app.dump")
    database.execute("delete from invoices where id <= 10")
    plan = drcore.restore(archive, database.url, tables=["invoices"], into_schema="rescued")
    [step] = plan.steps
    assert isinstance(step, types.AsideStep) and step.tables[0].into == "rescued.invoices"
    restored = plan.execute()
    assert [(table.table, table.rows) for table in restored.loaded] == [("rescued.invoices", 1000)], str(restored)
    assert restored.exit_code == 0 and not is_marked(database)
    lost = "select count(*) from rescued.invoices r where not exists (select from invoices i where i.id = r.id)"
    assert database.execute(lost) == "10"
    with pytest.raises(drcore.RefusedError, match="schema rescued already"):
        asyncio.run(drcore.aio.restore(archive, database.url, tables=["invoices"], into_schema="rescued"))


def test_without_a_baseline_nothing_is_called_verified(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    archive = database.dump(tmp_path / "app.dump")
    restored = drcore.execute(drcore.restore(archive, empty.url, tables=["invoices"]))
    assert (restored.after, restored.report) == (None, None)
    assert "not verified" in repr(restored) and "drcore verify" in str(restored)
    assert empty.execute("select count(*) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace") == "1"


def test_the_same_awaited(
    database: Database, baseline: drcore.Evidence, empty: Database, tmp_path: Path
) -> None:
    archive = str(database.dump(tmp_path / "app.dump"))

    async def main() -> drcore.Restored:
        plan = await drcore.aio.restore(archive, empty.url, against=baseline)
        assert plan.digest == drcore.restore(archive, empty.url, against=baseline).digest
        return await drcore.aio.execute(plan, apply=plan.digest)

    assert asyncio.run(main()).exit_code == 0


def test_interrupted_it_is_marked_and_gone_on_with(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    database.execute(SLOW)
    before = drcore.baseline(database.url)
    archive = database.dump(tmp_path / "app.dump")
    empty.execute(f"alter database {empty.name} set app.slow = on")
    copying = "select count(*) from pg_stat_activity where datname = current_database() and query like 'COPY%slow%'"

    async def main() -> None:
        plan = await drcore.aio.restore(archive, empty.url, against=before)
        task = asyncio.create_task(drcore.aio.execute(plan))
        while await asyncio.to_thread(empty.execute, copying) == "0":
            await asyncio.sleep(0.02)
            assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    eventually(lambda: empty.execute(copying) == "0")
    assert is_marked(empty)
    assert drcore.verify(empty.url, against=before).verdict != "passed"
    with pytest.raises(drcore.RefusedError) as refused:
        drcore.restore(archive, empty.url)
    assert "did not come to its end" in str(refused.value)

    empty.execute(f"alter database {empty.name} reset app.slow")
    restored = drcore.restore(archive, empty.url, onto="resume", against=before).execute()
    assert restored.exit_code == 0, str(restored)
    assert empty.execute("select count(*) from slow") == "600"


def test_what_may_not_be_written_to_is_refused(database: Database, tmp_path: Path) -> None:
    archive = database.dump(tmp_path / "app.dump")
    with pytest.raises(drcore.RefusedError) as refused:
        drcore.restore(archive, database.url)
    assert "not empty" in str(refused.value)
    with pytest.raises(drcore.RefusedError) as refused:
        drcore.restore(archive, drcore.Target(database.url, project="postgres@1"), onto="replace")
    assert "≠" in (refused.value.detail or "")
    # Nobody listens there, and nobody is asked.
    live = "postgresql://postgres:hunter2@db.mlwfgytjxlqyfxcgpysm.supabase.co/postgres"
    protected = {"restore": {"protect": ["mlwfgytjxlqyfxcgpysm"]}}
    with pytest.raises(drcore.RefusedError, match="mlwfgytjxlqyfxcgpysm") as refused:
        drcore.restore(archive, drcore.Target(live, project="mlwfgytjxlqyfxcgpysm"), plan=protected, onto="replace")
    assert "hunter2" not in f"{refused.value}{refused.value.detail}"
    plan = drcore.restore(archive, database.url, onto="replace")
    assert isinstance(plan.steps[0], types.ClearStep)
    with pytest.raises(drcore.RefusedError, match="nothing was written"):
        plan.execute(apply="00000000")
    assert database.execute("select count(*) from invoices") == "1000"
    assert plan.execute(apply=plan.digest).errors == ()


def test_mistakes_are_told(database: Database, empty: Database, tmp_path: Path) -> None:
    archive = database.dump(tmp_path / "app.dump")
    with pytest.raises(drcore.UsageError, match="invoice"):
        drcore.restore(archive, empty.url, tables=["invoice"])
    with pytest.raises(drcore.UsageError, match="onto"):
        drcore.restore(archive, empty.url, onto="anything")  # type: ignore[arg-type]
    with pytest.raises(drcore.UsageError, match="jobs"):
        drcore.restore(archive, empty.url, jobs=0)
    with pytest.raises(drcore.UsageError, match="baseline of its backup"):
        drcore.restore(archive, empty.url, against=database.url)
    with pytest.raises(drcore.IoError):
        drcore.restore(tmp_path / "nowhere.dump", empty.url)
    (tmp_path / "none.dump").write_text("no dump")
    with pytest.raises(drcore.FormatError):
        drcore.restore(tmp_path / "none.dump", empty.url)
    assert not is_marked(empty)
