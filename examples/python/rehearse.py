"""Is the newest backup good, and how long would it take to get it back?

    python rehearse.py s3://app-backups drcore.toml     every night or month
    python rehearse.py                                  on a backup of DATABASE_URL that is made for it

The record of each drill is kept beside the backups, and the newest set beside those before it.

Exit codes: 0 passed, 1 failed, 2 wrong usage or no whole backup, 3 unproven, 130 interrupted.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import drcore


def main(arguments: list[str]) -> int:
    match arguments:
        case [repository, plan]:
            return rehearse(repository, plan)
        case [repository]:
            return rehearse(repository)
        case []:
            with tempfile.TemporaryDirectory() as directory:
                drcore.backup.take(to=directory)
                return rehearse(directory, {"objectives": {"rto": "4h", "rpo": "24h"}}) or rehearse(directory)
        case _:
            print(__doc__, file=sys.stderr)
            return 2


def rehearse(repository: str, plan: str | dict[str, object] | None = None) -> int:
    """Restores the newest backup into a throw-away cluster, and writes down what came of it."""
    rehearsal = drcore.drill(repository, plan=plan)
    print(rehearsal)
    name = drcore.drills.record(repository, rehearsal)
    history = drcore.drills.history(repository, slower_by=25)
    print(f"{name}: {len(history.drills)} drills, the last that passed {history.last_passed_at or 'never'}")
    for trend in history.trends:
        for note in trend.notes:
            print(f"slower: {note}")
    for record in history.left_out:
        print(f"{record.record} is {record.problem}: {record.cause}")
    if rehearsal.exit_code != 0:
        # What people finish: why it failed, and what is done about it.
        review = Path(tempfile.gettempdir(), "review.md")
        review.write_text(drcore.review(rehearsal), encoding="utf-8")
        print(f"review begun in {review}")
    return rehearsal.exit_code


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except drcore.Error as error:
        # No drill at all: no such repository, a damaged backup, PostgreSQL is not there.
        print(*filter(None, [f"error: {error}", error.detail, error.hint]), sep="\n", file=sys.stderr)
        code = 2 if error.code in ("usage", "plan", "format", "io") else 3
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
