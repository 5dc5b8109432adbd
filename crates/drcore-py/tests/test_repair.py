"""Repair: planned, reviewed, applied to what was named, verified again; and refused."""

from __future__ import annotations

import asyncio

import pytest

import drcore
from support import Database

DAMAGE = """
    create table tenants (id int primary key);
    insert into tenants select n from generate_series(0, 2) n;
    alter table invoices add foreign key (tenant_id) references tenants;
    set session_replication_role = replica;
    delete from tenants where id = 2;
"""


def test_a_plan_is_reviewed_applied_and_verified_again(database: Database) -> None:
    database.execute(DAMAGE)
    plan = drcore.repair(database.url, only=["orphan_fks"])
    assert plan.statements == () and plan.left[0].why == "choose"
    plan = drcore.repair(database.url, only=["orphan_fks"], choices={"orphan_fks": "delete"})
    assert plan.digest in str(plan) and plan.to_sql().startswith("-- drcore repair plan")
    assert plan.project is not None and plan.statements[0].class_ == "destructive"
    assert plan.to_dict()["digest"] == plan.digest
    rows = database.execute("select count(*) from invoices")
    with pytest.raises(drcore.RefusedError) as refused:
        plan.execute(drcore.Target(database.url, project="postgres@1"))
    assert "nothing was written" in str(refused.value) and "≠" in (refused.value.detail or "")
    assert database.execute("select count(*) from invoices") == rows

    repaired = plan.execute(drcore.Target(database.url, project=plan.project))
    assert repaired.comparison.fixed == list(plan.statements[0].answers)
    assert (repaired.comparison.still, repaired.comparison.new) == ([], [])
    assert repaired.writes[-1].statement == "commit"
    assert repaired.report.verdict == "passed" and repaired.exit_code == 0
    assert int(database.execute("select count(*) from invoices")) < int(rows)


def test_a_report_is_enough_and_the_same_awaited(database: Database) -> None:
    database.execute(DAMAGE)
    report = drcore.verify(database.url, only=["orphan_fks"])

    async def main() -> drcore.Repaired:
        plan = await drcore.aio.repair(report=report, choices={"orphan_fks": "delete"})
        assert plan.project is not None
        return await drcore.aio.apply(plan, drcore.Target(database.url, project=plan.project))

    report = drcore.verify(database.url, only=["orphan_fks"])
    repaired = asyncio.run(main())
    assert len(repaired.comparison.fixed) == 1


def test_production_is_not_written_to(database: Database) -> None:
    database.execute(DAMAGE)
    plan = drcore.repair(database.url, only=["orphan_fks"], choices={"orphan_fks": "delete"})
    live = "postgresql://postgres:hunter2@db.mlwfgytjxlqyfxcgpysm.supabase.co/postgres"
    target = drcore.Target(live, project=plan.project or "")
    assert "hunter2" not in repr(target)
    with pytest.raises(drcore.RefusedError, match="mlwfgytjxlqyfxcgpysm"):
        plan.execute(target)


def test_mistakes_are_told(database: Database) -> None:
    with pytest.raises(drcore.UsageError, match="no finding takes the choice"):
        drcore.repair(database.url, only=["row_counts"], choices={"orphan_fks": "delete"})
    with pytest.raises(drcore.UsageError, match="allow"):
        drcore.repair(database.url, allow="everything")  # type: ignore[arg-type]


def test_init_writes_a_plan(database: Database) -> None:
    plan = drcore.init(database.url)
    assert "[row_counts" in plan and "drcore.plan/1" in plan
    assert asyncio.run(drcore.aio.init(database.url)).splitlines()[-5:] == plan.splitlines()[-5:]
