//! What is kept of a run so that its behaviour can be told at any time: windows that double in length.
//!
//! The loop samples the last iterate at steps that are spread evenly in the logarithm of time, and sums up what it
//! sees in windows, a few to each factor of two. A [`Span`] joins the windows of `(T / 2^(k+1), T / 2^k]`: the same
//! questions can then be asked of the last half of the run, of the quarter before it, and so on, whatever its length.

use std::ops::Range;

use super::SHORTER;

/// Windows to a factor of two in time, and samples in each of them: for small shapes.
const FINE: (u32, u32) = (4, 8);
/// The same for shapes of more than [`SMALL`] entries, where a look costs as much as a step.
const COARSE: (u32, u32) = (2, 8);
const SMALL: u64 = 4096;
/// Factors of two that are kept of a large shape, so that a million contexts fit into memory.
const KEPT_OF_LARGE: u32 = 6;

/// What one context showed in one window.
#[derive(Clone, Copy, Debug)]
struct Window {
    samples: u32,
    /// Local maxima of the gap.
    peaks: u32,
    gap_max: f64,
    gap_min: f64,
    gap_sum: f64,
    distance_max: f64,
    distance_min: f64,
    /// L1 distances between one look and the next.
    moved: f64,
    /// The same for the logarithms, largest entry.
    moved_log: f64,
}

impl Window {
    const EMPTY: Self = Self {
        samples: 0,
        peaks: 0,
        gap_max: f64::NEG_INFINITY,
        gap_min: f64::INFINITY,
        gap_sum: 0.0,
        distance_max: f64::NEG_INFINITY,
        distance_min: f64::INFINITY,
        moved: 0.0,
        moved_log: 0.0,
    };

    fn join(&mut self, other: &Self) {
        self.samples += other.samples;
        self.peaks += other.peaks;
        self.gap_max = self.gap_max.max(other.gap_max);
        self.gap_min = self.gap_min.min(other.gap_min);
        self.gap_sum += other.gap_sum;
        self.distance_max = self.distance_max.max(other.distance_max);
        self.distance_min = self.distance_min.min(other.distance_min);
        self.moved += other.moved;
        self.moved_log += other.moved_log;
    }
}

/// The samples at one context within `(T / 2^(k+1), T / 2^k]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Local maxima of the gap.
    pub(super) peaks: u32,
    pub(super) gap_max: f64,
    pub(super) gap_min: f64,
    pub(super) gap_mean: f64,
    /// Distance to the equilibrium: KL(pi* || pi), or the gap where the equilibrium is not known.
    pub(super) distance_max: f64,
    pub(super) distance_min: f64,
    /// Sum of the L1 distances between one look and the next: at most the length of the path.
    pub(super) moved: f64,
    /// The same for the logarithms, largest entry.
    pub(super) moved_log: f64,
}

/// What one look at one context sees.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The gap by which the method is judged.
    pub gap: f64,
    /// Distance to the equilibrium; the gap where it is not known.
    pub distance: f64,
    /// L1 distance to the equilibrium; the gap, which is at most that, where it is not known.
    pub apart: f64,
    /// L1 distance from the policy at the look before.
    pub moved: f64,
    /// Largest change of a log-probability since the look before.
    pub moved_log: f64,
}

/// Two gaps before, for finding local maxima, and the last look.
#[derive(Clone, Copy, Debug)]
struct Recent {
    before: f64,
    last: Look,
    start: f64,
}

/// The samples at all contexts, and the movement of every step.
#[derive(Clone, Debug)]
pub struct Evidence {
    per_octave: u32,
    samples: u32,
    /// Windows kept of each context.
    slots: usize,
    windows: Vec<Window>,
    recent: Vec<Recent>,
    /// Steps and movement in each window, over all contexts.
    paces: Vec<(u64, f64)>,
    /// Number of the window at work.
    at: usize,
    step: u64,
    looked: u64,
    next: u64,
}

impl Evidence {
    /// Windows to a factor of two, samples in each, and windows kept of each context, in a run of at most `steps` steps.
    fn layout(entries: u64, steps: u64) -> (u32, u32, u32) {
        let large = entries > SMALL;
        let (per_octave, samples) = if large { COARSE } else { FINE };
        let octaves = steps.max(1).ilog2() + 2;
        let octaves = if large { octaves.min(KEPT_OF_LARGE) } else { octaves };
        (per_octave, samples, octaves * per_octave)
    }

    /// Bytes that are kept of a run of at most `steps` steps on a shape of so many contexts and entries.
    #[must_use]
    pub fn bytes(contexts: u64, entries: u64, steps: u64) -> u64 {
        let (.., slots) = Self::layout(entries, steps);
        let of_a_context = u64::from(slots) * size_of::<Window>() as u64 + size_of::<Recent>() as u64;
        contexts.saturating_mul(of_a_context)
    }

    /// For a run of at most `steps` steps: of so many contexts, which are all of a shape of `entries` entries, a part of it, or (0)
    /// none, where only the movement of every step is kept.
    #[must_use]
    pub fn new(contexts: usize, entries: u64, steps: u64) -> Self {
        let (per_octave, samples, slots) = Self::layout(entries, steps);
        let slots = slots as usize;
        let none = Look { gap: f64::NAN, distance: f64::NAN, apart: f64::NAN, moved: 0.0, moved_log: 0.0 };
        Self {
            per_octave,
            samples,
            slots,
            windows: vec![Window::EMPTY; slots * contexts],
            recent: vec![Recent { before: f64::NAN, last: none, start: f64::NAN }; contexts],
            paces: vec![(0, 0.0); slots],
            at: 0,
            step: 0,
            looked: 0,
            next: 0,
        }
    }

    fn number(&self, step: u64) -> usize {
        (f64::from(self.per_octave) * (step.max(1) as f64).log2() + 1e-9) as usize
    }

    /// Begins the windows up to that of `step`.
    #[inline]
    fn advance(&mut self, step: u64) {
        let number = self.number(step);
        while self.at < number {
            self.at += 1;
            let slot = self.at % self.slots;
            self.paces[slot] = (0, 0.0);
            self.windows.iter_mut().skip(slot).step_by(self.slots).for_each(|w| *w = Window::EMPTY);
        }
    }

    /// Adds the movement of a step, mean over the contexts; whether it is time to look.
    #[inline]
    pub fn add(&mut self, step: u64, moved: f64) -> bool {
        self.step = step;
        let due = step >= self.next;
        if due {
            self.advance(step);
            self.looked = step;
            let ahead =
                (step as f64 * (1.0 / f64::from(self.per_octave * self.samples)).exp2()).ceil() as u64;
            self.next = ahead.max(step + 1);
        }
        let pace = &mut self.paces[self.at % self.slots];
        pace.0 += 1;
        pace.1 += moved;
        due
    }

    /// Ends the run: whether the last step is still to be looked at.
    pub fn end(&mut self) -> bool {
        let due = self.looked < self.step;
        if due {
            self.advance(self.step);
            self.looked = self.step;
        }
        due
    }

    /// Takes in what a look at context `x` sees after the last step added.
    pub fn look(&mut self, x: usize, look: Look) {
        let recent = &mut self.recent[x];
        let window = &mut self.windows[x * self.slots + self.at % self.slots];
        if recent.start.is_nan() {
            recent.start = look.gap;
        }
        let peak = recent.last.gap > recent.before && recent.last.gap >= look.gap;
        window.join(&Window {
            samples: 1,
            peaks: u32::from(peak),
            gap_max: look.gap,
            gap_min: look.gap,
            gap_sum: look.gap,
            distance_max: look.distance,
            distance_min: look.distance,
            moved: look.moved,
            moved_log: look.moved_log,
        });
        recent.before = recent.last.gap;
        recent.last = look;
    }

    /// Steps done.
    pub(super) fn steps(&self) -> u64 {
        self.step
    }

    pub(super) fn contexts(&self) -> usize {
        self.recent.len()
    }

    /// The gap of a context at the start, and at the last look.
    pub(super) fn ends(&self, x: usize) -> (f64, f64) {
        (self.recent[x].start, self.recent[x].last.gap)
    }

    /// The L1 distance of a context to its equilibrium at the last look.
    pub(super) fn apart(&self, x: usize) -> f64 {
        self.recent[x].last.apart
    }

    /// The last `n` windows of context `x` that hold a look, joined.
    pub(super) fn last_windows(&self, x: usize, n: usize) -> Option<Span> {
        let filled = (0..self.slots.min(self.at + 1)).filter(|back| self.window(x, *back).samples > 0);
        self.joined(x, filled.take(n))
    }

    /// The samples within `(T / 2^(k+1), T / 2^k]`; `None` if there is none, or if they are kept no longer.
    pub(super) fn span(&self, x: usize, k: u32) -> Option<Span> {
        self.joined(x, self.windows_within(k)?)
    }

    /// The windows of `(T / 2^(k+1), T / 2^k]`, counted back from the last; `None` if they are kept no longer.
    fn windows_within(&self, k: u32) -> Option<Range<usize>> {
        let (first, n) = ((k * self.per_octave) as usize, self.per_octave as usize);
        (first + n <= self.slots.min(self.at + 1)).then_some(first..first + n)
    }

    /// Mean L1 movement in a step within `(T / 2^(k+1), T / 2^k]`, over all contexts; NaN if it is kept no longer.
    pub(super) fn pace(&self, k: u32) -> f64 {
        let windows = self.windows_within(k).unwrap_or(0..0);
        let (steps, path) = windows.fold((0, 0.0), |(steps, path), back| {
            let (s, p) = self.paces[(self.at - back) % self.slots];
            (steps + s, path + p)
        });
        if steps > 0 { path / steps as f64 } else { f64::NAN }
    }

    /// Whether steps have become ever shorter over the last three factors of two of time.
    #[must_use]
    pub fn is_slowing(&self) -> bool {
        self.pace(0) <= SHORTER.powi(3) * self.pace(3)
    }

    fn window(&self, x: usize, back: usize) -> &Window {
        &self.windows[x * self.slots + (self.at - back) % self.slots]
    }

    fn joined(&self, x: usize, back: impl Iterator<Item = usize>) -> Option<Span> {
        let mut all = Window::EMPTY;
        back.for_each(|back| all.join(self.window(x, back)));
        (all.samples > 0).then(|| Span {
            peaks: all.peaks,
            gap_max: all.gap_max,
            gap_min: all.gap_min,
            gap_mean: all.gap_sum / f64::from(all.samples),
            distance_max: all.distance_max,
            distance_min: all.distance_min,
            moved: all.moved,
            moved_log: all.moved_log,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_that_are_told_are_those_that_are_kept() {
        for (contexts, actions) in [(1, 3), (1, 5000), (100, 2), (3000, 2)] {
            for steps in [1, 100, 1_000_000] {
                let entries = (contexts * actions) as u64;
                let kept = Evidence::new(contexts, entries, steps);
                let bytes = size_of_val(&kept.windows[..]) + size_of_val(&kept.recent[..]);
                assert_eq!(Evidence::bytes(contexts as u64, entries, steps), bytes as u64);
            }
        }
    }
}
