"""What the documentation shows runs."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import equipoise


def blocks(readme: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize(("folder", "said"), [(1, "Mine"), (3, "Bradley-Terry is enough here")], ids=["of the package", "of the repository"])
def test_the_readme_runs(capsys, monkeypatch, folder, said):
    readme = Path(__file__).parents[folder] / "README.md"
    monkeypatch.chdir(readme.parent)  # files of the repository are named from its root
    assert blocks(readme)
    for block in blocks(readme):
        exec(compile(block, "README.md", "exec"), {})
    assert said in capsys.readouterr().out


def test_the_examples_of_the_package_hold():
    assert doctest.testmod(equipoise).failed == 0


def test_everything_public_is_documented():
    for name in equipoise.__all__:
        value = getattr(equipoise, name)
        assert not callable(value) or (value.__doc__ or "").strip(), name
