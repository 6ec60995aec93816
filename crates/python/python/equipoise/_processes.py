"""Processes that do not run the caller's script again.

A process that is spawned imports the script that spawned it, so that a script without ``if __name__ == "__main__"`` would start its
sweep once more in every worker. What the workers of a sweep do is all in this package: they need no script.
"""

from __future__ import annotations

import sys
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType


class Worker(SpawnProcess):
    """A process that is told of no script."""

    def start(self) -> None:
        """Starts it, with an empty module in the place of the script while what it is told is written."""
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            super().start()
        finally:
            sys.modules["__main__"] = script


class Context(SpawnContext):
    """Spawned processes of that kind."""

    Process = Worker
