"""Checks fitted models against independent implementations, on every CSV file of comparisons in the given folders.

Usage: python3 benches/peers/rating_models.py FOLDER [FOLDER ..]

Needs numpy, scipy, choix and trueskill (with scipy as its backend: its own error function has seven digits), and target/release/equipoise. Nothing is shared with the Rust code but the file:
it is read by Python's csv module, counted here, and fitted by

- Bradley-Terry (ties half): scipy's trust region on the likelihood, and choix's I-LSR where the weights are whole;
- Davidson, Rao-Kupper: the same generic optimiser on their likelihoods (gradients by hand);
- where no finite maximum exists (Ford's condition, by scipy's strong components): the posterior mode under the prior;
- TrueSkill and Elo: the trueskill package and Elo's formula, match by match, on files below 10,000 matches.

Prints the largest distance in log strength (or in rating points) of each model and file, and fails if one is above its
limit: 1e-9 for Bradley-Terry, 1e-7 for Davidson and Rao-Kupper, 1e-9 for the others.
"""

import csv
import json
import pathlib
import subprocess
import sys

import choix
import numpy as np
import scipy.optimize
import scipy.sparse.csgraph
import trueskill

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMITS = {"bradley-terry": 1e-9, "choix": 1e-9, "davidson": 1e-7, "rao-kupper": 1e-7, "elo": 1e-9, "trueskill": 1e-9}


def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def log_sigmoid(x):
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def read(path):
    """Labels in the order of first appearance, and matches as (i, j, outcome, weight)."""
    labels, matches = {}, []
    number = lambda name: labels.setdefault(name, len(labels))
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            weight = float(row.get("weight") or 1)
            if "ranking" in row:
                groups = [[number(n.strip()) for n in g.split(" = ")] for g in row["ranking"].split(" > ")]
                for k, group in enumerate(groups):
                    for m, a in enumerate(group):
                        matches += [(a, b, "tie", weight) for b in group[m + 1 :]]
                        matches += [(a, b, "a", weight) for rest in groups[k + 1 :] for b in rest]
            elif row["item_a"] != row["item_b"]:
                matches.append((number(row["item_a"]), number(row["item_b"]), row["outcome"], weight))
    return list(labels), matches


def tables(n, matches):
    wins, ties = np.zeros((n, n)), np.zeros((n, n))
    for a, b, outcome, weight in matches:
        if outcome == "tie":
            ties[a, b] += weight
            ties[b, a] += weight
        else:
            i, j = (a, b) if outcome == "a" else (b, a)
            wins[i, j] += weight
    return wins, ties


def maximise(value_and_slope, start):
    """scipy's trust region with differences of the slope as curvature, polished by Newton steps of the same."""

    def curvature(x):
        step = 1e-5
        columns = [(value_and_slope(x + step * e)[1] - value_and_slope(x - step * e)[1]) / (2 * step) for e in np.eye(len(x))]
        return (np.array(columns) + np.array(columns).T) / 2

    coarse = scipy.optimize.minimize(value_and_slope, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 50})
    x = coarse.x
    for _ in range(8):
        _, slope = value_and_slope(x)
        step = np.linalg.lstsq(curvature(x), -slope, rcond=1e-13)[0]
        x = x + step
        if np.abs(step).max() < 1e-13:
            break
    return x


def prior_of(r, used):
    if not used:
        return 0.0, 0.0
    return -(log_sigmoid(r) + log_sigmoid(-r)).sum(), 2 * sigmoid(r) - 1


def bradley_terry(wins, ties, prior):
    w = wins + ties / 2
    i, j = np.nonzero(w)
    c = w[i, j]

    def objective(r):
        d = r[i] - r[j]
        slope = np.zeros_like(r)
        pull = c * sigmoid(-d)
        np.add.at(slope, i, -pull)
        np.add.at(slope, j, pull)
        extra, extra_slope = prior_of(r, prior)
        return -(c * log_sigmoid(d)).sum() + extra, slope + extra_slope

    r = maximise(objective, np.zeros(len(w)))
    return r - r.mean()


def with_ties(wins, ties, prior, model):
    n = len(wins)
    i, j = np.nonzero(wins)
    a, b = np.nonzero(np.triu(ties))
    cw, ct = wins[i, j], ties[a, b]

    def objective(x):
        r, t = x[:n], x[n]
        slope = np.zeros(n + 1)

        def add(index, amount):
            np.add.at(slope, index, amount)

        if model == "davidson":  # log nu = t
            def parts(d):
                up, down = np.exp(d / 2), np.exp(-d / 2)
                return up, down, up + down + np.exp(t)

            d = r[i] - r[j]
            up, down, total = parts(d)
            value = -(cw * (d / 2 - np.log(total))).sum()
            g = cw * (0.5 - 0.5 * (up - down) / total)
            add(i, -g)
            add(j, g)
            slope[n] += (cw * np.exp(t) / total).sum()
            d = r[a] - r[b]
            up, down, total = parts(d)
            value -= (ct * (t - np.log(total))).sum()
            g = ct * (-0.5 * (up - down) / total)
            add(a, -g)
            add(b, g)
            slope[n] -= (ct * (1 - np.exp(t) / total)).sum()
        else:  # rao-kupper, log theta = exp(t)
            h = np.exp(t)
            d = r[i] - r[j]
            value = -(cw * log_sigmoid(d - h)).sum()
            g = cw * sigmoid(h - d)
            add(i, -g)
            add(j, g)
            slope[n] += h * g.sum()
            d = r[a] - r[b]
            value -= (ct * (np.log(np.expm1(2 * h)) + log_sigmoid(d - h) + log_sigmoid(-d - h))).sum()
            up, down = sigmoid(h - d), sigmoid(d + h)
            add(a, -ct * (up - down))
            add(b, ct * (up - down))
            slope[n] -= h * (ct * (2 * np.exp(2 * h) / np.expm1(2 * h) - up - down)).sum()
        extra, extra_slope = prior_of(r, prior)
        slope[:n] += extra_slope
        return value + extra, slope

    x = maximise(objective, np.append(np.zeros(n), -1.0))
    return x[:n] - x[:n].mean()


def one_by_one(n, matches):
    elo = np.full(n, 1000.0)
    environment = trueskill.TrueSkill(draw_probability=0.1, backend="scipy")
    skills = [environment.create_rating() for _ in range(n)]
    for a, b, outcome, weight in matches:
        score = {"a": 1.0, "b": 0.0, "tie": 0.5}[outcome]
        for _ in range(round(weight)):
            moved = 4 * (score - 1 / (1 + 10 ** ((elo[b] - elo[a]) / 400)))
            elo[a] += moved
            elo[b] -= moved
            first, second = (a, b) if outcome != "b" else (b, a)
            skills[first], skills[second] = trueskill.rate_1vs1(skills[first], skills[second], drawn=outcome == "tie", env=environment)
    return elo, np.array([s.mu for s in skills])


def equipoise(path, model):
    command = [ROOT / "target/release/equipoise", "fit", path, "--model", model, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    worst, failed = {}, []
    for path in sorted(p for folder in sys.argv[1:] for p in pathlib.Path(folder).glob("*.csv")):
        header = path.read_text(encoding="utf-8-sig").split("\n", 1)[0].split(",")
        if "item_a" not in header and "ranking" not in header:
            continue
        labels, matches = read(path)
        n, whole = len(labels), all(m[3] == round(m[3]) for m in matches)
        wins, ties = tables(n, matches)
        blocks, _ = scipy.sparse.csgraph.connected_components((wins + ties).T > 0, connection="strong")
        prior = blocks > 1
        found = {}
        ours = equipoise(path, "bradley-terry")
        assert ours["labels"] == labels and ours["exists"] == (not prior) and ours["converged"]
        strength = np.array(ours["log_strength"])
        found["bradley-terry"] = np.abs(strength - bradley_terry(wins, ties, prior)).max()
        if not prior:
            peer = choix.ilsr_pairwise_dense(wins + ties / 2, max_iter=100_000, tol=1e-13)
            found["choix"] = np.abs(strength - (peer - peer.mean())).max()
        for model in ["davidson", "rao-kupper"] if ties.any() else []:
            ours = equipoise(path, model)
            found[model] = np.abs(np.array(ours["log_strength"]) - with_ties(wins, ties, prior, model)).max()
        if whole and sum(m[3] for m in matches) < 10_000 and "timestamp" not in header:
            elo, mu = one_by_one(n, matches)
            found["elo"] = np.abs(np.array(equipoise(path, "elo")["rating"]) - elo).max()
            found["trueskill"] = np.abs(np.array(equipoise(path, "trueskill")["rating"]) - mu).max()
        line = "  ".join(f"{model} {distance:.1e}" for model, distance in found.items())
        print(f"{path.stem:<22} {n:>4} items  {'prior' if prior else '     '}  {line}", flush=True)
        for model, distance in found.items():
            worst[model] = max(worst.get(model, 0), distance)
            if not distance <= LIMITS[model]:
                failed.append(f"{path.stem}: {model} {distance:.1e} above {LIMITS[model]:.0e}")
    print("largest:", ", ".join(f"{model} {distance:.1e}" for model, distance in worst.items()))
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
