"""Is this restored database whole, locked down and usable, and if not, what was lost?

    import drcore

    report = drcore.verify("postgresql://localhost/restored", against="baseline.json")
    print(report)
    report.assert_passed()

The verbs block; :mod:`drcore.aio` has the same, awaited. :class:`Report` and :class:`Evidence` are
handles; what they hold are the frozen dataclasses of :mod:`drcore.types`, and findings narrow by
``kind``. What could not be found out is told apart from what is wrong: the first is ``unproven``, or
an :class:`Error` of :mod:`drcore.errors` where the call itself cannot work; the second is a finding.
"""

from __future__ import annotations

from drcore import aio, backup, drills, errors, platform, storage, types
from drcore._call import Target
from drcore._copy import copy
from drcore._drill import drill
from drcore._native import (
    Copied,
    CopyPlan,
    Diff,
    Evidence,
    Gap,
    Inspection,
    Rehearsal,
    RepairPlan,
    Repaired,
    Report,
    RestorePlan,
    Restored,
    Scratch,
    StorageAudit,
    __version__,
)
from drcore._restore import execute, restore
from drcore._review import review
from drcore._verbs import (
    apply,
    baseline,
    collect,
    create_database,
    diff,
    explain,
    gap,
    init,
    inspect,
    judge,
    repair,
    scratch,
    verify,
)
from drcore.errors import (
    AuthenticationError,
    CancelledError,
    ConnectionError,
    Error,
    FormatError,
    InternalError,
    IoError,
    NotPassed,
    PermissionError,
    PlanError,
    QueryError,
    RefusedError,
    TimeoutError,
    TlsError,
    ToolError,
    UnsupportedError,
    UsageError,
)
from drcore.types import Finding, Progress

__all__ = [
    "AuthenticationError",
    "CancelledError",
    "ConnectionError",
    "Copied",
    "CopyPlan",
    "Diff",
    "Error",
    "Evidence",
    "Finding",
    "FormatError",
    "Gap",
    "Inspection",
    "InternalError",
    "IoError",
    "NotPassed",
    "PermissionError",
    "PlanError",
    "Progress",
    "QueryError",
    "RefusedError",
    "Rehearsal",
    "RepairPlan",
    "Repaired",
    "Report",
    "RestorePlan",
    "Restored",
    "Scratch",
    "StorageAudit",
    "Target",
    "TimeoutError",
    "TlsError",
    "ToolError",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "aio",
    "apply",
    "backup",
    "baseline",
    "collect",
    "copy",
    "create_database",
    "diff",
    "drill",
    "drills",
    "errors",
    "execute",
    "explain",
    "gap",
    "init",
    "inspect",
    "judge",
    "platform",
    "repair",
    "restore",
    "review",
    "scratch",
    "storage",
    "types",
    "verify",
]
