"""Is the restored database what the backup promised?

    export DATABASE_URL=postgresql://…
    python verify_restore.py take baseline.json     when the backup is made
    python verify_restore.py check baseline.json    after the restore
    python verify_restore.py                        both at once, to see it work

Exit codes: 0 passed, 1 failed, 2 wrong usage, 3 could not find out, 130 interrupted.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import drcore


def main(arguments: list[str]) -> int:
    match arguments:
        case ["take", path]:
            return take(Path(path))
        case ["check", path]:
            return check(Path(path))
        case []:
            with tempfile.TemporaryDirectory() as directory:
                baseline = Path(directory, "baseline.json")
                return take(baseline) or check(baseline)
        case _:
            print(__doc__, file=sys.stderr)
            return 2


def take(path: Path) -> int:
    """Stores what the database is like, beside the backup. It holds no rows."""
    baseline = drcore.baseline(deadline="10m", on_progress=draw)
    baseline.save(path)
    print(f"baseline of {baseline.run.host} at {baseline.run.taken_at} stored in {path.name}")
    return 0


def check(path: Path) -> int:
    """Says what is wrong, how bad, and what puts it right."""
    report = drcore.verify(against=path, deadline="10m", on_progress=draw)
    print(report)
    # What the team wants to be called for, by kind: each has fields of its own.
    for finding in report.findings:
        if finding.kind == "fewer_rows":
            print(f"{finding.object} lost {finding.were - finding.rows:,} rows")
    return report.exit_code


def draw(progress: drcore.Progress) -> None:
    if sys.stderr.isatty():
        print(f"\r{progress.phase} {progress.done}/{progress.total}\x1b[K", end="\r", file=sys.stderr)


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except drcore.Error as error:
        # No report at all: a wrong option, a plan with mistakes, a baseline that cannot be read.
        print(*filter(None, [f"error: {error}", error.detail, error.hint]), sep="\n", file=sys.stderr)
        code = 2 if error.code in ("usage", "plan", "format", "io") else 3
    except KeyboardInterrupt:
        code = 130  # The statements on the server have been cancelled.
    sys.exit(code)
