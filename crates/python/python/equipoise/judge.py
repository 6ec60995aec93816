"""Judges: win rates told by a function, a reward model or a language model, tabulated into a game."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .game import Game

if TYPE_CHECKING:  # what is imported where it is used, for the package is imported in milliseconds
    from pathlib import Path


@dataclass(frozen=True)
class Batch:
    """Questions for a judge: is the left answer better?"""

    #: The prompt of each question.
    prompt: list[str]
    #: Answers on the left, and on the right.
    left: list[str]
    right: list[str]
    #: Indices of context, left and right answer.
    context: NDArray[np.int64]
    i: NDArray[np.int64]
    j: NDArray[np.int64]


class Judge(Protocol):
    """From a batch to the probability that the left answer is better, one a question; NaN or None abstains."""

    def __call__(self, batch: Batch, /) -> Any: ...


def from_scores(
    model: Callable[[list[str], list[str]], ArrayLike], *, link: Literal["logistic"] = "logistic", temperature: float = 1.0
) -> Judge:
    """A judge from a reward model ``model(prompts, answers) -> scores``.

    The game of such a judge is Bradley-Terry by construction: it has no cycles, whatever people would say.
    """
    if link != "logistic":
        raise InputError(f"link {link} must be logistic", key="link", value=str(link))
    if not temperature > 0:
        raise InputError(f"temperature {temperature} must be above 0", key="temperature", value=str(temperature))

    return _Scored(model, float(temperature))


@dataclass(frozen=True)
class _Scored:
    """The judge of a reward model; pickles if the model does."""

    model: Callable[[list[str], list[str]], ArrayLike]
    temperature: float

    @property
    def name(self) -> str:
        """What its answers are kept under: another model, or another temperature, has answers of its own."""
        return f"scores of {_name(self.model)} at temperature {self.temperature!r}"

    def __call__(self, batch: Batch, /) -> NDArray[np.float64]:
        left = np.asarray(self.model(batch.prompt, batch.left), dtype=np.float64)
        right = np.asarray(self.model(batch.prompt, batch.right), dtype=np.float64)
        # 1 / (1 + exp(-d)) by tanh: no overflow
        return 0.5 + 0.5 * np.tanh((left - right) / (2 * self.temperature))


class _Cache:
    """Answers on disk, a line each, appended batch by batch; the file is a file of comparisons too."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.known: dict[str, float | None] = {}
        if path is not None and path.exists():
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                try:
                    row = json.loads(line)
                    self.known[row["key"]] = row["prob"]
                except (json.JSONDecodeError, KeyError, TypeError) as error:
                    # the last line of a process that was killed; anything else is not ours
                    rest = path.read_text(encoding="utf-8").splitlines()
                    if number != len(rest):
                        raise InputError(f"{path}:{number}: is no line of a judge's cache", place=f"{path}:{number}") from error

    def append(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self.known[row["key"]] = row["prob"]
        if self.path is None or not rows:
            return
        cut = self.path.exists() and self.path.stat().st_size > 0 and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" if cut else "")
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())


def _name(judge: Any) -> str:
    return str(getattr(judge, "name", None) or f"{getattr(judge, '__module__', '')}.{getattr(judge, '__qualname__', type(judge).__name__)}")


def _answers(judge: Judge, batch: Batch, retries: int) -> list[float | None]:
    import inspect

    for attempt in range(retries + 1):
        try:
            answer = judge(batch)
            if inspect.isawaitable(answer):
                import asyncio  # a third of the time that importing the package may take

                answer = asyncio.run(_awaited(answer))
            values = [None if a is None else float(a) for a in answer]
            break
        except Exception:
            if attempt == retries:
                raise
    if len(values) != len(batch.left):
        raise InputError(f"the judge answered {len(values)} of {len(batch.left)} questions", key="judge")
    for k, value in enumerate(values):
        if value is not None and not np.isnan(value) and not 0 <= value <= 1:
            raise InputError(f"the judge answered {value} to question {k} of a batch; it must be a probability", key="judge")
    return [None if v is None or np.isnan(v) else v for v in values]


async def _awaited(answer: Any) -> Any:
    return await answer


def _questions(answers: Sequence[Sequence[str]], both: bool, votes: int) -> Iterator[tuple[int, int, int, int]]:
    for x, row in enumerate(answers):
        for i in range(len(row)):
            for j in range(i + 1, len(row)):
                for vote in range(votes):
                    yield (x, i, j, vote)
                    if both:
                        yield (x, j, i, vote)


def tabulate(
    judge: Judge,
    contexts: Sequence[str],
    answers: Sequence[Sequence[str]],
    *,
    order: Literal["both", "listed"] = "both",
    votes: int = 1,
    batch: int = 64,
    cache: str | os.PathLike[str] | None = None,
    retries: int = 2,
    on_error: Literal["raise", "skip"] = "raise",
    max_calls: int | None = None,
) -> Game:
    """Asks a judge about every pair of answers of every context, and makes a game of it.

    ``order="both"`` asks each pair in both orders and takes ``(p(i, j) + 1 - p(j, i)) / 2``, which cancels a bias for the first.
    ``cache`` names a JSONL file in which answers are kept: the same call goes on where one was stopped. ``max_calls`` bounds
    the batches asked; pairs without an answer are 1/2, and said in ``game.checks``.
    """
    if len(contexts) != len(answers) or not answers or any(len(row) == 0 for row in answers):
        raise InputError("answers must have one list for each context, none of them empty", key="answers")
    if order not in ("both", "listed"):
        raise InputError(f"order {order} must be both or listed", key="order", value=str(order))
    for name, value in (("votes", votes), ("batch", batch)):
        if value < 1:
            raise InputError(f"{name} {value} must be at least 1", key=name, value=str(value))
    import hashlib
    from pathlib import Path

    kept, name = _Cache(None if cache is None else Path(cache)), _name(judge)

    def key(x: int, i: int, j: int, vote: int) -> str:
        parts = (name, contexts[x], answers[x][i], answers[x][j], str(vote))
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()

    wanted = list(_questions(answers, order == "both", votes))
    missing = [q for q in wanted if key(*q) not in kept.known]
    calls, failed = 0, 0
    for at in range(0, len(missing), batch):
        if max_calls is not None and calls >= max_calls:
            break
        part = missing[at : at + batch]
        question = Batch(
            prompt=[contexts[x] for x, _, _, _ in part],
            left=[answers[x][i] for x, i, _, _ in part],
            right=[answers[x][j] for x, _, j, _ in part],
            context=np.asarray([q[0] for q in part], dtype=np.int64),
            i=np.asarray([q[1] for q in part], dtype=np.int64),
            j=np.asarray([q[2] for q in part], dtype=np.int64),
        )
        calls += 1
        try:
            told = _answers(judge, question, retries)
        except InputError:
            raise
        except Exception:
            if on_error == "raise":
                raise
            failed += len(part)
            continue
        kept.append(
            [
                {
                    "key": key(*q),
                    "judge": name,
                    "context": contexts[q[0]],
                    "item_a": answers[q[0]][q[1]],
                    "item_b": answers[q[0]][q[2]],
                    "prob": p,
                }
                for q, p in zip(part, told, strict=True)
            ]
        )
    matrices, unanswered, abstained, pulls = [], 0, 0, []
    for x, row in enumerate(answers):
        n = len(row)
        p = np.full((n, n), 0.5)
        for i in range(n):
            for j in range(i + 1, n):
                ways = []
                for a, b, sign in ((i, j, 1), (j, i, -1))[: 2 if order == "both" else 1]:
                    asked = [kept.known.get(key(x, a, b, v), "missing") for v in range(votes)]
                    unanswered += sum(v == "missing" for v in asked)
                    abstained += sum(v is None for v in asked)
                    given = [v for v in asked if isinstance(v, float | int)]
                    if given:
                        mean = float(np.mean(given))
                        ways.append(mean if sign == 1 else 1 - mean)
                if len(ways) == 2:
                    pulls.append((ways[0] - ways[1]) / 2)
                if ways:
                    p[i, j] = float(np.mean(ways))
                    p[j, i] = 1 - p[i, j]
        matrices.append(p)
    game = Game(matrices, labels=[list(row) for row in answers] if _distinct(answers) else None)
    checks = []
    if pulls:
        mean = float(np.mean(pulls))
        error = float(np.std(pulls, ddof=1) / np.sqrt(len(pulls))) if len(pulls) > 1 else float("nan")
        checks.append(f"bias for the answer shown first: {mean:+.3f} in win rate, standard error {error:.3f}, {len(pulls)} pairs")
    for count, what in (
        (unanswered - failed, "questions were not asked; their pairs are 1/2 where nothing else is known"),
        (failed, "questions failed and were left out"),
        (abstained, "questions met no answer from the judge"),
    ):
        if count > 0:
            checks.append(f"{count} {what}")
    return JudgedGame._of(game._core, checks)


def _distinct(answers: Sequence[Sequence[str]]) -> bool:
    return all(len(set(row)) == len(row) and all(row) for row in answers)


class JudgedGame(Game):
    """A game that a judge told: its checks are the judge's bias for the first answer, and what it left open."""

    __slots__ = ()
