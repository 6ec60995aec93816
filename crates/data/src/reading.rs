//! How files are read: formats, names of columns and words, and what becomes of rows that are refused.

use std::path::PathBuf;
use std::str::FromStr;

use equipoise_core::registry::nearest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns::{COLUMNS, COVARIATES, MOST_COVARIATES, Outcome, read_outcome, words_of};
use crate::registry::{READERS, Reads};

/// What becomes of a row that breaks a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Invalid {
    /// It ends the reading, with its line.
    #[default]
    Refuse,
    /// It is left out and counted, by reason.
    Skip,
}

/// What becomes of a row that repeats an earlier one, of whatever file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Repetitions {
    /// It is counted; how many repeat a judgement is said.
    #[default]
    Keep,
    /// It is left out where the same annotator judged the same items, listed alike, in the same context with the same outcome
    /// and time before. Rows without a context or an annotator stay.
    Drop,
    /// It is left out where a row before it is equal in every column that is read.
    DropEqual,
}

impl Repetitions {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl FromStr for Repetitions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "keep" => Ok(Self::Keep),
            "drop" => Ok(Self::Drop),
            "drop-equal" => Ok(Self::DropEqual),
            _ => Err("must be keep, drop or drop-equal".to_owned()),
        }
    }
}

/// A column of the file and what it holds: `item_a=left`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    /// What it holds, by our name for it.
    pub role: &'static str,
    /// Its name in the file.
    pub name: String,
}

impl FromStr for ColumnName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (role, name) = text
            .split_once('=')
            .filter(|(_, name)| !name.trim().is_empty())
            .ok_or_else(|| format!("`{text}` is not ROLE=NAME, as in item_a=left"))?;
        let role = role.trim();
        let known = COLUMNS[..COVARIATES].iter().map(|c| c.role);
        let found = known.clone().find(|r| *r == role).ok_or_else(|| {
            let hint =
                nearest(role, known.clone()).map_or(String::new(), |n| format!(", did you mean `{n}`?"));
            format!("`{role}` is not a role{hint}; roles: {}", known.collect::<Vec<_>>().join(", "))
        })?;
        Ok(Self { role: found, name: name.trim().to_owned() })
    }
}

/// A word of the file and the outcome that it stands for: `left=a`, or `A>>B=a*3` for three equal votes.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeWord {
    /// The word.
    pub word: String,
    /// What it stands for; `None`: the row is left out and counted.
    pub outcome: Option<Outcome>,
    /// How many equal votes it is, above 0.
    pub votes: f64,
}

impl FromStr for OutcomeWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // the word may hold an equals sign itself, as `A=B`
        let (word, meant) =
            text.rsplit_once('=').ok_or_else(|| format!("`{text}` is not WORD=OUTCOME, as in left=a"))?;
        let (meant, votes) = match meant.split_once('*') {
            None => (meant, 1.0),
            Some((meant, votes)) => {
                let number = votes.trim().parse::<f64>().ok().filter(|v| *v > 0.0 && v.is_finite());
                let number = number.ok_or_else(|| format!("`{votes}` is not a number of votes above 0"))?;
                (meant, number)
            }
        };
        let outcome = match meant.trim() {
            "skip" => None,
            word => Some(read_outcome(word.as_bytes()).ok_or_else(|| {
                format!(
                    "`{word}` is not an outcome; outcomes: a, b, tie, both_bad, or skip to leave the row out"
                )
            })?),
        };
        Ok(Self { word: word.trim().to_owned(), outcome, votes })
    }
}

/// A covariate of the comparisons: a column of differences, or one for either item: `len_a,len_b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CovariateColumns {
    /// The column of the item listed first, or of differences: first less second.
    pub first: String,
    /// The column of the item listed second.
    pub second: Option<String>,
}

impl CovariateColumns {
    /// What it is called: `len_a - len_b`, or the column of differences.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.second {
            Some(second) => format!("{} - {second}", self.first),
            None => self.first.clone(),
        }
    }
}

impl FromStr for CovariateColumns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        match names[..] {
            [first] if !first.is_empty() => Ok(Self { first: first.to_owned(), second: None }),
            [first, second] if !first.is_empty() && !second.is_empty() && first != second => {
                Ok(Self { first: first.to_owned(), second: Some(second.to_owned()) })
            }
            _ => Err(format!(
                "`{text}` is neither a column of differences nor a column for either item, as in len_a,len_b"
            )),
        }
    }
}

/// How files are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Name of a row of [`READERS`]; `None`: by the ending, and by the columns.
    pub format: Option<String>,
    /// Names of columns, where they are not those that are understood.
    pub columns: Vec<ColumnName>,
    /// Words of outcomes, likewise.
    pub outcomes: Vec<OutcomeWord>,
    /// Numbers of the comparisons that may have swayed them, at most six.
    pub covariates: Vec<CovariateColumns>,
    /// Where contexts are lists of tags: what separates them in a text. In JSON a list is one. A comparison is then in the group of
    /// each of its tags, and selecting one takes all comparisons that have it.
    pub tags: Option<char>,
    /// What becomes of a row that breaks a rule.
    pub invalid: Invalid,
    /// What becomes of a row that repeats an earlier one.
    pub repetitions: Repetitions,
    /// Whether items whose names differ only in Unicode form, spaces or case are one item.
    pub normalise_names: bool,
    /// Of a matrix: whether `(P - P')/2` is taken for its margins, which need not be skew then.
    pub symmetrise: bool,
    /// Further files, as if their rows followed.
    pub more: Vec<PathBuf>,
}

impl Reading {
    /// The name in the file that was given for a role.
    pub(crate) fn column(&self, role: &str) -> Option<&str> {
        self.columns.iter().rev().find(|c| c.role == role).map(|c| c.name.as_str())
    }

    /// What was said of a word, whatever its case.
    pub(crate) fn word(&self, word: &str) -> Option<&OutcomeWord> {
        let exact = self.outcomes.iter().rev().find(|o| o.word == word);
        exact.or_else(|| self.outcomes.iter().rev().find(|o| o.word.to_lowercase() == word.to_lowercase()))
    }

    /// Checks what can be checked without a file.
    ///
    /// # Errors
    /// A format that there is not, with those there are.
    pub fn check(&self) -> Result<(), String> {
        if let Some(separator) = self.tags.filter(|c| c.is_alphanumeric() || c.is_control() || *c == ' ') {
            return Err(format!(
                "separates tags by {separator:?}, which may be part of a tag; take a sign as ; or |"
            ));
        }
        if self.covariates.len() > MOST_COVARIATES {
            return Err(format!(
                "{} covariates are asked for; at most {MOST_COVARIATES} are read",
                self.covariates.len()
            ));
        }
        let Some(name) = &self.format else { return Ok(()) };
        if READERS.iter().any(|r| r.name == name) {
            return Ok(());
        }
        let known = || {
            READERS.iter().filter(|r| matches!(r.reads, Reads::Comparisons | Reads::Matrix)).map(|r| r.name)
        };
        let hint = nearest(name, known()).map_or(String::new(), |n| format!(", did you mean `{n}`?"));
        Err(format!("`{name}` is not a format{hint}; formats: {}", known().collect::<Vec<_>>().join(", ")))
    }
}

/// Words for outcomes that are understood, for a message.
pub(crate) fn known_words() -> String {
    words_of().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_words_are_read_or_told_why_not() {
        let column: ColumnName = "item_a=left side".parse().unwrap();
        assert_eq!((column.role, column.name.as_str()), ("item_a", "left side"));
        for (text, fragment) in [
            ("item_a", "is not ROLE=NAME"),
            ("item_a=", "is not ROLE=NAME"),
            ("itema=x", "did you mean `item_a`"),
        ] {
            assert!(text.parse::<ColumnName>().unwrap_err().contains(fragment), "{text}");
        }
        let length: CovariateColumns = "len_a, len_b".parse().unwrap();
        assert_eq!(length.name(), "len_a - len_b");
        assert_eq!("d".parse::<CovariateColumns>().unwrap().name(), "d");
        for text in ["", "a,", "a,b,c", "a,a"] {
            assert!(text.parse::<CovariateColumns>().unwrap_err().contains("as in len_a,len_b"), "{text}");
        }
        let strong: OutcomeWord = "A>>B=a*3".parse().unwrap();
        assert_eq!((strong.word.as_str(), strong.outcome, strong.votes), ("A>>B", Some(Outcome::First), 3.0));
        let tie: OutcomeWord = "A=B=tie".parse().unwrap();
        assert_eq!((tie.word.as_str(), tie.outcome), ("A=B", Some(Outcome::Tie)));
        assert_eq!("error=skip".parse::<OutcomeWord>().unwrap().outcome, None);
        for (text, fragment) in [
            ("left", "is not WORD=OUTCOME"),
            ("left=c", "`c` is not an outcome"),
            ("left=a*-1", "is not a number of votes above 0"),
        ] {
            assert!(text.parse::<OutcomeWord>().unwrap_err().contains(fragment), "{text}");
        }
        let unknown = Reading { format: Some("arena-hart".into()), ..Reading::default() };
        assert!(unknown.check().unwrap_err().contains("did you mean `arena-hard`?"));
    }
}
