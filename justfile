# What .ci/run holds takes some twenty minutes; `just quick` answers before a commit. Needs https://just.systems.

# these recipes
list:
    @just --list --unsorted

# format, the repository's own checks, clippy and conformance of all that reads no file format
quick:
    cargo fmt --all --check
    cargo test --release -p equipoise-testing --test checks
    cargo clippy --release -p equipoise-conformance -p equipoise-testing --all-targets -- -D warnings
    cargo test --release -p equipoise-conformance

# the checks of one solver's registry row: just test-solver egpo
test-solver name:
    cargo test --release -p equipoise-conformance --test conformance -- solver::{{name}}::

# the counts of the repository's own checks: import circles, edges, unused dependencies, words
checks:
    cargo test --release -p equipoise-testing --test checks

# the generated tables of README.md, as the registries print them
table:
    for noun in solvers policies optimisers objectives estimators; do cargo run --release --quiet -- list $noun --markdown; done

# the quick start, and its pages under results/quickstart
quickstart:
    cargo run --release -- run configs/quickstart.yaml --fresh

# the documentation site, into target/site; needs the Python package and docs/requirements.txt installed
site:
    sphinx-build -W --keep-going docs target/site

# everything that must hold before anything lands
ci:
    .ci/run
