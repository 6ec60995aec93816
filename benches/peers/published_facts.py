"""Holds `equipoise inspect` against a table of measured facts.

Usage: python3 benches/peers/published_facts.py FOLDER

FOLDER has `pairwise/`, `rankings/` and a README.md whose section "Measured facts" is a table of games: items, comparisons,
ties, pairs met, Condorcet winner, Smith set, cyclic triads, significant ones, Nash support, Bradley-Terry favourite, rmse
and largest residual, deviance p, loss of the favourite, cyclic energy with its p-value. Every cell is compared, to the
digits printed. p-values by simulation are listed side by side and not held against each other: the table tests the share of the cyclic
energy under Bradley-Terry, the program the energy itself, under Davidson where there are ties. rmse is weighted by
comparisons; where the lottery is one of several, its support may differ. A second table counts per-prompt games with a
winner, with cycles and so on; how often Bradley-Terry fitted to a single prompt picks a beaten item is printed beside it.

Needs target/release/equipoise and nothing but Python's standard library. Prints one line a game, and every cell that
differs; exits with 1 if there is one.
"""

import collections
import csv
import io
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPLICATES = 999
# the sixteen teams whose matches the table counts: 1,143, of them 320 draws, two pairs unmet
FOOTBALL = """Brazil Argentina Germany France Italy Spain England Netherlands Portugal Uruguay Belgium Croatia Mexico
United_States Denmark Sweden""".split()


def equipoise(*args):
    command = [str(ROOT / "target/release/equipoise"), *map(str, args), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def met(path, **wanted):
    counts = collections.Counter()
    for row in rows(path):
        if all(row[k] == v for k, v in wanted.items()):
            counts[frozenset((row["item_a"], row["item_b"]))] += int(row["weight"] or 1) if "weight" in row else 1
    return counts


def dense(path, least, **wanted):
    """The largest set of items all of whose pairs met so often, by trying supersets first."""
    counts = met(path, **wanted)
    items = sorted({i for pair in counts for i in pair})
    good = lambda a, b: counts[frozenset((a, b))] >= least
    best = []

    def grow(chosen, left):
        nonlocal best
        if len(chosen) > len(best):
            best = chosen
        for k, item in enumerate(left):
            if len(chosen) + len(left) - k <= len(best):
                return
            grow(chosen + [item], [other for other in left[k + 1 :] if good(item, other)])

    grow([], items)
    return best


def most(path, k):
    counts = collections.Counter()
    for pair, weight in met(path).items():
        for item in pair:
            counts[item] += weight
    return [item for item, _ in counts.most_common(k)]


def filtered(folder, path, keep):
    """A copy with the rows that are kept."""
    every = rows(path)
    copy = folder / path.name
    with copy.open("w", newline="") as file:
        writer = csv.DictWriter(file, every[0].keys())
        writer.writeheader()
        writer.writerows(row for row in every if keep(row))
    return copy


def absent_last(folder, path):
    every = rows(path)
    items = sorted({i for row in every for g in row["ranking"].split(" > ") for i in g.split(" = ")})
    copy = folder / "absent_last.csv"
    with copy.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ranking"])
        for row in every:
            ranked = row["ranking"].split(" > ")
            rest = [i for i in items if i not in ranked]
            # absent ones are behind, and not compared with each other
            writer.writerow([row["ranking"]])
            writer.writerows([f"{better} > {item}"] for item in rest for better in ranked)
    return copy


def game(name, folder, data):
    """The file and the filters of a row of the table; None if the table does not say which."""
    pairwise, parts = data / "pairwise", name.split("/")
    only = lambda items: ["--items", ",".join(items)]
    match parts:
        case ["arena_2024_09", context]:
            return [pairwise / "arena_2024_09.csv", "--context", context]
        case ["arena", context, kind]:
            path = pairwise / "arena_2024_09.csv"
            # one set for all categories: the largest of `hard_prompts`
            items = dense(path, 20, context="hard_prompts")
            if kind == "top8":
                fit = equipoise("fit", path, "--model", "bradley-terry", "--context", context, *only(items))
                order = sorted(zip(fit["log_strength"], fit["labels"]), reverse=True)
                items = [label for _, label in order[:8]]
            return [path, "--context", context, *only(items)]
        case ["football_1990_2026", _]:
            path = pairwise / "football_1990_2026.csv"
            return [path, *only(team.replace("_", " ") for team in FOOTBALL)]
        case ["gambles_2012", context]:
            return [pairwise / "gambles_2012.csv", "--context", context]
        case ["gambles_2012", context, person]:
            return [pairwise / "gambles_2012.csv", "--context", context, "--annotator", person]
        case ["mtbench_human", category]:
            first = {"writing": 81, "coding": 121}[category]
            keep = lambda row: first <= int(row["context"].split(":")[0]) < first + 10
            return [filtered(folder, pairwise / "mtbench_human.csv", keep)]
        case ["prd_vicuna80", judge, size]:
            path = pairwise / "prd_vicuna80.csv"
            five = sorted({i for row in rows(path) if row["annotator"] == "gpt4" for i in (row["item_a"], row["item_b"])})
            return [path, "--annotator", judge, *(only(five) if size == "five" else [])]
        case ["tcg_meg_2025", size]:
            path = pairwise / "tcg_meg_2025.csv"
            return [path, *only(most(path, int(size.removeprefix("top"))))]
        case ["rankings", "f1_2007 (absent last)"]:
            return [absent_last(folder, data / "rankings/f1_2007.csv")]
        case ["rankings", file]:
            return [data / f"rankings/{file}.csv"]
        case [file]:
            return [pairwise / f"{file}.csv"]


def printed_like(text, value):
    """Whether a number, printed to the digits of `text`, is that text (or one step of its last digit away)."""
    number = float(text)
    if number == 0:
        return abs(value) < 0.5 * 10 ** -(len(text.split(".")[1]) if "." in text else 0) + 1e-12
    mantissa = text.split("e")[0]
    digits = len(mantissa.split(".")[1]) if "." in mantissa else 0
    exponent = int(text.split("e")[1]) if "e" in text else 0
    return abs(value - number) <= 0.500001 * 10.0 ** (exponent - digits)


def check(cells, args):
    name, *_ = cells
    found = equipoise("inspect", *args, "--replicates", REPLICATES)
    fit = equipoise("fit", *args, "--model", "bradley-terry")
    wrong, notes = [], []

    def say(what, expected, got):
        wrong.append(f"{what}: table {expected}, here {got}")

    n = found["n"]
    pairs = n * (n - 1) // 2
    for what, expected, got in [
        ("items", cells[1], str(n)),
        ("comparisons", cells[2], f"{found['comparisons']:.0f}"),
        ("ties", cells[3], f"{found['ties']:.0f}"),
        ("pairs met", cells[4], f"{pairs - len(found['unmet_pairs'])}/{pairs}"),
        ("Condorcet winner", cells[5], found["condorcet_winner"] or "none"),
        ("Smith set", cells[6], str(len(found["smith_set"]))),
        ("BT favourite", cells[10], found["bradley_terry"]["favourite"]),
    ]:
        if expected != got:
            say(what, expected, got)
    triads = found["cyclic_triads"]
    cyclic, total, share, weighted = re.fullmatch(r"(\d+)/(\d+) = ([\d.]+) \(([\d.]+)\)", cells[7]).groups()
    if (int(cyclic), int(total)) != (triads["cyclic"], triads["total"]):
        say("cyclic triads", f"{cyclic}/{total}", f"{triads['cyclic']}/{triads['total']}")
    if not printed_like(weighted, triads["weighted"]):
        say("weighted triads", weighted, f"{triads['weighted']:.4f}")
    if cells[8] != f"{triads['significant']}/{triads['significant_total']}":
        say("significant triads", cells[8], f"{triads['significant']}/{triads['significant_total']}")
    support, unique = cells[9].rstrip("*"), found["nash"]["unique"]
    several = cells[9].endswith("*") and unique is not True
    if several:
        # one of several lotteries: another choice of one is no contradiction
        notes.append(f"one of several lotteries, table plays {support}, here {len(found['nash']['support'])}")
    elif int(support) != len(found["nash"]["support"]):
        say("Nash support", cells[9], f"{len(found['nash']['support'])} (unique: {unique})")
    elif cells[9].endswith("*") == (unique is True):
        notes.append(f"unique: table {'not proved' if '*' in cells[9] else 'yes'}, here {unique}")
    off = [(x, fit["met"][i][j]) for i, row in enumerate(fit["residuals"]) for j, x in enumerate(row) if x is not None]
    # weighted by comparisons
    rmse, largest = math.sqrt(sum(w * x * x for x, w in off) / sum(w for _, w in off)), max(abs(x) for x, _ in off)
    for what, text, value in zip(("rmse", "largest residual"), cells[11].split(" / "), (rmse, largest)):
        if not printed_like(text, value):
            say(what, text, f"{value:.4f}")
    if not printed_like(cells[12], fit["deviance_p_value"]):
        say("deviance p", cells[12], f"{fit['deviance_p_value']:.3g}")
    loss = re.match(r"([\d.]+) \(([\d.]+) vs (.*)\)", cells[13])
    if not printed_like(loss[1], found["bradley_terry"]["exploitability"]):
        say("loss of the favourite", loss[1], f"{found['bradley_terry']['exploitability']:.4f}")
    if float(loss[1]) > 0 and loss[3] != found["bradley_terry"]["worst_opponent"]:
        say("worst opponent", loss[3], found["bradley_terry"]["worst_opponent"])
    energy = re.fullmatch(r"([\d.]+)(?: \(p ([\d.]+)\))?", cells[14])
    if not printed_like(energy[1], found["cyclic_energy"]["value"]):
        say("cyclic energy", energy[1], f"{found['cyclic_energy']['value']:.4f}")
    if energy[2]:
        # the table's p-value is of the share under Bradley-Terry; ours of the energy under Davidson where there are ties
        notes.append(f"p of energy {energy[2]} / {found['cyclic_energy']['p_value']:.3f}")
    print(f"{name:<34} {'differs' if wrong else 'agrees':<8} {found['verdict']}; {'; '.join(notes)}", flush=True)
    for line in wrong:
        print(f"    {line}", flush=True)
    return len(wrong)


def per_prompt(name, folder, data):
    """The file and filters of a row of the table of per-prompt games."""
    vicuna = data / "pairwise/prd_vicuna80.csv"
    judges = [row for row in rows(vicuna) if row["annotator"] != "human"]
    five = sorted({i for row in judges for i in (row["item_a"], row["item_b"])})
    if "human" in name:
        return [vicuna, "--annotator", "human", "--items", ",".join(five)]
    if "four model judges" in name:
        return [filtered(folder, vicuna, lambda row: row["annotator"] != "human")]
    return [data / "pairwise/qlora_oa_gpt4.csv"]


def check_prompts(cells, args):
    groups = equipoise("inspect", *args, "--each", "context", "--replicates", 1)["groups"]
    most_items = max(g["n"] for g in groups)
    games = [g for g in groups if g["n"] == most_items and not g["unmet_pairs"]]
    winner = [g for g in games if g["condorcet_winner"]]
    weak = [g for g in games if not g["condorcet_winner"] and g["unbeaten"]]
    losses = [g["bradley_terry"]["exploitability"] for g in games]
    beaten = [loss for loss in losses if loss > 1e-12]
    triads = [g["cyclic_triads"] for g in games]
    wrong = []
    for what, expected, got in [
        ("complete games", cells[1], f"{len(games)} of {len(groups)}"),
        ("Condorcet winner", cells[2], str(len(winner))),
        ("weak winner only", cells[3], str(len(weak))),
        ("none", cells[4], str(len(games) - len(winner) - len(weak))),
        ("with a cyclic triad", cells[5], str(sum(t["cyclic"] > 0 for t in triads))),
        ("cyclic triads", cells[6].replace(",", ""), f"{sum(t['cyclic'] for t in triads)} / {sum(t['total'] for t in triads)}"),
    ]:
        if expected != got:
            wrong.append(f"{what}: table {expected}, here {got}")
    without = sum(not g["bradley_terry"]["exists"] for g in games)
    # with two votes a pair many games have no finite maximum, or several strongest items: there the pick is a convention
    print(
        f"{cells[0]:<46} {'differs' if wrong else 'agrees':<8} Bradley-Terry picks a beaten item in {len(beaten)}, mean loss of "
        f"all picks {sum(losses) / len(losses):.3f} (table {cells[7]}); no finite maximum in {without}"
    )
    for line in wrong:
        print(f"    {line}")
    return len(wrong)


def main():
    data = pathlib.Path(sys.argv[1])
    table = [l for l in (data / "README.md").read_text().splitlines() if l.startswith("| ") and l.count(" | ") >= 14]
    differing = games = 0
    with tempfile.TemporaryDirectory() as folder:
        for line in table[1:]:
            cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
            if cells[0].startswith("-") or len(cells) != 15:
                continue
            games += 1
            differing += check(cells, game(cells[0], pathlib.Path(folder), data))
        for line in (data / "README.md").read_text().splitlines():
            cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
            if len(cells) == 9 and re.match(r"\d+ of \d+", cells[1] + " of ") and re.search(r"/ [\d,]+", cells[6]):
                games += 1
                # 627 of the 668 prompts are complete; "80 of 80" likewise
                differing += check_prompts(cells, per_prompt(cells[0], pathlib.Path(folder), data))
    print(f"{games} rows, {differing} cells differ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
