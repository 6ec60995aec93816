//! Rows that repeat an earlier one.

use super::{Entry, RowCollector};
use crate::duplicates::Told;
use crate::error::DataError;
use crate::reading::Repetitions;

impl<S: FnMut(Entry)> RowCollector<'_, S> {
    /// Notes a row that may repeat an earlier one; whether it does, and is left out for that.
    pub(super) fn is_dropped(&mut self, told: Told) -> bool {
        let (line, repetitions) = (told.line, self.rules.reading().repetitions);
        let repeated = self.diagnostics.duplicates.is_repeated(told, repetitions);
        if repeated {
            self.diagnostics.checks.repetitions.note(line);
        }
        repeated && repetitions != Repetitions::Keep
    }

    /// Refuses rankings and scores where repetitions are to be dropped: equal ballots of different voters are none.
    pub(super) fn check_repetitions(&self, line: usize) -> Result<(), DataError> {
        match self.rules.reading().repetitions {
            Repetitions::Keep => Ok(()),
            _ => {
                let rule =
                    "is a ranking or a score, of which repetitions are not told; leave --repetitions out";
                Err(DataError::new(self.rules.path, rule).at(line))
            }
        }
    }
}
