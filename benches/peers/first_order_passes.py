"""Passes of Newman's and Zermelo's iterations, and the factors that explain them, by NumPy alone.

Usage: python3 benches/peers/first_order_passes.py FILE.csv ..      (item_a, item_b, outcome a | b | tie, weight if any)

Needs numpy, scipy and pandas; nothing of ours. Both iterations update the items in place, in the order of their first
appearance, from equal strengths until no log strength moves by more than 1e-12, as `--example passes` does: the columns
must agree. Near the optimum both are r_i <- r_i - (H r)_i / D_i in turn, H the Hessian (a graph Laplacian with weights
n_ij p_ij p_ji), D_i = sum_j w_ij for Zermelo's and sum_j w_ij p_ji for Newman's, so that an error shrinks by the second
largest eigenvalue of (D - L)^-1 (D - L - H), L the part of -H below its diagonal. Passes go as 1 / -log(factor).
"""

import pathlib
import sys

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components


def wins(path):
    rows = pd.read_csv(path, keep_default_na=False)
    a, b = rows["item_a"].astype(str).str.strip(), rows["item_b"].astype(str).str.strip()
    weight = rows["weight"].astype(float) if "weight" in rows else pd.Series(1.0, rows.index)
    keep = a != b
    place, names = pd.factorize(pd.concat([a[keep], b[keep]], axis=1).to_numpy().ravel())
    w = np.zeros((len(names), len(names)))
    for (i, j), outcome, k in zip(place.reshape(-1, 2), rows["outcome"][keep], weight[keep]):
        share = {"a": 1.0, "b": 0.0}.get(outcome, 0.5)
        w[i, j] += share * k
        w[j, i] += (1 - share) * k
    return w


def passes(w, alpha, tolerance=1e-12, most=200_000):
    s, before = np.ones(len(w)), np.zeros(len(w))
    for k in range(1, most + 1):
        for i in range(len(w)):
            both = s[i] + s
            s[i] = (w[i] * (alpha * s[i] + s) / both).sum() / ((alpha * w[i] + w[:, i]) / both).sum()
        s /= np.exp(np.log(s).mean())
        if np.abs(np.log(s) - before).max() <= tolerance:
            return k, np.log(s)
        before = np.log(s)
    return most, np.log(s)


def factor(w, r, alpha):
    p = 1 / (1 + np.exp(r[None, :] - r[:, None]))
    h = -(w + w.T) * p * p.T
    np.fill_diagonal(h, 0)
    np.fill_diagonal(h, -h.sum(1))
    d = np.diag((w * (alpha * p + p.T)).sum(1))
    lower = np.tril(h, -1)
    pass_once = np.linalg.solve(d + lower, d + lower - h)
    # the largest is 1: strengths are free up to a constant
    return np.sort(np.abs(np.linalg.eigvals(pass_once)))[-2]


def main():
    print(f"{'file':<28} {'items':>6} {'Newman':>8} {'Zermelo':>8} {'ratio':>6}   {'factors':>9} {'':>9} {'predicted':>9}")
    for path in sys.argv[1:]:
        w = wins(path)
        name = pathlib.Path(path).stem
        if connected_components(w > 0, connection="strong")[0] > 1:
            print(f"{name:<28} {len(w):>6} no finite maximum")
            continue
        (newman, r), (zermelo, _) = passes(w, 0.0), passes(w, 1.0)
        f = [factor(w, r, alpha) for alpha in (0.0, 1.0)]
        predicted = np.log(f[0]) / np.log(f[1])
        print(f"{name:<28} {len(w):>6} {newman:>8} {zermelo:>8} {zermelo / newman:>6.1f}   {f[0]:>9.6f} {f[1]:>9.6f} {predicted:>9.1f}", flush=True)


if __name__ == "__main__":
    main()
