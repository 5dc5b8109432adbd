"""What a report is in Python: text, one line, HTML, JSON, dataclasses, a value."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from pathlib import Path

import pytest

import drcore
from support import Database
from drcore import _convert, types


@pytest.fixture
def report(database: Database, baseline: drcore.Evidence) -> drcore.Report:
    database.execute('delete from invoices where id <= 3; drop table "<script>alert(1)</script>"')
    return drcore.verify(database.url, against=baseline)


def test_str_is_the_text_and_repr_one_line(report: drcore.Report) -> None:
    assert str(report).startswith("FAILED")
    assert "row_counts:fewer_rows:public.invoices" in str(report)
    assert repr(report).startswith("<drcore.Report failed")
    assert "\n" not in repr(report)


def test_html_is_escaped_and_small(report: drcore.Report) -> None:
    html = report._repr_html_()
    assert "<script" not in html
    assert re.search(r"(&lt;|&#60;|&#x3[cC];)script", html)
    assert "public.invoices" in html and "FAILED" in html
    assert len(html) < 100_000


def test_every_form_says_the_verdict(report: drcore.Report) -> None:
    assert report.to_text() == str(report)
    assert len(report.to_text(width=50).splitlines()) > len(report.to_text(width=None).splitlines())
    assert "\x1b[" in report.to_text(color=True)
    assert "select count(*)" in report.to_text(verbose=True)
    for text in (report.to_markdown(), report.to_html(), report.to_junit()):
        assert "fewer_rows" in text
    assert "FAILED" in report.to_markdown() and "FAILED" in report.to_html()
    assert report.to_junit().startswith("<?xml")
    assert "<script>alert" not in report.to_html() + report.to_junit()


def test_a_report_cannot_be_taken_for_true(report: drcore.Report) -> None:
    with pytest.raises(TypeError, match="assert_passed"):
        assert report  # pyright: ignore[reportGeneralTypeIssues]


def test_json_is_the_form_of_all_languages(report: drcore.Report, tmp_path: Path) -> None:
    assert drcore.Report.from_json(report.to_json()).to_json() == report.to_json()
    assert report.to_dict()["format"] == "drcore.report/1"
    path = tmp_path / "report.json"
    path.write_text(report.to_json())
    assert drcore.Report.load(path) == report


def test_a_report_is_a_value(report: drcore.Report, database: Database) -> None:
    for other in (pickle.loads(pickle.dumps(report)), copy.copy(report), copy.deepcopy(report)):
        assert other == report
        assert other.findings == report.findings
    assert report != drcore.verify(database.url)
    with pytest.raises(AttributeError):
        report.verdict = "passed"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_values_are_frozen_dataclasses(report: drcore.Report) -> None:
    finding = next(finding for finding in report.findings if finding.kind == "missing_table")
    assert isinstance(finding, types.MissingTable)
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.object = "x"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    assert report.findings is report.findings
    check = next(check for check in report.checks if check.id == "row_counts")
    assert isinstance(check, types.CheckResult)
    assert isinstance(report.run.evidence, types.EvidenceRun)
    assert report.run.baseline is not None


def test_evidence_holds_facts(baseline: drcore.Evidence) -> None:
    rows = {name: scan.rows for name, scan in baseline.scans.tables.items()}
    assert dataclasses.asdict(rows["public.invoices"]) == {"read": 1000}  # type: ignore[arg-type]
    relations = baseline.catalog.relations
    assert relations is not None and "unread" not in dataclasses.asdict(relations)
    assert baseline.assertions == {}


def test_dataclasses_hold_all_of_the_json(report: drcore.Report, baseline: drcore.Evidence) -> None:
    for hint, wire in ((types.Report, report.to_dict()), (types.Evidence, baseline.to_dict())):
        assert plain(_convert.convert(hint, wire)) == wire


def plain(value: object) -> object:
    """The JSON that a dataclass stands for: none and empty where it is left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name.rstrip("_"): (field, getattr(value, field.name)) for field in dataclasses.fields(value)
        }
        return {
            name: plain(held)
            for name, (field, held) in fields.items()
            if held != _default(field) or field.default is field.default_factory
        }
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _default(field: dataclasses.Field[object]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (types.Verdict, "splendid"),
        (int, "1"),
        (int, True),
        (types.Unread, {"object": "x"}),
        (types.Finding, {"kind": "nobody_knows"}),
        (tuple[int, ...], [1, "2"]),
    ],
)
def test_what_fits_no_type_is_not_passed_on(hint: object, value: object) -> None:
    with pytest.raises(TypeError):
        _convert.convert(hint, value)


def test_unions_are_told_apart_by_tag_and_by_keys() -> None:
    sql = {"type": "sql", "class": "safe", "statements": ["select 1"]}
    assert _convert.convert(types.Remedy, sql) == types.RemedySql(
        type="sql", class_="safe", statements=["select 1"]
    )
    choose = {"type": "choose", "choices": []}
    assert _convert.convert(types.Remedy, choose) == types.RemedyChoose(type="choose", choices=[])
    assert _convert.convert(types.CountExpectation, 3) == 3
    assert dataclasses.asdict(_convert.convert(types.CountExpectation, {"within": 2})) == {"within": 2}
