from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import P

import equipoise as eq


def test_the_only_equilibrium_with_its_proof(game):
    found = eq.solve(game)
    assert np.allclose(found.policy, [2 / 7, 4 / 7, 1 / 7], atol=1e-15)
    assert found.unique is True and abs(found.gap) < 1e-15
    assert found.certificate["exact"]["policy"] == ["2/7", "4/7", "1/7"]
    assert eq.check_certificate(found) and eq.check_certificate(found, game)
    forged = found.to_dict()
    forged["certificate"]["exact"]["policy"] = ["3/7", "3/7", "1/7"]
    assert not eq.check_certificate(forged)


def test_regularised_equilibrium_path_and_gap(game):
    for tau in (0.01, 0.1, 1.0):
        found = eq.solve(game, tau=tau)
        # the fixed point, by NumPy
        q = P @ found.policy
        answer = np.exp((q - q.max()) / tau)
        assert np.allclose(found.policy, answer / answer.sum(), atol=1e-12)
        assert eq.gap(game, found.policy, tau=tau).duality_gap_tau < 1e-20
        assert np.allclose(eq.best_response(game, found.policy, tau=tau), found.policy, atol=1e-12)
    path = eq.path(game)
    assert np.all(np.diff(path.taus) < 0) and path.policies.shape == (len(path.taus), 3)


def test_best_response_and_gap_by_hand(game):
    uniform = np.full(3, 1 / 3)
    assert eq.best_response(game, uniform).tolist() == [0, 0, 1]
    assert np.isclose(float(eq.gap(game, uniform)), 2 * (P @ uniform).max() - 1)


def test_the_command_line_prints_the_same(tmp_path, game):
    file = tmp_path / "game.csv"
    file.write_text("0.5,0.6,0.1\n0.4,0.5,0.7\n0.9,0.3,0.5\n")
    printed = subprocess.run(
        [sys.executable, "-m", "equipoise", "solve", str(file), "--json"], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(printed) == eq.solve(file).to_dict()
    assert json.loads(printed)["policy"] == eq.solve(P).to_dict()["policy"]


def test_answers_are_frozen_and_pickle(game):
    answers = [eq.solve(game), eq.gap(game, [1, 0, 0]), eq.path(game), eq.compare(game, ["mwu"], steps=5)]
    for answer in answers:
        again = pickle.loads(pickle.dumps(answer))
        assert repr(again) == repr(answer) and repr(answer)
    with pytest.raises(AttributeError):
        answers[0].gap = 1
    with pytest.raises(AttributeError):
        answers[0].nothing


def test_registries(game):
    assert "egpo" in eq.solvers() and len(eq.solvers()) >= 39
    assert eq.solvers()["egpo"]["family"]
    for registry in (eq.games, eq.metrics, eq.models, eq.objectives, eq.oracles, eq.readers):
        assert len(registry()) > 1
    assert {"games", "solvers"} <= set(eq.schema()["properties"])


def test_a_loss_on_own_numbers():
    rows = {
        "policy_chosen": [-10.0],
        "policy_rejected": [-11.0],
        "reference_chosen": [-10.5],
        "reference_rejected": [-10.5],
    }
    found = eq.loss("dpo", rows, beta=0.5)
    assert np.isclose(found.loss[0], np.log1p(np.exp(-0.5)), atol=1e-15)
    with pytest.raises(eq.InputError):
        eq.loss("dpoo", rows)


def test_audit_of_one_claim():
    claims = eq.audit(solver=["egpo"]).claims
    assert claims and all("statement" in claim for claim in claims)
