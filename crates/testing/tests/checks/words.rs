//! No word of the list `docs/words.csv` in what people read: the standard term stands beside each there.
//!
//! A row of kind `word` is searched in prose and in the parts of every name of the code (`pear` in `PearOf`, `by_pear`),
//! one of kind `prose` in prose alone, and one of kind `name` as a whole name of the code. Prose is the text of
//! documents, configurations, templates and manifests, and the comments and literals of the sources. `except` holds
//! phrases in which the word is right, one from the other by `|`.

use std::fs;

use crate::source::{Lexed, files, none_of, root, shown, tokens};

struct Row {
    kind: Kind,
    word: String,
    instead: String,
    except: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Prose,
    Name,
}

const LIST: &str = "docs/words.csv";

fn list() -> Vec<Row> {
    let text = fs::read_to_string(root().join(LIST)).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("kind,word,instead,except"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let [kind, word, instead, except] = cells[..] else { panic!("{LIST}: four cells: {line}") };
        let kind = match kind {
            "word" => Kind::Word,
            "prose" => Kind::Prose,
            "name" => Kind::Name,
            _ => panic!("{LIST}: word, prose or name: {line}"),
        };
        assert!(!word.is_empty() && !instead.is_empty(), "{LIST}: a word and what to write instead: {line}");
        let except = except.split('|').filter(|e| !e.is_empty()).map(str::to_lowercase).collect();
        Row { kind, word: word.to_string(), instead: instead.to_string(), except }
    };
    lines.map(row).collect()
}

/// Where `phrase` stands in `text` (both in lower case) with no letter, digit or underscore beside it.
fn stands(text: &str, phrase: &str) -> bool {
    let apart = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(phrase).any(|(at, _)| {
        apart(text[..at].chars().next_back()) && apart(text[at + phrase.len()..].chars().next())
    })
}

/// The rows of which a line of prose is guilty.
fn in_prose<'a>(rows: &'a [Row], line: &str) -> Vec<&'a Row> {
    let line = line.to_lowercase();
    let guilty = |row: &&Row| {
        let left = row.except.iter().fold(line.clone(), |line, e| line.replace(e, ""));
        row.kind != Kind::Name && stands(&left, &row.word)
    };
    rows.iter().filter(guilty).collect()
}

/// The rows of which a name of the code is guilty.
fn in_name<'a>(rows: &'a [Row], name: &str) -> Vec<&'a Row> {
    let parts = parts(name);
    let guilty = |row: &&Row| match row.kind {
        Kind::Word => {
            parts.contains(&row.word) && !row.except.iter().any(|e| name.to_lowercase().contains(e))
        }
        Kind::Prose => false,
        Kind::Name => row.word == name,
    };
    rows.iter().filter(guilty).collect()
}

/// `by_pear` is by and pear, `PearOf` pear and of.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && before.is_lowercase()) {
            parts.push(String::new());
        }
        if c != '_' {
            parts.last_mut().expect("it begins with one").extend(c.to_lowercase());
        }
        before = c;
    }
    parts
}

#[test]
fn no_word_of_the_list_in_what_people_read() {
    let rows = list();
    let (mut found, mut examined) = (Vec::new(), 0);
    let root = root();
    let prose = [".md", ".yaml", ".toml", ".html", ".css", ".txt", ".py", ".cff", "justfile"];
    let mut texts = files(&root, &prose);
    texts.push(root.join(".ci/run"));
    for path in texts {
        examined += 1;
        for (k, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            found.extend(in_prose(&rows, line).iter().map(|r| finding(&shown(&path), k + 1, r)));
        }
    }
    for path in files(&root, &[".rs"]) {
        examined += 1;
        let lexed = Lexed::of(&fs::read_to_string(&path).unwrap());
        let words = lexed.comments.iter().chain(&lexed.literals);
        for (line, text) in words {
            for (k, text) in text.lines().enumerate() {
                found.extend(in_prose(&rows, text).iter().map(|r| finding(&shown(&path), line + k, r)));
            }
        }
        for (k, line) in lexed.code.lines().enumerate() {
            for name in tokens(line) {
                found.extend(in_name(&rows, name.text).iter().map(|r| finding(&shown(&path), k + 1, r)));
            }
        }
    }
    let examined = format!("{} words, {examined} files", rows.len());
    none_of("words of the list in what people read", &examined, &found);
}

fn finding(path: &str, line: usize, row: &Row) -> String {
    format!("{path}:{line}: `{}`; write: {}", row.word, row.instead)
}

#[test]
fn words_are_found_in_prose_and_in_names() {
    let row = |kind, word: &str, except: &str| Row {
        kind,
        word: word.to_string(),
        instead: "x".to_string(),
        except: except.split('|').filter(|e| !e.is_empty()).map(String::from).collect(),
    };
    let rows =
        [row(Kind::Word, "pear", "pear tree"), row(Kind::Prose, "cut down", ""), row(Kind::Name, "Plum", "")];
    let prose = |line: &str| in_prose(&rows, line).into_iter().map(|r| r.word.clone()).collect::<Vec<_>>();
    let name = |name: &str| in_name(&rows, name).into_iter().map(|r| r.word.clone()).collect::<Vec<_>>();
    assert_eq!(prose("Every Pear is cut down."), ["pear", "cut down"]);
    assert!(prose("a pear tree, pears, `by_pear`, plum").is_empty());
    assert_eq!([name("PearOf"), name("by_pear"), name("Plum")].concat(), ["pear", "pear", "Plum"]);
    assert!([name("Pearless"), name("plum"), name("PlumTree"), name("cut_down")].concat().is_empty());
}
