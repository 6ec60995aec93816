"""Progress: drawn in a terminal or a notebook where tqdm is installed, told to a function, or nothing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def _shown() -> bool:
    """In a terminal or a notebook, unless ``EQUIPOISE_PROGRESS=0`` says no: a page that is made of a notebook keeps every drawing."""
    return os.environ.get("EQUIPOISE_PROGRESS") != "0" and (sys.stderr.isatty() or "ipykernel" in sys.modules)


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
    # the bar of a notebook needs its widgets; without them that of a terminal is drawn
    widgets = "ipykernel" in sys.modules and importlib.util.find_spec("ipywidgets") is not None
    tqdm: Any = importlib.import_module("tqdm.notebook" if widgets else "tqdm").tqdm
    bar: Any = tqdm(desc=what, unit="step", unit_scale=True, leave=False)

    def draw(done: int, total: int, *more: object) -> None:
        bar.total = total
        bar.n = done
        bar.refresh()

    try:
        yield draw
    finally:
        bar.close()
