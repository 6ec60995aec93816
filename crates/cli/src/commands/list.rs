//! `equipoise list`: the registries, as tables or JSON.

use equipoise::env::generators::GENERATORS;
use equipoise::eval::METRICS;
use equipoise::models::{MODELS, ModelRow};
use equipoise::registry::FAMILIES;
use serde_json::{Value, json};

use crate::Answer;
use crate::args::{List, Listing};
use crate::output;

pub(crate) fn list(args: List) -> Answer {
    if args.json {
        output::json(&match args.what {
            Listing::Solvers => solvers_json(),
            Listing::Games => GENERATORS
                .iter()
                .map(|g| {
                    json!({ "name": g.name, "summary": g.summary, "known": g.known, "defaults": (g.defaults)(),
                            "schema": (g.schema)() })
                })
                .collect(),
            Listing::Metrics => {
                METRICS.iter().map(|m| json!({ "name": m.name, "definition": m.definition })).collect()
            }
            Listing::Models => MODELS
                .iter()
                .map(|m| {
                    json!({ "name": m.name, "definition": m.definition, "takes": m.takes, "ties": m.ties,
                            "fitted": m.fitted, "source": m.source })
                })
                .collect(),
        });
        return Answer::Yes;
    }
    let (header, rows): (&[&str], Vec<Vec<String>>) = match args.what {
        Listing::Solvers => (&SOLVER_COLUMNS, solver_rows()),
        Listing::Games => (
            &["game", "what", "parameters (defaults)", "known"],
            GENERATORS
                .iter()
                .map(|g| vec![g.name.into(), g.summary.into(), parameters(&(g.defaults)()), g.known.into()])
                .collect(),
        ),
        Listing::Metrics => (
            &["metric", "definition"],
            METRICS.iter().map(|m| vec![m.name.into(), m.definition.into()]).collect(),
        ),
        Listing::Models => {
            let row = |m: &ModelRow| {
                [m.name, m.definition, m.takes, m.ties, m.fitted, m.source].map(str::to_owned).to_vec()
            };
            let header = &["model", "definition", "takes", "a tie is", "fitted by; errors", "source"];
            (header, MODELS.iter().map(row).collect())
        }
    };
    if args.markdown {
        output::print(&markdown(header, &rows));
        return Answer::Yes;
    }
    output::print(&output::table(header, rows));
    match args.what {
        Listing::Games => output::print(GAMES_BESIDES),
        Listing::Models => output::print(FIT_OPTIONS),
        Listing::Solvers | Listing::Metrics => {}
    }
    Answer::Yes
}

const GAMES_BESIDES: &str = "\nBesides: matrix: {path | values}, comparisons: {path, context, annotator, items, since, ties,\n\
                             smoothing, each}.";

const FIT_OPTIONS: &str = "\nOptions of `equipoise fit`: --home, a bonus for the item listed first; --prior, the posterior mode under a logistic\n\
     prior; --features FILE, strengths linear in features of the items; --context-features FILE; --algorithm; --each.\n\
     Where no finite maximum exists the prior is added, and said.";

/// A Markdown table; a bar inside a cell is escaped, or it would end the cell.
fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let header: Vec<String> = header.iter().map(|&h| h.to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(header.len()));
    line(&header) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
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

const SOLVER_COLUMNS: [&str; 8] = [
    "solver",
    "what",
    "game",
    "proved for",
    "a step costs",
    "parameters (defaults)",
    "verified by",
    "source",
];

fn solver_rows() -> Vec<Vec<String>> {
    let row = |s: &equipoise::core::SolverEntry| {
        vec![
            s.name.to_owned(),
            s.summary.to_owned(),
            s.aim.to_string(),
            s.guarantee.to_string(),
            s.cost.to_owned(),
            parameters(&(s.defaults)()),
            s.verified.to_owned(),
            s.citation.to_owned(),
        ]
    };
    FAMILIES.iter().flat_map(|family| family.solvers).map(row).collect()
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
