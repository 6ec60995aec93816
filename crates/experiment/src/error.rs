//! Where a configuration is wrong, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use equipoise::core::registry::nearest;

/// Characters of a source line that an excerpt shows at most.
const EXCERPT: usize = 100;

/// Where something was typed. Cheap; [`Sources`] knows the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which source, an index into [`Sources`].
    pub source: usize,
    /// Line, from 1; 0 stands for the source as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 stands for the source as a whole.
    pub column: usize,
    /// Characters to underline, at least 1.
    pub width: usize,
}

/// A value and where it was typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// Where a key or a block of keys begins.
#[derive(Clone, Debug)]
pub struct KeyPlace {
    /// Where.
    pub span: Span,
    /// Its path from the top of the text, as in `solvers.0.eta`; empty for the text's own block.
    pub path: String,
    /// Whether it is a block: what is underlined is then no value.
    pub block: bool,
}

/// One text that takes part in an experiment: the file, a part it uses, or a command-line override.
#[derive(Clone, Debug)]
struct Source {
    name: String,
    /// Where its relative paths start.
    folder: PathBuf,
    text: String,
    /// Its keys and blocks, each key behind the block it opens, in the order of the text.
    keys: Vec<KeyPlace>,
}

/// All texts of one experiment, so that every error can show its line.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text; relative paths in it start at `folder`.
    pub fn add(&mut self, name: impl Into<String>, folder: &Path, text: impl Into<String>) -> usize {
        let (name, folder, text) = (name.into(), folder.into(), text.into());
        self.0.push(Source { name, folder, text, keys: Vec::new() });
        self.0.len() - 1
    }

    /// Says where the keys and blocks of a text begin, so that its errors can name them.
    pub fn set_keys(&mut self, source: usize, keys: Vec<KeyPlace>) {
        self.0[source].keys = keys;
    }

    /// The key that `span` is, or in whose value it lies; none in a text that is no YAML.
    fn key_place(&self, span: Span) -> Option<&KeyPlace> {
        let keys = &self.0[span.source].keys;
        let place = |at: Span| (at.line, at.column);
        let exact = keys.iter().rev().find(|k| k.span == span);
        exact.or_else(|| keys.iter().filter(|k| place(k.span) <= place(span)).max_by_key(|k| place(k.span)))
    }

    /// What is underlined at `span`, as typed but for its quotes.
    fn typed(&self, span: Span) -> Option<String> {
        let line = self.text(span.source).lines().nth(span.line.checked_sub(1)?)?;
        let typed: String = line.chars().skip(span.column.saturating_sub(1)).take(span.width).collect();
        let bare = |quote| typed.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
        let text = bare('"').or_else(|| bare('\'')).unwrap_or(&typed);
        Some(text.to_owned()).filter(|t| !t.trim().is_empty())
    }

    /// The name of a text: its path, or the override as it was given.
    #[must_use]
    pub fn name(&self, source: usize) -> &str {
        &self.0[source].name
    }

    /// The whole of a text.
    #[must_use]
    pub fn text(&self, source: usize) -> &str {
        &self.0[source].text
    }

    /// `path`, as written at `span`, seen from the working directory.
    #[must_use]
    pub fn locate(&self, span: Span, path: &str) -> PathBuf {
        self.0[span.source].folder.join(path)
    }

    /// Where relative paths written at `span` start.
    #[must_use]
    pub fn folder(&self, span: Span) -> PathBuf {
        self.0[span.source].folder.clone()
    }

    /// An error about `span`.
    #[must_use]
    pub fn error(&self, span: Span, message: impl Into<String>) -> ConfigError {
        let key = self.key_place(span).filter(|_| span.line > 0);
        let block = key.is_some_and(|k| k.block && k.span == span);
        ConfigError {
            file: self.name(span.source).into(),
            line: span.line,
            column: span.column,
            key: key.map(|k| k.path.clone()).filter(|path| !path.is_empty()),
            value: if block { None } else { self.typed(span) },
            message: message.into(),
            help: None,
            nearest: None,
            excerpt: self.excerpt(span),
        }
    }

    /// An error about an unknown `word`: the nearest of the `known` ones, and all of them.
    #[must_use]
    pub fn unknown<'a>(
        &self,
        what: &str,
        word: &Spanned<String>,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> ConfigError {
        let all = known.clone().into_iter().collect::<Vec<_>>().join(", ");
        let near = nearest(&word.value, known);
        let hint = near.map_or(String::new(), |k| format!("did you mean `{k}`? "));
        let all = if all.is_empty() { "none".into() } else { all };
        let error = self.error(word.span, format!("unknown {what} `{}`", word.value));
        ConfigError { nearest: near.map(str::to_owned), ..error.help(format!("{hint}known: {all}")) }
    }

    /// The source line with a caret line below it; empty for a source as a whole.
    fn excerpt(&self, span: Span) -> String {
        let Some(line) = span.line.checked_sub(1).and_then(|l| self.text(span.source).lines().nth(l)) else {
            return String::new();
        };
        let at = span.column.saturating_sub(1);
        let from = if at < EXCERPT - 20 { 0 } else { at - EXCERPT / 2 };
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        let shown: String = line.chars().skip(from).take(EXCERPT).map(visible).collect();
        let number = span.line.to_string();
        let width = span.width.clamp(1, (from + EXCERPT).saturating_sub(at).max(1));
        format!(
            "{number} | {shown}\n{gutter} | {indent}{carets}",
            gutter = " ".repeat(number.len()),
            indent = " ".repeat(at - from),
            carets = "^".repeat(width),
        )
    }
}

/// Why a configuration was refused: file, line, column, the rule, and a way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, or the override (`--set key=value`).
    pub file: String,
    /// Line, from 1; 0 if it is about the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 if it is about the file as a whole.
    pub column: usize,
    /// The path of the key it is about, as in `solvers.0.eta`.
    pub key: Option<String>,
    /// What is underlined, as typed but for its quotes; none for a block of keys.
    pub value: Option<String>,
    /// The value and the rule it breaks.
    pub message: String,
    /// A way out, where one is known.
    pub help: Option<String>,
    /// Of an unknown name: the known one that may be meant.
    pub nearest: Option<String>,
    /// The source line with carets below it; empty if it is about the file as a whole.
    pub excerpt: String,
}

impl ConfigError {
    /// An error about a file as a whole.
    #[must_use]
    pub fn file(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: file.display().to_string(),
            line: 0,
            column: 0,
            key: None,
            value: None,
            message: message.into(),
            help: None,
            nearest: None,
            excerpt: String::new(),
        }
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)?;
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        }
        if !self.excerpt.is_empty() {
            write!(f, "\n{}", self.excerpt)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_line() {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", Path::new("."), "name: x\nsolver: [egpo]\n");
        let word = Spanned { value: "solver".into(), span: Span { source, line: 2, column: 1, width: 6 } };
        let error = sources.unknown("key", &word, ["name", "solvers"]);
        assert_eq!(
            error.to_string(),
            "a.yaml:2:1: unknown key `solver`\n2 | solver: [egpo]\n  | ^^^^^^\n\
             help: did you mean `solvers`? known: name, solvers"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", Path::new("."), "0123456789".repeat(100));
        let error = sources.error(Span { source, line: 1, column: 996, width: 9 }, "no");
        let lines: Vec<&str> = error.excerpt.lines().collect();
        let caret = lines[1].find('^').unwrap();
        assert_eq!((&lines[0][caret..=caret], lines[0].len() <= EXCERPT + 4), ("5", true));
    }
}
