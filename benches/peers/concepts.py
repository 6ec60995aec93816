"""Holds `equipoise concepts` against independent programs, rule by rule, on random games and profiles.

Usage: python3 benches/peers/concepts.py [--cases N] [--binary FILE] [--record FILE.json]

Needs numpy, scipy, pref_voting (winners), nashpy, pygambit, OpenSpiel with cvxpy (lotteries), quantecon (stationary laws) and choix
(Bradley-Terry); nothing is shared with the Rust code but the files. Half of the cases are profiles (strict or weak ballots), half are games
with win rates in twentieths; 3 to 8 items, a third of the cases with clones, half of the games with tied majorities. A peer has two seconds of
processor time a case; who needs longer or refuses the kind of input is counted as `not told`.

Prints agreements a rule, each disagreement with its case, and fails if there is one. `--record` writes what the peers said of the first cases, for the test
`crates/reference/tests/peers.rs`.
"""

import argparse
import importlib.metadata
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import warnings

import choix
import cvxpy
import nashpy
import numpy as np
import pygambit
import quantecon
import scipy.optimize
from open_spiel.python.algorithms import nash_averaging
from open_spiel.python.egt import alpharank
from pref_voting import c1_methods as c1
from pref_voting import iterative_methods as rounds
from pref_voting import margin_based_methods as margins
from pref_voting import other_methods as others
from pref_voting import probabilistic_methods as lotteries
from pref_voting import scoring_methods as scores
from pref_voting.weighted_majority_graphs import MarginGraph
from pref_voting.profiles import Profile
from pref_voting.profiles_with_ties import ProfileWithTies

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[2]
TAU = 0.1
PACKAGES = ["pref_voting", "open_spiel", "nashpy", "pygambit", "quantecon", "choix", "cvxpy", "scipy", "numpy"]
RECORDED = 48


class Late(Exception):
    """A peer took more than its time."""


LATE = [False]


def too_late(*_):
    # some peers catch whatever is raised in them and go on with a worse method: that is no answer either
    LATE[0] = True
    raise Late


def spread(order, copies):
    """Clones stand behind their original, in one group with it or after it."""
    return [group for item in order for group in copies(item)]


def profile(rng):
    """Items, and ballots as (groups of items, weight)."""
    clone, n = rng.random() < 1 / 3, rng.randint(3, 8)
    base, weak = n - clone, rng.random() < 0.4
    ballots = []
    for _ in range(rng.randint(2, 7)):
        order = rng.sample(range(base), base)
        groups = [[i] for i in order]
        if weak:
            groups = [groups[0]]
            for i in order[1:]:
                if rng.random() < 0.3:
                    groups[-1].append(i)
                else:
                    groups.append([i])
        if clone:
            at = next(k for k, g in enumerate(groups) if 0 in g)
            side = rng.randint(0, 1)
            groups = groups[:at] + [groups[at] + [base]] + groups[at + 1 :] if weak else groups[: at + side] + [[base]] + groups[at + side :]
        ballots.append((groups, rng.randint(1, 4)))
    return n, ballots


def game(rng):
    """Win rates in twentieths, none of them 0 or 1."""
    clone, n, ties = rng.random() < 1 / 3, rng.randint(3, 8), rng.random() < 0.5
    base = n - clone
    k = np.zeros((n, n), dtype=int)
    for i in range(base):
        for j in range(i + 1, base):
            k[i, j] = rng.randint(-2, 2) if ties else rng.choice([-1, 1]) * rng.randint(1, 9)
            k[j, i] = -k[i, j]
    if clone:
        k[base, :base], k[:base, base] = k[0, :base], k[:base, 0]
    return k


def ask(binary, path, more=()):
    run = subprocess.run([binary, "concepts", str(path), "--json", *map(str, more)], capture_output=True, text=True, check=True)
    return {row["concept"]: row for row in json.loads(run.stdout)["rows"]}


WINNERS = {
    "bipartisan": c1.bipartisan,
    "essential": lambda g: essential(np.array(g.margin_matrix, dtype=float)),
    "copeland": c1.copeland,
    "llull": c1.llull,
    "condorcet": lambda g: [g.condorcet_winner()] if g.condorcet_winner() is not None else [],
    "weak-condorcet": lambda g: g.weak_condorcet_winner() or [],
    "smith": c1.top_cycle,
    "schwartz": c1.gocha,
    "uncovered-gillies": c1.uc_gill,
    "uncovered-fishburn": c1.uc_fish,
    "uncovered-bordes": c1.uc_bordes,
    "uncovered-mckelvey": c1.uc_mckelvey,
    "banks": c1.banks,
    "slater": c1.slater,
    "minimax": margins.minimax,
    "schulze": margins.beat_path,
    "ranked-pairs": margins.ranked_pairs,
    "river": margins.river_tb,
    "split-cycle": margins.split_cycle,
    "stable-voting": margins.stable_voting,
}
OF_BALLOTS = {
    "plurality": scores.plurality,
    "instant-runoff": rounds.instant_runoff,
    "borda": scores.borda,
    "weak-nanson": rounds.weak_nanson,
    "strict-nanson": rounds.strict_nanson,
    "kemeny": others.kemeny_young,
}


def essential(k):
    """Items that some maximal lottery plays, one linear programme an item. pref_voting's `essential` is the support of one lottery, which
    depends on the solver where there are several: with clones it may leave one of them out."""
    n = len(k)
    most = [scipy.optimize.linprog(-np.eye(n)[i], A_ub=k, b_ub=np.zeros(n), A_eq=np.ones((1, n)), b_eq=[1]) for i in range(n)]
    return [i for i in range(n) if -most[i].fun > 1e-9]


def max_entropy(k):
    exact = (k - k.T) / 2
    return nash_averaging._max_entropy_symmetric_nash(exact).ravel()


def quantal(p):
    table = pygambit.Game.from_arrays(p, p.T)
    found = pygambit.qre.logit_solve_lambda(table, lam=[1 / TAU])
    profile = found[-1].profile
    return np.array([float(profile[s]) for s in next(iter(table.players)).strategies])


def stationary(u):
    kernel = np.exp(u - u.max(axis=1, keepdims=True))
    return quantecon.MarkovChain(kernel / kernel.sum(axis=1, keepdims=True)).stationary_distributions[0]


def bradley_terry(p):
    counts = p.copy()
    np.fill_diagonal(counts, 0)
    r = choix.ilsr_pairwise_dense(counts, max_iter=10000, tol=1e-13)
    e = np.exp((r - r.max()) / TAU)
    return e / e.sum()


def alpha_rank(p):
    return alpharank.compute([p], m=50, alpha=1 / (10 * TAU), use_inf_alpha=False)[2]


# what is played, from win rates, and within which it is met: the peers' own precision
LAWS = {
    "maximal-lottery": (lambda p: max_entropy(p - 0.5), 2e-4),
    "quantal-response": (quantal, 1e-5),
    "mchf": (lambda p: stationary((p.T - 0.5) / TAU), 1e-10),
    "mchf-logit": (lambda p: stationary(np.log(p.T / p)), 1e-10),
    "alpha-rank": (alpha_rank, 1e-9),
    "rlhf": (bradley_terry, 1e-7),
    "dpo": (bradley_terry, 1e-7),
}
PAYOFFS = {
    "payoff-sign": lambda p: np.sign(np.round(p - 0.5, 9)),
    "payoff-logit": lambda p: np.log(p / p.T),
    "payoff-sine": lambda p: np.sin(np.pi * (p - 0.5)),
    "payoff-square": np.square,
    "payoff-root": np.sqrt,
    "payoff-log": np.log,
}


def value(m):
    """Of the matrix game, by nashpy: what the row player's strategy of its linear programme is worth at least."""
    row, _ = nashpy.Game(m).linear_program()
    return (np.maximum(row, 0) @ m / row.sum()).min()


def at_level(judges, pi, level):
    """min over columns of the mean over the worst share `level` of the judges."""
    worth = np.sort(np.array([pi @ p for p in judges]), axis=0)
    left, total = level * len(judges), 0
    for k in range(len(judges)):
        take = min(1, left)
        total, left = total + take * worth[k], left - take
    return (total / (level * len(judges))).min()


def best_at_level(judges, level):
    n, h = len(judges[0]), len(judges)
    pi, t, s, v = cvxpy.Variable(n, nonneg=True), cvxpy.Variable(n), cvxpy.Variable((h, n), nonneg=True), cvxpy.Variable()
    rules = [cvxpy.sum(pi) == 1, v <= t - cvxpy.sum(s, axis=0) / (level * h)]
    rules += [s[k] >= t - judges[k].T @ pi for k in range(h)]
    return cvxpy.Problem(cvxpy.Maximize(v), rules).solve()


def soft_worst(judges, pi):
    n = len(pi)
    return min(-TAU * np.log(np.exp(-(pi @ p) / TAU).sum() / n) for p in judges)


def best_soft_worst(judges):
    n = len(judges[0])
    pi, v = cvxpy.Variable(n, nonneg=True), cvxpy.Variable()
    rules = [cvxpy.sum(pi) == 1]
    rules += [v <= -TAU * (cvxpy.log_sum_exp(-(p.T @ pi) / TAU) - np.log(n)) for p in judges]
    return cvxpy.Problem(cvxpy.Maximize(v), rules).solve()


class Tally:
    def __init__(self):
        self.rows, self.apart = {}, []

    def hold(self, rule, case, peer, compare):
        """`compare` of what the peer says; a peer that refuses or is late says nothing."""
        row = self.rows.setdefault(rule, {"agree": 0, "apart": 0, "not told": 0})
        LATE[0] = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 2)
        try:
            told = peer()
        except Exception:
            told = None
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if told is None or LATE[0]:
            row["not told"] += 1
            return None
        ours, level = compare(told)
        row["agree" if level else "apart"] += 1
        if not level:
            self.apart.append(f"{rule}, case {case}: equipoise {ours}, peer {told}")
        return told


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=240)
    parser.add_argument("--binary", default=ROOT / "target/release/equipoise", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--record", type=pathlib.Path)
    options = parser.parse_args()
    signal.signal(signal.SIGVTALRM, too_late)
    tally, recorded = Tally(), []
    stationary(np.zeros((2, 2)))  # compiled at its first call, outside the time of a case
    with tempfile.TemporaryDirectory() as folder:
        path, other = pathlib.Path(folder) / "case.csv", pathlib.Path(folder) / "judge.csv"
        for case in range(options.cases):
            rng, kept = random.Random(1000 + case), {}
            ballots = case % 2 == 0
            if ballots:
                n, cast = profile(rng)
                strict = all(len(g) == 1 for groups, _ in cast for g in groups)
                rows = [" > ".join(" = ".join(map(str, sorted(g))) for g in groups) + f",{w}" for groups, w in cast]
                # all items in the order of their numbers, level, so that labels keep that order
                path.write_text("ranking,weight\n" + "\n".join(rows) + "\n")
                weights = [w for _, w in cast]
                if strict:
                    votes = Profile([[g[0] for g in groups] for groups, _ in cast], weights)
                else:
                    votes = ProfileWithTies([{i: k for k, g in enumerate(groups) for i in g} for groups, _ in cast], weights)
                graph = votes.margin_graph()
                p = np.array([[0.5 + graph.margin(i, j) / (2 * sum(weights)) for j in range(n)] for i in range(n)])
                more = []
                kept = {"items": n, "ballots": [[groups, w] for groups, w in cast]}
            else:
                k = game(rng)
                n, strict, votes = len(k), False, None
                p = 0.5 + k / 20
                second = np.array(game_of_size(random.Random(5000 + case), n)) / 20 + 0.5
                names = ",".join(map(str, range(n)))
                for file, table in ((path, p), (other, second)):
                    lines = [f"item,{names}"] + [f"{i}," + ",".join(f"{x:.2f}" for x in row) for i, row in enumerate(table)]
                    file.write_text("\n".join(lines) + "\n")
                graph = MarginGraph(list(range(n)), [(i, j, int(2 * k[i, j])) for i in range(n) for j in range(n) if k[i, j] > 0])
                more = ["--judge", other]
                kept = {"items": n, "twentieths": k.tolist()}
            ours = ask(options.binary, path)
            labels = ours_labels(options.binary, path)
            place = [labels.index(str(i)) for i in range(n)]
            told = {}
            margin_of = graph.margin
            for rule, peer in (WINNERS | (OF_BALLOTS if ballots else {})).items():
                asked = graph if rule in WINNERS else votes
                if rule == "borda" and not strict:
                    peer = scores.borda_for_profile_with_ties
                set_of = lambda found, rule=rule: (sorted(map(int, ours[rule]["winners"])),)
                met = lambda found: (set_of(found)[0], set_of(found)[0] == sorted(map(int, found)))
                if rule == "kemeny" and n > 7:
                    continue  # all rankings of eight items, in Python
                if rule == "instant-runoff" and not strict:
                    # as ours: an equal part of the vote to each of a group on top (its default gives each a whole vote)
                    peer = rounds.split_irv
                if rule == "river":
                    # equal majorities in the order in which our reader met the items; the peer locks level pairs too, last of all, so that
                    # one of the items that ours leaves undefeated is left to it
                    level = any(margin_of(i, j) == 0 for i in range(n) for j in range(i))
                    peer = lambda g: margins.river_tb(g, tie_breaker=[int(label) for label in labels])
                    if level:
                        met = lambda found: (set_of(found)[0], set(map(int, found)) <= set(set_of(found)[0]))
                found = tally.hold(rule, case, lambda: [int(i) for i in peer(asked)], met)
                if found is not None and rule != "river":
                    told[rule] = sorted(found)
            policy = lambda rule: None if ours[rule]["policy"] is None else np.array(ours[rule]["policy"])[place]
            laws = dict(LAWS)
            if strict:
                laws["random-dictatorship"] = (lambda _: np.array([lotteries.random_dictator(votes)[i] for i in range(n)]), 1e-12)
            open_ended = bool((p <= 0).any() or (p >= 1).any())
            for rule, (peer, limit) in laws.items():
                if open_ended and rule in ("mchf-logit", "rlhf", "dpo"):
                    continue  # infinite log-odds
                met = lambda law: (policy(rule), policy(rule) is not None and np.abs(policy(rule) - law).max() <= limit)
                found = tally.hold(rule, case, lambda: peer(p), met)
                if found is not None and rule not in ("maximal-lottery",):
                    told[rule] = [round(float(x), 12) for x in found]
            for rule, payoff in PAYOFFS.items():
                if open_ended and rule in ("payoff-logit", "payoff-log"):
                    continue
                m = payoff(p)
                met = lambda best: (policy(rule), abs((policy(rule) @ m).min() - best) <= 1e-8)
                tally.hold(rule, case, lambda: value(m), met)
            met = lambda x: (ours["nash-averaging"]["scores"], np.abs(np.array(ours["nash-averaging"]["scores"])[place] - 2 * (p - 0.5) @ x).max() <= 4e-4)
            tally.hold("nash-averaging", case, lambda: max_entropy(p - 0.5), met)
            if more:
                ours = ask(options.binary, path, more)
                judges = [p, second]
                for rule, best, worth, limit in [
                    ("blackwell", lambda: value(np.hstack(judges)), lambda x: (x @ np.hstack(judges)).min(), 1e-8),
                    ("judges-at-risk", lambda: best_at_level(judges, 0.75), lambda x: at_level(judges, x, 0.75), 1e-6),
                    ("blackwell-entropy", lambda: best_soft_worst(judges), lambda x: soft_worst(judges, x), 1e-6),
                ]:
                    if rule == "judges-at-risk":
                        ours = ask(options.binary, path, [*more, "--level", "0.75"])
                    met = lambda v: (policy(rule), abs(worth(policy(rule)) - v) <= limit)
                    tally.hold(rule, case, best, met)
            if case < RECORDED:
                recorded.append({**kept, "told": told})
    print(f"{'rule':20} {'agree':>6} {'apart':>6} {'not told':>9}   of {options.cases} cases")
    for rule, row in sorted(tally.rows.items()):
        print(f"{rule:20} {row['agree']:6} {row['apart']:6} {row['not told']:9}")
    print(*tally.apart, sep="\n")
    if options.record:
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in recorded)
        source = f"what independent programs answer, by benches/peers/concepts.py --record: {versions}"
        options.record.write_text(f'{{"sources":{json.dumps(source)},"cases":[\n{lines}\n]}}\n')
    sys.exit(bool(tally.apart))


def game_of_size(rng, n):
    """A further judge's game of `n` items."""
    while len(k := game(rng)) != n:
        pass
    return k


def ours_labels(binary, path):
    run = subprocess.run([binary, "concepts", str(path), "--json", "--only", "borda"], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)["labels"]


if __name__ == "__main__":
    main()
