//! The report as Markdown: verdicts and tables, no drawings.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, Output, State, Value, context};

use equipoise_records::text::printable;
use serde::Serialize;

use super::view::View;
use crate::error::ReportError;

/// The report; every value is escaped, so that labels mean only themselves.
pub(crate) fn markdown(view: &View) -> Result<String, ReportError> {
    let view = context! { games => Serde(&view.games), ..Serde(view) };
    markdown_with("report.md", include_str!("../../templates/report.md"), view)
}

/// A template with its values, likewise.
pub(crate) fn markdown_of<T: Serialize>(name: &str, template: &str, view: &T) -> Result<String, ReportError> {
    markdown_with(name, template, Value::from(Serde(view)))
}

fn markdown_with(name: &str, template: &str, values: Value) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(format);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template(name, template)?;
    let mut text = environment.get_template(name)?.render(values)?;
    // what a template leaves out leaves its blank lines
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    Ok(text)
}

fn format(out: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(());
    }
    // only the output of the template's own macros is marked so; their values were escaped on the way in
    if value.is_safe() {
        return Ok(out.write_str(&value.to_string())?);
    }
    Ok(out.write_str(&escape(&value.to_string()))?)
}

/// Backslashes before what Markdown would read as markup, entities for what HTML would.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
