"""What the documentation shows runs."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import equipoise


def test_the_readme_runs(capsys):
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "Mine" in capsys.readouterr().out


def test_the_examples_of_the_package_hold():
    assert doctest.testmod(equipoise).failed == 0


def test_everything_public_is_documented():
    for name in equipoise.__all__:
        value = getattr(equipoise, name)
        assert not callable(value) or (value.__doc__ or "").strip(), name
