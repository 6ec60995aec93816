//! PrefLib orders (`.soc`, `.soi`, `.toc`, `.toi`) and categories (`.cat`): a header of `# KEY: value` lines, then `count: 1,2,{3,4}`.
//!
//! Format: Mattei, Walsh 2013; www.preflib.org/format. Alternatives that an order leaves out were not ranked.

use std::path::Path;

use crate::collector::{Entry, RowCollector};
use crate::error::DataError;
use crate::text;

pub(crate) fn read<S: FnMut(Entry)>(
    path: &Path,
    bytes: &[u8],
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let text = text(path, bytes)?;
    collector.check_filters(|_| false)?;
    if crate::ending(path) == "cat" {
        collector.note_reading(
            "categories are read as places: items of an earlier one beat those of a later one, and tie within".to_owned(),
        );
    }
    // the item of each alternative, by its place in the header; none if it is not selected
    let mut alternatives: Vec<Option<u32>> = Vec::new();
    let (mut stated, mut voters) = (None, 0.0);
    for (k, content) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let refuse = |message: String| DataError::new(path, message).at(k + 1);
        if let Some(comment) = content.strip_prefix('#') {
            if let Some(number) = comment.trim().strip_prefix("NUMBER VOTERS:") {
                stated = number.trim().parse::<f64>().ok();
            }
            let Some(entry) = comment.trim().strip_prefix("ALTERNATIVE NAME ") else { continue };
            let named = entry.split_once(':').and_then(|(number, name)| {
                Some((number.trim().parse::<usize>().ok()?, name.trim())).filter(|(_, name)| !name.is_empty())
            });
            let Some((number, name)) = named else {
                return Err(refuse(format!("`{}` must be `ALTERNATIVE NAME k: name`", comment.trim())));
            };
            // alternatives are listed in turn; anything else is not worth the memory of a gap
            if number != alternatives.len() + 1 {
                return Err(refuse(format!(
                    "alternative {number} must be number {}",
                    alternatives.len() + 1
                )));
            }
            if !collector.wants(name.as_bytes()) {
                alternatives.push(None);
                continue;
            }
            let item =
                collector.new_item(name).ok_or_else(|| refuse(format!("`{name}` names two alternatives")))?;
            alternatives.push(Some(item));
            continue;
        }
        let Some((count, order)) = content.split_once(':') else {
            let rule = "an order is `count: 1,2,{3,4}`, after a header of `# ALTERNATIVE NAME k: name` lines";
            return Err(refuse(format!("`{content}` is not an order; {rule}")));
        };
        let weight = count.trim().parse::<u32>().map_err(|_| {
            refuse(format!("`{}` must be the whole number of voters of this order, below 2^32", count.trim()))
        })?;
        let groups = order_groups(order, &alternatives).map_err(refuse)?;
        voters += weight as f64;
        collector.push_ranking(k + 1, groups, weight as f64, [None, None], None)?;
    }
    if let Some(stated) = stated.filter(|n| *n != voters) {
        collector.note_reading(format!("the header states {stated} voters, the orders are of {voters}"));
    }
    Ok(())
}

fn order_groups(order: &str, alternatives: &[Option<u32>]) -> Result<Vec<Vec<u32>>, String> {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut tied = false;
    for cell in order.split(',') {
        let cell = cell.trim();
        let (opens, closes) = (cell.starts_with('{'), cell.ends_with('}'));
        let number = cell.trim_matches(['{', '}']).trim();
        if number.is_empty() && opens && closes && !tied {
            continue; // a category without items
        }
        if opens && tied || closes && !(opens || tied) {
            return Err(format!("`{}` has braces that do not match", order.trim()));
        }
        let item = number.parse::<usize>().ok().and_then(|n| alternatives.get(n.checked_sub(1)?).copied());
        let Some(item) = item else {
            return Err(format!(
                "`{number}` is not one of the {} alternatives of the header",
                alternatives.len()
            ));
        };
        if !tied {
            groups.push(Vec::new());
        }
        groups.last_mut().expect("one was pushed").extend(item);
        tied = (tied || opens) && !closes;
    }
    groups.retain(|group| !group.is_empty());
    if tied { Err(format!("`{}` has a brace that is not closed", order.trim())) } else { Ok(groups) }
}
