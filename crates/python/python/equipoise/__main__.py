"""The command line: ``equipoise`` and ``python -m equipoise``."""

from __future__ import annotations

import signal
import sys

from . import _core


def main() -> int:
    """Runs the command that was typed; its exit code."""
    # the command has its own handler, which keeps what is finished
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _core.main(["equipoise", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
