"""The site: `sphinx-build -W --keep-going docs target/site`, offline once docs/requirements.txt and the package are installed.

Pages below `generated` are written before each build by `site_pages.py`; cells of tutorials are run by it, and kept in a cache below
`target/`. What a cell writes goes to a temporary folder.
"""

import html
import os
import re
import sys
from importlib.metadata import version as installed
from pathlib import Path

from docutils import nodes

DOCS = Path(__file__).parent.resolve()
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS))

import site_pages  # noqa: E402

project = "Equipoise"
author = "the authors of Equipoise"
copyright = author
version = release = installed("equipoise")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "site_pages",
]
exclude_patterns = ["_build", "Thumbs.db", ".DS_Store", "**.ipynb_checkpoints"]
source_suffix = {".md": "myst-nb"}
language = "en"

# tutorials are run; a cell that raises fails the build
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "target" / "site-cache" / site_pages.package_digest())
nb_execution_show_tb = True  # the cell that raised; a warning, and so an error under -W
nb_execution_timeout = 60
nb_execution_excludepatterns = ["generated/*"]
nb_merge_streams = True
nb_number_source_lines = False
site_pages.jupyter_settings(ROOT / "target" / "site-jupyter")
os.environ["EQUIPOISE_PROGRESS"] = "0"  # a page would keep every drawing of a bar
os.environ["EQUIPOISE_ROOT"] = str(ROOT)  # cells find the files of the repository from any page

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_type_aliases = {name: name for name in ("ArrayLike", "ConfigLike", "GameLike")}
python_use_unqualified_type_names = True

# one file without fonts, from a package: the site needs no network to be read
mathjax_path = "mathjax/tex-svg.js"

html_theme = "pydata_sphinx_theme"
html_title = "Equipoise"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
}
html_sidebars = {page: [] for page in ("index", "start", "concepts")}
copybutton_exclude = ".linenos, .gp, .go"

def _plain_names(app, what, name, obj, options, signature, returned):
    """Aliases of types by their names: Sphinx prints what stands for them while it reads the signature."""
    plain = re.compile(r"TypeAliasForwardRef\('([^']+)'\)")
    return tuple(text if text is None else plain.sub(r"\1", text) for text in (signature, returned))


def _wide_cells(app, doctree, page):
    """Marks what the style sheet gives space or lets break: long texts in tables, tables of many columns, names longer than a column."""
    for table in doctree.findall(nodes.tgroup):
        if table["cols"] >= 5:
            table.parent["classes"].append("many-columns")
    for entry in doctree.findall(nodes.entry):
        if len(entry.astext()) > 40:
            entry["classes"].append("long-text")
    for literal in doctree.findall(nodes.literal):
        if len(literal.astext()) > 24:
            literal["classes"].append("long-name")


def _sentences_of_outputs(app, page, template, context, doctree):
    """Lets a long line of a cell's output wrap where it is a sentence; tables keep their lines, and scroll."""

    def wrapped(found):
        out = ""
        for line in found[2].split("\n"):
            text = html.unescape(re.sub(r"<[^>]*>", "", line))
            sentence = len(text) > 44 and "   " not in text.strip() and line.count("<span") == line.count("</span")
            out += f'<span class="sentence">{line}</span>' if sentence else line + "\n"
        return found[1] + out.removesuffix("\n") + "</pre>"

    if "body" in context:
        pre = re.compile(r'(<div class="output [^"]*">(?:<div class="highlight">)?<pre[^>]*>)(.*?)</pre>', re.DOTALL)
        context["body"] = pre.sub(wrapped, context["body"])


def setup(app):
    app.connect("autodoc-process-signature", _plain_names)
    app.connect("doctree-resolved", _wide_cells)
    app.connect("html-page-context", _sentences_of_outputs)
