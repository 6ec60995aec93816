//! What the cells of a row say: outcomes, weights, scores, covariates, times.

use equipoise_core::registry::nearest;

use super::{Entry, RowCollector, in_range};
use crate::columns::{
    COLUMNS, COVARIATES, KNOWN, OUTCOME, Outcome, Row, SCORES, TIMESTAMP, WINNERS, outcome_of_score,
    read_outcome, read_outcome_loosely,
};
use crate::error::{Column, DataError, excerpt};
use crate::reading::{CovariateColumns, known_words};
use crate::timestamp::{self, Unit};

impl<S: FnMut(Entry)> RowCollector<'_, S> {
    /// The covariates that were asked for: first less second.
    #[inline]
    pub(super) fn covariates(&self, line: usize, row: &Row<'_>) -> Result<Option<Box<[f64]>>, DataError> {
        let wanted = &self.rules.reading().covariates;
        if wanted.is_empty() {
            return Ok(None);
        }
        let number = |name: &str, cell: Option<&[u8]>| {
            let shown = String::from_utf8_lossy(cell.unwrap_or_default());
            shown.parse::<f64>().ok().filter(|x| x.is_finite()).ok_or_else(|| {
                let rule = "is not a finite number, which a covariate is; decimals take a point".to_owned();
                let reason = format!("covariate {name} is not a number");
                self.refuse(line, &reason, rule).of(Column::Name(name.to_owned()), &shown)
            })
        };
        let read = |(k, columns): (usize, &CovariateColumns)| {
            let cells = [row[COVARIATES + 2 * k], row[COVARIATES + 2 * k + 1]];
            match &columns.second {
                Some(second) => Ok(number(&columns.first, cells[0])? - number(second, cells[1])?),
                // what was turned round has its difference at the second place
                None if cells[1].is_some() => Ok(-number(&columns.first, cells[1])?),
                None => number(&columns.first, cells[0]),
            }
        };
        wanted.iter().enumerate().map(read).collect::<Result<Box<[f64]>, _>>().map(Some)
    }

    /// A number of at least 0; 1 where there is none.
    #[inline]
    pub(super) fn amount(&self, line: usize, what: &str, cell: Option<&[u8]>) -> Result<f64, DataError> {
        let Some(word) = cell else { return Ok(1.0) };
        let shown = String::from_utf8_lossy(word);
        let refuse = |reason: &str, rule: &str| {
            let reason = format!("{what} {reason}");
            self.refuse(line, &reason, rule.into()).of(Column::Name(what.into()), &shown)
        };
        let number = shown
            .parse::<f64>()
            .map_err(|_| refuse("is not a number", "is not a number; decimals take a point"))?;
        in_range(number).map_err(|(reason, rule)| refuse(reason, rule))
    }

    /// A weight that is a number already.
    pub(super) fn weighed(&self, line: usize, weight: f64) -> Result<f64, DataError> {
        in_range(weight).map_err(|(reason, rule)| {
            let refused = self.refuse(line, &format!("weight {reason}"), rule.into());
            refused.of(Column::Name("weight".into()), &weight.to_string())
        })
    }

    /// The product of a weight and a number of wins or votes.
    #[inline]
    pub(super) fn product(
        &self,
        line: usize,
        one: &str,
        other: &str,
        product: f64,
    ) -> Result<f64, DataError> {
        in_range(product).map_err(|(reason, rule)| {
            let reason = format!("{one} times {other} {reason}");
            self.refuse(line, &reason, format!("{one} times {other} is {product:e}; it {rule}"))
        })
    }

    /// The outcome of two scores, and how far they are apart.
    pub(super) fn scores(&self, line: usize, row: &Row<'_>) -> Result<(Outcome, f64), DataError> {
        let mut read = [0.0; 2];
        for (k, m) in SCORES.into_iter().enumerate() {
            let shown = String::from_utf8_lossy(row[m].unwrap_or_default());
            let number = shown.parse::<f64>().ok().filter(|x| x.is_finite());
            read[k] = number.ok_or_else(|| {
                let reason = format!("{} is not a number", COLUMNS[m].role);
                let rule = "is not a finite number; the higher score wins".to_owned();
                self.refuse(line, &reason, rule).of(Column::Name(COLUMNS[m].role.into()), &shown)
            })?;
        }
        let outcome = match read[0].total_cmp(&read[1]) {
            _ if read[0] == read[1] => Outcome::Tie,
            std::cmp::Ordering::Greater => Outcome::First,
            _ => Outcome::Second,
        };
        Ok((outcome, (read[0] - read[1]).abs()))
    }

    /// What a word of the column of outcomes says, and how many votes it is: as the user says, as our own words and those of
    /// published files do, by the name of an item, or by other usual words. `None`: the row is left out.
    #[inline]
    pub(super) fn outcome(
        &mut self,
        line: usize,
        word: &[u8],
        a: &[u8],
        b: &[u8],
    ) -> Result<Option<(Outcome, f64)>, DataError> {
        let by_name = match word {
            _ if self.rules.sides => None,
            b"" => None,
            word if word == a => Some(Outcome::First),
            word if word == b => Some(Outcome::Second),
            _ => None,
        };
        // our own words are sides, whatever items are called; where the other item has the name it is said
        if self.rules.reading().outcomes.is_empty()
            && let Some(outcome) = read_outcome(word)
        {
            if by_name.is_some_and(|named| named != outcome) {
                self.diagnostics.named_sides = true;
            }
            return Ok(Some((outcome, 1.0)));
        }
        let text = String::from_utf8_lossy(word);
        if let Some(given) = self.rules.reading().word(&text) {
            return Ok(match given.outcome {
                Some(outcome) => Some((outcome, given.votes)),
                None => {
                    self.leave_out(line, &format!("outcome `{}`", excerpt(&text)));
                    None
                }
            });
        }
        let number = outcome_of_score(&text).filter(|_| self.rules.scored);
        // who lists words means no others but our own and the names of items
        let listed = !self.rules.reading().outcomes.is_empty() && !self.rules.sides;
        let loose = || read_outcome_loosely(&text).or(number);
        let by_word = read_outcome(word).or_else(|| loose().filter(|_| !listed));
        if listed && by_name.is_none() && by_word.is_none() && loose().is_some() {
            let (column, shown) = (Column::Name(COLUMNS[OUTCOME].role.into()), text.into_owned());
            let rule = format!("is not among your --outcomes; add {shown}=a, =b, =tie or =skip");
            return Err(self.refuse(line, "outcome not among --outcomes", rule).of(column, &shown));
        }
        match (by_name, by_word) {
            (Some(x), Some(y)) if x != y => {
                let (column, shown) = (Column::Name(COLUMNS[OUTCOME].role.into()), text.into_owned());
                let rule = format!(
                    "is the name of one item and a word for the other; say which is meant by --outcomes {shown}=a (or b)"
                );
                Err(self.refuse(line, "outcome is ambiguous", rule).of(column, &shown))
            }
            (Some(outcome), _) => Ok(Some((outcome, 1.0))),
            (None, Some(outcome)) => {
                self.diagnostics.scored |= !listed && number.is_some();
                Ok(Some((outcome, 1.0)))
            }
            (None, None) => Err(self.unknown_outcome(line, word)),
        }
    }

    /// Seconds, if they are wanted and can be read.
    pub(super) fn time(&mut self, line: usize, cell: Option<&[u8]>) -> Result<Option<f64>, DataError> {
        if !self.rules.details && self.rules.since.is_none() {
            return Ok(None);
        }
        let read = |word: &[u8]| std::str::from_utf8(word).ok().and_then(timestamp::read);
        match (cell.map(|word| (word, read(word))), self.rules.since) {
            (Some((_, Some((seconds, unit)))), _) => {
                let place = unit.and_then(|unit| Unit::ALL.iter().position(|u| *u == unit));
                if let Some(place) = place {
                    self.diagnostics.units[place].get_or_insert(line);
                }
                self.diagnostics.note_times(seconds, seconds);
                Ok(Some(seconds))
            }
            (None, None) => Ok(None),
            (Some((_, None)), None) => {
                self.diagnostics.checks.unread_times.note(line);
                Ok(None)
            }
            (other, Some(_)) => {
                let word = String::from_utf8_lossy(other.map_or(&b""[..], |(word, _)| word)).into_owned();
                let rule = "is neither YYYY-MM-DD[THH:MM:SS] nor a number of seconds, ms, us or ns, and `since` asks for it";
                let column = Column::Name(COLUMNS[TIMESTAMP].role.into());
                Err(self.refuse(line, "timestamp cannot be read", rule.into()).of(column, &word))
            }
        }
    }

    pub(super) fn unknown_outcome(&self, line: usize, word: &[u8]) -> DataError {
        let shown = String::from_utf8_lossy(word);
        let reason = match word.len() {
            0 => "no outcome".to_owned(),
            1..=40 => format!("outcome `{shown}`"),
            _ => "outcome not known".to_owned(),
        };
        let number = shown.parse::<f64>().is_ok();
        let hint = match nearest(&shown.to_lowercase(), KNOWN) {
            _ if number && self.rules.scored => {
                "; numbers are the score of item_a: 1 it won, 0 it lost, 0.5 a tie; others need --outcomes, as in \
                 1=a,2=b,0=tie"
                    .to_owned()
            }
            _ if number => "; say what numbers mean by --outcomes, as in 1=a,2=b,0=tie".to_owned(),
            Some(n) => format!(", did you mean `{n}`?"),
            None => String::new(),
        };
        let rule = format!(
            "is not known{hint}; known: {}, or the name of an item; say what others mean by --outcomes WORD=a",
            known_words()
        );
        self.refuse(line, &reason, rule).of(Column::Name(COLUMNS[OUTCOME].role.into()), &shown)
    }

    /// The outcome that is told by a 1 in one of three columns.
    pub(super) fn winner(&self, line: usize, row: &Row<'_>) -> Result<Outcome, DataError> {
        let words = WINNERS.map(|m| row[m].unwrap_or_default());
        let flags = words.map(|word| match word {
            b"1" | b"1.0" | b"true" | b"True" => Some(true),
            b"0" | b"0.0" | b"false" | b"False" => Some(false),
            _ => None,
        });
        match flags {
            [Some(true), Some(false), Some(false)] => Ok(Outcome::First),
            [Some(false), Some(true), Some(false)] => Ok(Outcome::Second),
            [Some(false), Some(false), Some(true)] => Ok(Outcome::Tie),
            _ => {
                let names = WINNERS.map(|m| COLUMNS[m].role).join(", ");
                let shown =
                    words.map(|word| format!("`{}`", excerpt(&String::from_utf8_lossy(word)))).join(", ");
                let rule = "exactly one must be 1, the others 0";
                Err(self.refuse(line, "winner columns disagree", format!("{names} are {shown}; {rule}")))
            }
        }
    }
}
