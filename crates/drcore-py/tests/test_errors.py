"""Every kind of error is an exception of its own, below one that can be caught for all."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import get_args

import pytest

import drcore
from drcore import _native, errors
from drcore.types import ErrorKind
from support import Database


@pytest.mark.parametrize("code", _native.error_kinds())
def test_every_kind_has_a_class_that_carries_all_of_it(code: str) -> None:
    wire = {
        "format": "drcore.error/1",
        "code": code,
        "message": "m",
        "sqlstate": "42501",
        "hint": "Do this.",
        "detail": "line 1\nline 2",
        "context": {"table": "public.a"},
    }
    error = errors.from_json(json.dumps(wire))
    assert type(error) is getattr(drcore, code.title().replace("_", "") + "Error")
    assert type(error).__name__ in drcore.__all__
    assert isinstance(error, drcore.Error)
    for error in (error, pickle.loads(pickle.dumps(error))):
        assert (error.code, str(error), error.sqlstate) == (code, "m", "42501")
        assert (error.hint, error.detail, error.context) == (
            "Do this.",
            "line 1\nline 2",
            {"table": "public.a"},
        )


def test_kinds_are_those_of_the_core() -> None:
    assert sorted(get_args(ErrorKind)) == _native.error_kinds()
    assert sorted(cls.code for cls in drcore.Error.__subclasses__()) == _native.error_kinds()


def test_what_the_server_says_is_all_there(database: Database, tmp_path: Path) -> None:
    with pytest.raises(drcore.QueryError) as raised:
        drcore.baseline(database.url.replace(f"/{database.name}", "/nowhere"))
    assert raised.value.sqlstate == "3D000"
    assert 'database "nowhere" does not exist (host: ' in str(raised.value)
    assert raised.value.hint is not None and raised.value.hint.startswith("Create the database")
    with pytest.raises(drcore.IoError) as missing:
        drcore.verify(database.url, plan=tmp_path / "none.toml")
    assert missing.value.context == {"file": str(tmp_path / "none.toml")}
    assert missing.value.hint is not None


def test_a_misspelt_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="agianst"):
        drcore.verify("", agianst="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_a_misspelt_plan_names_the_key_the_place_and_what_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "drcore.toml"
    path.write_text("[row_counts.tabels]\ntenants = 1\n\n[scpoe]\nschemas = []\n")
    with pytest.raises(drcore.PlanError, match="3 mistakes") as raised:
        drcore.verify("", plan=path)
    assert raised.value.detail is not None
    assert "did you mean scope?" in raised.value.detail
    assert "drcore.toml:4" in raised.value.detail
    with pytest.raises(drcore.PlanError, match="1 mistake"):
        drcore.verify("", plan={"scpoe": {}})


def test_what_cannot_work_says_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(drcore.UsageError, match="no such check") as raised:
        drcore.verify("", only=["row_cuonts"])
    assert raised.value.hint == "Did you mean row_counts?"
    with pytest.raises(drcore.UsageError, match="sessions"):
        drcore.verify("", sessions=0)
    with pytest.raises(drcore.UsageError, match="duration"):
        drcore.verify("", deadline="soon")
    with pytest.raises(drcore.UsageError, match="limits") as limits:
        drcore.verify("", limits={"snapshot_agee": "1h"})
    assert limits.value.detail is not None and "did you mean snapshot_age?" in limits.value.detail
    with pytest.raises(drcore.UsageError, match="list of ids"):
        drcore.verify("", only="row_counts")
    with pytest.raises(drcore.IoError, match="baseline") as missing:
        drcore.verify("", against=tmp_path / "none.json")
    assert missing.value.context == {"file": str(tmp_path / "none.json")}
    with pytest.raises(drcore.FormatError, match="no format"):
        drcore.Report.from_json("{}")
    with pytest.raises(drcore.FormatError, match=r"drcore\.report/2"):
        drcore.Report.from_json('{"format": "drcore.report/2"}')
    with pytest.raises(TypeError, match="cannot be an option"):
        drcore.verify("", plan={"row_counts": object()})
