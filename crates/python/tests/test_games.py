from __future__ import annotations

import pickle

import numpy as np
import pytest
from conftest import P

import equipoise as eq


def test_win_rates_are_those_of_numpy_in_every_form(game):
    policy = np.array([0.2, 0.3, 0.5])
    assert np.allclose(game.win_rates(policy), P @ policy, atol=1e-15)
    rng = np.random.default_rng(0)
    upper = np.triu(rng.uniform(0, 1, (700, 700)), 1)
    large = upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(700)
    pi = rng.dirichlet(np.ones(700))
    assert np.allclose(eq.Game(large).win_rates(pi), large @ pi, atol=1e-13)


@pytest.mark.parametrize("form", [np.asfortranarray, lambda p: p.astype(np.float32), lambda p: p.tolist(), lambda p: np.repeat(p, 2, 0)[::2]])
def test_any_layout_and_type_of_numbers_is_read(form):
    assert np.allclose(eq.Game(form(P)).P, P, atol=1e-7)


def test_kinds_agree(game):
    margins = P - 0.5
    assert np.array_equal(eq.Game(margins, kind="margin").P, eq.Game(P).P)
    logits = np.log(P) - np.log1p(-P)
    assert np.allclose(eq.Game(logits, kind="logit").P, P, atol=1e-15)
    payoff = eq.Game(margins * 7, kind="payoff")
    assert np.allclose(payoff.margins, margins / (2 * np.abs(margins).max()), atol=1e-15)
    infinite = eq.Game([[0.0, np.inf], [-np.inf, 0.0]], kind="logit")
    assert infinite.P.tolist() == [[0.5, 1.0], [0.0, 0.5]]


def test_contexts_of_unequal_size():
    game = eq.Game([P, np.full((2, 2), 0.5)], weights=[3, 1])
    assert (game.contexts, game.shape) == (2, (3, 2))
    assert game.weights.tolist() == [0.75, 0.25]
    uniform = [np.full(3, 1 / 3), np.full(2, 1 / 2)]
    rates = game.win_rates(uniform)
    assert np.allclose(rates[0], P @ uniform[0]) and rates[1].tolist() == [0.5, 0.5]
    gaps = eq.gap(game, uniform, per_context=True)
    assert np.isclose(gaps[0], eq.gap(eq.Game(P), uniform[0]).duality_gap) and gaps[1] == 0
    assert np.isclose(float(eq.gap(game, uniform)), 0.75 * gaps[0])
    assert len(eq.solve(game).contexts) == 2


def test_counts_and_battles_are_one_game(battles):
    wins = np.array([[0, 80, 20], [20, 0, 80], [80, 20, 0]])
    counted = eq.Game.counts(wins, labels=["x", "y", "z"])
    rows = eq.Game.battles(battles)
    assert counted.labels == rows.labels == ["x", "y", "z"]
    assert np.allclose(counted.P, rows.P, atol=1e-15) and np.isclose(counted.P[0, 1], 0.8)
    tied = eq.Game.counts([[0, 1], [1, 0]], ties=[[0, 2], [2, 0]])
    assert tied.P.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    named = eq.Game.counts(wins, labels=["a", "b", "tie"])  # words of outcomes too
    assert named.labels == ["a", "b", "tie"] and np.allclose(named.P, counted.P, atol=1e-15)
    with pytest.raises(eq.InputError, match="negative"):
        eq.Game.counts([[0, -1], [1, 0]])


def test_generated_games_and_ids():
    game = eq.Game.generate("random-uniform", actions=4, seed=3)
    assert game.id == pickle.loads(pickle.dumps(game)).id
    assert eq.Game(P).id == eq.Game(P, labels=["a", "b", "c"]).id != eq.Game(P.T).id
    with pytest.raises(eq.UnknownName) as raised:
        eq.Game.generate("a-dleta")
    assert raised.value.nearest == "a-delta"


@pytest.mark.parametrize(
    ("numbers", "rule"),
    [
        ([[0.5, 0.6], [0.6, 0.5]], "no preference matrix"),
        ([[0.5, np.nan], [0.4, 0.5]], "no preference matrix"),
        ([[0.5, 0.6, 0.1], [0.4, 0.5, 0.7]], "no preference matrix"),
        ([[0.5, "x"], [0.4, 0.5]], "real numbers"),
        (np.array([[0.5, 0.5 + 1j], [0.5, 0.5]]), "real numbers"),
        (np.zeros((2, 2, 2, 2)), "must be"),
        (np.zeros((0, 0)), "P"),
        ([], "P"),
    ],
)
def test_what_is_no_game_is_refused_with_its_rule(numbers, rule):
    with pytest.raises(eq.InputError, match=rule):
        eq.Game(numbers)


def test_inputs_are_never_written():
    numbers = P.copy()
    game = eq.Game(numbers)
    numbers[0, 1] = 9
    assert game.P[0, 1] == 0.6
    game.P[0, 1] = 7
    assert game.P[0, 1] == 0.6


def test_shows_itself(game):
    assert "3 actions" in repr(game) and "0.60" in game._repr_html_()


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 130, 1030])
def test_matrices_come_back_as_they_are_kept(n):
    margins = np.triu(np.random.default_rng(n).uniform(-0.5, 0.5, (n, n)), 1)
    margins = margins - margins.T
    game = eq.Game(margins, kind="margin")
    assert np.array_equal(game.margins, margins) and np.array_equal(game.P, 0.5 + margins)
    one = np.zeros(n)
    one[-1] = 1.0
    assert np.allclose(game.win_rates(one), game.P[:, -1], rtol=0, atol=1e-15)
