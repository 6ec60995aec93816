"""What several tests use."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import equipoise as eq

P = np.array([[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])


@pytest.fixture(autouse=True, scope="session")
def heard() -> None:
    """Ctrl-C is heard, also where these tests run in the background of a shell, which ignores it: they would wait for ever."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def game() -> eq.Game:
    return eq.Game(P, labels=["a", "b", "c"])


@pytest.fixture
def battles() -> list[tuple[str, str, str]]:
    """A cycle of three, plain to see: each beats the next in 80 of 100."""
    rows = []
    for a, b in (("x", "y"), ("y", "z"), ("z", "x")):
        rows += [(a, b, "a")] * 80 + [(a, b, "b")] * 20
    return rows
