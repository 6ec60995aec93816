"""Questions about comparisons: is it cyclic, how strong is each, who leads.

Keyword options are those of the command line with underscores: ``by_context=True`` is ``--by-context``, ``columns={"item_a":
"left"}`` is ``--columns item_a=left``. Data are files, frames (polars, pandas, pyarrow, DuckDB, Hugging Face), rows, columns, or
a game.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Literal

import numpy as np

from . import _core
from ._input import files, warn
from .results import Changes, Concepts, Estimators, Findings, Fit, Inspection, Leaderboard, Loss, Registry, Standings


def arguments(options: Mapping[str, Any]) -> list[str]:
    """Options as the command line has them; None and False are left out."""
    out: list[str] = []
    for key, value in options.items():
        flag = "--" + key.rstrip("_").replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            out.append(flag)
        elif isinstance(value, Mapping):
            for name, meant in value.items():
                out.append(f"{flag}={name}={json.dumps(meant) if not isinstance(meant, str) else meant}")
        elif isinstance(value, str | bytes | os.PathLike):
            out.append(f"{flag}={os.fspath(value) if not isinstance(value, bytes) else value.decode()}")
        elif isinstance(value, Sequence | np.ndarray):
            out += [f"{flag}={one}" for one in value]
        else:
            out.append(f"{flag}={value}")
    return out


def _ask(command: str, data: Sequence[Any], options: Mapping[str, Any], kind: Any) -> Any:
    with ExitStack() as stack:
        paths = [path for one in data for path in stack.enter_context(files(one))]
        typed = arguments(options)
        _, text, words, notes = _core.command([command, *typed, "--json", "--", *paths])
    warn(notes)
    return kind(text, words, notes)


def inspect(
    data: Any,
    *,
    each: Literal["context", "annotator"] | None = None,
    replicates: int = 999,
    seed: int = 0,
    **options: Any,
) -> Inspection:
    """Is it cyclic beyond noise, and is one rating enough? What was rejected, with its p-value, power and the lottery."""
    options |= {"each": each, "replicates": replicates, "seed": seed}
    answer: Inspection = _ask("inspect", [data], options, Inspection)
    return answer


def fit(
    data: Any,
    model: str = "bradley-terry",
    *,
    each: Literal["context", "annotator"] | None = None,
    home: bool = False,
    prior: bool = False,
    features: Any = None,
    context_features: Any = None,
    seed: int = 0,
    **options: Any,
) -> Fit:
    """Fits a preference model; ``equipoise.models()`` lists them. Features are files or frames."""
    with ExitStack() as stack:
        tables = {}
        for name, table in (("features", features), ("context_features", context_features)):
            tables[name] = None if table is None else stack.enter_context(files(table))[0]
        options |= {"model": model, "each": each, "home": home, "prior": prior, "seed": seed, **tables}
        answer: Fit = _ask("fit", [data], options, Fit)
    return answer


def rank(
    data: Any,
    *,
    each: Literal["context", "annotator"] | None = None,
    ties: Literal["half", "drop"] = "half",
    replicates: int = 200,
    by_context: bool = False,
    by_annotator: bool = False,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Leaderboard:
    """Items under several ratings, with intervals and ranks. ``out`` names a folder for the page."""
    options |= {
        "each": each,
        "ties": ties,
        "replicates": replicates,
        "by_context": by_context,
        "by_annotator": by_annotator,
        "seed": seed,
        "out": out,
    }
    answer: Leaderboard = _ask("rank", [data], options, Leaderboard)
    return answer


def standings(data: Any, **options: Any) -> Standings:
    """One board to be published: tiers, anchor, scale; options as ``equipoise standings --help`` says."""
    answer: Standings = _ask("standings", [data], options, Standings)
    return answer


def changes(old: Any, new: Any, **options: Any) -> Changes:
    """Who moved between two leaderboards beyond noise; options as ``equipoise compare --help`` says."""
    answer: Changes = _ask("compare", [old, new], options, Changes)
    return answer


def concepts(data: Any, *, tau: float | None = None, only: Sequence[str] = (), **options: Any) -> Concepts:
    """What should be played under every solution concept and rule of social choice, side by side."""
    options |= {"tau": tau, "only": list(only)}
    answer: Concepts = _ask("concepts", [data], options, Concepts)
    return answer


def loss(objective: str, rows: Any, **parameters: Any) -> Loss:
    """Losses and gradients of a published objective on your own numbers; ``equipoise.objectives()`` lists them.

    ``rows`` maps the inputs of the objective (``policy_chosen``, ``policy_rejected``, ``reference_chosen``, ..) to arrays, or
    names a JSON file of them.
    """
    typed = arguments({"set": {k: v for k, v in parameters.items()}})
    with ExitStack() as stack:
        if isinstance(rows, Mapping):
            import tempfile

            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="equipoise-"))
            path = os.path.join(folder, "rows.json")
            plain = {key: np.asarray(value).tolist() for key, value in rows.items()}
            with open(path, "w", encoding="utf-8") as file:
                json.dump(plain, file)
        else:
            path = stack.enter_context(files(rows))[0]
        _, text, words, notes = _core.command(["loss", objective, *typed, f"--input={path}", "--json"])
    return Loss(text, words, notes)


def estimators() -> Estimators:
    """Published gradient estimators, audited: bias, cosine, covariance, fixed point."""
    _, text, words, notes = _core.command(["estimators", "--json"])
    return Estimators(text, words, notes)


def audit(
    *, claim: Sequence[str] = (), solver: Sequence[str] = (), game: Any = None, search: int = 0, seed: int = 0, **set_: Any
) -> Findings:
    """What the papers prove, against measurements; further keywords run the methods otherwise, as ``step_size=0.3``."""
    options: dict[str, Any] = {"claim": list(claim), "solver": list(solver), "search": search, "seed": seed, "set": set_ or None}
    with ExitStack() as stack:
        if game is not None:
            options["game"] = stack.enter_context(files(game))[0]
        _, text, words, notes = _core.command(["audit", *arguments(options), "--json"])
    return Findings(text, words, notes)


def _registry(noun: str) -> Registry:
    _, text, words, _ = _core.command(["list", noun, "--json"])
    return Registry(json.loads(text), words)


def solvers() -> Registry:
    """Registered methods, with parameters, cost, guarantee and source."""
    return _registry("solvers")


def games() -> Registry:
    """Registered games, with parameters."""
    return _registry("games")


def metrics() -> Registry:
    """Registered metrics."""
    return _registry("metrics")


def models() -> Registry:
    """Registered preference models."""
    return _registry("models")


def objectives() -> Registry:
    """Registered losses."""
    return _registry("objectives")


def oracles() -> Registry:
    """Registered oracles."""
    return _registry("oracles")


def readers() -> Registry:
    """File formats that are read."""
    return _registry("readers")


__all__ = [
    "audit",
    "changes",
    "concepts",
    "estimators",
    "fit",
    "games",
    "inspect",
    "loss",
    "metrics",
    "models",
    "objectives",
    "oracles",
    "rank",
    "readers",
    "solvers",
    "standings",
]
