//! The report as one HTML file: style, drawings and all; no network, no script needed. Of many games, a file each beside it.

use equipoise_records::REPORT_PAGES;
use equipoise_records::text::printable;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context, escape_formatter};

use serde::Serialize;

use super::view::{GameView, ON_ONE_PAGE, RunLine, View};
use crate::error::ReportError;

const PARTS: (&str, &str) = ("parts.html", include_str!("../../templates/parts.html"));

/// A line of the list of games.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    size: &'a str,
    headline: &'a str,
    tally: &'a str,
    href: String,
}

/// The report and the pages of its games, each with its name; none where all games are on the report itself. Every value is
/// escaped; only the drawings, which escape their own text, are taken as they stand.
pub(crate) fn html(view: &View) -> Result<(String, Vec<(String, String)>), ReportError> {
    let paged = view.games.len() > ON_ONE_PAGE || !view.population.is_empty();
    let file = |game: &GameView| format!("game-{}.html", game.number);
    let index: Vec<Line<'_>> = view
        .games
        .iter()
        .map(|game| {
            let GameView { name, size, headline, tally, .. } = game;
            let href = if paged {
                format!("{REPORT_PAGES}/{}", file(game))
            } else {
                format!("#game-{}", game.number)
            };
            Line { name, size, headline, tally, href }
        })
        .collect();
    let style = include_str!("../../templates/report.css");
    let script = concat!(include_str!("../../templates/report.js"), include_str!("../../templates/sort.js"));
    let games = if paged { &[][..] } else { &view.games[..] };
    let environment = environment(&[
        PARTS,
        ("report.html", include_str!("../../templates/report.html")),
        ("game.html", include_str!("../../templates/game.html")),
    ])?;
    let front = environment.get_template("report.html")?.render(context! {
        style,
        script,
        index => Serde(index),
        games => Serde(games),
        ..Serde(view)
    })?;
    let mut pages = Vec::new();
    for (k, game) in view.games.iter().enumerate().filter(|_| paged) {
        let runs: Vec<&RunLine> = view.provenance.runs.iter().filter(|r| r.game == game.name).collect();
        let page = environment.get_template("game.html")?.render(context! {
            style,
            script,
            title => &view.title,
            game => Serde(game),
            runs => Serde(runs),
            before => k.checked_sub(1).map(|k| file(&view.games[k])),
            after => view.games.get(k + 1).map(file),
            provenance => context! {
                versions => &view.provenance.versions,
                format => view.provenance.format,
                seeds => &view.provenance.seeds,
                not_listed => &view.provenance.not_listed,
            },
        })?;
        pages.push((file(game), page));
    }
    Ok((front, pages))
}

/// A template with its values, likewise.
pub(crate) fn html_of(
    name: &'static str,
    template: &'static str,
    values: Value,
) -> Result<String, ReportError> {
    Ok(environment(&[(name, template)])?.get_template(name)?.render(values)?)
}

fn environment(templates: &[(&'static str, &'static str)]) -> Result<Environment<'static>, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(&*printable(text))),
        _ => escape_formatter(out, state, value),
    });
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    for (name, template) in templates {
        environment.add_template(name, template)?;
    }
    Ok(environment)
}
