"""Progress: drawn in a terminal or a notebook where tqdm is installed, told to a function, or nothing."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def _shown() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


@contextmanager
def reporter(progress: bool | Callable[..., object] | None, what: str) -> Iterator[Callable[..., object] | None]:
    """What the native half calls with work done and work in all; None for nothing."""
    if callable(progress):
        yield progress
        return
    if progress is False or (progress is None and not _shown()):
        yield None
        return
    if importlib.util.find_spec("tqdm") is None:
        yield None
        return
    from tqdm.auto import tqdm

    bar: Any = tqdm(desc=what, unit="step", unit_scale=True, leave=False)

    def draw(done: int, total: int, *more: object) -> None:
        bar.total = total
        bar.n = done
        bar.refresh()

    try:
        yield draw
    finally:
        bar.close()
