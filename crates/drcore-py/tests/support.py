"""What the tests share: databases of their own, beside the sample whose URL is in DATABASE_URL.

A test that cannot run fails: without a server everything here raises.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit


class Database:
    """A database of its own on the cluster of DATABASE_URL."""

    def __init__(self, name: str) -> None:
        parts = urlsplit(os.environ["DATABASE_URL"])
        self.name = name
        self.url = urlunsplit(parts._replace(path=f"/{name}"))

    @staticmethod
    def at(url: str) -> Database:
        """One on another server, such as a scratch cluster."""
        database = Database("")
        database.name, database.url = urlsplit(url).path[1:], url
        return database

    def url_as(self, role: str) -> str:
        """Its URL, as this role."""
        return self.url.replace("postgres@", f"{role}@", 1)

    def execute(self, sql: str) -> str:
        """Runs statements, and gives what they print."""
        done = subprocess.run(
            [psql(), "-XqAt", "-v", "ON_ERROR_STOP=1", self.url],
            input=sql,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def dump(self, path: Path) -> Path:
        """Dumps it into a file."""
        command = [program("pg_dump"), "-Fc", "--file", str(path), self.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return path

    def reading(self) -> int:
        """How many statements of drcore the server is at."""
        return int(
            self.execute(
                "select count(*) from pg_stat_activity where application_name = 'drcore' "
                f"and state = 'active' and datname = '{self.name}'"
            )
        )

    def wait_until_read(self) -> None:
        """Until the server is at a statement of drcore."""
        eventually(lambda: self.reading() > 0)


def psql() -> str:
    return program("psql")


def program(name: str) -> str:
    return os.path.join(os.environ.get("DRCORE_PG_BIN", ""), name)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Waits for it, and fails if it does not come."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)
