from __future__ import annotations

import numpy as np
import pytest

import equipoise as eq

PROMPTS = ["one", "two"]
ANSWERS = [["a", "bb", "ccc"], ["x", "yy"]]


def longer(batch):
    return [0.5 if len(a) == len(b) else 0.9 if len(a) > len(b) else 0.1 for a, b in zip(batch.left, batch.right, strict=True)]


def test_both_orders_cancel_a_bias_for_the_first():
    def biased(batch):
        return [min(1.0, p + 0.1) for p in longer(batch)]

    game = eq.Game.judge(biased, PROMPTS, ANSWERS)
    assert np.allclose(game.P[0], [[0.5, 0.1, 0.1], [0.9, 0.5, 0.1], [0.9, 0.9, 0.5]])
    assert any("+0.100" in check for check in game.checks)
    assert game.labels[1] == ["x", "yy"]


def test_a_cache_goes_on_where_it_was_stopped(tmp_path):
    asked = []

    def judge(batch):
        asked.extend(batch.left)
        if len(asked) > 4:
            raise ConnectionError("the line is gone")
        return longer(batch)

    cache = tmp_path / "cache.jsonl"
    with pytest.raises(ConnectionError):
        eq.Game.judge(judge, PROMPTS, ANSWERS, batch=2, cache=cache, retries=0)
    first = len(cache.read_text().splitlines())
    with cache.open("a") as file:
        file.write('{"key": "cut')
    asked.clear()

    def judge(batch):  # noqa: F811 - the same name: the same judge
        asked.extend(batch.left)
        return longer(batch)

    game = eq.Game.judge(judge, PROMPTS, ANSWERS, batch=2, cache=cache)
    assert first == 4 and len(asked) == 8 - first
    assert np.array_equal(game.margins[0], eq.Game.judge(longer, PROMPTS, ANSWERS).margins[0])


def test_coroutines_abstentions_and_budgets():
    async def judge(batch):
        return [None if "ccc" in (a, b) else 0.75 for a, b in zip(batch.left, batch.right, strict=True)]

    game = eq.Game.judge(judge, PROMPTS, ANSWERS, order="listed")
    assert game.P[0][0].tolist() == [0.5, 0.75, 0.5]
    assert any("met no answer" in check for check in game.checks)
    few = eq.Game.judge(judge, PROMPTS, ANSWERS, batch=1, max_calls=1, order="listed")
    assert any("were not asked" in check for check in few.checks)


def test_a_reward_model_is_bradley_terry():
    judge = eq.from_scores(lambda prompts, answers: [len(a) for a in answers], temperature=2.0)
    game = eq.Game.judge(judge, PROMPTS, ANSWERS)
    assert np.isclose(game.P[0][1, 0], 1 / (1 + np.exp(-0.5)), atol=1e-15)


def test_answers_that_are_no_probability_are_refused():
    with pytest.raises(eq.InputError, match="probability"):
        eq.Game.judge(lambda batch: [2.0] * len(batch.left), PROMPTS, ANSWERS)
    with pytest.raises(eq.InputError, match="questions"):
        eq.Game.judge(lambda batch: [0.5], PROMPTS, ANSWERS)
