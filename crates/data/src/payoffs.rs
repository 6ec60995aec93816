//! Zero-sum games of two players with actions of their own: Gambit's `.nfg`, a table of payoffs, or JSON.
//!
//! In `.nfg` the strategies of the first player vary fastest. Payoffs that sum to one number in every cell are a zero-sum game
//! as well: those of the row player are kept.

use std::path::Path;

use ndarray::Array2;
use serde::Deserialize;

use crate::error::{Column, DataError, excerpt};
use crate::reading::Reading;
use crate::registry::{Format, Reads, format_of};
use crate::table::lines;
use crate::table::number;
use crate::{input, text};

/// Most cells of a game.
const MOST_CELLS: usize = 4_000_000;

/// A zero-sum game of two players.
#[derive(Clone, Debug, PartialEq)]
pub struct Payoffs {
    /// The row player and the column player.
    pub players: [String; 2],
    /// Actions of the row player, `[m]`.
    pub rows: Vec<String>,
    /// Actions of the column player, `[n]`.
    pub columns: Vec<String>,
    /// What the row player gets, `[m x n]`, finite; the column player gets that less than a constant.
    pub payoffs: Array2<f64>,
}

/// Reads payoffs of two players: `.nfg`, `.csv` or `.tsv` (a table, labels in a first row and column are optional), `.json`
/// (`{"payoffs": [[..]], "rows": [..], "columns": [..]}`).
///
/// # Errors
/// [`DataError`] naming file, line, value and rule.
pub fn read_payoffs(path: &Path, reading: &Reading) -> Result<Payoffs, DataError> {
    let bytes = input::open(path)?.whole(input::shown(path))?;
    parse_payoffs(path, &bytes, reading)
}

/// [`read_payoffs`] from bytes; `path` tells the format and stands in messages.
///
/// # Errors
/// As [`read_payoffs`].
pub fn parse_payoffs(path: &Path, bytes: &[u8], reading: &Reading) -> Result<Payoffs, DataError> {
    let format = match (reading.format.as_deref(), input::is_standard_input(path)) {
        (Some("payoffs-nfg"), _) => Format::Nfg,
        (Some("payoffs-csv"), _) => Format::Csv,
        (Some("payoffs-json"), _) => Format::Json,
        (_, true) => input::sniffed(bytes, Reads::Payoffs),
        (_, false) => format_of(&input::unpacked(path), Reads::Payoffs)?,
    };
    let path = input::shown(path);
    let text = text(path, bytes)?;
    match format {
        Format::Nfg => nfg(path, text),
        Format::Json => json(path, text),
        _ => table(path, text),
    }
}

fn numbered(n: usize) -> Vec<String> {
    (1..=n).map(|k| k.to_string()).collect()
}

fn players() -> [String; 2] {
    ["rows", "columns"].map(str::to_owned)
}

fn table(path: &Path, text: &str) -> Result<Payoffs, DataError> {
    let lines = lines(path, text)?;
    let word = |cell: &String| !cell.is_empty() && number(cell).is_none();
    let first = lines.first().map_or(&[][..], |(_, cells)| &cells[..]);
    let header = first.iter().skip(1).any(word);
    let skip = usize::from(header);
    let labelled = lines.len() > skip && lines[skip..].iter().all(|(_, cells)| word(&cells[0]));
    let from = usize::from(labelled);
    let (height, width) = (lines.len() - skip.min(lines.len()), first.len().saturating_sub(from));
    if height == 0 || width == 0 {
        return Err(DataError::new(path, "holds no payoffs; a row an action of the row player is needed"));
    }
    let mut payoffs = Array2::zeros((height, width));
    for (i, (line, cells)) in lines[skip..].iter().enumerate() {
        for (j, cell) in cells[from..].iter().enumerate() {
            payoffs[[i, j]] = number(cell).filter(|x| x.is_finite()).ok_or_else(|| {
                let rule = "is not a finite number; entries are payoffs of the row player";
                DataError::new(path, rule).at(*line).of(Column::Number(j + 1 + from), cell)
            })?;
        }
    }
    let rows = match labelled {
        true => lines[skip..].iter().map(|(_, cells)| cells[0].clone()).collect(),
        false => numbered(height),
    };
    let columns = if header { first[from..].to_vec() } else { numbered(width) };
    Ok(Payoffs { players: players(), rows, columns, payoffs })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    payoffs: Vec<Vec<f64>>,
    #[serde(default)]
    rows: Option<Vec<String>>,
    #[serde(default)]
    columns: Option<Vec<String>>,
    #[serde(default)]
    players: Option<[String; 2]>,
}

fn json(path: &Path, text: &str) -> Result<Payoffs, DataError> {
    let refuse = |rule: String| DataError::new(path, rule);
    let found: Json = serde_json::from_str(text).map_err(|e| {
        refuse(format!("is not {{\"payoffs\": [[..]], \"rows\": [..], \"columns\": [..]}}: {e}"))
            .at(e.line().max(1))
    })?;
    let (height, width) = (found.payoffs.len(), found.payoffs.first().map_or(0, Vec::len));
    if height == 0 || width == 0 {
        return Err(refuse("holds no payoffs".into()));
    }
    if let Some(i) = found.payoffs.iter().position(|row| row.len() != width) {
        let found = found.payoffs[i].len();
        return Err(refuse(format!("row {} has {found} numbers where the first has {width}", i + 1)));
    }
    let labels = |given: Option<Vec<String>>, n: usize, what: &str| match given {
        None => Ok(numbered(n)),
        Some(names) if names.len() == n => Ok(names),
        Some(names) => Err(refuse(format!("names {} {what} for {n}", names.len()))),
    };
    let payoffs = Array2::from_shape_fn((height, width), |(i, j)| found.payoffs[i][j]);
    Ok(Payoffs {
        players: found.players.unwrap_or_else(players),
        rows: labels(found.rows, height, "rows")?,
        columns: labels(found.columns, width, "columns")?,
        payoffs,
    })
}

/// A word of a `.nfg` file.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Text(String),
    /// A number, or the words of the head.
    Word(String),
}

/// The words of a `.nfg` file with their lines; commas are blanks.
fn tokens(path: &Path, text: &str) -> Result<Vec<(usize, Token)>, DataError> {
    let (mut found, mut line) = (Vec::new(), 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            '{' => found.push((line, Token::Open)),
            '}' => found.push((line, Token::Close)),
            '"' => {
                let (start, mut word, mut closed) = (line, String::new(), false);
                while let Some(c) = chars.next() {
                    match c {
                        '"' => {
                            closed = true;
                            break;
                        }
                        '\\' => word.extend(chars.next()),
                        c => {
                            line += usize::from(c == '\n');
                            word.push(c);
                        }
                    }
                }
                if !closed {
                    return Err(DataError::new(path, "has a quote that is not closed").at(start));
                }
                found.push((start, Token::Text(word)));
            }
            c if c.is_whitespace() || c == ',' => {}
            c => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"{},\"".contains(*c)) {
                    word.push(c);
                }
                found.push((line, Token::Word(word)));
            }
        }
    }
    Ok(found)
}

/// A number: decimal, or a fraction.
fn payoff(word: &str) -> Option<f64> {
    let value = match word.split_once('/') {
        Some((a, b)) => number(a)? / number(b)?,
        None => number(word)?,
    };
    value.is_finite().then_some(value)
}

/// Reads the words in turn.
struct Words<'a> {
    path: &'a Path,
    words: std::vec::IntoIter<(usize, Token)>,
    line: usize,
}

impl Words<'_> {
    fn next(&mut self) -> Option<Token> {
        let (line, token) = self.words.next()?;
        self.line = line;
        Some(token)
    }

    fn peek(&self) -> Option<&Token> {
        self.words.as_slice().first().map(|(_, t)| t)
    }

    fn refuse(&self, rule: impl Into<String>) -> DataError {
        DataError::new(self.path, rule).at(self.line)
    }

    fn open(&mut self, what: &str) -> Result<(), DataError> {
        match self.next() {
            Some(Token::Open) => Ok(()),
            _ => Err(self.refuse(format!("needs a brace before {what}"))),
        }
    }

    /// Texts up to a closing brace.
    fn texts(&mut self, what: &str) -> Result<Vec<String>, DataError> {
        self.open(what)?;
        let mut texts = Vec::new();
        loop {
            match self.next() {
                Some(Token::Text(text)) => texts.push(text),
                Some(Token::Close) => return Ok(texts),
                _ => return Err(self.refuse(format!("needs names in quotes for {what}"))),
            }
        }
    }

    fn number(&mut self, what: &str) -> Result<f64, DataError> {
        match self.next() {
            Some(Token::Word(word)) => {
                payoff(&word).ok_or_else(|| self.refuse(format!("`{}` is not {what}", excerpt(&word))))
            }
            _ => Err(self.refuse(format!("{what} is missing"))),
        }
    }
}

fn nfg(path: &Path, text: &str) -> Result<Payoffs, DataError> {
    let mut words = Words { path, words: tokens(path, text)?.into_iter(), line: 1 };
    let head = [words.next(), words.next(), words.next()];
    let is =
        |k: usize, known: &[&str]| matches!(&head[k], Some(Token::Word(w)) if known.contains(&w.as_str()));
    if !is(0, &["NFG"]) || !is(1, &["1"]) || !is(2, &["R", "D"]) {
        return Err(words.refuse("is not a normal form game of Gambit, which begins with `NFG 1 R`"));
    }
    let Some(Token::Text(_)) = words.next() else { return Err(words.refuse("needs a title in quotes")) };
    let players = words.texts("the players")?;
    let Ok(players) = <[String; 2]>::try_from(players.clone()) else {
        return Err(words.refuse(format!("has {} players; a game of two is solved", players.len())));
    };
    words.open("the strategies")?;
    let strategies: Vec<Vec<String>> = match words.peek() {
        Some(Token::Open) => {
            let both = vec![words.texts("the strategies")?, words.texts("the strategies")?];
            let Some(Token::Close) = words.next() else {
                return Err(words.refuse("has strategies of more than two players"));
            };
            both
        }
        _ => {
            let mut counts = Vec::new();
            while let Some(Token::Word(word)) = words.peek().cloned() {
                words.next();
                let count = word.parse::<usize>().ok().filter(|n| (1..=MOST_CELLS).contains(n));
                let rule = || words.refuse(format!("`{}` is not a number of strategies", excerpt(&word)));
                counts.push(numbered(count.ok_or_else(rule)?));
            }
            let Some(Token::Close) = words.next() else {
                return Err(words.refuse("needs a closing brace behind the numbers of strategies"));
            };
            counts
        }
    };
    let Ok([rows, columns]) = <[Vec<String>; 2]>::try_from(strategies) else {
        return Err(words.refuse("needs strategies of two players"));
    };
    if let Some(Token::Text(_)) = words.peek() {
        words.next(); // a comment
    }
    let (m, n) = (rows.len(), columns.len());
    let cells = m.checked_mul(n).filter(|c| (1..=MOST_CELLS).contains(c));
    let cells =
        cells.ok_or_else(|| words.refuse(format!("has {m} x {n} cells; 1 to {MOST_CELLS} are read")))?;
    let pairs = match words.peek() {
        Some(Token::Open) => outcomes(&mut words, cells)?,
        _ => (0..cells)
            .map(|_| Ok([words.number("a payoff")?, words.number("a payoff")?]))
            .collect::<Result<Vec<_>, DataError>>()?,
    };
    if words.next().is_some() {
        return Err(words.refuse(format!("goes on behind its {cells} cells")));
    }
    let sum = pairs[0][0] + pairs[0][1];
    let scale = pairs.iter().flatten().fold(0.0, |s: f64, x| s.max(x.abs()));
    if let Some(k) = pairs.iter().position(|[a, b]| (a + b - sum).abs() > 1e-12 * scale) {
        let (i, j) = (k % m, k / m);
        let rule = format!(
            "is not a zero-sum game: payoffs sum to {sum} for `{}`, `{}` and to {} for `{}`, `{}`",
            rows[0],
            columns[0],
            pairs[k][0] + pairs[k][1],
            rows[i],
            columns[j]
        );
        return Err(DataError::new(path, rule));
    }
    let payoffs = Array2::from_shape_fn((m, n), |(i, j)| pairs[i + m * j][0]);
    Ok(Payoffs { players, rows, columns, payoffs })
}

/// Payoffs by outcomes: a list of them, then the number of one for every cell; 0 is the outcome without payoffs.
fn outcomes(words: &mut Words<'_>, cells: usize) -> Result<Vec<[f64; 2]>, DataError> {
    words.open("the outcomes")?;
    let mut known = vec![[0.0; 2]];
    loop {
        match words.next() {
            Some(Token::Close) => break,
            Some(Token::Open) => {
                let Some(Token::Text(_)) = words.next() else {
                    return Err(words.refuse("an outcome needs a name in quotes"));
                };
                known.push([words.number("a payoff")?, words.number("a payoff")?]);
                let Some(Token::Close) = words.next() else {
                    return Err(words.refuse("an outcome has a payoff for each of two players"));
                };
            }
            _ => return Err(words.refuse("needs outcomes in braces")),
        }
    }
    let mut pairs = Vec::new();
    for _ in 0..cells {
        let number = words.number("the number of an outcome")?;
        let place = Some(number).filter(|k| k.fract() == 0.0 && *k >= 0.0 && *k < known.len() as f64);
        let place = place.ok_or_else(|| {
            words.refuse(format!("outcome {number} is not one of the {} that are listed", known.len() - 1))
        })?;
        pairs.push(known[place as usize]);
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    fn read(name: &str, text: &str) -> Result<Payoffs, String> {
        parse_payoffs(Path::new(name), text.as_bytes(), &Reading::default()).map_err(|e| e.to_string())
    }

    /// Not symmetric, so that the order of the cells shows.
    #[test]
    fn both_forms_of_nfg_and_their_order() {
        let by_payoffs =
            "NFG 1 R \"t, \\\"q\\\"\" { \"Ann\" \"Bob\" } { 3 2 }\n\n1 -1, 2 -2 1/2 -1/2\n4 -4 5e0 -5 -.5 .5";
        let found = read("g.nfg", by_payoffs).unwrap();
        assert_eq!(found.payoffs, arr2(&[[1.0, 4.0], [2.0, 5.0], [0.5, -0.5]]));
        assert_eq!((found.players[1].as_str(), found.rows.len()), ("Bob", 3));
        let by_outcomes = "NFG 1 R \"\" { \"P0\" \"P1\" }\n{ { \"u\" \"d\" }\n{ \"l\" \"r\" }\n}\n\"\"\n{\n{ \"\" 4, -4 }\n{ \"x\" 1, -1 }\n}\n1 2 0 2";
        let found = read("g.nfg", by_outcomes).unwrap();
        assert_eq!(found.payoffs, arr2(&[[4.0, 0.0], [1.0, 1.0]]));
        assert_eq!(found.columns, ["l", "r"]);
        // a constant sum is a zero-sum game
        assert_eq!(
            read("g.nfg", "NFG 1 R \"\" {\"a\" \"b\"} {1 2} 3 7 4 6").unwrap().payoffs,
            arr2(&[[3.0, 4.0]])
        );
    }

    #[test]
    fn bad_games_are_told_why() {
        let head = "NFG 1 R \"\" { \"a\" \"b\" } ";
        for (text, fragment) in [
            ("EFG 2 R".to_owned(), "which begins with `NFG 1 R`"),
            ("NFG 1 R \"\" { \"a\" \"b\" \"c\" } { 1 1 1 } 1 1 1".to_owned(), "has 3 players"),
            (format!("{head}{{ 2 1 }} 1 -1 2"), "a payoff is missing"),
            (format!("{head}{{ 2 1 }} 1 -1 2 -2 3"), "goes on behind its 2 cells"),
            (format!("{head}{{ 2 1 }} 1 -1 2 x"), "`x` is not a payoff"),
            (
                format!("{head}{{ 2 1 }} 1 -1 2 3"),
                "is not a zero-sum game: payoffs sum to 0 for `1`, `1` and to 5",
            ),
            (format!("{head}{{ 1 }} 1 -1"), "needs strategies of two players"),
            (format!("{head}{{ 0 1 }}"), "`0` is not a number of strategies"),
            (format!("{head}{{ 4000000 4000000 }}"), "cells"),
            (format!("{head}{{ 1 1 }} {{ {{ \"\" 1 -1 }} }} 2"), "outcome 2 is not one of the 1"),
            (format!("{head}{{ 1 1 }} 1/0 -1"), "`1/0` is not a payoff"),
            ("NFG 1 R \"open".to_owned(), "a quote that is not closed"),
        ] {
            let error = read("g.nfg", &text).unwrap_err();
            assert!(error.contains(fragment), "{text}: {error}");
        }
        assert!(
            read("g.csv", "m,x\na,nan")
                .unwrap_err()
                .contains("g.csv:2: column 2: `nan` is not a finite number")
        );
        assert!(read("g.json", "{\"payoffs\": [[1], [1, 2]]}").unwrap_err().contains("row 2 has 2 numbers"));
    }

    #[test]
    fn tables_with_labels_and_without() {
        for text in ["m,x,y,z\na,3,1,2\nb,0,4,-1\n", "m\tx\ty\tz\na\t3\t1\t2\nb\t0\t4\t-1\n"] {
            let found = read("g.csv", text).unwrap();
            assert_eq!(found.payoffs, arr2(&[[3.0, 1.0, 2.0], [0.0, 4.0, -1.0]]));
            assert_eq!((found.rows, found.columns.len()), (vec!["a".to_owned(), "b".to_owned()], 3));
        }
        assert_eq!(read("g.csv", "3,1\n0,4\n").unwrap().rows, ["1", "2"]);
        let json = read("g.json", "{\"payoffs\": [[3, 1]], \"columns\": [\"x\", \"y\"]}").unwrap();
        assert_eq!((json.rows, json.columns), (vec!["1".to_owned()], vec!["x".to_owned(), "y".to_owned()]));
    }
}
