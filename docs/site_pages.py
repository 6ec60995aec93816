"""Pages that are generated from the package before a build, and what is added to the site after it.

Before: the reference of the command line, of experiment files, of the registries and of Python; a page for every method with what its
claims came to, and a page for every paper that a registry names; the experiments with their README. After: `llms.txt`, every page as
Markdown beside its HTML, MathJax, and the documentation of the Rust crates where `cargo doc` has written it.
"""

from __future__ import annotations

import hashlib
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

PAPER = re.compile(r"arXiv:(\d{4}\.\d{4,5})|doi:((?:\([^()\s]*\)|[^\s;,\"(){}\]])+(?<![.:]))")
#: Authors and a year, as the registries write them before an identifier.
AUTHORS = re.compile(r"[A-Z][^:;()]{1,60} \d{4}$")


def jupyter_settings(folder: Path) -> None:
    """Figures of cells as SVG, and no history beside the user's own."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text('c.InlineBackend.figure_formats = ["svg"]\n')
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
        shown = [f"`{one}`" for one in schema["enum"]]
        return ", ".join(shown)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            kinds = [kind(one, defs) for one in schema[key] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(k for k in kinds if k)) or "any"
    stated = schema.get("type", "any")
    stated = [t for t in stated if t != "null"] if isinstance(stated, list) else [stated]
    words = {"integer": "whole number", "array": "list", "object": "block", "string": "text", "boolean": "true or false"}
    said = " or ".join(words.get(t, t) for t in stated)
    if stated == ["array"] and isinstance(schema.get("items"), dict):
        inner = kind(schema["items"], defs)
        said = f"list of: {inner}" if inner not in ("any", "block") else said
    if stated == ["object"] and schema.get("maxProperties") == 1:
        said = "one of " + ", ".join(f"`{name}`" for name in schema.get("properties", {}))
    return said


def parameters(schema: dict[str, Any], defaults: dict[str, Any] | None = None) -> str:
    """A table of the properties of a schema, nested ones below their parent."""
    rows: list[list[str]] = []

    def add(properties: dict[str, Any], defs: dict[str, Any], prefix: str) -> None:
        for name, one in properties.items():
            given = one.get("default", (defaults or {}).get(name)) if not prefix else one.get("default")
            shown = f"`{json.dumps(given)}`" if given is not None else ""
            rows.append([f"`{prefix}{name}`", cell(one.get("description", "")), kind(one, defs).replace("|", "\\|"), shown])
            if one.get("type") == "object" and isinstance(one.get("properties"), dict) and not prefix:
                add(one["properties"], {**defs, **one.get("$defs", {})}, f"{name}.")

    add(schema.get("properties", {}), schema.get("$defs", {}), "")
    return table(["key", "what", "value", "default"], rows) if rows else "None."


# ---------------------------------------------------------------- papers

class Papers:
    """What every paper is named by."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        self.used: dict[str, list[str]] = defaultdict(list)

    def cite(self, citation: str, by: str) -> None:
        """Takes down that a citation is named by a Markdown line."""
        at = 0
        for found in PAPER.finditer(citation):
            key, authors = found.group(0), re.split(r"[;(]", citation[at : found.start()])[-1].strip(" ,")
            if AUTHORS.match(authors) and len(authors) < len(self.names.get(key, 61 * "x")):
                self.names[key] = authors
            if by not in self.used[key]:
                self.used[key].append(by)
            at = found.end()

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
    for row in solvers:
        name = row["name"]
        papers.cite(row["citation"], f"method [{name}](../methods/{name}.md): {prose(row['summary'])}")
        yaml = f"solvers:\n  - {name}"
        facts = [
            ["plays", f"the {row['aim']} game" if row["aim"] != "other" else "another game (see below)"],
            ["proved for", f"the {row['guarantee']} iterate" if row["guarantee"] in ("last", "average") else str(row["guarantee"])],
            ["a step costs", prose(row["cost"])],
            ["fixed point", prose(row["fixed_point"])],
            ["verified by", prose(row["verified"])],
            ["source", papers.link(row["citation"], "../")],
            ["family", prose(families.get(row["family"], row["family"]))],
        ]
        text = [f"# {name}", "", prose(row["summary"])[0].upper() + prose(row["summary"])[1:] + ".", "", *(f"- **{what}**: {said}" for what, said in facts), ""]
        text += ["## Parameters", "", prose(row["schema"].get("description", "")), "", parameters(row["schema"], row["defaults"]), ""]
        text += ["## Run it", "", "```yaml", yaml, "```", "", "```python", "import equipoise as eq", ""]
        text += [f'print(eq.compare(eq.Game.generate("comal"), ["{name}"], tau={0.1 if row["aim"] == "regularised" else 0.0}, steps=1000))', "```", ""]
        text += ["```text", measured(name, 0.1 if row["aim"] == "regularised" else 0.0), "```", ""]
        if of[name]:
            text += ["## What is claimed, and what was measured", ""]
            text += ["`eq.audit(solver=[\"%s\"])` when this page was built; slack below 1 breaks a bound." % name, ""]
            rows = []
            for c in of[name]:
                slack = "" if c["least_slack"] is None else f"{c['least_slack']:.4g}"
                rows.append([f"`{c['claim']}`", cell(c["statement"]), cell(c["standing"]), cell(c["verdict"]), slack, papers.link(c["citation"], "../").replace("|", "\\|")])
                papers.cite(c["citation"], f"claim `{c['claim']}` about [{name}](../methods/{name}.md): {prose(c['statement'])}; measured: {c['verdict']}")
            text += [table(["claim", "statement", "standing", "verdict", "least slack", "source"], rows)]
        write(f"methods/{name}", "\n".join(text))
    text = ["# Methods", "", f"{len(solvers)} methods; `equipoise list solvers` is the same list in a terminal.", ""]
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
        text = [f"# {title}", "", f"`equipoise list {noun}`; in JSON with `--json`.", ""]
        present = {key: word for key, word in columns.items() if any(row.get(key) for row in rows)}

        def shown(key: str, value: Any) -> str:
            if value in (None, "", []):
                return ""
            return papers.link(value, "../").replace("|", "\\|") if key == "source" and isinstance(value, str) else cell(value)

        text += [table(["name", *present.values()], [[f"`{r['name']}`", *(shown(k, r.get(k)) for k in present)] for r in rows]), ""]
        for row in rows:
            said = row.get("summary") or row.get("definition") or row.get("formula") or ""
            papers.cite("; ".join(texts(row)), f"[{title.lower()}](../registries/{noun}.md): `{row['name']}`")
            if (row.get("schema") or {}).get("properties") or row.get("inputs"):
                text += [f"## {row['name']}", "", prose(said), ""]
                text += [prose(row["schema"].get("description", "")), "", parameters(row["schema"], row.get("defaults")), ""]
                if row.get("inputs"):
                    inputs = [[f"`{i['name']}`", cell(i["what"]), "" if i["optional"] else "needed"] for i in row["inputs"]]
                    text += [table(["input", "what", ""], inputs), ""]
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
            about = title[: found.start()].strip("# (").partition(": ")[2]
            papers.names.setdefault(key, about or key)
            papers.titles[key] = about
    rows = []
    for key in sorted({*papers.used, *reproduced}):
        name = papers.names.get(key, key)
        about = papers.titles.get(key, "")
        text = [f"# {prose(name)}", "", *([prose(about), ""] if about not in ("", name) else [])]
        text += [f"[{key}]({papers.url(key)})", ""]
        for readme in reproduced[key]:
            text += [f"## What it claims, and what holds here: {readme.parent.name}", "", *lowered(readme), ""]
        if papers.used[key]:
            text += ["## Entries", "", *(f"- {by}" for by in sorted(papers.used[key]))]
        write(f"papers/{papers.page(key)}", "\n".join(text))
        rows.append((name, about, key, len(papers.used[key]), ", ".join(readme.parent.name for readme in reproduced[key])))
    rows.sort(key=lambda row: (row[0].lower(), row[2]))
    text = ["# Papers", "", f"{len(rows)} papers that a method, a claim, a game, a model, a loss or a concept is taken from, or whose claims were tried.", ""]
    head = ["paper", "identifier", "entries", "tried in `experiments/papers/`"]
    text += [table(head, [[f"[{prose(t)}]({papers.page(k)}.md)", k, str(n or ""), m] for t, _, k, n, m in rows]), ""]
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


def pages_of_commands() -> None:
    text = ["# Command line", "", "```text", command("--help").rstrip(), "```", ""]
    write("cli/index", "\n".join([*text, toctree(commands())]))
    for name in commands():
        help_text = command("help", name) if name != "help" else command("help", "--help")
        write(f"cli/{name}", f"# equipoise {name}\n\n```text\n{help_text.rstrip()}\n```\n")


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
    write("python/index", "\n".join(["# Python", "", "`import equipoise as eq`", "", toctree(list(pages), 2)]))


def generate(app: Any) -> None:
    """Writes every generated page."""
    WRITTEN.clear()
    rows_of = {noun: json.loads(command("list", noun, "--json")) for noun in ["solvers", *nouns()]}
    claims = json.loads(command("audit", "--json"))
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
                toctree(["methods/index", "papers/index", "experiments/index", "cli/index", "config", "python/index", *(f"registries/{n}" for n in nouns()), "rust"]),
            ]
        ),
    )
    write("rust", RUST)
    for stale in set(OUT.rglob("*.md")) - WRITTEN:
        stale.unlink()


RUST = """# Rust

The crates are documented by `cargo doc --workspace --no-deps`. Where it was run before the site was built, its pages are part of it:

<ul>
<li><a href="../rust/equipoise/index.html">equipoise</a>: the public library; registries, the prelude, <code>compare</code></li>
<li><a href="../rust/equipoise_core/index.html">equipoise_core</a>: <code>Oracle</code>, <code>Solver</code>, policies, streams</li>
<li><a href="../rust/equipoise_env/index.html">equipoise_env</a>: games and oracles</li>
<li><a href="../rust/equipoise_reference/index.html">equipoise_reference</a>: exact equilibria and solution concepts</li>
<li><a href="../rust/equipoise_eval/index.html">equipoise_eval</a>: metrics, the driving loop, verdicts</li>
</ul>

Without it: `cargo doc --workspace --no-deps --open`.
"""


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
    rust = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "doc"
    if (rust / "equipoise" / "index.html").exists():
        shutil.copytree(rust, out / "rust", dirs_exist_ok=True)


def setup(app: Any) -> dict[str, Any]:
    app.connect("builder-inited", generate)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True}
