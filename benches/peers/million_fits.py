"""Times fits to a million comparisons: Equipoise against choix, evalica, whr and climbing-ratings where these fit the same, in one call.

Usage: python3 benches/peers/million_fits.py [COMPARISONS [PART ..]]

Needs numpy (below 2 for climbing-ratings) and target/release/equipoise; the peers are timed where they are installed, and skipped with a
word where not. Equipoise is charged its whole command: start, reading the CSV, the fit with its errors, calibration and loss, and the JSON. The peers are charged
the fit alone, from lists and arrays that are made beforehand.

- Bradley-Terry, 100 items, a tenth of the comparisons ties: choix's I-LSR and its Newton-CG, evalica's Newman iteration; tolerance 1e-9 (1e-8
  of I-LSR, whose steps do not fall below).
- Whole-history rating, 10,000 items that play twice on each of 100 days, the drift and the virtual games of the programs (300 Elo^2 a day, two):
  whr until it says that it has converged. (whole-history-rating, which is Python, has the same module name, and cannot be installed beside it.)
- Climbers rated in time and routes for all time, normal priors of variance 1: climbing-ratings, which stops where eight passes change the likelihood by less
  than 1 (its route prior follows the ratings, so that results are not held against each other).
- GPM of rank 4 of 1,000 items; Bradley-Terry of 100 items in 32 features of 10,000 contexts; ideal points of 1,000 users and 50 items, two prototypes. The
  published code of these (general-preference-model, p2l, PAL) is in no package index, and trains networks: no peer.

The parts are static, climbing, drifting, gpm, contextual, ideal-points; all of them where none is named.

The result of each other peer is held against Equipoise's: the largest distance in log strength, or in Elo.
"""

import importlib.metadata
import json
import math
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / "target/release/equipoise"
DAY = 86_400
ELO = 400 / math.log(10)


def clocked(run):
    clock, processor = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - clock, time.process_time() - processor


def children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def equipoise(path, model, *options):
    command = [BINARY, "fit", path, "--model", model, "--json", *options]
    before, clock = children(), time.perf_counter()
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wall, processor = time.perf_counter() - clock, children() - before
    return json.loads(out), wall, processor


def line(name, wall, processor, note=""):
    print(f"  {name:<44} {wall:8.2f} s {processor:8.2f} s of processors  {note}", flush=True)


def installed(name):
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        print(f"  {name} is not installed: skipped")
        return None


def static(folder, count):
    n = 100
    rng = np.random.default_rng(7)
    strength = np.linspace(1.5, -1.5, n)
    a = rng.integers(n, size=count)
    b = (a + rng.integers(1, n, size=count)) % n
    won = rng.random(count) < 1 / (1 + np.exp(strength[b] - strength[a]))
    tie = rng.random(count) < 0.1
    path = folder / "static.csv"
    with open(path, "w") as file:
        file.write("item_a,item_b,outcome\n")
        file.writelines(f"{i},{j},{'tie' if t else 'a' if w else 'b'}\n" for i, j, w, t in zip(a, b, won, tie))
    print(f"Bradley-Terry, {count} comparisons of {n} items")
    ours, wall, processor = equipoise(path, "bradley-terry")
    line("equipoise fit, from the file", wall, processor)
    mine = np.empty(n)
    mine[[int(label) for label in ours["labels"]]] = ours["log_strength"]
    distance = lambda r: f"{np.abs(r - r.mean() - mine).max():.1e} off"
    # a tie is half a win to each side: two rows of half weight cannot be said to choix, so every row is two
    winner, loser = np.where(won, a, b), np.where(won, b, a)
    doubled = np.concatenate([np.stack([winner, loser], 1)[~tie]] * 2 + [np.stack([a, b], 1)[tie], np.stack([b, a], 1)[tie]])
    if name := installed("choix"):
        import choix

        table = np.zeros((n, n))
        np.add.at(table, (doubled[:, 0], doubled[:, 1]), 0.5)
        r, wall, processor = clocked(lambda: choix.ilsr_pairwise_dense(table, tol=1e-8))
        line(f"{name}, I-LSR, from a table of counts", wall, processor, distance(r))
        rows = [tuple(row) for row in doubled[: len(doubled) // 100].tolist()]
        _, wall, processor = clocked(lambda: choix.opt_pairwise(n, rows, method="Newton-CG"))
        line(f"{name}, Newton-CG, from a hundredth of the rows", wall, processor)
    if name := installed("evalica"):
        import evalica

        names = [str(k) for k in range(n)]
        left, right = [names[k] for k in a], [names[k] for k in b]
        outcome = [evalica.Winner.Draw if t else evalica.Winner.X if w else evalica.Winner.Y for w, t in zip(won, tie)]
        fit = lambda: evalica.bradley_terry(left, right, outcome, tolerance=1e-9, limit=10_000)
        result, wall, processor = clocked(fit)
        r = np.log(np.array([result.scores[name] for name in names]))
        line(f"{name}, from lists", wall, processor, distance(r))


def drifting(folder, count):
    n, days = max(2, count // 100), 100
    rng = np.random.default_rng(8)
    strength = rng.normal(size=n)
    games = []
    for day in range(days):
        for _ in range(2):
            order = rng.permutation(n)
            i, j = order[: n // 2], order[n // 2 : 2 * (n // 2)]
            won = rng.random(n // 2) < 1 / (1 + np.exp(strength[j] - strength[i]))
            games += [[str(x), str(y), "B" if w else "W", day] for x, y, w in zip(i, j, won)]
        strength += math.sqrt(300) / ELO * rng.normal(size=n)
    path = folder / "drifting.csv"
    with open(path, "w") as file:
        file.write("item_a,item_b,outcome,timestamp\n")
        file.writelines(f"{x},{y},{'a' if w == 'B' else 'b'},{day * DAY}\n" for x, y, w, day in games)
    print(f"whole-history rating, {len(games)} games of {n} items on {days} days")
    ours, wall, processor = equipoise(path, "whr")
    line("equipoise fit, from the file", wall, processor)
    mine = {label: ELO * r for label, r in zip(ours["labels"], ours["log_strength"])}
    if name := installed("whr"):
        import whr

        def fit():
            base = whr.Base(w2=300, virtual_games=2)
            base.create_games(games)
            base.iterate_until_converge(False)
            return base

        base, wall, processor = clocked(fit)
        # strengths of ours are the last date's less their mean
        last = {label: rows[-1][1] for label, rows in base.get_ordered_ratings()}
        mean = sum(last.values()) / n
        shift = sum(mine.values()) / n
        off = max(abs(last[label] - mean - (mine[label] - shift)) for label in last)
        line(name, wall, processor, f"{off:.1e} Elo off")


def climbing(folder, count):
    climbers, days = max(2, count // 1_000), 100
    rng = np.random.default_rng(9)
    grade, strength = rng.normal(size=climbers), rng.normal(size=climbers)
    rows = []
    for day in range(days):
        for climber in range(climbers):
            for route in rng.integers(climbers, size=10):
                clean = rng.random() < 1 / (1 + np.exp(grade[route] - strength[climber]))
                rows.append((climber, day, int(route), int(clean)))
        strength += math.sqrt(300) / ELO * rng.normal(size=climbers)
    rows.sort(key=lambda row: row[:2])
    path = folder / "climbing.csv"
    with open(path, "w") as file:
        file.write("item_a,item_b,outcome,timestamp\n")
        file.writelines(f"c{c},r{r},{'a' if clean else 'b'},{day * DAY}\n" for c, day, r, clean in rows)
    print(f"ratings of climbers and routes, {len(rows)} ascents of {climbers} routes by {climbers} climbers on {days} days")
    routes = json.dumps(sorted({f"r{row[2]}" for row in rows}))
    options = {"virtual_games": "0", "prior_variance": "1", "constant": routes}
    _, wall, processor = equipoise(path, "whr", *(word for key, value in options.items() for word in ("--set", f"{key}={value}")))
    line("equipoise fit, from the file", wall, processor)
    if name := installed("climbing-ratings"):
        from climbing_ratings import whole_history_rating as peer

        # a page is a climber on a day; ascents are in the order of pages
        pages = {}
        for climber, day, _, _ in rows:
            pages.setdefault((climber, day), len(pages))
        columns = np.array(rows)
        page = [pages[row[:2]] for row in rows]
        variance = 300 / ELO**2

        def fit():
            ascents = peer.AscentsTable(columns[:, 2], columns[:, 3], page, np.full(len(rows), -1))
            table = peer.PagesTable([c for c, _ in pages], [float(day) for _, day in pages])
            parameters = peer.Hyperparameters(0.0, 1.0, variance, 1.0, 1.0, 1.0)
            model = peer.WholeHistoryRating(parameters, ascents, table, peer.PagesTable([], []), [0.0] * climbers)
            # as its program: it stops where eight passes change the likelihood by less than 1
            last = -math.inf
            while True:
                found = model.get_log_likelihood()
                if abs(found - last) < 1.0:
                    break
                last = found
                for _ in range(8):
                    model.update_ratings()
            model.update_covariance()

        _, wall, processor = clocked(fit)
        line(name, wall, processor)


def write(path, head, rows):
    with open(path, "w") as file:
        file.write(head + "\n")
        file.writelines(rows)


def outcome(won):
    return "a" if won else "b"


def gpm(folder, count):
    n = max(4, round(math.sqrt(count)))
    rng = np.random.default_rng(10)
    v = rng.normal(size=(n, 4))
    a = rng.integers(n, size=count)
    b = (a + rng.integers(1, n, size=count)) % n
    score = v[a, 0] * v[b, 1] - v[a, 1] * v[b, 0] + v[a, 2] * v[b, 3] - v[a, 3] * v[b, 2]
    won = rng.random(count) < 1 / (1 + np.exp(-score))
    path = folder / "gpm.csv"
    write(path, "item_a,item_b,outcome", (f"{i},{j},{outcome(w)}\n" for i, j, w in zip(a, b, won)))
    print(f"general preference model of rank 4, {count} comparisons of {n} items")
    found, wall, processor = equipoise(path, "gpm", "--set", "rank=4")
    line("equipoise fit, from the file", wall, processor, said(found))


def contextual(folder, count):
    n, features, contexts = 100, 32, max(2, count // 100)
    rng = np.random.default_rng(11)
    z = rng.normal(size=(contexts, features))
    strengths = z @ rng.normal(scale=0.2, size=(features, n)) + rng.normal(size=n)
    x = np.arange(count) % contexts
    a = rng.integers(n, size=count)
    b = (a + rng.integers(1, n, size=count)) % n
    won = rng.random(count) < 1 / (1 + np.exp(strengths[x, b] - strengths[x, a]))
    path, by_context = folder / "contextual.csv", folder / "features.csv"
    rows = (f"{i},{j},{outcome(w)},{k}\n" for i, j, w, k in zip(a, b, won, x))
    write(path, "item_a,item_b,outcome,context", rows)
    head = ",".join(["context", *(f"z{f}" for f in range(features))])
    write(by_context, head, (f"{k},{','.join(map(repr, row))}\n" for k, row in enumerate(z.tolist())))
    print(f"contextual Bradley-Terry, {count} comparisons of {n} items in {features} features of {contexts} contexts")
    found, wall, processor = equipoise(path, "contextual-bradley-terry", "--context-features", by_context)
    line("equipoise fit, from the files", wall, processor, said(found))


def ideal_points(folder, count):
    users, n = max(2, count // 1_000), 50
    rng = np.random.default_rng(12)
    places, ideal = rng.normal(size=(n, 2)), rng.normal(size=(users, 2))
    far = ((places[:, None, :] - ideal[None, :, :]) ** 2).sum(axis=2)
    u = np.arange(count) % users
    a = rng.integers(n, size=count)
    b = (a + rng.integers(1, n, size=count)) % n
    won = rng.random(count) < 1 / (1 + np.exp(far[a, u] - far[b, u]))
    path = folder / "votes.csv"
    rows = (f"{i},{j},{outcome(w)},u{k}\n" for i, j, w, k in zip(a, b, won, u))
    write(path, "item_a,item_b,outcome,annotator", rows)
    print(f"ideal points, {count} votes of {users} users on {n} items")
    found, wall, processor = equipoise(path, "ideal-points")
    line("equipoise fit, from the file", wall, processor, said(found))


def said(found):
    return "" if found["converged"] else "NOT CONVERGED"


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    parts = {"static": static, "climbing": climbing, "drifting": drifting, "gpm": gpm, "contextual": contextual, "ideal-points": ideal_points}
    for name in sys.argv[2:]:
        if name not in parts:
            sys.exit(f"no part {name}; known: {', '.join(parts)}")
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[2:] or parts:
            parts[name](pathlib.Path(folder), count)


if __name__ == "__main__":
    main()
