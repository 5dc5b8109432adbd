"""The platform, as a server on this machine that answers as Supabase's Management API does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

import drcore
from drcore import platform, types
from support import Database

PROJECT = "abcdefghijklmnopqrst"
TOKEN = "sbp_0123456789abcdef0123456789abcdef01234567"


class Api(HTTPServer):
    """What it answers, and what it was asked that changes something."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        now = int(time.time())
        self.window = (now - 7 * 86_400, now - 60)
        self.states = ["ACTIVE_HEALTHY"]
        self.begun: list[object] = []


class Handler(BaseHTTPRequestHandler):
    @property
    def api(self) -> Api:
        assert isinstance(self.server, Api)
        return self.server

    def do_GET(self) -> None:
        earliest, latest = self.api.window
        project = f"/v1/projects/{PROJECT}"
        answers: dict[str, object] = {
            f"{project}/database/backups": {
                "region": "eu-central-1",
                "walg_enabled": True,
                "pitr_enabled": True,
                "backups": [],
                "physical_backup_data": {
                    "earliest_physical_backup_date_unix": earliest,
                    "latest_physical_backup_date_unix": latest,
                },
            },
            f"{project}/health": [{"name": "db", "status": "ACTIVE_HEALTHY"}],
        }
        path = self.path.split("?")[0]
        if path == project:
            states = self.api.states
            answers[path] = {"id": PROJECT, "status": states.pop(0) if len(states) > 1 else states[0]}
        self.answer(200 if path in answers else 404, answers.get(path, {"message": "Project not found"}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.api.begun.append(json.loads(body))
        self.api.states = ["ACTIVE_HEALTHY", "RESTORING", "ACTIVE_HEALTHY"]
        self.answer(201, {})

    def answer(self, status: int, said: object) -> None:
        if self.headers["authorization"] != f"Bearer {TOKEN}":
            status, said = 401, {"message": "Unauthorized"}
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    server = Api()
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("SUPABASE_API_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    yield server
    server.shutdown()
    server.server_close()


def target(api: Api) -> datetime:
    return datetime.fromtimestamp(api.window[1] - 600, timezone.utc)


def test_what_there_is_is_told_and_the_same_awaited(api: Api) -> None:
    facts = platform.backups(PROJECT)
    assert isinstance(facts, types.PlatformFacts) and facts.window is not None
    assert (facts.pitr_enabled, facts.status, facts.backups) == (True, "ACTIVE_HEALTHY", [])
    assert asyncio.run(drcore.aio.platform.backups(PROJECT)).window == facts.window
    with pytest.raises(drcore.UsageError):
        platform.backups("zyxwvutsrqponmlkjihg")


def test_a_recovery_is_planned_and_only_the_reviewed_one_is_begun(api: Api, database: Database) -> None:
    plan = platform.pitr(PROJECT, to=target(api), without_salvage="a drill")
    assert isinstance(plan, types.PitrPlan) and plan.waived == "a drill"
    with pytest.raises(drcore.RefusedError):
        platform.pitr(PROJECT, to=target(api), without_salvage="a drill", apply="00000000")
    assert api.begun == []

    async def main() -> types.PitrRun:
        return await drcore.aio.platform.pitr(
            PROJECT,
            to=target(api),
            without_salvage="a drill",
            apply=plan.digest,
            url=database.url,
            only=["row_counts"],
            plan={"row_counts": {"tables": {"invoices": 1000}}},
        )

    run = asyncio.run(main())
    assert len(api.begun) == 1
    assert run.outcome == "restored" and run.report is not None and run.report.verdict == "passed"


def test_nothing_is_begun_without_a_target_a_salvage_or_a_token(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(drcore.UsageError, match="held on to"):
        platform.pitr(PROJECT, to=target(api))
    with pytest.raises(drcore.UsageError, match="offset"):
        platform.pitr(PROJECT, to="2026-11-20", without_salvage="a drill")
    with pytest.raises(drcore.UsageError, match="not within"):
        platform.pitr(PROJECT, to="2020-01-01T00:00:00Z", without_salvage="a drill")
    with pytest.raises(drcore.RefusedError):
        platform.pitr(PROJECT, to=target(api), salvage=tmp_path)
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", "sbp_another")
    with pytest.raises(drcore.AuthenticationError):
        platform.backups(PROJECT)
    monkeypatch.delenv("SUPABASE_ACCESS_TOKEN")
    with pytest.raises(drcore.UsageError, match="SUPABASE_ACCESS_TOKEN"):
        platform.backups(PROJECT)
    assert api.begun == []
