"""The main job: what is right is passed, what is wrong is failed, what nobody could read is neither."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import drcore
from support import Database


def test_a_healthy_database_passes_against_its_own_baseline(
    database: Database, baseline: drcore.Evidence
) -> None:
    report = drcore.verify(database.url, against=baseline, only=["row_counts"])
    assert (report.verdict, report.findings) == ("passed", ())
    assert report.examined == {"tables": 2, "rows": 1001}
    report.assert_passed()


def test_lost_rows_fail_and_narrow_by_kind(database: Database, baseline: drcore.Evidence) -> None:
    database.execute("delete from invoices where id <= 3")
    report = drcore.verify(database.url, against=baseline)
    assert report.verdict == "failed"
    lost = [finding for finding in report.findings if finding.kind == "fewer_rows"]
    assert [(finding.object, finding.rows, finding.were) for finding in lost] == [
        ("public.invoices", 997, 1000)
    ]
    assert lost[0].id == "row_counts:fewer_rows:public.invoices"
    assert lost[0].id in {finding.id for check in report.checks for finding in check.findings}
    with pytest.raises(AssertionError, match="FAILED") as failed:
        report.assert_passed()
    assert isinstance(failed.value, drcore.NotPassed)
    assert not isinstance(failed.value, drcore.Error)
    assert failed.value.report is report


def test_findings_are_worst_first(database: Database, baseline: drcore.Evidence) -> None:
    database.execute('delete from invoices where id <= 3; drop table "<script>alert(1)</script>"')
    severities = [finding.severity for finding in drcore.verify(database.url, against=baseline).findings]
    assert severities[0] == "critical"
    assert severities == sorted(severities, key=["critical", "warning", "info"].index)


def test_without_anything_to_go_on_nothing_is_passed(database: Database) -> None:
    report = drcore.verify(database.url, only=["row_counts"])
    assert report.verdict == "unproven"
    check = next(check for check in report.checks if check.id == "row_counts")
    assert (check.outcome, check.reason) == ("not_run", "no_expectation")
    with pytest.raises(drcore.NotPassed):
        report.assert_passed()


@pytest.mark.parametrize(
    ("url", "kind"),
    [("postgresql://nobody@127.0.0.1:1/x", "connection"), ("as a role that is not there", "authentication")],
)
def test_an_unreachable_database_gives_an_unproven_report(
    database: Database, baseline: drcore.Evidence, url: str, kind: str
) -> None:
    if kind == "authentication":
        url = database.url_as("role_that_is_not_there")
    report = drcore.verify(url, against=baseline)
    assert report.verdict == "unproven"
    failure = report.run.evidence.failure
    assert failure is not None and failure.kind == kind
    assert all(check.outcome == "not_run" for check in report.checks)
    with pytest.raises(drcore.Error) as raised:
        drcore.baseline(url)
    assert raised.value.code == kind


def test_a_table_that_cannot_be_read_does_not_pass(database: Database, baseline: drcore.Evidence) -> None:
    role = f"{database.name}_reader"
    database.execute(f"create role {role} login; grant select on invoices to {role}")
    try:
        report = drcore.verify(database.url_as(role), against=baseline, only=["row_counts"])
        assert report.verdict == "unproven"
        check = next(check for check in report.checks if check.id == "row_counts")
        assert [unread.cause.kind for unread in check.unread] == ["permission"]
    finally:
        database.execute(f"drop owned by {role}; drop role {role}")


def test_a_deadline_gives_an_unproven_report(locked: Database) -> None:
    plan = {"row_counts": {"tables": {"invoices": 1000}}, "limits": {"lock_timeout": "60s"}}
    report = drcore.verify(locked.url, plan=plan, deadline="300ms")
    assert report.verdict == "unproven"
    assert locked.reading() == 0


def test_plans_and_baselines_come_as_files_and_as_values(
    database: Database, baseline: drcore.Evidence, tmp_path: Path
) -> None:
    toml, saved = tmp_path / "plan.toml", tmp_path / "baseline.json"
    toml.write_text("[row_counts.tables]\ninvoices = 3\n")
    baseline.save(saved)
    assert saved.stat().st_mode & 0o077 == 0
    assert drcore.Evidence.load(saved) == baseline
    reports = [
        drcore.verify(database.url, plan=plan, against=against)
        for plan in (toml, str(toml), {"row_counts": {"tables": {"invoices": 3}}})
        for against in (saved, str(saved), baseline)
    ]
    assert {tuple(finding.id for finding in report.findings) for report in reports} == {
        ("row_counts:count_mismatch:public.invoices",)
    }


def test_a_live_source_is_a_baseline(database: Database) -> None:
    assert drcore.verify(database.url, against=database.url, only=["row_counts"]).verdict == "passed"


def test_the_url_comes_from_the_environment(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    plan = {"row_counts": {"tables": {"invoices": 1000}}}
    assert drcore.verify(plan=plan, only=["row_counts"]).verdict == "passed"
    for name in ("DATABASE_URL", "PGHOST", "PGDATABASE", "PGUSER", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(drcore.UsageError, match="no database was named"):
        drcore.verify(plan=plan)


def test_collect_and_judge_are_verify_in_two_steps(database: Database, baseline: drcore.Evidence) -> None:
    database.execute("delete from invoices where id <= 3")
    evidence = drcore.collect(database.url, against=baseline)
    report = drcore.judge(evidence, against=baseline)
    assert report.to_json() == drcore.judge(evidence, against=baseline).to_json()
    whole = drcore.verify(database.url, against=baseline)
    assert {**report.to_dict(), "run": None} == {**whole.to_dict(), "run": None}


def test_shards_are_merged(database: Database, baseline: drcore.Evidence) -> None:
    only = drcore.collect(database.url, against=baseline, shard="1/1")
    merged = drcore.Evidence.merge(only)
    assert merged.scans.tables == drcore.collect(database.url, against=baseline).scans.tables
    assert drcore.judge(merged, against=baseline).verdict == "passed"
    half = drcore.collect(database.url, against=baseline, shard="7/1000")
    report = drcore.judge(drcore.Evidence.merge(half), against=baseline)
    assert report.verdict == "unproven"
    with pytest.raises(drcore.UsageError, match="twice"):
        drcore.Evidence.merge(half, half)
    with pytest.raises(drcore.UsageError, match="no shard 3/2"):
        drcore.collect(database.url, shard="3/2")
    with pytest.raises(drcore.UsageError):
        drcore.Evidence.merge()
    with pytest.raises(TypeError):
        drcore.Evidence.merge("1.json")  # type: ignore[arg-type]


def test_a_baseline_survives_its_json(baseline: drcore.Evidence) -> None:
    assert drcore.Evidence.from_json(baseline.to_json()) == baseline
    assert json.loads(baseline.to_json()) == baseline.to_dict()
    assert baseline.to_dict()["format"] == "drcore.evidence/1"
    assert baseline.run.failure is None


def test_users_who_cannot_sign_in_are_found_in_a_project() -> None:
    with drcore.scratch(recipe="supabase") as db:
        project = Database.at(db.url)
        project.execute(
            """
            insert into auth.users (id, instance_id, aud, role, email, confirmation_token, recovery_token,
                                    email_change_token_new, email_change, raw_app_meta_data)
            select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated',
                   n || '@example.com', '', '', '', '', '{}'
            from generate_series(1, 3) n;
            insert into auth.identities (id, provider_id, user_id, identity_data, provider)
            select gen_random_uuid(), id::text, id, jsonb_build_object('sub', id), 'email' from auth.users;
            """
        )
        baseline = drcore.baseline(db.url)
        healthy = drcore.verify(db.url, against=baseline, only=["auth_integrity"])
        assert healthy.verdict == "passed", str(healthy)
        project.execute("update auth.users set recovery_token = null where email like '1@%'")
        report = drcore.verify(db.url, against=baseline, only=["auth_integrity"])
        assert report.verdict == "failed"
        [finding] = report.findings
        assert finding.kind == "login_columns_null" and finding.severity == "critical"
        assert "example.com" not in report.to_json()
