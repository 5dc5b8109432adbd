"""What falls after an instant, as handle, dataclasses, text, HTML and data frame."""

from __future__ import annotations

import asyncio
import pickle
from datetime import datetime, timedelta, timezone

import pytest

import drcore
from drcore import types
from support import Database

SINCE = datetime(2026, 11, 20, 2, 55, tzinfo=timezone.utc)

STATE = """
    update invoices set created_at = '2026-11-20 02:00:00Z';
    update invoices set created_at = '2026-11-20 03:30:00Z' where id <= 30;
    update invoices set created_at = '2026-11-20 04:30:00Z' where id <= 10;
"""


@pytest.fixture
def state(database: Database) -> Database:
    """A thousand invoices, thirty of them after the instant; a table that does not say when."""
    database.execute(STATE)
    return database


def test_rows_by_table_tenant_and_hour(state: Database) -> None:
    gap = drcore.gap(state.url, since=SINCE, tenant_column="tenant_id")
    assert (gap.verdict, gap.exit_code, gap.rows, gap.since) == ("found", 0, 30, "2026-11-20T02:55:00Z")
    (table,) = gap.tables
    assert isinstance(table, types.GapTable)
    assert table.table == "public.invoices"
    assert {(row.tenant, row.rows) for row in table.tenants} == {("0", 10), ("1", 10), ("2", 10)}
    assert [(row.hour, row.rows) for row in table.hours] == [
        ("2026-11-20T03:00:00Z", 20),
        ("2026-11-20T04:00:00Z", 10),
    ]
    assert [left.table for left in gap.not_covered] == ['public."<script>alert(1)</script>"']
    assert gap.unread == ()


def test_one_call_makes_a_data_frame(state: Database) -> None:
    gap = drcore.gap(state.url, since=SINCE, tenant_column="tenant_id")
    frame = gap.to_pandas()
    assert len(frame) == len(gap.records()) == 6
    assert set(frame.groupby("by")["rows"].sum()) == {30}
    assert str(frame["hour"].dtype).startswith("datetime64")
    nothing = drcore.gap(state.url, since=SINCE + timedelta(days=1)).to_pandas()
    assert list(nothing.columns) == ["table", "by", "tenant", "hour", "rows"]


def test_it_shows_as_text_and_as_html(state: Database) -> None:
    gap = drcore.gap(state.url, since=SINCE, tenant_column="tenant_id")
    assert str(gap).startswith("GAP      30 rows created after")
    assert "\n" not in repr(gap) and "30 rows" in repr(gap)
    html = gap._repr_html_()
    assert "30 rows created after" in html and "public.invoices" in html
    assert "<script" not in html
    assert len(html) < 100_000


def test_it_is_a_value(state: Database) -> None:
    gap = drcore.gap(state.url, since=SINCE)
    assert drcore.Gap.from_json(gap.to_json()) == gap == pickle.loads(pickle.dumps(gap))
    assert gap.to_dict()["format"] == "drcore.gap/1"
    assert gap.to_dict()["rows"] == sum(table.rows for table in gap.tables)


def test_nothing_newer_is_not_nothing_lost(state: Database) -> None:
    gap = drcore.gap(state.url, since="2026-11-20T05:00:00Z")
    assert (gap.verdict, gap.exit_code, gap.rows) == ("unproven", 3, 0)
    assert any("restored copy" in note for note in gap.notes)


def test_awaited_is_the_same(state: Database) -> None:
    gap = asyncio.run(drcore.aio.gap(state.url, since=SINCE, tables=["invoices"]))
    other = drcore.gap(state.url, since=SINCE, tables=["invoices"])
    assert {**gap.to_dict(), "run": None} == {**other.to_dict(), "run": None}


def test_what_cannot_work_is_refused(state: Database) -> None:
    with pytest.raises(drcore.UsageError, match="instant with its offset"):
        drcore.gap(state.url, since=SINCE.replace(tzinfo=None))
    with pytest.raises(drcore.UsageError, match="nowhere"):
        drcore.gap(state.url, since=SINCE, tables=["invioces"])
    with pytest.raises(TypeError, match="since"):
        drcore.gap(state.url)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(drcore.ConnectionError):
        drcore.gap("postgresql://nobody@127.0.0.1:1/x", since=SINCE)


def test_cancelling_stops_the_server(locked: Database) -> None:
    async def main() -> None:
        call = drcore.aio.gap(locked.url, since=SINCE, plan={"limits": {"lock_timeout": "60s"}})
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(call, 0.5)

    asyncio.run(main())
    assert locked.reading() == 0
