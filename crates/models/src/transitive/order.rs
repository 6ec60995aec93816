//! The order of items that reverses majorities at the least cost: a minimum feedback arc set.

use equipoise_core::graph::strong_components;

use crate::error::MAX_ITEMS;

/// Largest strong component whose nearest order is found exactly.
pub const EXACT: usize = 14;
/// An order of the items that costs the majorities least, best first.
pub(super) fn nearest_order(n: usize, links: &[(usize, usize, f64)]) -> Vec<usize> {
    let mut beaten = vec![Vec::new(); n];
    // of each item, against each it has a link with: what it costs more to stand behind it than before it
    let mut leads = vec![Vec::new(); n];
    for &(winner, loser, cost) in links {
        leads[winner].push((loser, cost));
        leads[loser].push((winner, -cost));
        beaten[loser].push(winner);
    }
    // blocks of "lost to": winners come first
    let blocks = strong_components(&beaten);
    let mut place = vec![usize::MAX; n];
    let order = |block: Vec<usize>| match block.len() {
        items if items <= EXACT => by_subsets(&leads, block),
        items if items <= MAX_ITEMS => by_moves(&leads, block, &mut place),
        _ => by_sweeps(&leads, block),
    };
    blocks.into_iter().flat_map(order).collect()
}

/// The best order of few items: the best one of a set ends with the item that leaves the least.
fn by_subsets(leads: &[Vec<(usize, f64)>], items: Vec<usize>) -> Vec<usize> {
    let k = items.len();
    if k < 3 {
        return items;
    }
    let cost = |i: usize, j: usize| leads[i].iter().find(|l| l.0 == j).map_or(0.0, |l| l.1.max(0.0));
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
pub(super) fn by_moves(
    leads: &[Vec<(usize, f64)>],
    mut order: Vec<usize>,
    place: &mut [usize],
) -> Vec<usize> {
    let put =
        |place: &mut [usize], order: &[usize]| order.iter().enumerate().for_each(|(k, &i)| place[i] = k);
    put(place, &order);
    // links within the order, by place
    let links = |place: &[usize], i: usize| {
        let here = leads[i].iter().map(|&(j, lead)| (place[j], lead)).filter(|l| l.0 != usize::MAX);
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
/// Cost: a sweep sorts the links of each item.
pub(super) fn by_sweeps(leads: &[Vec<(usize, f64)>], items: Vec<usize>) -> Vec<usize> {
    let n = leads.len();
    let mut here = vec![false; n];
    items.iter().for_each(|&i| here[i] = true);
    let net = |i: usize| leads[i].iter().filter(|l| here[l.0]).map(|l| -l.1).sum::<f64>();
    let mut keyed: Vec<(f64, usize)> = items.into_iter().map(|i| (net(i), i)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut order: Vec<usize> = keyed.into_iter().map(|(_, i)| i).collect();
    let mut line = Line::new(&order, n);
    for _ in 0..SWEEPS {
        let mut moved = false;
        for &item in &order {
            let mut links: Vec<(f64, usize, f64)> =
                leads[item].iter().filter(|l| here[l.0]).map(|&(j, lead)| (line.key[j], j, lead)).collect();
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
                moved = true;
            }
        }
        order = line.order();
        if !moved {
            break;
        }
    }
    order
}

/// Items in a line, with keys that ascend along it.
struct Line {
    /// By item; the last entry stands before the first and behind the last.
    next: Vec<usize>,
    previous: Vec<usize>,
    key: Vec<f64>,
}

impl Line {
    /// Of some of `n` items.
    fn new(order: &[usize], n: usize) -> Self {
        let (mut next, mut previous) = (vec![n; n + 1], vec![n; n + 1]);
        let mut last = n;
        for &i in order {
            (next[last], previous[i]) = (i, last);
            last = i;
        }
        (next[last], previous[n]) = (n, last);
        let mut line = Self { next, previous, key: vec![0.0; n + 1] };
        line.number();
        line
    }

    fn order(&self) -> Vec<usize> {
        let end = self.key.len() - 1;
        let along = |i: &usize| Some(self.next[*i]).filter(|&i| i != end);
        std::iter::successors(along(&end), along).collect()
    }

    fn number(&mut self) {
        self.order().into_iter().enumerate().for_each(|(k, i)| self.key[i] = k as f64);
    }

    /// Puts an item next to another: behind it, or before.
    fn put(&mut self, item: usize, beside: usize, behind: bool) {
        let end = self.key.len() - 1;
        let (a, b) = (self.previous[item], self.next[item]);
        (self.next[a], self.previous[b]) = (b, a);
        let (a, b) = if behind { (beside, self.next[beside]) } else { (self.previous[beside], beside) };
        (self.next[a], self.previous[item]) = (item, a);
        (self.next[item], self.previous[b]) = (b, item);
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
