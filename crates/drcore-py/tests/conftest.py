"""Fixtures: databases to look at."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator

import pytest

import drcore
from support import Database, psql


@pytest.fixture
def database() -> Iterator[Database]:
    """A table with 1,000 rows, and one with a hostile name."""
    yield from _made()


@pytest.fixture
def other() -> Iterator[Database]:
    """Another one, the same."""
    yield from _made()


def _made() -> Iterator[Database]:
    database = Database(f"py_{uuid.uuid4().hex}")
    maintenance = Database("postgres")
    maintenance.execute(f"create database {database.name} template template0")
    database.execute(
        """
        create table invoices (id int primary key, tenant_id int not null, created_at timestamptz);
        insert into invoices select n, n % 3 from generate_series(1, 1000) n;
        create table "<script>alert(1)</script>" (id int primary key);
        insert into "<script>alert(1)</script>" values (1);
        """
    )
    yield database
    maintenance.execute(f"drop database {database.name} with (force)")


@pytest.fixture
def locked(database: Database) -> Iterator[Database]:
    """A database in which counting one table never ends: somebody holds a lock on it."""
    command = [psql(), "-XqAt", database.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        holder.stdin.write("begin; lock table invoices; select 'locked';\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "locked\n"
        yield database
        holder.stdin.close()


@pytest.fixture
def baseline(database: Database) -> drcore.Evidence:
    """What the database was before a test damages it."""
    return drcore.baseline(database.url)
