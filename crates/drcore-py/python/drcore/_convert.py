"""JSON to the dataclasses of :mod:`drcore.types`, driven by their type hints."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import types as builtin_types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from drcore import types

_SHAPES: dict[str, Any] = {
    "after_restore": Union[types.AfterRestore, None],
    "archive_damage": tuple[types.ArchiveDamage, ...],
    "archive_differences": tuple[types.ArchiveDifference, ...],
    "archive_entries": Union[tuple[types.ArchiveEntry, ...], None],
    "archive_facts": types.ArchiveFacts,
    "archive_header": Union[types.ArchiveHeader, None],
    "archive_tables": tuple[types.ArchiveTable, ...],
    "assertions": dict[str, types.AssertionValueFact],
    "backups": types.BackupList,
    "catalog": types.Catalog,
    "check": types.CheckResult,
    "checks": tuple[types.CheckResult, ...],
    "comparison": types.Comparison,
    "copied_tables": tuple[types.CopiedTable, ...],
    "copy_run": types.CopyRun,
    "copy_side": types.CopySide,
    "cut_over": types.CutOver,
    "diff_row": types.DiffRow,
    "diff_side": types.DiffSide,
    "diff_structure": types.DiffStructure | None,
    "diff_tables": tuple[types.DiffTable, ...],
    "diff_unread": tuple[types.DiffUnread, ...],
    "diff_verdict": types.DiffVerdict,
    "drill_history": types.DrillHistory,
    "drill_row": types.DrillRow,
    "files": types.Files | None,
    "findings": tuple[types.Finding, ...],
    "gap_records": tuple[types.GapRecord, ...],
    "gap_tables": tuple[types.GapTable, ...],
    "gap_verdict": types.GapVerdict,
    "inspect_against": Union[types.InspectAgainst, None],
    "inspect_run": types.InspectRun,
    "inspect_verdict": types.InspectVerdict,
    "large_objects": types.LargeObjects,
    "left_out": tuple[types.LeftOut, ...],
    "loaded_tables": tuple[types.LoadedTable, ...],
    "lone_tables": tuple[types.LoneTable, ...],
    "not_copied": tuple[types.NotCopied, ...],
    "not_covered": tuple[types.NotCovered, ...],
    "object_errors": tuple[types.ObjectError, ...],
    "objective_outcomes": tuple[types.ObjectiveOutcome, ...],
    "omitted": tuple[types.Omitted, ...],
    "omitted_tables": tuple[types.OmittedTable, ...],
    "pitr_plan": types.PitrPlan,
    "pitr_run": types.PitrRun,
    "platform_facts": types.PlatformFacts,
    "progress": types.Progress,
    "prune_plan": types.PrunePlan,
    "pruned": types.Pruned,
    "rehearsal_run": types.RehearsalRun,
    "rehearsed_backup": types.RehearsedBackup,
    "repair_statements": tuple[types.RepairStatement, ...],
    "report_run": types.ReportRun,
    "restore_run": types.RestoreRun,
    "restore_steps": tuple[types.RestoreStep, ...],
    "run": types.EvidenceRun,
    "scans": types.Scans,
    "sequence_copies": tuple[types.SequenceCopy, ...],
    "storage_row": types.StorageRow,
    "table_copies": tuple[types.TableCopy, ...],
    "taken": types.Taken,
    "target_facts": types.TargetFacts,
    "unread": tuple[types.Unread, ...],
    "verdict": types.Verdict,
    "verification": types.Verification,
    "writes": tuple[types.Write, ...],
}


def from_json(name: str, text: str) -> Any:
    """The value that the compiled half calls by this name."""
    return convert(_SHAPES[name], json.loads(text))


def frame(records: tuple[types.GapRecord, ...]) -> Any:
    """A pandas DataFrame of records; pandas is needed only here."""
    pandas: Any = importlib.import_module("pandas")
    made = pandas.DataFrame(records, columns=["table", "by", "tenant", "hour", "rows"])
    made["hour"] = pandas.to_datetime(made["hour"], utc=True)
    return made


def diff_frame(records: list[dict[str, Any]]) -> Any:
    """A pandas DataFrame of rows that differ; pandas is needed only here."""
    pandas: Any = importlib.import_module("pandas")
    return pandas.DataFrame(records, columns=["table", "change", "key", "times", "columns", "a", "b"])


def storage_frame(records: list[dict[str, Any]]) -> Any:
    """A pandas DataFrame of files that something is wrong with; pandas is needed only here."""
    pandas: Any = importlib.import_module("pandas")
    columns = ["problem", "bucket", "name", "version", "bytes", "modified", "detail"]
    made = pandas.DataFrame(records, columns=columns)
    made["modified"] = pandas.to_datetime(made["modified"], utc=True)
    return made


def convert(hint: Any, value: Any) -> Any:
    """The value as its type hint says. What fits no type is a defect, and raises ``TypeError``."""
    origin = get_origin(hint)
    if hint is Any or (origin is Literal and value in get_args(hint)):
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        fields = _fields(hint)
        return hint(**{fields[key][0]: convert(fields[key][1], item) for key, item in value.items()})
    if origin in (list, tuple) and isinstance(value, list):
        return origin(convert(get_args(hint)[0], item) for item in value)
    if origin is dict and isinstance(value, dict):
        return {key: convert(get_args(hint)[1], item) for key, item in value.items()}
    if origin in (Union, builtin_types.UnionType):
        for member in get_args(hint):
            if _fits(member, value):
                return convert(member, value)
    elif isinstance(hint, type) and _fits(hint, value):
        return value
    raise TypeError(f"drcore.types is stale: {value!r:.200} is not {hint}")


def _fits(hint: Any, value: Any) -> bool:
    """Whether the value is of this member of a union: by its tag, by its keys, or by its type."""
    origin = get_origin(hint)
    if origin is Literal:
        return value in get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            return False
        fields = _fields(hint)
        required = (key for key, (_, _, needed) in fields.items() if needed)
        tags = ((key, kind) for key, (_, kind, _) in fields.items() if get_origin(kind) is Literal)
        return (
            value.keys() <= fields.keys()
            and all(key in value for key in required)
            and all(value[key] in get_args(kind) for key, kind in tags if key in value)
        )
    if origin is tuple:
        return isinstance(value, list)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    expected = origin or hint
    return isinstance(value, expected) and not (expected is int and isinstance(value, bool))


@functools.cache
def _fields(cls: Any) -> dict[str, tuple[str, Any, bool]]:
    """By key in JSON: the field's name (``class_`` for ``class``), its type, whether it is required."""
    hints = get_type_hints(cls)
    missing = dataclasses.MISSING
    return {
        field.name.rstrip("_"): (
            field.name,
            hints[field.name],
            field.default is missing and field.default_factory is missing,
        )
        for field in dataclasses.fields(cls)
    }
