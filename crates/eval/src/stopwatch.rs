//! Time in the solver's steps, at a cost that a step of a small game does not notice.

use std::time::{Duration, Instant};

/// Shorter steps are not timed one by one: reading the clock twice takes some 50 ns.
const SHORT: Duration = Duration::from_micros(10);
/// Of short steps one in so many is timed, and its time extrapolated to the others.
const STRIDE: u32 = 16;

/// A sum of times.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    elapsed: Duration,
    /// What the last timed step took, if it stands for the next `untimed` ones.
    each: Duration,
    untimed: u32,
}

impl Stopwatch {
    /// Does `step` and adds what it took, or what the last timed one took.
    #[inline]
    pub(crate) fn time<R>(&mut self, step: impl FnOnce() -> R) -> R {
        if self.untimed > 0 {
            self.untimed -= 1;
            self.elapsed += self.each;
            return step();
        }
        let clock = Instant::now();
        let result = step();
        self.each = clock.elapsed();
        self.elapsed += self.each;
        self.untimed = if self.each < SHORT { STRIDE - 1 } else { 0 };
        result
    }

    /// The sum so far.
    #[inline]
    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_steps_are_all_timed_and_short_ones_stand_for_each_other() {
        let mut watch = Stopwatch::default();
        for _ in 0..3 {
            watch.time(|| std::thread::sleep(2 * SHORT));
        }
        assert!(watch.elapsed() >= 6 * SHORT && watch.untimed == 0);
        let mut watch = Stopwatch { each: Duration::from_nanos(70), untimed: 5, ..Stopwatch::default() };
        (0..5).for_each(|_| watch.time(|| ()));
        assert_eq!((watch.elapsed(), watch.untimed), (Duration::from_nanos(350), 0));
    }
}
