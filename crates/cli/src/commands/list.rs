//! `equipoise list`: the registries, as tables or JSON.

use equipoise::env::generators::GENERATORS;
use equipoise::eval::METRICS;
use equipoise::ratings::{MODELS, ModelRow};
use equipoise::registry::FAMILIES;
use serde_json::{Value, json};

use crate::Answer;
use crate::args::{List, Listing};
use crate::output;

pub(crate) fn list(args: List) -> Answer {
    match (args.what, args.json) {
        (Listing::Solvers, true) => output::json(&solvers_json()),
        (Listing::Solvers, false) => output::print(&solvers_table()),
        (Listing::Games, true) => output::json(
            &GENERATORS
                .iter()
                .map(|g| {
                    json!({ "name": g.name, "summary": g.summary, "known": g.known, "defaults": (g.defaults)(),
                            "schema": (g.schema)() })
                })
                .collect(),
        ),
        (Listing::Games, false) => {
            let rows = GENERATORS.iter().map(|g| {
                vec![g.name.to_owned(), g.summary.to_owned(), parameters(&(g.defaults)()), g.known.to_owned()]
            });
            output::print(&output::table(&["game", "what", "parameters (defaults)", "known"], rows));
            output::print("\nBesides: matrix: {path | values}, comparisons: {path, context, annotator, items, since, ties,\nsmoothing, each}.");
        }
        (Listing::Metrics, true) => output::json(
            &METRICS.iter().map(|m| json!({ "name": m.name, "definition": m.definition })).collect(),
        ),
        (Listing::Metrics, false) => {
            let rows = METRICS.iter().map(|m| vec![m.name.to_owned(), m.definition.to_owned()]);
            output::print(&output::table(&["metric", "definition"], rows));
        }
        (Listing::Models, true) => {
            let row = |m: &ModelRow| {
                json!({ "name": m.name, "definition": m.definition, "takes": m.takes, "ties": m.ties,
                        "fitted": m.fitted, "source": m.source })
            };
            output::json(&MODELS.iter().map(row).collect());
        }
        (Listing::Models, false) => {
            let rows = MODELS
                .iter()
                .map(|m| [m.name, m.definition, m.takes, m.ties, m.fitted, m.source].map(str::to_owned).to_vec());
            let header = ["model", "definition", "takes", "a tie is", "fitted by; errors", "source"];
            output::print(&output::table(&header, rows));
            output::print(
                "\nOptions of `equipoise fit`: --home, a bonus for the item listed first; --prior, the posterior mode under a \
                 logistic\nprior; --features FILE, strengths linear in features of the items; --context-features FILE; \
                 --algorithm; --each.\nWhere no finite maximum exists the prior is added, and said.",
            );
        }
    }
    Answer::Yes
}

fn solvers_json() -> Value {
    FAMILIES
        .iter()
        .flat_map(|family| family.solvers.iter().map(move |s| (family.name, s)))
        .map(|(family, s)| {
            json!({ "name": s.name, "family": family, "summary": s.summary, "citation": s.citation, "aim": s.aim,
                    "guarantee": s.guarantee, "fixed_point": s.fixed_point, "cost": s.cost, "verified": s.verified, "defaults": (s.defaults)(),
                    "schema": (s.schema)() })
        })
        .collect()
}

fn solvers_table() -> String {
    let rows = FAMILIES.iter().flat_map(|family| family.solvers).map(|s| {
        vec![
            s.name.to_owned(),
            s.summary.to_owned(),
            word(&json!(s.aim)),
            word(&json!(s.guarantee)),
            s.cost.to_owned(),
            parameters(&(s.defaults)()),
            s.verified.to_owned(),
            s.citation.to_owned(),
        ]
    });
    output::table(
        &[
            "solver",
            "what",
            "game",
            "proved for",
            "a step costs",
            "parameters (defaults)",
            "verified by",
            "source",
        ],
        rows,
    )
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn parameters(defaults: &Value) -> String {
    let Some(object) = defaults.as_object() else { return String::new() };
    object
        .iter()
        .map(|(key, value)| match value {
            Value::Null => key.clone(),
            Value::String(s) => format!("{key}: {s}"),
            other => format!("{key}: {other}"),
        })
        .collect::<Vec<_>>()
        .join(", ")
}
