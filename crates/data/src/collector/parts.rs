//! Parts of a file that are read on their own, and merged in its order.

use super::{Diagnostics, Entry, IGNORED, Part, REASONS, RowCollector, Rules};
use crate::battles::Battle;
use crate::checks::Lines;
use crate::duplicates::{DuplicateDetector, Told};
use crate::names::Names;
use crate::rankings::Ranking;

impl<'a, S: FnMut(Entry)> RowCollector<'a, S> {
    /// The collector of a part of the file.
    pub(crate) fn of_part(rules: Rules<'a>, sink: S) -> Self {
        // which words are the first of the file is known when the part is taken in
        let rules = Rules { shown: usize::MAX, ..rules };
        let diagnostics = Diagnostics {
            items: Names::new(rules.reading().normalise_names),
            duplicates: DuplicateDetector::for_part(),
            ..Diagnostics::default()
        };
        Self { rules, diagnostics, grouping: Vec::new(), details_of: u64::MAX, handed: 0, sink }
    }

    /// Drops the details of a file that is too long for them.
    pub(super) fn limit_details(&mut self) {
        if self.rules.details && self.diagnostics.checks.rows > self.details_of {
            self.rules.details = false;
            (self.diagnostics.contexts, self.diagnostics.annotators) = Default::default();
            if self.rules.since.is_none() {
                self.diagnostics.checks.unread_times = Lines::default();
                (self.diagnostics.checks.times, self.diagnostics.units) = Default::default();
            }
        }
    }

    /// Merges the next part, which begins behind so many lines: as if its rows had been added one by one. Gives the
    /// list of its entries back, empty.
    pub(crate) fn merge(&mut self, part: Part, lines: usize) -> Vec<Entry> {
        let Part { mut entries, diagnostics: part } = part;
        let diagnostics = &mut self.diagnostics;
        let items = diagnostics.items.adopt(&part.items);
        let details = self.rules.details;
        let adopt = |all: &mut Names, names| if details { all.adopt(names) } else { Vec::new() };
        let contexts = adopt(&mut diagnostics.contexts, &part.contexts);
        let annotators = adopt(&mut diagnostics.annotators, &part.annotators);
        diagnostics.checks.rows += part.checks.rows;
        diagnostics.checks.rankings += part.checks.rankings;
        diagnostics.checks.skipped += part.checks.skipped;
        for (all, new) in [
            (&mut diagnostics.checks.self_comparisons, &part.checks.self_comparisons),
            (&mut diagnostics.checks.short_rankings, &part.checks.short_rankings),
        ] {
            all.extend(new, lines);
        }
        if details || self.rules.since.is_some() {
            diagnostics.checks.unread_times.extend(&part.checks.unread_times, lines);
            diagnostics.units.iter_mut().zip(part.units).for_each(|(all, new)| {
                *all = all.or(new.map(|line| line + lines));
            });
            if let Some((first, last)) = part.checks.times {
                diagnostics.note_times(first, last);
            }
        }
        diagnostics.scored |= part.scored;
        diagnostics.named_sides |= part.named_sides;
        diagnostics.held.iter_mut().zip(part.held).for_each(|(all, new)| *all |= new);
        diagnostics.ignored.extend(part.ignored);
        while diagnostics.ignored.len() > IGNORED {
            diagnostics.ignored.pop_last();
        }
        for (reason, found) in &part.checks.left_out {
            let left_out = &mut diagnostics.checks.left_out;
            let known = left_out.contains_key(reason) || left_out.len() < REASONS;
            let reason = if known { reason.as_str() } else { "other" };
            left_out.entry(reason.to_owned()).or_default().extend(found, lines);
        }
        for (kind, words) in part.seen.iter().enumerate() {
            words.list().iter().for_each(|word| self.note_skipped(kind, word.as_bytes()));
        }
        let mut repeated = Vec::new();
        for told in part.duplicates.of_part() {
            let entries = told.entries.clone();
            if self.is_dropped(Told { line: told.line + lines, ..told }) {
                self.diagnostics.checks.rows -= 1;
                repeated.push(entries);
            }
        }
        let mut repeated = repeated.into_iter().peekable();
        let item = |k: u32| items[k as usize];
        // without details there are no names, and all numbers are 0
        let detail = |names: &[u32], k: u32| names.get(k as usize).copied().unwrap_or(0);
        for (at, entry) in entries.drain(..).enumerate() {
            if repeated.peek().is_some_and(|row| row.contains(&at)) {
                repeated.next_if(|row| row.end == at + 1);
                continue;
            }
            let (context, annotator) = match &entry {
                Entry::Battle(b) | Entry::Covaried(b, _) => (b.context, b.annotator),
                Entry::Ranking(r) => (r.context, r.annotator),
                Entry::Rated { context, annotator, .. } => (*context, *annotator),
            };
            let (context, annotator) = (detail(&contexts, context), detail(&annotators, annotator));
            self.hand(match entry {
                Entry::Battle(b) => {
                    let (first, second) = (item(b.first), item(b.second));
                    Entry::Battle(Battle { first, second, context, annotator, ..b })
                }
                Entry::Covaried(b, covariates) => {
                    let (first, second) = (item(b.first), item(b.second));
                    Entry::Covaried(Battle { first, second, context, annotator, ..b }, covariates)
                }
                Entry::Ranking(mut r) => {
                    r.groups.iter_mut().flatten().for_each(|k| *k = item(*k));
                    Entry::Ranking(Ranking { context, annotator, ..r })
                }
                Entry::Rated { item: rated, score, .. } => {
                    Entry::Rated { item: item(rated), score, context, annotator }
                }
            });
        }
        self.limit_details();
        entries
    }
}
