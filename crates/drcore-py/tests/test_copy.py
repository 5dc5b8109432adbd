"""Copying between live databases: planned, reviewed, done and compared; interrupted and begun anew; and refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest

import drcore
from support import Database

TABLES = """
    create table customers (id int generated always as identity primary key, name text);
    create table invoices (id int primary key, customer_id int references customers, tags text[]);
"""
ROWS = """
    insert into customers (name) select 'c' || i from generate_series(1, 50) i;
    insert into invoices select i, i % 50 + 1, array['a', null] from generate_series(1, 300) i;
"""


def made(sql: str) -> Iterator[Database]:
    new = Database(f"py_{uuid4().hex}")
    Database("postgres").execute(f"create database {new.name} template template0")
    new.execute(sql)
    yield new
    Database("postgres").execute(f"drop database {new.name} with (force)")


@pytest.fixture
def source() -> Iterator[Database]:
    yield from made(TABLES + ROWS)


@pytest.fixture
def target() -> Iterator[Database]:
    yield from made(TABLES)


def test_a_copy_is_planned_reviewed_done_and_compared(source: Database, target: Database) -> None:
    plan = drcore.copy(source.url, target.url, jobs=2)
    assert plan.digest in str(plan) and plan.digest in repr(plan)
    assert (plan.onto, plan.jobs, plan.needs_review, plan.replica_role) == ("empty", 2, False, True)
    assert [table.table for table in plan.tables] == ["public.customers", "public.invoices"]
    assert [table.form for table in plan.tables] == ["binary", "binary"]
    assert [sequence.target for sequence in plan.sequences] == ["public.customers_id_seq"]
    assert plan.source.database == source.name and plan.target.database == target.name
    assert plan.left_out == () and plan.large_objects == 0
    assert plan.to_dict()["format"] == "drcore.copy/1"
    assert target.execute("select count(*) from customers") == "0"

    told: list[drcore.Progress] = []
    copied = plan.execute(on_progress=told.append)
    assert copied.errors == () and (copied.exit_code, copied.digest) == (0, plan.digest), str(copied)
    assert copied.report is not None and copied.report.verdict == "passed"
    assert [(table.table, table.rows) for table in copied.tables] == [("public.customers", 50), ("public.invoices", 300)]
    assert str(copied).startswith("COPIED") and copied.run.writes and "passed" in repr(copied)
    assert copied.to_dict()["plan"]["digest"] == plan.digest
    assert target.execute("insert into customers (name) values ('next') returning id") == "51"

    with pytest.raises(drcore.RefusedError, match="hold rows"):
        plan.execute()
    again = drcore.copy(source.url, target.url, onto="replace")
    with pytest.raises(drcore.RefusedError, match="not 00000000 as reviewed"):
        again.execute(apply="00000000")
    assert drcore.execute(again, apply=again.digest).exit_code == 0
    assert target.execute("select count(*) from customers") == "50"


def test_what_cannot_be_copied_is_refused(source: Database, target: Database) -> None:
    with pytest.raises(drcore.UsageError, match="invoice"):
        drcore.copy(source.url, target.url, tables=["public.invoice"])
    with pytest.raises(drcore.UsageError, match="onto"):
        drcore.copy(source.url, target.url, onto="resume")
    with pytest.raises(drcore.RefusedError, match="nothing was written"):
        drcore.copy(source.url, drcore.Target(target.url, project="another"))
    with pytest.raises(drcore.RefusedError, match="nothing was written"):
        drcore.copy(source.url, source.url)
    assert target.execute("select count(*) from customers") == "0"


def test_awaited_it_is_interrupted_and_begun_anew(source: Database, target: Database) -> None:
    target.execute("alter table invoices add check (pg_sleep(0.2) is not null)")

    async def interrupted() -> None:
        plan = await drcore.aio.copy(source.url, target.url, jobs=1)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(drcore.aio.execute(plan), 3)

    asyncio.run(interrupted())
    assert target.execute("select to_regnamespace('drcore_restore') is not null") == "t"
    assert drcore.verify(target.url).verdict != "passed"
    with pytest.raises(drcore.RefusedError, match="did not come to its end"):
        drcore.copy(source.url, target.url)
    target.execute("alter table invoices drop constraint invoices_check")

    async def anew() -> drcore.Copied:
        return await drcore.aio.execute(await drcore.aio.copy(source.url, target.url, onto="start_over"))

    copied = asyncio.run(anew())
    assert copied.exit_code == 0, str(copied)
    assert target.execute("select count(*) from invoices") == "300"
