//! The report as one HTML file: style, drawings and all; no network, no script needed.

use equipoise_records::text::printable;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context, escape_formatter};

use super::view::View;
use crate::error::ReportError;

/// The report. Every value is escaped; only the drawings, which escape their own text, are taken as they stand.
pub(crate) fn html(view: &View) -> Result<String, ReportError> {
    let view = context! {
        style => include_str!("../../templates/report.css"),
        script => concat!(include_str!("../../templates/report.js"), include_str!("../../templates/sort.js")),
        ..Serde(view)
    };
    html_of("report.html", include_str!("../../templates/report.html"), view)
}

/// A template with its values, likewise.
pub(crate) fn html_of(name: &str, template: &str, values: Value) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(&*printable(text))),
        _ => escape_formatter(out, state, value),
    });
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template(name, template)?;
    Ok(environment.get_template(name)?.render(values)?)
}
