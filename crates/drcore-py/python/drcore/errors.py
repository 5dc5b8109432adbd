"""What drcore raises when it could not find out. A broken database is a finding, never an error.

Every class is a :class:`Error`; there is one for each kind that the core has, and ``code`` is the
kind's name, the same as in Rust, in Node and on the command line.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from drcore._native import Report
    from drcore.types import ErrorKind

__all__ = [
    "AuthenticationError",
    "CancelledError",
    "ConnectionError",
    "Error",
    "FormatError",
    "InternalError",
    "IoError",
    "NotPassed",
    "PermissionError",
    "PlanError",
    "QueryError",
    "RefusedError",
    "TimeoutError",
    "TlsError",
    "ToolError",
    "UnsupportedError",
    "UsageError",
]


class Error(Exception):
    """Something could not be found out. ``str()`` is one sentence; the attributes are for programs."""

    code: ClassVar[ErrorKind]
    """The kind of error."""

    sqlstate: str | None
    """The server's SQLSTATE, where a server answered."""

    hint: str | None
    """What to do next, as a full sentence."""

    detail: str | None
    """Text of several lines that shows it, such as the places in a plan."""

    context: dict[str, str]
    """What was being worked on."""

    def __init__(
        self,
        message: str = "",
        sqlstate: str | None = None,
        hint: str | None = None,
        detail: str | None = None,
        context: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.hint = hint
        self.detail = detail
        self.context = context or {}
        for note in (detail, hint):
            # Shown under the traceback, since Python 3.11.
            if note is not None and hasattr(self, "add_note"):
                self.add_note(note)

    def __reduce__(self) -> tuple[type[Error], tuple[Any, ...]]:
        return type(self), (str(self), self.sqlstate, self.hint, self.detail, self.context)


class AuthenticationError(Error):
    """The server refused the user name or password."""

    code: ClassVar[ErrorKind] = "authentication"


class CancelledError(Error):
    """The call was cancelled."""

    code: ClassVar[ErrorKind] = "cancelled"


class ConnectionError(Error):
    """The server could not be reached, or the connection was lost."""

    code: ClassVar[ErrorKind] = "connection"


class FormatError(Error):
    """A stored file is not what it says it is, or newer than this version."""

    code: ClassVar[ErrorKind] = "format"


class InternalError(Error):
    """A defect in drcore itself."""

    code: ClassVar[ErrorKind] = "internal"


class IoError(Error):
    """A file could not be read or written."""

    code: ClassVar[ErrorKind] = "io"


class PermissionError(Error):
    """The role lacks a privilege."""

    code: ClassVar[ErrorKind] = "permission"


class PlanError(Error):
    """The plan has mistakes: ``detail`` shows them all."""

    code: ClassVar[ErrorKind] = "plan"


class QueryError(Error):
    """The server refused a statement."""

    code: ClassVar[ErrorKind] = "query"


class RefusedError(Error):
    """A write was refused by the guard."""

    code: ClassVar[ErrorKind] = "refused"


class TimeoutError(Error):
    """A statement, a lock or the whole run took longer than allowed."""

    code: ClassVar[ErrorKind] = "timeout"


class TlsError(Error):
    """The TLS handshake or the verification of the certificate failed."""

    code: ClassVar[ErrorKind] = "tls"


class ToolError(Error):
    """A program that is needed (``initdb``, ``pg_dump``, …) is missing or failed."""

    code: ClassVar[ErrorKind] = "tool"


class UnsupportedError(Error):
    """The server or connection lacks something that the call needs."""

    code: ClassVar[ErrorKind] = "unsupported"


class UsageError(Error):
    """The call was made with arguments that cannot work."""

    code: ClassVar[ErrorKind] = "usage"


class NotPassed(AssertionError):
    """The verdict is not ``passed``: something is wrong, or could not be found out."""

    report: Report
    """The report that did not pass."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> tuple[type[NotPassed], tuple[Report]]:
        return type(self), (self.report,)


def from_json(text: str) -> Error:
    """The exception that stands for the core's error (``drcore.error/1``)."""
    wire: dict[str, Any] = json.loads(text)
    del wire["format"]
    return _BY_CODE[wire.pop("code")](**wire)


_BY_CODE: dict[str, type[Error]] = {cls.code: cls for cls in Error.__subclasses__()}
