"""The compiled half. Everything public is re-exported by :mod:`drcore`."""

import os
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, final

from drcore._call import OnProgress, Target
from drcore.types import (
    AfterRestore,
    ArchiveDamage,
    ArchiveDifference,
    ArchiveEntry,
    ArchiveFacts,
    ArchiveHeader,
    ArchiveTable,
    AssertionValueFact,
    Catalog,
    CheckResult,
    Comparison,
    CopiedTable,
    CopyRun,
    CopySide,
    CutOver,
    DiffRow,
    DiffSide,
    DiffStructure,
    DiffTable,
    DiffUnread,
    DiffVerdict,
    DrillRow,
    EvidenceRun,
    Files,
    Finding,
    GapRecord,
    GapTable,
    GapVerdict,
    InspectAgainst,
    InspectRun,
    InspectVerdict,
    LargeObjects,
    LeftOut,
    LoadedTable,
    LoneTable,
    NotCopied,
    NotCovered,
    ObjectError,
    ObjectiveOutcome,
    Omitted,
    OmittedTable,
    Onto,
    RehearsalRun,
    RehearsedBackup,
    RepairStatement,
    ReportRun,
    RestoreRun,
    RestoreStep,
    Scans,
    SequenceCopy,
    StorageRow,
    TableCopy,
    TargetFacts,
    Unread,
    Verdict,
    Write,
)

__version__: str

@final
class Report:
    """One result for every check that exists, and a verdict.

    ``print(report)`` shows the text of the command line; a notebook shows a table, worst first.
    """

    def __new__(cls, json: str) -> Report: ...
    @staticmethod
    def from_json(json: str) -> Report:
        """Reads a report from the JSON that ``to_json`` gives."""

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Report:
        """Reads a report from a file that holds its JSON."""

    @property
    def verdict(self) -> Verdict:
        """What all checks together come to: ``passed``, ``failed``, or ``unproven`` (could not find out)."""

    @property
    def exit_code(self) -> int:
        """The exit code that the command would end with: 0 passed, 1 failed, 3 unproven, 130 interrupted."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding of every check that is not accepted, worst first."""

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """One result for every check, in the order of the checks."""

    @property
    def examined(self) -> dict[str, int]:
        """How much was read, by plural noun: ``tables``, ``rows``."""

    @property
    def notes(self) -> list[str]:
        """What a reader should know that is no finding."""

    @property
    def run(self) -> ReportRun:
        """All that is volatile: instants, versions, hosts, timings."""

    def assert_passed(self) -> None:
        """Raises ``NotPassed``, an ``AssertionError`` with this report, unless the verdict is ``passed``."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

    def to_text(self, *, width: int | None = 80, color: bool = False, verbose: bool = False) -> str:
        """The report as text, as on a terminal so many columns wide; ``None`` does not wrap."""

    def to_markdown(self) -> str:
        """The report as Markdown."""

    def to_html(self) -> str:
        """The report as one HTML page that needs no network."""

    def to_junit(self) -> str:
        """The report as ``JUnit`` XML: one case for every check."""

    def __bool__(self) -> NoReturn:
        """Raises ``TypeError``: ``assert drcore.verify(…)`` would pass whatever the verdict."""

    def _repr_html_(self) -> str: ...
    def __getnewargs__(self) -> tuple[str]: ...

@final
class Evidence:
    """Every fact that was read from one state of one database. Stored, it is a baseline."""

    def __new__(cls, json: str) -> Evidence: ...
    @staticmethod
    def from_json(json: str) -> Evidence:
        """Reads Evidence from the JSON that ``to_json`` gives."""

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Evidence:
        """Reads Evidence from a file that ``save`` or ``drcore baseline`` wrote."""

    @staticmethod
    def merge(*evidence: Evidence) -> Evidence:
        """What all of these know together: the Evidence of the shards of one collection, in any order.

        Raises:
            RefusedError: They are not of one state of one database.
            UsageError: There is none, or a shard is there twice.
        """

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it to a file, whole or not at all, readable by its owner only."""

    @property
    def catalog(self) -> Catalog:
        """What the catalog says."""

    @property
    def scans(self) -> Scans:
        """What reading the tables themselves showed."""

    @property
    def assertions(self) -> dict[str, AssertionValueFact]:
        """Results of the team's own statements, by name."""

    @property
    def run(self) -> EvidenceRun:
        """All that is volatile: instants, versions, hosts, timings, and why nothing more was read."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

    def __getnewargs__(self) -> tuple[str]: ...

@final
class Diff:
    """What differs between two sides, A and B.

    ``print(diff)`` shows the text of the command line, without values; ``rows`` are all rows that differ.
    """

    def __new__(cls, json: str) -> Diff: ...
    @staticmethod
    def from_json(json: str) -> Diff:
        """Reads a comparison from the JSON that ``to_json`` gives."""

    @property
    def verdict(self) -> DiffVerdict:
        """What it comes to: ``same``, ``different`` or ``unproven``."""

    @property
    def exit_code(self) -> int:
        """The exit code that the command would end with: 0 the same, 1 different, 3 unproven."""

    @property
    def tables(self) -> tuple[DiffTable, ...]:
        """Each table that both sides have: those that differ first."""

    @property
    def only_in_a(self) -> tuple[LoneTable, ...]:
        """Tables that only A has."""

    @property
    def only_in_b(self) -> tuple[LoneTable, ...]:
        """Tables that only B has."""

    @property
    def left_out(self) -> tuple[OmittedTable, ...]:
        """Tables that were not compared because somebody said so, or because they are no data of the application."""

    @property
    def structure(self) -> DiffStructure | None:
        """What differs in the structure, where that is what was compared."""

    @property
    def unread(self) -> tuple[DiffUnread, ...]:
        """What could not be read or compared."""

    @property
    def notes(self) -> list[str]:
        """What a reader should know."""

    @property
    def a(self) -> DiffSide:
        """The one side: what it is, and how it was read."""

    @property
    def b(self) -> DiffSide:
        """The other side: what it is, and how it was read."""

    @property
    def rows(self) -> Iterator[DiffRow]:
        """Every row that differs, one after the other, however many."""

    def records(self) -> list[dict[str, Any]]:
        """Every row that differs, as a list of flat dicts, such as ``pandas.DataFrame`` takes."""

    def to_pandas(self) -> Any:
        """Every row that differs as a pandas ``DataFrame``."""

    def to_json(self, values: bool = False) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node; values of rows only where
        they are asked for."""

    def to_dict(self, values: bool = False) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

    def __getnewargs__(self) -> tuple[str]: ...

@final
class StorageAudit:
    """What is wrong with the files of a project.

    ``print(audit)`` shows the text of the command line; ``rows`` are all files that something is wrong with.
    """

    def __new__(cls, json: str) -> StorageAudit: ...
    @staticmethod
    def from_json(json: str) -> StorageAudit:
        """Reads an audit from the JSON that ``to_json`` gives."""

    @property
    def verdict(self) -> Verdict:
        """What it comes to: ``passed``, ``failed`` or ``unproven``."""

    @property
    def exit_code(self) -> int:
        """The exit code that the command would end with: 0 passed, 1 failed, 3 unproven."""

    @property
    def check(self) -> CheckResult:
        """The result of the check ``storage_orphans``: findings by bucket, and what could not be read."""

    @property
    def files(self) -> Files | None:
        """How much there is, by bucket; none where it could not be compared."""

    @property
    def notes(self) -> list[str]:
        """What a reader should know."""

    @property
    def run(self) -> EvidenceRun:
        """How it was read."""

    @property
    def rows(self) -> Iterator[StorageRow]:
        """Every file that something is wrong with, one after the other, however many."""

    def records(self) -> list[dict[str, Any]]:
        """Every file that something is wrong with, as a list of flat dicts, such as ``pandas.DataFrame`` takes."""

    def to_pandas(self) -> Any:
        """Every file that something is wrong with, as a pandas ``DataFrame``."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

    def __getnewargs__(self) -> tuple[str]: ...

@final
class Gap:
    """The rows that were created after an instant: what a copy restored to it does not have.

    ``print(gap)`` shows the text of the command line; a notebook shows tables.
    """

    def __new__(cls, json: str) -> Gap: ...
    @staticmethod
    def from_json(json: str) -> Gap:
        """Reads a gap from the JSON that ``to_json`` gives."""

    @property
    def verdict(self) -> GapVerdict:
        """What it comes to: ``found``, or ``unproven`` (nothing follows for what was lost)."""

    @property
    def exit_code(self) -> int:
        """The exit code that the command would end with: 0 found and everything read, 3 unproven."""

    @property
    def since(self) -> str:
        """The instant, as RFC 3339 in UTC."""

    @property
    def rows(self) -> int:
        """How many rows of all covered tables are newer: exact."""

    @property
    def tables(self) -> tuple[GapTable, ...]:
        """Each covered table with its tenants and hours, the one with the most rows first."""

    @property
    def not_covered(self) -> tuple[NotCovered, ...]:
        """Tables whose rows do not say when they were created."""

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What could not be read."""

    @property
    def notes(self) -> list[str]:
        """Why it is ``unproven``, or what else a reader should know."""

    @property
    def run(self) -> EvidenceRun:
        """How it was collected."""

    def records(self) -> tuple[GapRecord, ...]:
        """Flat records, for tables: totals, tenants and hours. Add up those of one ``by`` only."""

    def to_pandas(self) -> Any:
        """The records as a pandas ``DataFrame``, the hours as timestamps."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

    def _repr_html_(self) -> str: ...
    def __getnewargs__(self) -> tuple[str]: ...

@final
class Inspection:
    """What a dump holds, and whether it is whole.

    ``print(inspection)`` shows the text of the command line.
    """

    def __new__(cls, json: str) -> Inspection: ...
    @staticmethod
    def from_json(json: str) -> Inspection:
        """Reads an inspection from the JSON that ``to_json`` gives."""

    @property
    def verdict(self) -> InspectVerdict:
        """What it comes to: ``whole``, ``damaged``, ``differs`` (from the baseline), or ``unproven``."""

    @property
    def exit_code(self) -> int:
        """The exit code that the command would end with: 0 whole, 1 damaged or other than the baseline, 3 unproven."""

    @property
    def name(self) -> str:
        """What it is called: a path, or where it was read from."""

    @property
    def archive(self) -> ArchiveHeader | None:
        """What the dump says of itself; ``None`` where it could not be understood so far."""

    @property
    def data_read(self) -> bool:
        """Whether its data was read, to the end or to where it breaks."""

    @property
    def damage(self) -> tuple[ArchiveDamage, ...]:
        """All that is damaged."""

    @property
    def differences(self) -> tuple[ArchiveDifference, ...]:
        """What is other than the baseline says, or than in the other dump."""

    @property
    def unproven(self) -> list[str]:
        """Why nobody can tell whether it is whole."""

    @property
    def notes(self) -> list[str]:
        """What a reader should know."""

    @property
    def rows(self) -> int:
        """Rows of all tables that are whole."""

    @property
    def tables(self) -> tuple[ArchiveTable, ...]:
        """Each table whose data is in it. One that breaks has no ``rows``."""

    @property
    def large_objects(self) -> LargeObjects:
        """The large objects in it."""

    @property
    def without_data(self) -> list[str]:
        """Tables that it makes, and holds no data of."""

    @property
    def schemas(self) -> list[str]:
        """The schemas that it makes."""

    @property
    def extensions(self) -> list[str]:
        """The extensions that it makes."""

    @property
    def owners(self) -> list[str]:
        """The roles that own something in it: who restores it needs them."""

    @property
    def entries(self) -> tuple[ArchiveEntry, ...] | None:
        """The table of contents, where it was asked for."""

    @property
    def against(self) -> InspectAgainst | None:
        """What it was compared with."""

    @property
    def run(self) -> InspectRun:
        """What is volatile about it."""

    def to_text(self, *, width: int | None = 80, color: bool = False, verbose: bool = False) -> str:
        """As text, as on a terminal so many columns wide; ``None`` does not wrap."""

    def to_markdown(self) -> str:
        """As Markdown."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

    def __getnewargs__(self) -> tuple[str]: ...

@final
class RepairPlan:
    """What puts the findings of a report right, in order, as one transaction; not yet applied.

    ``print(plan)`` shows it for reviewing.
    """

    @property
    def digest(self) -> str:
        """By which a reviewed plan is known: it changes with every statement and with the database."""

    @property
    def project(self) -> str | None:
        """What it is for: the ref of a hosted project, else ``database@system_identifier``."""

    @property
    def statements(self) -> tuple[RepairStatement, ...]:
        """The statements, in order."""

    @property
    def left(self) -> tuple[LeftOut, ...]:
        """The findings that it does not answer, and why."""

    @property
    def report(self) -> Report:
        """The report that it answers."""

    def execute(self, target: Target, *, on_progress: OnProgress | None = None) -> Repaired:
        """Applies it to a ``drcore.Target``, all of it or nothing, and verifies again."""

    def to_sql(self) -> str:
        """The plan as a script for psql: one transaction, the findings as comments."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

@final
class Repaired:
    """A plan that was applied, and what verifying again said."""

    @property
    def writes(self) -> tuple[Write, ...]:
        """Everything that was written, with its time."""

    @property
    def comparison(self) -> Comparison:
        """The findings of before, after it: fixed, still there, new, or not known."""

    @property
    def report(self) -> Report:
        """What verifying again said."""

    @property
    def exit_code(self) -> int:
        """The exit code that the command would end with."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

@final
class CopyPlan:
    """What a copy would do, and what it leaves out; nothing is written yet.

    ``print(plan)`` shows it for reviewing.
    """

    @property
    def digest(self) -> str:
        """By which a reviewed plan is known: it changes with both databases and everything that is done."""

    @property
    def needs_review(self) -> bool:
        """Whether it must have been reviewed: it takes away rows that are there."""

    @property
    def source(self) -> CopySide:
        """What is copied from."""

    @property
    def target(self) -> CopySide:
        """What is copied into."""

    @property
    def onto(self) -> Onto:
        """What happens to rows that the tables of the target hold."""

    @property
    def jobs(self) -> int:
        """How many tables, or parts of one, are copied at once."""

    @property
    def replica_role(self) -> bool:
        """Whether triggers and foreign keys of the target are off while rows come."""

    @property
    def tables(self) -> tuple[TableCopy, ...]:
        """The tables, parents before children."""

    @property
    def sequences(self) -> tuple[SequenceCopy, ...]:
        """Sequences that get the values of the source."""

    @property
    def left_out(self) -> tuple[NotCopied, ...]:
        """Tables of the source that are not copied, and why."""

    @property
    def large_objects(self) -> int:
        """How many large objects the source has: they are no rows of a table, and not copied."""

    def execute(self, *, apply: str | None = None, on_progress: OnProgress | None = None) -> Copied:
        """Copies, and compares with what was copied; the same as ``drcore.execute``."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

@final
class Copied:
    """A copy that came to its end: what came, what could not, and what comparing it said."""

    @property
    def digest(self) -> str:
        """The digest of the plan that was done."""

    @property
    def tables(self) -> tuple[CopiedTable, ...]:
        """The tables whose rows all came."""

    @property
    def errors(self) -> tuple[ObjectError, ...]:
        """What could not be copied: as long as it is missing, the target stays marked as half copied."""

    @property
    def report(self) -> Report | None:
        """The copied tables, compared with what they were copied from; ``None`` where something is missing."""

    @property
    def run(self) -> CopyRun:
        """All that is volatile: instants, and what was written."""

    @property
    def exit_code(self) -> int:
        """The exit code that the command would end with."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

@final
class RestorePlan:
    """What a restore would do, in order, and what it leaves out; nothing is written yet.

    ``print(plan)`` shows it for reviewing.
    """

    @property
    def digest(self) -> str:
        """By which a reviewed plan is known: it changes with the archive, the target and everything that is done."""

    @property
    def needs_review(self) -> bool:
        """Whether it must have been reviewed: it takes away what is there."""

    @property
    def archive(self) -> ArchiveFacts:
        """What is restored."""

    @property
    def target(self) -> TargetFacts:
        """What it is restored into."""

    @property
    def onto(self) -> Onto:
        """What happens to what the target holds."""

    @property
    def jobs(self) -> int:
        """How many sessions restore at once."""

    @property
    def steps(self) -> tuple[RestoreStep, ...]:
        """What is done, in order."""

    @property
    def left_out(self) -> tuple[Omitted, ...]:
        """What the archive holds and is not restored, and why."""

    @property
    def missing_roles(self) -> list[str]:
        """Roles that the archive refers to and the target lacks."""

    def execute(self, *, apply: str | None = None, on_progress: OnProgress | None = None) -> Restored:
        """Does it, puts right what a dump does not bring, and verifies; the same as ``drcore.execute``."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

@final
class Restored:
    """A restore that came to its end: what could not be restored, what verifying said, and what is left to do."""

    @property
    def digest(self) -> str:
        """The digest of the plan that was done."""

    @property
    def errors(self) -> tuple[ObjectError, ...]:
        """What could not be restored, and what only looks like it: then ``harmless`` says why."""

    @property
    def missing_rows(self) -> list[str]:
        """Data that could not be restored: as long as it is missing, the target stays marked as half restored."""

    @property
    def loaded(self) -> tuple[LoadedTable, ...]:
        """The tables that were loaded by the columns that both sides have, with their rows."""

    @property
    def after(self) -> AfterRestore | None:
        """What verifying said first, and what was put right; ``None`` without a baseline."""

    @property
    def report(self) -> Report | None:
        """What verifying said last; ``None`` without a baseline: then nothing was verified."""

    @property
    def cut_over(self) -> CutOver:
        """What is left to do until the application runs on it."""

    @property
    def run(self) -> RestoreRun:
        """All that is volatile: instants, versions, what was written."""

    @property
    def exit_code(self) -> int:
        """The exit code that the command would end with."""

    def to_markdown(self) -> str:
        """What is left to do, as a list in Markdown to tick off."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

@final
class Rehearsal:
    """A drill that came to its end: whether the backup is good, how long it took to get it back, and how old it was.

    ``print(rehearsal)`` shows the text of the command line.
    """

    def __new__(cls, json: str) -> Rehearsal: ...
    @staticmethod
    def from_json(json: str) -> Rehearsal:
        """Reads the record of a drill from the JSON that ``to_json`` gives."""

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Rehearsal:
        """Reads the record of a drill from a file, such as ``drcore drill -o drill.json`` writes."""

    @property
    def verdict(self) -> Verdict:
        """What it came to: ``passed`` only where all came back, all of it was verified, and the objectives were met."""

    @property
    def exit_code(self) -> int:
        """The exit code that the command would end with: 0 passed, 1 failed, 3 unproven."""

    @property
    def problems(self) -> list[str]:
        """Why it did not pass, one sentence each."""

    @property
    def backup(self) -> RehearsedBackup:
        """What was restored."""

    @property
    def server(self) -> str:
        """The version of the server that it was restored into."""

    @property
    def restored(self) -> Restored:
        """What came of the restore."""

    @property
    def report(self) -> Report | None:
        """What verifying said last. Without a baseline it knows nothing of what was lost."""

    @property
    def objectives(self) -> tuple[ObjectiveOutcome, ...]:
        """What a disaster may cost by the plan's objectives, and what this one would have."""

    @property
    def row(self) -> DrillRow:
        """The row for the drill log."""

    @property
    def run(self) -> RehearsalRun:
        """All that is volatile: when it began, the times of the steps, RTO and RPO."""

    def append_to(self, log: str | os.PathLike[str]) -> None:
        """Adds the row to a drill log, a table of Markdown; a log that is not there begins with it."""

    def to_markdown(self) -> str:
        """The row for the drill log, as a table of Markdown."""

    def to_json(self) -> str:
        """The JSON form, the same bytes as from the command line, Rust and Node."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as dicts and lists."""

    def __bool__(self) -> NoReturn:
        """Raises ``TypeError``: ``assert drcore.drill(…)`` would pass whatever the verdict."""

    def __getnewargs__(self) -> tuple[str]: ...

@final
class Scratch:
    """A throw-away PostgreSQL server on this machine, gone when it is closed, or with this process."""

    @property
    def url(self) -> str:
        """The connection string of its database ``postgres``, as superuser."""

    def url_of(self, database: str) -> str:
        """The connection string of one of its databases, as superuser."""

    def close(self) -> None:
        """Ends the server and removes its data. A second time does nothing."""

    def __enter__(self) -> Scratch: ...
    def __exit__(self, *_error: object) -> None: ...

@final
class Call:
    """A call that runs. Dropping it cancels it."""

    def wait(self, seconds: float) -> bool:
        """Waits until there is progress to take, or the call is done, or so many
        seconds have passed. Says whether it is done."""

    def done(self) -> bool:
        """Whether it is done."""

    def progress(self) -> str | None:
        """Takes the last progress, as JSON, if there is any that was not taken yet."""

    def cancel(self) -> None:
        """Cancels it, on the server too. It is done within a second."""

    def result(self) -> Any:
        """Takes what it gives, once it is done, or raises what went wrong."""

def verify(
    url: str | None, options: str, against: Evidence | None, wake: Callable[[], None] | None
) -> Call:
    """Starts ``drcore.verify``."""

def collect(
    url: str | None, options: str, against: Evidence | None, wake: Callable[[], None] | None
) -> Call:
    """Starts ``drcore.collect``."""

def judge(
    evidence: Evidence, options: str, against: Evidence | None, wake: Callable[[], None] | None
) -> Call:
    """Starts ``drcore.judge``."""

def init(url: str | None, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.init``."""

def baseline(url: str | None, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.baseline``."""

def diff(
    a: tuple[str | None, Evidence | None],
    b: tuple[str | None, Evidence | None],
    options: str,
    wake: Callable[[], None] | None,
) -> Call:
    """Starts ``drcore.diff``. A side is Evidence, a file, a URL, or none: the environment's database."""

def gap(url: str | None, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.gap``."""

def inspect(
    archive: str, options: str, against: Evidence | None, wake: Callable[[], None] | None
) -> Call:
    """Starts ``drcore.inspect``."""

def repair(
    url: str | None,
    options: str,
    against: Evidence | None,
    report: Report | None,
    wake: Callable[[], None] | None,
) -> Call:
    """Starts ``drcore.repair``. With a report, nothing is read."""

def apply(plan: RepairPlan, url: str, project: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.apply``."""

def copy(source: str, target: str, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.copy``."""

def execute_copy(plan: CopyPlan, digest: str | None, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.execute`` of a copy."""

def restore(
    archive: str | os.PathLike[str],
    url: str,
    options: str,
    against: Evidence | None,
    wake: Callable[[], None] | None,
) -> Call:
    """Starts ``drcore.restore``."""

def execute(plan: RestorePlan, digest: str | None, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.execute``."""

def scratch(options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.scratch``."""

def create_database(scratch: Scratch, name: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``Scratch.create_database``."""

def drill(
    backup: str | None, options: str, against: Evidence | None, wake: Callable[[], None] | None
) -> Call:
    """Starts ``drcore.drill``."""

def drills_record(place: str, rehearsal: Rehearsal, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.drills.record``."""

def drills_history(place: str, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.drills.history``."""

def backup_take(url: str | None, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.backup.take``."""

def backup_salvage(url: str | None, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.backup.salvage``."""

def backup_list(repository: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.backup.list``."""

def backup_verify(repository: str, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.backup.verify``."""

def backup_prune_plan(repository: str, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.backup.prune`` without a digest."""

def backup_prune(repository: str, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.backup.prune`` with the digest of a plan."""

def platform_backups(project: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.platform.backups``."""

def platform_pitr_plan(project: str, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.platform.pitr`` without a digest."""

def platform_pitr(
    project: str, options: str, against: Evidence | None, wake: Callable[[], None] | None
) -> Call:
    """Starts ``drcore.platform.pitr`` with the digest of a plan."""

def storage_audit(url: str | None, options: str, wake: Callable[[], None] | None) -> Call:
    """Starts ``drcore.storage.audit``."""

def explain(topic: str | None = None) -> str:
    """The page, in Markdown, about a check, a kind of finding or a key of the plan; or the list of them."""

def review(records: list[str], files: list[str]) -> str:
    """The review of an incident, in Markdown, from the JSON of records and from files."""

def error_kinds() -> list[str]:
    """The codes of every kind of error that the core has."""

def cli(argv: list[str]) -> int:
    """Runs the ``drcore`` command with these arguments, the program's name first; gives its exit code."""
