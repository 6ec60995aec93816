//! As much of Rust's lexical grammar as it takes to tell code from words, and code from the code of tests.

/// A source file taken apart.
pub(crate) struct Lexed {
    /// The source with comments and literals blanked; every byte that stays is at its place.
    pub(crate) code: String,
    /// What people read: comments (with their line, from 1), one a line.
    pub(crate) comments: Vec<(usize, String)>,
    /// The text of string literals, with the line on which each begins.
    pub(crate) literals: Vec<(usize, String)>,
}

impl Lexed {
    /// Takes `text` apart.
    pub(crate) fn of(text: &str) -> Self {
        let mut lexed =
            Self { code: String::with_capacity(text.len()), comments: Vec::new(), literals: Vec::new() };
        let (mut at, mut line) = (0, 1);
        while at < text.len() {
            let rest = &text[at..];
            let (length, kind) = piece(rest, at > 0 && is_word(text[..at].chars().next_back().unwrap()));
            let taken = &rest[..length];
            match kind {
                Kind::Code => lexed.code.push_str(taken),
                Kind::Comment => {
                    for (k, words) in taken.lines().enumerate() {
                        lexed.comments.push((line + k, words.trim().to_string()));
                    }
                    lexed.code.push_str(&blanked(taken));
                }
                Kind::Literal => {
                    lexed.literals.push((line, taken.to_string()));
                    // a literal stays a token: two quotes where it stood
                    let mut blank = blanked(taken);
                    blank.replace_range(..1, "\"");
                    blank.replace_range(length - 1.., "\"");
                    lexed.code.push_str(&blank);
                }
            }
            line += taken.matches('\n').count();
            at += length;
        }
        lexed
    }

    /// The code without items under `#[cfg(test)]`.
    pub(crate) fn untested(&self) -> String {
        let mut code = self.code.clone();
        for attribute in ["#[cfg(test)]", "#[cfg(all(test,"] {
            while let Some(at) = code.find(attribute) {
                let end = item_end(&code, at);
                let blank = blanked(&code[at..end]);
                code.replace_range(at..end, &blank);
            }
        }
        code
    }
}

enum Kind {
    Code,
    Comment,
    Literal,
}

/// Length in bytes and kind of the piece at the start of `rest`.
fn piece(rest: &str, after_word: bool) -> (usize, Kind) {
    let first = rest.chars().next().unwrap();
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Kind::Comment);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), Kind::Comment);
    }
    if first == '"' {
        return (quoted(rest, 1), Kind::Literal);
    }
    if !after_word {
        for prefix in ["b\"", "c\""] {
            if rest.starts_with(prefix) {
                return (quoted(rest, 2), Kind::Literal);
            }
        }
        for prefix in ["br", "cr", "r"] {
            let Some(tail) = rest.strip_prefix(prefix) else { continue };
            let hashes = tail.len() - tail.trim_start_matches('#').len();
            if tail[hashes..].starts_with('"') {
                let close = format!("\"{}", "#".repeat(hashes));
                let body = prefix.len() + hashes + 1;
                let length = rest[body..].find(&close).map_or(rest.len(), |k| body + k + close.len());
                return (length, Kind::Literal);
            }
        }
    }
    if first == '\''
        && let Some(length) = char_literal(rest)
    {
        return (length, Kind::Literal);
    }
    (first.len_utf8(), Kind::Code)
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().unwrap().len_utf8();
        }
    }
    rest.len()
}

fn quoted(rest: &str, body: usize) -> usize {
    let mut escaped = false;
    for (k, c) in rest[body..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return body + k + 1,
            _ => {}
        }
    }
    rest.len()
}

/// None for a lifetime.
fn char_literal(rest: &str) -> Option<usize> {
    let mut inside = rest[1..].char_indices();
    let (_, first) = inside.next()?;
    if first == '\\' {
        return Some(1 + 2 + rest[3..].find('\'')? + 1);
    }
    let (k, second) = inside.next()?;
    (second == '\'').then_some(1 + k + 1)
}

fn blanked(text: &str) -> String {
    text.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect()
}

/// Where the item ends whose first attribute is at `at`: after its closing brace, or its semicolon.
fn item_end(code: &str, at: usize) -> usize {
    let (mut brackets, mut braces) = (0, 0);
    for (k, c) in code[at..].char_indices() {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets -= 1,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces <= 0 {
                    return at + k + usize::from(braces == 0);
                }
            }
            ';' if brackets == 0 && braces == 0 => return at + k + 1,
            _ => {}
        }
    }
    code.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A word, `::`, or one other character, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// Its first byte.
    pub(crate) at: usize,
}

/// The tokens of blanked code.
pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let rest = &code[at..];
        let first = rest.chars().next().unwrap();
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            all.push(Token { text: &rest[..length], at });
        }
        at += length;
    }
    all
}
