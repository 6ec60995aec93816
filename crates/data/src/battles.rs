//! Comparisons kept row by row: for ratings that depend on their order, and for groups of contexts or annotators.

use std::ops::Range;

use ndarray::Array2;

use crate::checks::Checks;
use crate::columns::Outcome;
use crate::comparisons::{Comparisons, Counter};
use crate::observations::Observations;
use crate::selection::Ties;

/// One comparison, or `weight` equal ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Battle {
    /// The item listed first, an index into the labels.
    pub first: u32,
    /// The item listed second.
    pub second: u32,
    /// Who won.
    pub outcome: Outcome,
    /// How many equal comparisons this stands for, at least 0.
    pub weight: f64,
    /// Index into [`Battles::contexts`].
    pub context: u32,
    /// Index into [`Battles::annotators`].
    pub annotator: u32,
    /// Seconds since 1970-01-01 UTC, where the file has them.
    pub time: Option<f64>,
    /// How much better the winner was, at least 0; 1 where the file does not say.
    pub magnitude: f64,
}

/// All selected comparisons of a file.
#[derive(Clone, Debug)]
pub struct Battles {
    /// Items, in the order of their first appearance.
    pub labels: Vec<String>,
    /// Contexts, in the order of their first appearance; the empty name where a row has none.
    pub contexts: Vec<String>,
    /// Annotators, likewise.
    pub annotators: Vec<String>,
    /// The comparisons, in the order of the file. A ranking is split into the pairs it orders.
    pub rows: Vec<Battle>,
    /// The rows that one ranking of three items or more was split into, in the order of the file.
    pub rankings: Vec<Range<usize>>,
    /// What was odd.
    pub checks: Checks,
    /// The tie rule in force for counts.
    pub ties: Ties,
}

/// Comparisons with numbers that may have swayed them.
#[derive(Clone, Debug)]
pub struct Covaried {
    /// All comparisons, counted by pair, and what of them is one observation.
    pub observations: Observations,
    /// The same row by row.
    pub battles: Battles,
    /// What the covariates are called ([`CovariateColumns::name`](crate::CovariateColumns::name)).
    pub names: Vec<String>,
    /// The covariates of the rows, first less second, `[rows x covariates]`.
    pub values: Array2<f64>,
}

impl Battles {
    /// All of them, counted by pair.
    #[must_use]
    pub fn counts(&self) -> Comparisons {
        let mut counter = Counter::default();
        self.rows.iter().for_each(|b| counter.add(b.first, b.second, b.outcome, b.weight));
        counter.finish(self.labels.clone(), self.ties, self.checks.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{Selection, Unit, parse_covariates};

    #[test]
    fn covariates_are_read_of_every_row_and_turn_with_it() {
        let read = |file: &str, text: &str, covariates: &[&str]| {
            let mut selection = Selection::default();
            selection.reading.covariates = covariates.iter().map(|c| c.parse().unwrap()).collect();
            parse_covariates(Path::new(file), text.as_bytes(), &selection, Unit::Row)
        };
        let csv = "model_a,model_b,winner,len_a,len_b,tone\nx,y,model_a,10,4,0.5\ny,z,tie,3,5,-2\n";
        let found = read("d.csv", csv, &["len_a,len_b", "tone"]).unwrap();
        assert_eq!(found.names, ["len_a - len_b", "tone"]);
        assert_eq!(found.values, ndarray::array![[6.0, 0.5], [-2.0, -2.0]]);
        assert_eq!(found.battles.rows.len(), 2);
        let json =
            "{\"model_a\":\"x\",\"model_b\":\"y\",\"winner\":\"model_b\",\"len_b\":4,\"len_a\":10.5}\n";
        assert_eq!(read("d.jsonl", json, &["len_a,len_b"]).unwrap().values, ndarray::array![[6.5]]);
        // a winner and a loser are listed by name: a row that is turned round turns its covariates
        let won = "winner,loser,words_winner,words_loser,d\nz,a,9,2,7\na,z,4,1,3\n";
        let found = read("d.csv", won, &["words_winner,words_loser", "d"]).unwrap();
        assert_eq!(found.values, ndarray::array![[-7.0, -7.0], [3.0, 3.0]]);
        for (text, covariates, fragment) in [
            (csv, &["length"][..], "has no column `length`"),
            (csv, &["winner"], "winner"),
            ("item_a,item_b,outcome,d\nx,y,a,long\n", &["d"], "is not a finite number"),
            ("item_a,item_b,outcome,d\nx,y,a,\n", &["d"], "is not a finite number"),
            ("item_a,item_b,outcome,d\nx,y,a,inf\n", &["d"], "is not a finite number"),
            ("ranking,d\nx > y,1\n", &["d"], "rows without covariates"),
        ] {
            let refused = read("d.csv", text, covariates).unwrap_err().to_string();
            assert!(refused.contains(fragment), "{refused}");
        }
    }
}
