//! Rankings and scores.

use super::{Entry, RowCollector};
use crate::columns::{ANNOTATOR, CONTEXT, RANKING, Row};
use crate::error::DataError;
use crate::rankings::{Ranking, groups};

/// Items of a ranking up to which each is compared with all before it.
const FEW_RANKED: usize = 64;

impl<S: FnMut(Entry)> RowCollector<'_, S> {
    /// Takes a score.
    pub(crate) fn add_rated(
        &mut self,
        line: usize,
        item: &str,
        score: f64,
        [context, annotator]: [Option<&str>; 2],
    ) -> Result<(), DataError> {
        let mut row: Row<'_> = Row::default();
        row[CONTEXT] = context.map(str::as_bytes).filter(|c| !c.is_empty());
        row[ANNOTATOR] = annotator.map(str::as_bytes).filter(|c| !c.is_empty());
        [CONTEXT, ANNOTATOR].iter().for_each(|&m| self.diagnostics.held[m] |= row[m].is_some());
        self.diagnostics.held[RANKING] = true;
        if !self.selects(&row, None) || !self.wants(item.as_bytes()) {
            self.diagnostics.checks.skipped += 1;
            self.note_skipped(2, item.as_bytes());
            return Ok(());
        }
        self.check_repetitions(line)?;
        self.check_name(line, item.as_bytes())?;
        let item = self.item(line, item.as_bytes())?;
        let (context, annotator) = self.details_of(line, row[CONTEXT], row[ANNOTATOR])?;
        self.diagnostics.checks.rows += 1;
        self.diagnostics.checks.rankings += 1;
        self.hand(Entry::Rated { item, score, context, annotator });
        Ok(())
    }

    /// Takes a ranking of names.
    pub(crate) fn add_names(
        &mut self,
        line: usize,
        groups: &[Vec<String>],
        weight: f64,
        [context, annotator]: [Option<&str>; 2],
    ) -> Result<(), DataError> {
        let mut row: Row<'_> = Row::default();
        row[CONTEXT] = context.map(str::as_bytes).filter(|c| !c.is_empty());
        row[ANNOTATOR] = annotator.map(str::as_bytes).filter(|c| !c.is_empty());
        self.limit_details();
        [CONTEXT, ANNOTATOR].iter().for_each(|&m| self.diagnostics.held[m] |= row[m].is_some());
        self.diagnostics.held[RANKING] = true;
        if !self.selects(&row, None) {
            self.diagnostics.checks.skipped += 1;
            return Ok(());
        }
        let names: Vec<Vec<&str>> = groups.iter().map(|g| g.iter().map(String::as_str).collect()).collect();
        let taken = self.ranking_of(line, names, weight, [row[CONTEXT], row[ANNOTATOR]], None);
        self.decide(taken)
    }

    pub(super) fn ranking(
        &mut self,
        line: usize,
        text: &[u8],
        weight: f64,
        details: [Option<&[u8]>; 2],
        time: Option<f64>,
    ) -> Result<(), DataError> {
        let Ok(text) = std::str::from_utf8(text) else { return Err(self.not_utf8(line, text)) };
        let names = groups(text).map_err(|message| self.refuse(line, "ranking cannot be read", message))?;
        self.ranking_of(line, names, weight, details, time)
    }

    pub(super) fn ranking_of(
        &mut self,
        line: usize,
        mut names: Vec<Vec<&str>>,
        weight: f64,
        details: [Option<&[u8]>; 2],
        time: Option<f64>,
    ) -> Result<(), DataError> {
        let twice = |k: usize, name: &str, all: &[&str]| {
            all[..k].iter().any(|n| self.same(n.as_bytes(), name.as_bytes()))
        };
        let all: Vec<&str> = names.iter().flatten().copied().collect();
        for (k, name) in all.iter().enumerate() {
            self.check_name(line, name.as_bytes())?;
            if all.len() <= FEW_RANKED && twice(k, name, &all) {
                return Err(self.refuse(line, "an item is ranked twice", format!("ranks `{name}` twice")));
            }
        }
        for name in
            names.iter().flatten().filter(|name| !self.wants(name.as_bytes())).copied().collect::<Vec<_>>()
        {
            self.note_skipped(2, name.as_bytes());
        }
        names.iter_mut().for_each(|group| group.retain(|name| self.wants(name.as_bytes())));
        names.retain(|group| !group.is_empty());
        let mut groups = Vec::with_capacity(names.len());
        for group in names {
            let numbers = group.iter().map(|name| self.item(line, name.as_bytes()));
            groups.push(numbers.collect::<Result<Vec<u32>, _>>()?);
        }
        self.push_ranking(line, groups, weight, details, time)
    }

    /// Takes a ranking whose items have numbers.
    pub(crate) fn push_ranking(
        &mut self,
        line: usize,
        groups: Vec<Vec<u32>>,
        weight: f64,
        [context, annotator]: [Option<&[u8]>; 2],
        time: Option<f64>,
    ) -> Result<(), DataError> {
        self.check_repetitions(line)?;
        let weight = self.weighed(line, weight)?;
        let mut ranked: Vec<u32> = groups.iter().flatten().copied().collect();
        ranked.sort_unstable();
        if let Some(twice) = ranked.windows(2).find(|w| w[0] == w[1]) {
            let message = format!("ranks `{}` twice", self.diagnostics.items.get(twice[0]));
            return Err(self.refuse(line, "an item is ranked twice", message));
        }
        if ranked.len() < 2 {
            self.diagnostics.checks.short_rankings.note(line);
        }
        let (context, annotator) =
            if self.rules.details { self.details_of(line, context, annotator)? } else { (0, 0) };
        self.diagnostics.checks.rows += 1;
        self.diagnostics.checks.rankings += 1;
        self.hand(Entry::Ranking(Ranking { groups, weight, context, annotator, time }));
        Ok(())
    }
}
