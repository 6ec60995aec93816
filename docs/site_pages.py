"""Pages that are generated from the package before a build, and what is added to the site after it.

Before: the reference of the command line, of experiment files, of the registries and of Python; a page for every method with what its
claims came to, and a page for every paper that a registry names; the experiments with their README. After: `llms.txt`, every page as
Markdown beside its HTML, MathJax, and the documentation of the Rust crates where `cargo doc` has written it.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.resolve()
ROOT = DOCS.parent
OUT = DOCS / "generated"
WRITTEN: set[Path] = set()

#: Titles and columns of registries; one that is not here has the texts of its rows as columns.
NOUNS = {
    "games": ("Games", {"summary": "what", "known": "known of it"}),
    "oracles": ("Oracles", {"summary": "what", "source": "source"}),
    "channels": ("Label channels", {"summary": "what is recorded", "stage": "changes", "source": "source"}),
    "designs": ("Pair designs", {"summary": "pairs", "source": "source"}),
    "metrics": ("Metrics", {"definition": "definition"}),
    "models": ("Preference models", {"definition": "definition", "ties": "a tie is", "fitted": "fitted by; errors", "source": "source"}),
    "concepts": ("Solution concepts", {"definition": "definition", "needs": "needs", "source": "source"}),
    "columns": ("Leaderboard columns", {"title": "title", "definition": "definition", "source": "source"}),
    "readers": ("File formats", {"summary": "what", "columns": "columns", "endings": "endings", "source": "source"}),
    "objectives": ("Losses", {"formula": "loss of a row", "minimiser": "minimiser", "verified": "verified by", "source": "source"}),
    "policies": ("Policy classes", {"summary": "what", "verified": "verified by", "source": "source"}),
    "optimisers": ("Optimisers", {"summary": "what", "verified": "verified by", "source": "source"}),
    "estimators": ("Gradient estimators", {"summary": "what", "unbiased_for": "unbiased for", "source": "source"}),
}

#: What an entry of a registry is called on the page of its paper.
SINGULAR = {
    "games": "game", "oracles": "oracle", "channels": "label channel", "designs": "pair design", "metrics": "metric", "models": "preference model",
    "concepts": "solution concept", "axioms": "axiom", "columns": "leaderboard column", "readers": "file format", "objectives": "loss",
    "policies": "policy class", "optimisers": "optimiser", "estimators": "gradient estimator",
}

#: What a registry holds, in a sentence for those who do not know the word.
INTRODUCED = {
    "games": "Test games by name, `eq.Game.generate(NAME, ..)` in Python and `games:` in experiment files, with what is known of each.",
    "oracles": "How a method sees the game: exactly, by sampled duels, or through a model that was fitted to labels.",
    "channels": "What happens between an annotator's preference and the label that is recorded; channels of a `learned` oracle apply in order.",
    "designs": "Which pairs of answers are compared when labels are bought.",
    "metrics": "What is measured of an iterate. P is the preference matrix, K = P - 1/2, pi the policy, mu the reference, pi\\* the equilibrium.",
    "models": "Statistical models of comparisons: `equipoise fit DATA --model NAME`, `eq.fit(data, NAME)`. Pr(i) is the probability that item i beats j.",
    "concepts": "What should be played: `equipoise concepts FILE` puts all that the data allow side by side.",
    "axioms": "Properties of rules of social choice; `equipoise concepts FILE --axioms` tells which rule has which.",
    "columns": "The columns of `equipoise rank` and of {func}`equipoise.rank`.",
    "readers": "Files that are read; a format is recognised by ending and columns, or named with `--format NAME`.",
    "objectives": "Losses of the DPO family as published, a row being one pair: `equipoise loss NAME --input FILE`, {func}`equipoise.loss`. In the formulas "
    "pc and pr are the log-probabilities of the chosen and the rejected answer under the policy, rc and rr those under the reference, and ls is log sigmoid.",
    "policies": "The classes of policies that `policy:` of an experiment may name.",
    "optimisers": "What trains the parameters of a policy class.",
    "estimators": "Gradient estimators of published trainers, audited by enumeration: `equipoise estimators`. z is the label of a duel, S the score "
    "function, r the log-ratio to the reference, h its sum over tokens.",
}

#: The Python reference: page, title, names; a public name that is in none of them is on the page of others.
API = {
    "games": ("Games", ["Game", "from_scores", "interop.pref_voting", "interop.open_spiel", "interop.choix"]),
    "answers": (
        "Exact answers",
        ["solve", "path", "gap", "best_response", "check_certificate", "Equilibrium", "EquilibriumPath", "Gap", "Certificate", "Answer"],
    ),
    "comparisons": ("Methods side by side", ["compare", "Comparison", "Row", "Solver", "Oracle", "Task", "Done", "testing.check_solver"]),
    "data": (
        "Data and statements",
        "inspect fit rank standings changes concepts loss audit estimators Inspection Fit Leaderboard Standings Changes Concepts Loss Findings Estimators".split(),
    ),
    "experiments": ("Experiments", "plan run read merge check sweep schema set_threads Results Plan Verdicts Table".split()),
    "registries": ("Registries", "solvers games metrics models objectives oracles readers Registry".split()),
    "errors": (
        "Errors",
        "EquipoiseError InputError ConfigError DataError PolicyError UnknownName NumericalError ResultsError EngineError "
        "InternalError EquipoiseWarning".split(),
    ),
}

#: Names of the metrics: a key that takes one says so, and does not list them.
METRICS: set[str] = set()

PAPER = re.compile(r"arXiv:(\d{4}\.\d{4,5})|doi:((?:\([^()\s]*\)|[^\s;,\"(){}\]])+(?<![.:]))")
#: Authors and a year, as the registries write them before an identifier.
AUTHORS = re.compile(r"[A-Z][^:;()]{1,60} \d{4}$")


def jupyter_settings(folder: Path) -> None:
    """Figures of cells as SVG, warnings without a place, and no history beside the user's own."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text('c.InlineBackend.figure_formats = ["svg"]\nc.IPKernelApp.log_level = "ERROR"\n')
    (profile / "startup").mkdir(exist_ok=True)
    # a warning as its text: the place would be a file of the kernel, another one in each build
    (profile / "startup" / "warnings.py").write_text(
        "import warnings\nwarnings.formatwarning = lambda message, category, *_, **__: f'{category.__name__}: {message}\\n'\n"
    )
    os.environ["IPYTHONDIR"] = str(folder)
    # drawings equal to the byte for equal numbers
    (folder / "matplotlibrc").write_text("svg.hashsalt: equipoise\nfigure.figsize: 6.4, 3.8\nsvg.fonttype: path\n")
    os.environ["MATPLOTLIBRC"] = str(folder / "matplotlibrc")


def package_digest() -> str:
    """Of the package's files: cells that another build of it ran are run again."""
    import equipoise

    folder = Path(equipoise.__file__).parent
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def command(*arguments: str) -> str:
    """What the command line prints, at a fixed width."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-m", "equipoise", *arguments], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"equipoise {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def commands() -> list[str]:
    """The commands of the program, in its order."""
    return re.findall(r"^  ([a-z-]+)  ", command("--help").split("Options:")[0], flags=re.MULTILINE)


def nouns() -> dict[str, tuple[str, dict[str, str]]]:
    """The registries that `equipoise list` knows, but the methods, which have pages of their own."""
    found = re.findall(r"^ +- ([a-z]+): ", command("list", "--help"), flags=re.MULTILINE)
    return {noun: NOUNS.get(noun, (noun.capitalize(), {})) for noun in found if noun != "solvers"}


def write(page: str, text: str) -> None:
    path = OUT / f"{page}.md"
    WRITTEN.add(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = text.rstrip() + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != whole:  # an unchanged page is not built again
        path.write_text(whole, encoding="utf-8")


def prose(text: Any) -> str:
    """Text of a registry as Markdown: what would be markup is none."""
    if isinstance(text, list):
        return ", ".join(f"`{one}`" for one in text)
    parts = str(text).replace("\n", " ").split("`")
    for k in range(0, len(parts), 2):
        parts[k] = re.sub(r"([\\*_<>\[\]$#])", r"\\\1", parts[k])
        parts[k] = re.sub(r"(?<![\w-])(--[a-z][a-z-]*)", r"`\1`", parts[k])  # an option; its dashes would become one
    return "`".join(parts)


def cell(text: Any) -> str:
    return prose(text).replace("|", "\\|")


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def toctree(pages: list[str], depth: int = 1, hidden: bool = False) -> str:
    return "\n".join(["```{toctree}", f":maxdepth: {depth}", *([":hidden:"] if hidden else []), "", *pages, "```"])


# ---------------------------------------------------------------- parameters

def kind(schema: dict[str, Any], defs: dict[str, Any]) -> str:
    """What a value may be, in words."""
    if "$ref" in schema:
        return kind(defs.get(schema["$ref"].rsplit("/", 1)[-1], {}), defs)
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        if set(schema["enum"]) == METRICS:
            return "the name of {doc}`a metric </generated/registries/metrics>`"
        return ", ".join(f"`{one}`" for one in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return alternatives([one for one in schema[key] if one.get("type") != "null"], defs)
    stated = schema.get("type", "any")
    stated = [t for t in stated if t != "null"] if isinstance(stated, list) else [stated]
    words = {"integer": "whole number", "array": "list", "object": "block", "string": "text", "boolean": "true or false", "any": "name or block"}
    said = " or ".join(words.get(t, t) for t in stated)
    if stated == ["array"] and isinstance(schema.get("items"), dict):
        inner = kind(schema["items"], defs)
        said = f"list of: {inner}" if inner not in (words["any"], "block") else said
    if stated == ["object"] and schema.get("maxProperties") == 1:
        said = "one of " + ", ".join(f"`{name}`" for name in schema.get("properties", {}))
    return said


def alternatives(choices: list[dict[str, Any]], defs: dict[str, Any]) -> str:
    """What a value may be that may be of several kinds: names once, then the same with options, or a list of them."""
    flat: list[dict[str, Any]] = []
    for one in choices:
        one = defs.get(one["$ref"].rsplit("/", 1)[-1], {}) if "$ref" in one else one
        nested = one.get("anyOf") or one.get("oneOf")
        flat += [two for two in nested if two.get("type") != "null"] if nested else [one]
    names = [str(name) for one in flat for name in ([one["const"]] if "const" in one else one.get("enum", []))]
    out = [f"`{name}`" for name in dict.fromkeys(names)]
    for one in flat:
        if "const" in one or "enum" in one:
            continue
        said = kind(one, defs)
        if one.get("type") == "object" and one.get("maxProperties") == 1 and names:
            named = list(one.get("properties", {}))
            which = "one of them" if set(named) == set(names) else " or ".join(f"`{name}`" for name in named)
            said = f"{which} with a block of options"
        elif one.get("type") == "array" and names:
            said = "a list of such"
        out.append(said)
    return " or ".join(dict.fromkeys(out)) or "any"


def parameters(schema: dict[str, Any], defaults: dict[str, Any] | None = None) -> str:
    """The properties of a schema as a list of definitions, nested ones after their parent: no table, for the descriptions are long and a
    phone is narrow."""
    lines: list[str] = []

    def add(properties: dict[str, Any], defs: dict[str, Any], prefix: str) -> None:
        for name, one in properties.items():
            given = one.get("default", (defaults or {}).get(name)) if not prefix else one.get("default")
            shown = f"; default `{json.dumps(given)}`" if given is not None else ""
            lines.extend([f"`{prefix}{name}`", f": {prose(one.get('description', ''))} *({kind(one, defs)}{shown})*", ""])
            if one.get("type") == "object" and isinstance(one.get("properties"), dict) and not prefix:
                add(one["properties"], {**defs, **one.get("$defs", {})}, f"{name}.")

    add(schema.get("properties", {}), schema.get("$defs", {}), "")
    return "\n".join(lines)


def remark(schema: dict[str, Any], said: str = "") -> str:
    """The description of a schema, if it says more than whose it is."""
    text = re.sub(r"^(Parameters|Options) of `?[A-Za-z0-9-]+`?\.\s*", "", schema.get("description", ""))
    return "" if len(text) < 45 or text.rstrip(".").lower() == said.rstrip(".").lower() else prose(text)


#: Methods whose names are words of their own, which begin a sentence without being meant.
WORDS = {"projected", "offline", "preference"}


def sentence(text: str, names: set[str]) -> str:
    """Text of a registry as a sentence; one that begins with a name keeps it."""
    first = re.split(r"[ ,;:]", text, maxsplit=1)[0]
    if re.match(r"[^A-Za-z]|\w+(\([^)]*\))? [-+*/=] ", text):
        return prose(text)  # a formula
    if first in names - WORDS:
        shown = f"`{first}`" + prose(text[len(first) :])
    else:
        shown = prose(text)[:1].upper() + prose(text)[1:]
    return shown if shown.endswith(("?", "!")) else shown.rstrip(".") + "."


# ---------------------------------------------------------------- papers

class Papers:
    """What every paper is named by."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        self.used: dict[str, list[str]] = defaultdict(list)
        self.entries: dict[str, list[str]] = defaultdict(list)

    def cite(self, citation: str, by: str, entry: str | None = None) -> None:
        """Takes down that a citation is named by a Markdown line, which is about an entry of a registry."""
        at = 0
        for found in PAPER.finditer(citation):
            key, authors = found.group(0), re.split(r"[;(]", citation[at : found.start()])[-1].strip(" ,")
            if AUTHORS.match(authors) and len(authors) < len(self.names.get(key, 61 * "x")):
                self.names[key] = authors
            if by not in self.used[key]:
                self.used[key].append(by)
            if entry and entry not in self.entries[key]:
                self.entries[key].append(entry)
            at = found.end()

    def title(self, key: str) -> str:
        """Authors and year, or the identifier where no registry names them; with what is taken from the paper, as several have the same
        authors and year."""
        name = self.names.get(key, key)
        alone = name != key and sum(other == name for other in self.names.values()) == 1
        entries = self.entries[key]
        return name if alone or not entries else f"{name}: {', '.join(entries[:3])}{', ..' if len(entries) > 3 else ''}"

    @staticmethod
    def page(key: str) -> str:
        return re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")

    @staticmethod
    def url(key: str) -> str:
        scheme, number = key.split(":", 1)
        return f"https://arxiv.org/abs/{number}" if scheme == "arXiv" else f"https://doi.org/{number}"

    def link(self, citation: str, up: str) -> str:
        """A citation whose identifiers lead to the page of the paper."""
        at, out = 0, ""
        for found in PAPER.finditer(citation):
            out += prose(citation[at : found.start()]) + f"[{found.group(0)}]({up}papers/{self.page(found.group(0))}.md)"
            at = found.end()
        return out + prose(citation[at:])


# ---------------------------------------------------------------- pages

PLAYS = {
    "original": "the original game",
    "regularised": "the game that `tau` regularises",
    "other": "neither game: it fits, or transforms, the preferences first",
}
PROVED = {"last": "the last iterate", "average": "the average iterate", "both": "the last and the average iterate", "none": "nothing is proved"}
STANDS = {
    "original": "an equilibrium of the original game",
    "regularised": "the regularised equilibrium",
    "elsewhere": "neither equilibrium in general: another policy, or none",
}


def pages_of_methods(solvers: list[dict[str, Any]], claims: list[dict[str, Any]], papers: Papers) -> None:
    of = defaultdict(list)
    for claim in claims:
        of[claim["solver"]].append(claim)
    families = {
        "solver-self-play": "Self-play and regret matching",
        "solver-mirror-descent": "Mirror descent",
        "solver-extragradient": "Extragradient",
        "solver-regression": "Regression on pairs",
        "baseline-bt": "Fits",
    }
    names = {row["name"] for row in solvers}
    for row in solvers:
        name = row["name"]
        papers.cite(row["citation"], f"method [{name}](../methods/{name}.md): {prose(row['summary'])}", name)
        tau = 0.1 if row["aim"] == "regularised" else 0.0
        facts = [
            ["plays", PLAYS[row["aim"]]],
            ["proved to converge", PROVED[row["guarantee"]]],
            ["stands still at", STANDS[row["fixed_point"]]],
            ["a step costs", prose(row["cost"])],
            ["verified by", prose(row["verified"])],
            ["source", papers.link(row["citation"], "../")],
            ["family", prose(families.get(row["family"], row["family"]))],
        ]
        text = [f"# {name}", "", sentence(row["summary"], names), "", *(f"- **{what}**: {said}" for what, said in facts), ""]
        text += ["## Run it", "", "```python", "import equipoise as eq", "", 'game = eq.Game.generate("comal")']
        text += [f'print(eq.compare(game, ["{name}"], tau={tau}, steps=1000))', "```", "", "```text", measured(name, tau), "```", ""]
        text += [f"In an experiment file: `solvers: [{name}]`.", ""]
        listed = parameters(row["schema"], row["defaults"])
        text += ["## Parameters", "", remark(row["schema"], row["summary"]), "", listed, ""] if listed else ["It has no parameters.", ""]
        if of[name]:
            text += ["## What is claimed, and what was measured", ""]
            text += ["What `eq.audit(solver=[\"%s\"])` found when this page was built. The least slack is bound over measurement: below 1 the bound is broken." % name, ""]
            for c in of[name]:
                slack = "" if c["least_slack"] is None else f", least slack {c['least_slack']:.4g}"
                text += [f"`{c['claim']}`: **{prose(c['verdict'])}**{slack}", f": {prose(c['statement'])}. *({prose(c['standing'])}; {papers.link(c['citation'], '../')})*", ""]
                papers.cite(c["citation"], f"claim `{c['claim']}` about [{name}](../methods/{name}.md): {prose(c['statement'])}; measured: {c['verdict']}", name)
        write(f"methods/{name}", "\n".join(text))
    text = ["# Methods", "", f"{len(solvers)} methods; `equipoise list solvers` is the same list in a terminal. Each page has a run, what is claimed and what was measured.", ""]
    for family, title in families.items():
        rows = [r for r in solvers if r["family"] == family]
        if rows:
            text += [f"## {title}", ""]
            text += [table(["method", "what", "game", "proved for", "a step costs"], [[f"[{r['name']}]({r['name']}.md)", cell(r["summary"]), r["aim"], r["guarantee"], cell(r["cost"])] for r in rows]), ""]
    write("methods/index", "\n".join(text + [toctree([r["name"] for r in solvers], hidden=True)]))


def texts(value: Any) -> list[str]:
    """Every text in a row of a registry."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


def measured(name: str, tau: float) -> str:
    import warnings

    import equipoise as eq

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return repr(eq.compare(eq.Game.generate("comal"), [name], tau=tau, steps=1000))


def pages_of_registries(rows_of: dict[str, list[dict[str, Any]]], papers: Papers) -> None:
    for noun, (title, columns) in nouns().items():
        rows = rows_of[noun]
        columns = columns or {key: key.replace("_", " ") for row in rows for key, v in row.items() if isinstance(v, str) and key != "name"}
        text = [f"# {title}", "", INTRODUCED.get(noun, ""), "", f"`equipoise list {noun}` prints this list; `--json` has every field.", ""]
        present = {key: word for key, word in columns.items() if any(row.get(key) for row in rows)}
        detailed = {r["name"] for r in rows if (r.get("schema") or {}).get("properties") or r.get("inputs")}
        # more than three columns are cramped: then the rest stands with each entry
        narrow = dict(list(present.items())[:1]) if len(present) > 3 else present

        def shown(key: str, value: Any) -> str:
            if value in (None, "", []):
                return ""
            return papers.link(value, "../").replace("|", "\\|") if key == "source" and isinstance(value, str) else cell(value)

        def named(row: dict[str, Any]) -> str:
            with_section = row["name"] in detailed or narrow != present
            return f"[`{row['name']}`](#{row['name'].lower()})" if with_section else f"`{row['name']}`"

        text += [table(["name", *narrow.values()], [[named(r), *(shown(k, r.get(k)) for k in narrow)] for r in rows]), ""]
        for row in rows:
            said = row.get("summary") or row.get("definition") or ""
            line = f"[{SINGULAR.get(noun, noun)}](../registries/{noun}.md) `{row['name']}`" + (f": {prose(said)}" if said else "")
            papers.cite("; ".join(texts(row)), line, row["name"])
            if row["name"] not in detailed and narrow == present:
                continue
            formula = f"`{row['formula']}`" if row.get("formula") else ""
            text += [f"## {row['name']}", "", formula or sentence(said, set()), "", remark(row.get("schema") or {}, said), ""]
            if narrow != present:
                text += [*(f"- **{word}**: {shown(k, row.get(k))}" for k, word in list(present.items())[1:] if row.get(k)), ""]
            listed = parameters(row.get("schema") or {}, row.get("defaults"))
            text += [listed, ""] if listed else []
            if row.get("inputs"):
                for optional, word in ((False, "Inputs"), (True, "Inputs that may be left out")):
                    inputs = [f"`{i['name']}`: {prose(i['what'])}" for i in row["inputs"] if i["optional"] == optional]
                    text += [f"{word}:", "", *(f"- {one}" for one in inputs), ""] if inputs else []
        write(f"registries/{noun}", "\n".join(text))


def page_of_papers(papers: Papers) -> None:
    folder = ROOT / "experiments" / "papers"
    reproduced: dict[str, list[Path]] = defaultdict(list)
    for readme in sorted(folder.glob("*/README.md")):
        # the paper that a folder is about stands in its title
        title = readme.read_text(encoding="utf-8").splitlines()[0].replace("arXiv ", "arXiv:")
        for found in PAPER.finditer(title):
            key = found.group(0)
            reproduced[key].append(readme)
            about = re.sub(r"[\s(,]+$", "", re.sub(r"\s*\([^()]*$", "", title[: found.start()].strip("# ").partition(": ")[2]))
            papers.names.setdefault(key, about or key)
            papers.titles[key] = about
    rows = []
    for key in sorted({*papers.used, *reproduced}):
        name = papers.title(key)
        about = papers.titles.get(key, "")
        text = [f"# {prose(name)}", "", *([prose(about), ""] if about not in ("", papers.names.get(key)) else [])]
        text += [f"The paper: [{key}]({papers.url(key)})", ""]
        for readme in reproduced[key]:
            text += [f"## What it claims, and what holds here: {readme.parent.name}", "", *lowered(readme), ""]
        if papers.used[key]:
            text += ["## What is taken from it", "", *(f"- {by}" for by in sorted(papers.used[key]))]
        write(f"papers/{papers.page(key)}", "\n".join(text))
        entries = papers.entries[key]
        taken = ", ".join(f"`{one}`" for one in entries[:4]) + (f" and {len(entries) - 4} more" if len(entries) > 4 else "")
        rows.append((papers.names.get(key, name), about, key, taken, ", ".join(readme.parent.name for readme in reproduced[key])))
    rows.sort(key=lambda row: (row[0].lower(), row[2]))
    text = ["# Papers", "", f"{len(rows)} papers that a method, a claim, a game, a model, a loss or a concept is taken from, or whose claims were tried.", ""]
    head = ["paper", "identifier", "what is taken from it", "tried in `experiments/papers/`"]
    text += [table(head, [[f"[{prose(t)}]({papers.page(k)}.md)", k, n, m] for t, _, k, n, m in rows]), ""]
    write("papers/index", "\n".join([*text, toctree([papers.page(k) for _, _, k, _, _ in rows], hidden=True)]))


def lowered(readme: Path) -> list[str]:
    """A README two levels lower, its title left out, its links as text."""
    lines = readme.read_text(encoding="utf-8").splitlines()
    fenced, out = False, []
    for line in lines[1:] if lines and lines[0].startswith("# ") else lines:
        fenced ^= line.startswith("```")
        if not fenced:
            line = re.sub(r"!?\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", line)
            line = re.sub(r"^(#+) ", lambda m: "#" * min(6, len(m.group(1)) + 1) + " ", line)
        out.append(line)
    return out


def pages_of_experiments() -> None:
    found = sorted(p for p in (ROOT / "experiments").rglob("README.md") if "papers" not in p.parts)
    names = []
    for readme in found:
        name = "-".join(readme.parent.relative_to(ROOT / "experiments").parts) or "about"
        if name == "about":
            continue
        title = readme.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        folder = readme.parent
        text = [f"# {title}", "", f"`{folder.relative_to(ROOT)}`", "", *lowered(readme), ""]
        for file in ("experiment.yaml", "expected.yaml"):
            if (folder / file).exists():
                text += [f"## {file}", "", "```yaml", (folder / file).read_text(encoding="utf-8").rstrip(), "```", ""]
        write(f"experiments/{name}", "\n".join(text))
        names.append((name, title))
    text = ["# Experiments", "", "Questions with their claims; `equipoise check experiments/NAME` runs one and holds the claims against it.", ""]
    text += [table(["experiment", "question"], [[f"[{n}]({n}.md)", prose(t)] for n, t in names]), "", toctree([n for n, _ in names], hidden=True)]
    write("experiments/index", "\n".join(text))


def summaries() -> dict[str, str]:
    """What the program says of each of its commands in a line."""
    said: dict[str, str] = {}
    for line in command("--help").split("Options:")[0].splitlines():
        new = re.match(r"  ([a-z-]+) {2,}(.*)", line)
        if new:
            name, said[new[1]] = new[1], new[2].strip()
        elif said and line.startswith("      "):
            said[name] += " " + line.strip()
    return said


#: Options that every command has; they are said once, on the page of all commands.
EVERYWHERE = ("-v, --verbose", "-h, --help", "-V, --version")


def described(lines: list[str]) -> list[str]:
    """The arguments of a section of a help text as a list of definitions."""
    entries: list[tuple[str, list[str]]] = []
    for line in lines:
        new = re.match(r" {2,6}([-<\[].*)$", line)
        if new:
            head, _, what = new[1].partition("  ") if not new[1].startswith("- ") else (new[1], "", "")
            entries.append((head, [what] if what else []))
        elif entries:
            entries[-1][1].append(line)
    out: list[str] = []
    for head, rest in entries:
        if head.startswith(EVERYWHERE):
            continue
        body: list[str] = []
        fresh = True
        for line in (one.strip() for one in rest):
            if not line:
                fresh = True
            elif line.startswith("- ") and body:
                name, _, what = line[2:].partition(": ")
                body.append(f"- `{name}`: {prose(what.strip())}")
                fresh = False
            elif line == "Possible values:":
                body.append("")
                fresh = True
            elif fresh:
                body += ["", prose(re.sub(r"^\[default: (.*)\]$", r"Default: `\1`.", line))]
                fresh = False
            else:
                body[-1] += " " + prose(line)
        while body and not body[0]:
            body.pop(0)
        if not body:
            body = ["(no description)"]
        out += [f"`{head}`", f": {body[0]}", *(f"  {line}" if line else "" for line in body[1:]), ""]
    return out


def page_of_command(help_text: str) -> list[str]:
    """A help text with what a reader looks for first: what it does, an example, the options."""
    sections: dict[str, list[str]] = {"": []}
    at = ""
    for line in help_text.rstrip().splitlines():
        head = re.match(r"([A-Z][a-z ]+):$", line)
        if head:
            at = head[1]
            sections[at] = []
        elif line.startswith("Usage: "):
            sections["Usage"] = [line.removeprefix("Usage: ")]
        elif at.startswith("Example") and line and not line.startswith(" "):
            at = "Remarks"
            sections[at] = [line]
        else:
            sections[at].append(line)
    text = [sentence(" ".join(sections.pop("")).strip(), set()), ""]
    examples = [line.strip() for name in list(sections) if name.startswith("Example") for line in sections.pop(name) if line.strip()]
    text += ["```sh", *examples, "```", ""] if examples else []
    text += ["```text", *sections.pop("Usage"), "```", ""]
    remarks = re.sub(r"(?<!`)\b(equipoise list [a-z]+)", r"`\1`", "\n".join(sections.pop("Remarks", [])))
    text += [prose(one) + "\n" for one in re.split(r"\n\s*\n", remarks) if one.strip()]
    for name, lines in sections.items():
        listed = described(lines)
        text += [f"## {name}", "", *listed] if listed else []
    return text


def pages_of_commands() -> None:
    said = summaries()
    rows = [[f"[`{name}`]({name}.md)", prose(said[name])] for name in commands()]
    text = ["# Command line", "", "`equipoise COMMAND`; `equipoise help COMMAND` prints what the page of a command says.", ""]
    text += [table(["command", "what"], rows), ""]
    end = command("--help").split("Example:")[1].strip().partition("\n\n")[2]
    text += ["Every command has `-v` (say what is done; twice for more), `-h` and `-V`. " + prose(end), ""]
    write("cli/index", "\n".join([*text, toctree(commands(), hidden=True)]))
    for name in commands():
        help_text = command("help", name) if name != "help" else command("help", "--help")
        write(f"cli/{name}", "\n".join([f"# equipoise {name}", "", *page_of_command(help_text)]))


def page_of_keys(schema: dict[str, Any]) -> None:
    flat = {}
    for name, one in schema["properties"].items():
        left = {k: v for k, v in one.items() if k not in ("items", "properties")} if name in ("games", "solvers") else one
        flat[name] = left
    plain = {"properties": flat, "$defs": schema.get("$defs", {})}
    text = ["# Keys of an experiment file", ""]
    text += ["`equipoise help config` in a terminal, `equipoise schema` for editors, {func}`equipoise.schema` in Python.", ""]
    text += ["The options of games and solvers are on the pages of {doc}`registries/games` and {doc}`methods/index`.", ""]
    text += [f"Required: {', '.join(f'`{k}`' for k in schema['required'])}.", "", parameters(plain), ""]
    write("config", "\n".join(text))


def pages_of_python() -> None:
    import equipoise

    placed = {name.split(".")[0] for _, names in API.values() for name in names} | {"errors", "interop", "testing", "__version__"}
    others = [name for name in equipoise.__all__ if name not in placed]
    pages = {**API, **({"others": ("Others", others)} if others else {})}
    for page, (title, names) in pages.items():
        text = [f"# {title}", ""]
        for name in names:
            value = equipoise
            for part in name.split("."):
                value = getattr(value, part)
            directive = "autoclass" if isinstance(value, type) else "autofunction"
            options = ["   :members:", "   :show-inheritance:"] if directive == "autoclass" else []
            text += ["```{eval-rst}", f".. {directive}:: equipoise.{name}", *options, "```", ""]
        write(f"python/{page}", "\n".join(text))
    text = ["# Python", "", "`import equipoise as eq`; every name below is one of `eq`.", ""]
    for page, (title, names) in pages.items():
        rows = []
        for name in names:
            value = equipoise
            for part in name.split("."):
                value = getattr(value, part)
            first = re.split(r"(?<=[.?])\s|\n\n", inspect.getdoc(value) or "", maxsplit=1)[0].replace("\n", " ")
            rows.append([f"{{obj}}`{name} <equipoise.{name}>`", cell(re.sub(r":[a-z]+:`", "`", first.replace("``", "`")))])
        text += [f"## [{title}]({page}.md)", "", table(["name", "what"], rows), ""]
    write("python/index", "\n".join([*text, toctree(list(pages), hidden=True)]))


def generate(app: Any) -> None:
    """Writes every generated page."""
    WRITTEN.clear()
    rows_of = {noun: json.loads(command("list", noun, "--json")) for noun in ["solvers", *nouns()]}
    claims = json.loads(command("audit", "--json"))
    METRICS.update(row["name"] for row in rows_of["metrics"])
    papers = Papers()
    pages_of_methods(rows_of["solvers"], claims, papers)
    pages_of_registries(rows_of, papers)
    page_of_papers(papers)
    pages_of_experiments()
    pages_of_commands()
    page_of_keys(json.loads(command("schema")))
    pages_of_python()
    write(
        "index",
        "\n".join(
            [
                "# Reference",
                "",
                "Generated from the program that this site was built with; nothing here is written by hand.",
                "",
                table(
                    ["page", "what it holds"],
                    [
                        ["[Methods](methods/index.md)", f"{len(rows_of['solvers'])} methods: what each plays and costs, a run, its claims against measurements"],
                        ["[Papers](papers/index.md)", "which paper each method, claim, model or concept is taken from, and what held when it was tried"],
                        ["[Experiments](experiments/index.md)", "questions with their files and claims"],
                        ["[Command line](cli/index.md)", "every command with examples and options"],
                        ["[Keys of an experiment file](config.md)", "what `games:`, `solvers:`, `limits:` and the others may be"],
                        ["[Python](python/index.md)", "every public name"],
                        *([f"[{title}](registries/{n}.md)", INTRODUCED.get(n, "").split(": ")[0]] for n, (title, _) in nouns().items()),
                        ["[Rust](rust.md)", "the crates"],
                    ],
                ),
                "",
                toctree(["methods/index", "papers/index", "experiments/index", "cli/index", "config", "python/index", *(f"registries/{n}" for n in nouns()), "rust"], hidden=True),
            ]
        ),
    )
    write("rust", page_of_rust())
    for stale in set(OUT.rglob("*.md")) - WRITTEN:
        stale.unlink()


CRATES = {
    "equipoise": "the public library; registries, the prelude, `compare`",
    "equipoise_core": "`Oracle`, `Solver`, policies, streams",
    "equipoise_env": "games and oracles",
    "equipoise_reference": "exact equilibria and solution concepts",
    "equipoise_eval": "metrics, the driving loop, verdicts",
}


def rust_documentation() -> Path:
    """Where `cargo doc` writes."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "doc"


def page_of_rust() -> str:
    """The crates; links where their documentation is there and becomes part of the site."""
    there = (rust_documentation() / "equipoise" / "index.html").exists()
    lines = ["# Rust", "", "The command line and the Python package are made of these crates; the first is the library to depend on.", ""]
    for name, what in CRATES.items():
        said = re.sub("`([^`]*)`", r"<code>\1</code>", what)
        lines += [f'- <a href="../rust/{name}/index.html">{name}</a>: {said}' if there else f"- `{name}`: {what}"]
    lines += ["", "`cargo doc --workspace --no-deps --open` makes the pages of all crates; where it was run before the site was built, they are part of it.", ""]
    lines += ["CONTRIBUTING.md in the repository has the steps to a row of a registry; `crates/equipoise/examples/` has a solver, a judge and a game of one's own."]
    return "\n".join(lines)


def finish(app: Any, error: BaseException | None) -> None:
    """What stands beside the pages: Markdown for programs, MathJax, the Rust documentation."""
    if error is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    (mathjax,) = [file for file in distribution("sphinx-mathjax-offline").files or [] if file.name == "tex-svg.js"]
    (out / "_static" / "mathjax").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(mathjax.locate(), out / "_static" / app.config.mathjax_path)
    lines = [f"# {app.config.project}", "", "> Which alignment method converges to which policy, how fast, at what cost in preference queries, and how far the Bradley-Terry answer is from the Nash answer.", ""]
    sections: dict[str, list[str]] = defaultdict(list)
    for page in sorted(app.env.found_docs):
        source = Path(app.env.doc2path(page))
        target = out / f"{page}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        title = app.env.titles[page].astext() if page in app.env.titles else page
        parts = page.split("/")
        section = parts[1] if parts[0] == "generated" and len(parts) > 2 else parts[0] if len(parts) > 1 else "pages"
        sections[section].append(f"- [{title}]({page}.md)")
    for section in sorted(sections, key=lambda s: (s != "pages", s)):
        lines += [f"## {section}", "", *sections[section], ""]
    (out / "llms.txt").write_text("\n".join(lines), encoding="utf-8")
    rust = rust_documentation()
    if (rust / "equipoise" / "index.html").exists():
        shutil.copytree(rust, out / "rust", dirs_exist_ok=True)


def setup(app: Any) -> dict[str, Any]:
    app.connect("builder-inited", generate)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True}
