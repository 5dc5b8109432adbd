"""The command that the package brings, and that it and the library say the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import drcore
from support import Database


def command(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "drcore", *arguments], capture_output=True, check=False)


def test_the_command_is_there() -> None:
    done = command("--version")
    assert (done.returncode, done.stdout.decode()) == (0, f"drcore {drcore.__version__}\n")
    assert command("verfiy").returncode == 2


def test_json_is_the_same_bytes_as_the_commands(
    database: Database, baseline: drcore.Evidence, tmp_path: Path
) -> None:
    database.execute("delete from invoices where id <= 3")
    then, now, plan = tmp_path / "then.json", tmp_path / "now.json", tmp_path / "plan.toml"
    baseline.save(then)
    drcore.collect(database.url, against=baseline).save(now)
    plan.write_text('[row_counts.tables]\ninvoices = "same"\n')
    done = command("judge", now, "--against", then, "--plan", plan, "--format", "json")
    report = drcore.judge(drcore.Evidence.load(now), plan=plan, against=then)
    assert done.returncode == report.exit_code == 1, done.stderr.decode()
    assert done.stdout == report.to_json().encode() + b"\n"


def test_text_is_the_commands(database: Database, baseline: drcore.Evidence, tmp_path: Path) -> None:
    then = tmp_path / "then.json"
    baseline.save(then)
    done = command("judge", then, "--against", then)
    assert done.stdout.decode().startswith("PASSED")
    assert str(drcore.judge(baseline, against=baseline)).startswith("PASSED")


def test_explain_is_the_commands_page() -> None:
    page = drcore.explain("fewer_rows")
    assert page.startswith("# fewer_rows")
    assert page._repr_markdown_() == page
    assert command("explain", "fewer_rows").stdout.decode() == page
    assert "`row_counts`" in drcore.explain()
    with pytest.raises(drcore.UsageError) as raised:
        drcore.explain("fewer_row")
    assert raised.value.hint is not None and "fewer_rows" in raised.value.hint


def test_the_library_logs_as_the_environment_says(database: Database) -> None:
    script = f"import drcore; drcore.verify({database.url!r}, only=['row_counts'])"

    def log(**variables: str) -> str:
        environment = os.environ | variables
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, env=environment, text=True
        )
        assert done.stdout == ""
        return done.stderr

    assert log() == ""
    assert " INFO collect{server=" in log(DRCORE_LOG="info")
    lines = log(DRCORE_LOG="debug", DRCORE_LOG_FORMAT="json").splitlines()
    events = [json.loads(line) for line in lines]
    assert {"collected", "answered", "judged"} <= {event["message"] for event in events}
    assert "DRCORE_LOG is none of off, error" in log(DRCORE_LOG="loud")


def test_ctrl_c_reaches_the_command(locked: Database, tmp_path: Path) -> None:
    plan = '[row_counts.tables]\ninvoices = 1000\n[limits]\nlock_timeout = "60s"\n'
    path = tmp_path / "plan.toml"
    command = [sys.executable, "-m", "drcore", "verify", locked.url, "--plan", str(path)]
    path.write_text(plan)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        locked.wait_until_read()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert (process.returncode, out.split()[0]) == (130, b"UNPROVEN")
    assert locked.reading() == 0
