"""The ``drcore`` command, as ``drcore`` or ``python -m drcore``."""

from __future__ import annotations

import signal
import sys

from drcore import _native


def main() -> int:
    """Runs the command with the process's arguments; gives its exit code."""
    # Python would only note a Ctrl-C until the command returns. The command handles it itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.cli(["drcore", *sys.argv[1:]])


if __name__ == "__main__":
    raise SystemExit(main())
