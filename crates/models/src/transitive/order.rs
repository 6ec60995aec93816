//! The order of items that reverses majorities at the least cost: a minimum feedback arc set.

use equipoise_core::cpu::prefetch;
use equipoise_core::graph::Arcs;

use crate::error::MAX_ITEMS;

/// Largest strong component whose nearest order is found exactly.
pub const EXACT: usize = 14;
/// An order of the items that costs the majorities least, best first.
pub(super) fn nearest_order(n: usize, links: &[(u32, u32, f64)]) -> Vec<usize> {
    // blocks of "lost to": winners come first
    let lost_to = links.iter().map(|&(winner, loser, _)| (loser as usize, winner as usize));
    let blocks = Arcs::new(n, lost_to).strong_components();
    let leads = Leads::new(n, links);
    let mut place = vec![usize::MAX; n];
    let order = |block: Vec<usize>| match block.len() {
        items if items <= EXACT => by_subsets(&leads, block),
        items if items <= MAX_ITEMS => by_moves(&leads, block, &mut place),
        _ => by_sweeps(&leads, block),
    };
    blocks.into_iter().flat_map(order).collect()
}

/// Of each item, against each it has a link with: what it costs more to stand behind it than before it.
pub(super) struct Leads {
    /// Those of item i are `starts[i] .. starts[i + 1]`.
    starts: Vec<usize>,
    others: Vec<u32>,
    costs: Vec<f64>,
}

impl Leads {
    /// Of links as (winner, loser, cost).
    pub(super) fn new(n: usize, links: &[(u32, u32, f64)]) -> Self {
        let mut starts = vec![0; n + 1];
        for &(winner, loser, _) in links {
            starts[winner as usize + 1] += 1;
            starts[loser as usize + 1] += 1;
        }
        (0..n).for_each(|i| starts[i + 1] += starts[i]);
        let (mut next, mut others, mut costs) = (starts.clone(), vec![0; starts[n]], vec![0.0; starts[n]]);
        for &(winner, loser, cost) in links {
            for (item, other, cost) in [(winner, loser, cost), (loser, winner, -cost)] {
                let at = &mut next[item as usize];
                (others[*at], costs[*at]) = (other, cost);
                *at += 1;
            }
        }
        Self { starts, others, costs }
    }

    /// Of these items among themselves, each called by its place.
    fn among(&self, items: &[usize]) -> Self {
        const OUT: u32 = u32::MAX;
        let mut place = vec![OUT; self.starts.len() - 1];
        items.iter().zip(0..).for_each(|(&i, k)| place[i] = k);
        let (mut starts, mut others, mut costs) = (vec![0], Vec::new(), Vec::new());
        for &i in items {
            for (other, cost) in self.of(i).filter(|l| place[l.0] != OUT) {
                others.push(place[other]);
                costs.push(cost);
            }
            starts.push(others.len());
        }
        Self { starts, others, costs }
    }

    fn of(&self, item: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let row = self.starts[item]..self.starts[item + 1];
        self.others[row.clone()].iter().map(|&j| j as usize).zip(self.costs[row].iter().copied())
    }
}

/// The best order of few items: the best one of a set ends with the item that leaves the least.
fn by_subsets(leads: &Leads, items: Vec<usize>) -> Vec<usize> {
    let k = items.len();
    if k < 3 {
        return items;
    }
    let cost = |i: usize, j: usize| leads.of(i).find(|l| l.0 == j).map_or(0.0, |l| l.1.max(0.0));
    let costs: Vec<Vec<f64>> = items.iter().map(|&i| items.iter().map(|&j| cost(i, j)).collect()).collect();
    let mut best = vec![(f64::INFINITY, usize::MAX); 1 << k];
    best[0] = (0.0, usize::MAX);
    for set in 1..1usize << k {
        for last in (0..k).filter(|l| set >> l & 1 == 1) {
            let before = set & !(1 << last);
            // the last item stands behind all others of the set, also behind those it beats
            let behind: f64 = (0..k).filter(|o| before >> o & 1 == 1).map(|o| costs[last][o]).sum();
            let total = best[before].0 + behind;
            if total < best[set].0 {
                best[set] = (total, last);
            }
        }
    }
    let (mut order, mut set) = (Vec::with_capacity(k), (1 << k) - 1);
    while set != 0 {
        let last = best[set].1;
        order.push(items[last]);
        set &= !(1 << last);
    }
    order.reverse();
    order
}

/// An order that no move of one item to another place betters, from that of the net costs. `place` is of no item, and is left so.
///
/// Cost: a move looks at the links of all items.
pub(super) fn by_moves(leads: &Leads, mut order: Vec<usize>, place: &mut [usize]) -> Vec<usize> {
    let put =
        |place: &mut [usize], order: &[usize]| order.iter().enumerate().for_each(|(k, &i)| place[i] = k);
    put(place, &order);
    // links within the order, by place
    let links = |place: &[usize], i: usize| {
        let here = leads.of(i).map(|(j, lead)| (place[j], lead)).filter(|l| l.0 != usize::MAX);
        let mut here: Vec<(usize, f64)> = here.collect();
        here.sort_unstable_by_key(|l| l.0);
        here
    };
    let net = |i: usize| links(place, i).into_iter().map(|(_, lead)| -lead).sum::<f64>();
    let mut keyed: Vec<(f64, usize)> = order.iter().map(|&i| (net(i), i)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order = keyed.into_iter().map(|(_, i)| i).collect();
    loop {
        put(place, &order);
        let mut best = (1e-9, 0, 0);
        for (a, &item) in order.iter().enumerate() {
            let links = links(place, item);
            let (before, behind) = links.split_at(links.partition_point(|l| l.0 < a));
            let mut later = 0.0;
            for &(b, lead) in behind {
                later -= lead;
                if later > best.0 {
                    best = (later, a, b);
                }
            }
            let mut earlier = 0.0;
            for &(b, lead) in before.iter().rev() {
                earlier += lead;
                if earlier > best.0 {
                    best = (earlier, a, b);
                }
            }
        }
        let (gain, from, to) = best;
        if gain <= 1e-9 {
            order.iter().for_each(|&i| place[i] = usize::MAX);
            return order;
        }
        let item = order.remove(from);
        order.insert(to, item);
    }
}

/// Sweeps of [`by_sweeps`] at most.
const SWEEPS: usize = 20;

/// [`by_moves`] of many items: each in turn goes to the place that is best for it, until a sweep betters nothing, or they are
/// [`SWEEPS`].
///
/// Cost: a sweep sorts the links of each item near which something moved.
pub(super) fn by_sweeps(leads: &Leads, items: Vec<usize>) -> Vec<usize> {
    /// Items ahead of which links, and the keys of these, are asked for: they lie anywhere in memory.
    const AHEAD: (usize, usize) = (12, 6);
    let mut here = vec![false; leads.starts.len() - 1];
    items.iter().for_each(|&i| here[i] = true);
    let net = |i: usize| leads.of(i).filter(|l| here[l.0]).map(|l| -l.1).sum::<f64>();
    let mut keyed: Vec<(f64, usize)> = items.into_iter().map(|i| (net(i), i)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let items: Vec<usize> = keyed.into_iter().map(|(_, i)| i).collect();
    // neighbours in the order are neighbours in memory
    let leads = leads.among(&items);
    let mut order: Vec<usize> = (0..items.len()).collect();
    let mut line = Line::new(&order);
    // whether the item, or one that it has a link with, moved since no place was better
    let mut is_open = vec![true; items.len()];
    let mut links: Vec<(f64, usize, f64)> = Vec::new();
    for _ in 0..SWEEPS {
        let mut moved = false;
        for (at, &item) in order.iter().enumerate() {
            if let Some(&next) = order.get(at + AHEAD.0).filter(|next| is_open[**next]) {
                for at in (leads.starts[next]..leads.starts[next + 1]).step_by(8) {
                    prefetch(&leads.others, at);
                    prefetch(&leads.costs, at);
                }
            }
            if let Some(&next) = order.get(at + AHEAD.1).filter(|next| is_open[**next]) {
                leads.of(next).for_each(|(j, _)| prefetch(&line.key, j));
            }
            if !std::mem::take(&mut is_open[item]) {
                continue;
            }
            links.clear();
            links.extend(leads.of(item).map(|(j, lead)| (line.key[j], j, lead)));
            links.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let (before, behind) = links.split_at(links.partition_point(|l| l.0 < line.key[item]));
            // gain, and next to whom: behind or before
            let (mut best, mut later, mut earlier) = ((1e-9, usize::MAX, false), 0.0, 0.0);
            for &(_, j, lead) in behind {
                later -= lead;
                if later > best.0 {
                    best = (later, j, true);
                }
            }
            for &(_, j, lead) in before.iter().rev() {
                earlier += lead;
                if earlier > best.0 {
                    best = (earlier, j, false);
                }
            }
            if best.1 != usize::MAX {
                line.put(item, best.1, best.2);
                is_open[item] = true;
                links.iter().for_each(|l| is_open[l.1] = true);
                moved = true;
            }
        }
        order = line.order();
        if !moved {
            break;
        }
    }
    order.into_iter().map(|k| items[k]).collect()
}

/// Items in a line, with keys that ascend along it.
struct Line {
    /// By item; the last entry stands before the first and behind the last.
    next: Vec<u32>,
    previous: Vec<u32>,
    key: Vec<f64>,
}

impl Line {
    /// Of all items below the number of items, in this order.
    fn new(order: &[usize]) -> Self {
        let n = order.len();
        let (mut next, mut previous) = (vec![n as u32; n + 1], vec![n as u32; n + 1]);
        let mut last = n;
        for &i in order {
            (next[last], previous[i]) = (i as u32, last as u32);
            last = i;
        }
        (next[last], previous[n]) = (n as u32, last as u32);
        let mut line = Self { next, previous, key: vec![0.0; n + 1] };
        line.number();
        line
    }

    fn order(&self) -> Vec<usize> {
        let end = self.key.len() - 1;
        let along = |i: &usize| Some(self.next[*i] as usize).filter(|&i| i != end);
        std::iter::successors(along(&end), along).collect()
    }

    fn number(&mut self) {
        self.order().into_iter().enumerate().for_each(|(k, i)| self.key[i] = k as f64);
    }

    /// Puts an item next to another: behind it, or before.
    fn put(&mut self, item: usize, beside: usize, behind: bool) {
        let end = self.key.len() - 1;
        let (a, b) = (self.previous[item] as usize, self.next[item] as usize);
        (self.next[a], self.previous[b]) = (b as u32, a as u32);
        let (a, b) = if behind {
            (beside, self.next[beside] as usize)
        } else {
            (self.previous[beside] as usize, beside)
        };
        (self.next[a], self.previous[item]) = (item as u32, a as u32);
        (self.next[item], self.previous[b]) = (b as u32, item as u32);
        self.key[item] = match (a == end, b == end) {
            (true, _) => self.key[b] - 1.0,
            (_, true) => self.key[a] + 1.0,
            _ => 0.5 * (self.key[a] + self.key[b]),
        };
        let between =
            (a == end || self.key[a] < self.key[item]) && (b == end || self.key[item] < self.key[b]);
        if !between {
            self.number();
        }
    }
}
