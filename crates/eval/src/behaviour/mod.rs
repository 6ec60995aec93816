//! What the last iterate did, in a word that a longer run must not contradict.
//!
//! A word is given to each context by itself, from what was seen and from what theory says of the method at the
//! equilibrium ([`LocalTheory`]). Let `T` be the steps done, `g` the gap by which the method is judged, `D = KL(pi* || pi)`
//! the distance to the equilibrium, `m` the modulus of the slowest local multiplier, `N = 1 / |1 - m|`.
//!
//! | word | is said when |
//! |---|---|
//! | starts-at-equilibrium | `g` was at most [`close`] at the start, and at every sample since |
//! | converged | `g` is at most [`close`] and stayed there, or falls through it |
//! | stalled | the policy is unmoved, logarithms too; or what it still travels is less than its distance, after 20 `N` steps where `m < 1` |
//! | converging | `D` and `g` fall in every factor of two of time, and do not flatten; a method that does not stand still at the equilibrium must take ever shorter steps |
//! | cycling | `m > 1`, and it moves; or `m < 1`, and `D` has not fallen in 20 `N` steps; or, without theory, neither `D` nor `g` falls, and `g` rose and fell several times |
//! | noisy | sampled feedback, and the mean of `g` no longer falls, after 5 `N` steps where `m < 1` and away from that of the start without theory: a floor, told with its interval |
//! | undecided | none of these, with the steps after which theory decides it, where there is theory |
//!
//! The remaining path is estimated from the ratio `r` of the ways travelled in the last two factors of two: `r / (1 - r)`
//! times the last of them. A run whose L1 distance to the only equilibrium is four times the path that is left does not get
//! there; where there may be several equilibria the duality gap stands for the distance, which it bounds from below
//! (`|K| <= 1/2`, two players).

mod evidence;
mod floor;

use std::collections::BTreeMap;

use equipoise_records::schema::{Judgement, NoiseFloor};
use equipoise_records::{Behaviour, CONVERGED};

use evidence::Span;
pub use evidence::{Evidence, Look};
pub use floor::{Batches, Floor, student};

/// Steps without which nothing is held against a method.
const ENOUGH: u64 = 64;
/// A fall that counts: the share to which the largest gap falls in a factor of two of time.
const PROGRESS: f64 = 0.9;
/// A level that is held: up to this share of it.
const LEVEL: f64 = 0.98;
/// A modulus closer to 1 than this tells neither: what rounding leaves of it.
const MARGINAL: f64 = 1e-11;
/// Time constants that theory needs to hold it against a method that it does not approach.
const CONSTANTS: f64 = 20.0;
/// Time constants after which a level that is held is no stretch of the way there: a hundredth of that is left.
const ARRIVING: f64 = 5.0;
/// Steps are getting shorter if they do so by this share in a factor of two of time; those of `1 / sqrt t` do by 0.71.
const SHORTER: f64 = 0.85;
/// Largest change of logarithms, against their size, that rounding explains in half a run at rest.
const AT_REST: f64 = 1e-12;

/// A mean gap within this share of that at the start is no floor: the run has hardly moved.
const HARDLY_LEFT: f64 = 0.1;
/// Gap, against the largest that the game can have, that is none.
const RELATIVE: f64 = 1e-6;

/// The gap up to which a policy counts as an equilibrium of a game: [`CONVERGED`], and less where the largest gap that a policy
/// can have, twice the largest margin, is not far above that.
#[must_use]
pub const fn close(largest_margin: f64) -> f64 {
    CONVERGED.min(RELATIVE * 2.0 * largest_margin)
}

/// What is known of a method at the equilibrium of one context.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LocalTheory {
    /// Modulus of the slowest multiplier per step of the distance to the equilibrium, where the theory holds.
    pub modulus: Option<f64>,
    /// Whether the equilibrium is known to be the only one, so that the distance to it must vanish.
    pub unique: bool,
    /// Whether the equilibrium is one action, strictly better than every other: feedback has no noise there.
    pub strict: bool,
}

/// What a run is judged by, beside what it did.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// A context each; empty where nothing is known.
    pub theory: &'a [LocalTheory],
    /// Whether the method stands still at the equilibrium of the game that it aims at; `None` if that is not known.
    pub fixed_at_equilibrium: Option<bool>,
    /// Whether feedback is sampled.
    pub noisy: bool,
    /// Steps of an outer iteration of the method: at rest for less says nothing.
    pub period: u64,
    /// The gap that was judged, by name.
    pub metric: &'static str,
    /// The gap up to which a policy counts as an equilibrium: [`close`].
    pub close: f64,
    /// The gap of every step, mean over the contexts.
    pub batches: &'a Batches,
    /// Whether steps become ever shorter: [`Evidence::is_slowing`] of all contexts.
    pub slowing: bool,
}

/// A word on one context, with its reason.
#[derive(Clone, Copy, Debug)]
struct Word {
    behaviour: Behaviour,
    reason: &'static str,
    decided_after: Option<u64>,
}

const fn word(behaviour: Behaviour, reason: &'static str) -> Word {
    Word { behaviour, reason, decided_after: None }
}

/// The words on some contexts of a run that ended without breaking down: how many of each there are, and the one that fares worst.
#[derive(Clone, Debug, Default)]
pub struct Words {
    counts: BTreeMap<Behaviour, u64>,
    worst: Option<Word>,
}

impl Words {
    /// The words on the contexts of `evidence`.
    #[must_use]
    pub fn of(evidence: &Evidence, around: &Circumstances<'_>) -> Self {
        let mut words = Self::default();
        for x in 0..evidence.contexts() {
            let theory = around.theory.get(x).copied().unwrap_or_default();
            let own = Context { evidence, x, theory, around }.word();
            *words.counts.entry(own.behaviour).or_default() += 1;
            words.weigh(own);
        }
        words
    }

    /// Keeps the worse of two words, the first of equal ones.
    fn weigh(&mut self, other: Word) {
        let worse = |w: &Word| {
            let (old, new) = (severity(w.behaviour), severity(other.behaviour));
            new > old || new == old && other.decided_after > w.decided_after
        };
        if self.worst.as_ref().is_none_or(worse) {
            self.worst = Some(other);
        }
    }

    /// Adds the words on contexts that come after these.
    #[must_use]
    pub fn join(mut self, later: Self) -> Self {
        for (behaviour, count) in later.counts {
            *self.counts.entry(behaviour).or_default() += count;
        }
        if let Some(word) = later.worst {
            self.weigh(word);
        }
        self
    }

    /// The verdict on the run: over several contexts its word is that of the context that fares worst, and the judgement counts the
    /// contexts of each word.
    ///
    /// # Panics
    /// If there is no context.
    #[must_use]
    pub fn verdict(self, around: &Circumstances<'_>) -> (Behaviour, Judgement) {
        let Word { behaviour, reason, decided_after } = self.worst.expect("a game has a context");
        let floor = if behaviour == Behaviour::Noisy { around.batches.floor(0) } else { None };
        let floor = floor.map(|floor| NoiseFloor {
            metric: around.metric.to_owned(),
            mean: floor.mean,
            low: floor.interval.0,
            high: floor.interval.1,
            steps: floor.steps,
        });
        let several = self.counts.values().sum::<u64>() > 1;
        let contexts = if several { self.counts } else { BTreeMap::new() };
        (behaviour, Judgement { reason: reason.to_owned(), decided_after, floor, contexts })
    }
}

/// Which context speaks for a run: the one that fares worst.
fn severity(behaviour: Behaviour) -> u8 {
    match behaviour {
        Behaviour::StartsAtEquilibrium => 0,
        Behaviour::Converged | Behaviour::Finished => 1,
        Behaviour::TargetReached => 2,
        Behaviour::Converging => 3,
        Behaviour::Undecided => 4,
        Behaviour::Noisy => 5,
        Behaviour::Stalled => 6,
        Behaviour::Cycling => 7,
        Behaviour::Diverged => 8,
    }
}

/// One context of a run.
struct Context<'a> {
    evidence: &'a Evidence,
    x: usize,
    theory: LocalTheory,
    around: &'a Circumstances<'a>,
}

impl Context<'_> {
    fn span(&self, k: u32) -> Option<Span> {
        self.evidence.span(self.x, k)
    }

    fn word(&self) -> Word {
        let (start, gap) = self.evidence.ends(self.x);
        let steps = self.evidence.steps();
        let Some(last) = self.span(0).or_else(|| self.evidence.last_windows(self.x, usize::MAX)) else {
            return word(Behaviour::Undecided, "nothing was seen of it");
        };
        let whole = self.evidence.last_windows(self.x, usize::MAX).map_or(last.gap_max, |all| all.gap_max);
        let close = self.around.close;
        if start <= close && whole <= close {
            return word(Behaviour::StartsAtEquilibrium, "it starts at an equilibrium and has not left it");
        }
        if gap <= close && (self.stays_below() || self.falls(2)) {
            let reason = if close < CONVERGED {
                "its gap is at most a millionth of the largest of this game, and stays there"
            } else {
                "its gap is at most 1e-10, and stays there"
            };
            return word(Behaviour::Converged, reason);
        }
        if self.around.noisy {
            return self.noisy_word(steps, gap);
        }
        let enough = steps >= ENOUGH.max(4 * self.around.period);
        if enough && last.moved_log <= AT_REST {
            return word(
                Behaviour::Stalled,
                "it is at rest: its policy has not moved in the last half of the steps",
            );
        }
        match self.theory.modulus {
            Some(m) if m > 1.0 + MARGINAL => self.repelled(steps, m, &last),
            Some(m) if m < 1.0 - MARGINAL => self.attracted(steps, m, gap, &last),
            _ => self.unknown(steps, gap, &last),
        }
    }

    /// Whether the gap was at most [`close`] at every sample of the last quarter of a factor of two.
    fn stays_below(&self) -> bool {
        self.evidence.last_windows(self.x, 2).is_some_and(|w| w.gap_max <= self.around.close)
    }

    /// Whether the distance fell in each of the last `n` windows that hold a sample.
    fn falls(&self, n: usize) -> bool {
        let far = |k| self.evidence.last_windows(self.x, k).map_or(f64::INFINITY, |w| w.gap_max);
        (1..=n).all(|k| far(k) < far(k + 1))
    }

    /// The equilibrium repels, whatever is seen: the run ends at another place or at none.
    fn repelled(&self, steps: u64, m: f64, last: &Span) -> Word {
        let receding = self.span(1).is_some_and(|before| last.distance_max >= before.distance_max);
        if steps >= ENOUGH && last.moved >= last.gap_min && (receding || steps as f64 >= 1.0 / (m - 1.0)) {
            let reason = "it keeps moving, and the equilibrium repels it (local theory: a factor above 1)";
            return word(Behaviour::Cycling, reason);
        }
        self.undecided(steps, Some(1.0 / (m - 1.0)))
    }

    /// The equilibrium attracts what is close enough to it.
    fn attracted(&self, steps: u64, m: f64, gap: f64, last: &Span) -> Word {
        let needed = CONSTANTS / (1.0 - m);
        let enough = steps >= ENOUGH && steps as f64 >= needed;
        // before, only a faster mode may have come to rest
        if enough && let Some(word) = self.stopped(steps, gap) {
            return word;
        }
        let approaching = self.approaching();
        if self.around.fixed_at_equilibrium != Some(false) {
            if approaching {
                return word(
                    Behaviour::Converging,
                    "its distance to the equilibrium falls, which attracts it by local theory",
                );
            }
            if enough && !self.still_falls() {
                let reason =
                    "it does not come closer, though local theory has the equilibrium attract what is near";
                let moving = last.moved >= last.gap_min;
                return word(if moving { Behaviour::Cycling } else { Behaviour::Stalled }, reason);
            }
        }
        self.undecided(steps, Some(needed))
    }

    /// Whether the distance fell in the last three factors of two, at no falling pace. Where there may be several equilibria
    /// the gap stands for the distance to all of them.
    fn approaching(&self) -> bool {
        let spans = [0, 1, 2].map(|k| self.span(k));
        let [Some(now), Some(before), Some(earlier)] = spans else { return false };
        let falls = |of: fn(&Span) -> f64| {
            let (last, previous) = ((of(&before) / of(&now)).ln(), (of(&earlier) / of(&before)).ln());
            previous > 0.0 && last >= 0.5 * previous
        };
        let lows = now.distance_min < before.distance_min && before.distance_min < earlier.distance_min;
        if self.theory.unique {
            falls(|s| s.distance_max) && lows
        } else {
            falls(|s| s.gap_max) && now.distance_max <= before.distance_max
        }
    }

    /// Whether the distance or the gap still falls, however slowly.
    fn still_falls(&self) -> bool {
        let (Some(now), Some(before)) = (self.span(0), self.span(1)) else { return true };
        now.distance_max < before.distance_max && now.distance_min < before.distance_min
            || !self.theory.unique && now.gap_max < PROGRESS * before.gap_max
    }

    /// Said where the path that is left is too short for the gap to vanish.
    fn stopped(&self, steps: u64, gap: f64) -> Option<Word> {
        let [Some(now), Some(before), Some(earlier)] = [0, 1, 2].map(|k| self.span(k)) else { return None };
        if steps < ENOUGH.max(8 * self.around.period) {
            return None;
        }
        let left = |now: f64, before: f64, earlier: f64| {
            let ratio = (now / before).max(before / earlier);
            if ratio < 0.5 { now * ratio / (1.0 - ratio) } else { f64::INFINITY }
        };
        let path = left(now.moved, before.moved, earlier.moved);
        let logs = left(now.moved_log, before.moved_log, earlier.moved_log);
        let far = if self.theory.unique { self.evidence.apart(self.x).max(gap) } else { gap };
        (4.0 * path < far && logs < 0.1).then(|| {
            word(
                Behaviour::Stalled,
                "it comes to rest beside the equilibrium: the path left is shorter than its distance",
            )
        })
    }

    /// No theory: both the gap and the distance must agree.
    fn unknown(&self, steps: u64, gap: f64, last: &Span) -> Word {
        if let Some(word) = self.stopped(steps, gap) {
            return word;
        }
        let [Some(a), Some(b), Some(c), Some(d), Some(e)] = [0, 1, 2, 3, 4].map(|k| self.span(k)) else {
            return self.undecided(steps, None);
        };
        let spans = [a, b, c, d, e];
        if steps < ENOUGH {
            return self.undecided(steps, None);
        }
        let fall = |k: usize| (spans[k + 1].gap_max / spans[k].gap_max).ln();
        let steady = fall(0) >= -PROGRESS.ln() && fall(1) >= -PROGRESS.ln() && fall(2) > 0.0 && fall(3) > 0.0;
        let flattens = fall(0) < 0.5 * fall(1);
        let closer = (0..2).all(|k| spans[k].distance_max <= spans[k + 1].distance_max);
        // a power of time, not the approach to a point beside the equilibrium
        let by_power = || {
            (0..3).all(|k| fall(k) <= 1.4 * fall(k + 1) && fall(k) >= 0.6 * fall(k + 1))
                && self.around.slowing
        };
        if steady && !flattens && closer && (self.around.fixed_at_equilibrium != Some(false) || by_power()) {
            return word(Behaviour::Converging, "its gap falls steadily in every factor of two of time");
        }
        // two factors of two against the two before: single ones fluctuate with the phase of a cycle
        let pair = |of: fn(&Span) -> f64, join: fn(f64, f64) -> f64, k: usize| {
            join(of(&spans[k]), of(&spans[k + 1]))
        };
        let away = pair(|s| s.distance_max, f64::max, 0) >= LEVEL * pair(|s| s.distance_max, f64::max, 2)
            && pair(|s| s.distance_min, f64::min, 0) >= PROGRESS * pair(|s| s.distance_min, f64::min, 2);
        let falling = (0..3).all(|k| spans[k].distance_max < spans[k + 1].distance_max);
        let level = spans[0].gap_max >= PROGRESS * pair(|s| s.gap_max, f64::max, 1);
        let keeps_moving = last.moved >= 0.5 * spans[1].moved && last.moved >= last.gap_min;
        if away && !falling && level && keeps_moving && spans[0].peaks + spans[1].peaks >= 3 {
            return word(
                Behaviour::Cycling,
                "it keeps moving, its gap rises and falls, and it comes no closer",
            );
        }
        self.undecided(steps, None)
    }

    fn undecided(&self, steps: u64, needed: Option<f64>) -> Word {
        let decided_after =
            needed.map(|n| n.max(ENOUGH as f64).ceil()).filter(|n| *n > steps as f64 && *n < 1e18);
        Word {
            decided_after: decided_after.map(|n| n as u64),
            ..word(Behaviour::Undecided, "too slow to judge after so many steps")
        }
    }

    /// Sampled feedback: a floor is told only once the mean of the gap no longer falls.
    fn noisy_word(&self, steps: u64, gap: f64) -> Word {
        let [Some(a), Some(b), Some(c), Some(d)] = [0, 1, 2, 3].map(|k| self.span(k)) else {
            return self.undecided(steps, None);
        };
        let spans = [a, b, c, d];
        if steps < ENOUGH {
            return self.undecided(steps, None);
        }
        let fall = |k: usize| (spans[k + 1].gap_mean / spans[k].gap_mean).ln();
        let falls = |least: f64| (0..3).all(|k| fall(k) >= least);
        if self.theory.strict && falls(0.1) && gap < 0.5 * spans[1].gap_mean {
            return word(
                Behaviour::Converging,
                "its gap falls, and feedback has no noise at the equilibrium",
            );
        }
        // a slow method is level for long before it has gone anywhere
        if let Some(m) = self.theory.modulus.filter(|m| *m < 1.0 && steps as f64 * (1.0 - m) < ARRIVING) {
            return self.undecided(steps, Some(ARRIVING / (1.0 - m)));
        }
        // a method with a multiplier has steps of one length; others may take ever shorter ones
        let pace = |k: u32| self.evidence.pace(k) / self.evidence.pace(k + 1);
        let shorter = self.theory.modulus.is_none() && pace(0) * pace(1) * pace(2) <= SHORTER.powi(3);
        if shorter {
            let by_power = (0..3).all(|k| (0.05..=1.5).contains(&fall(k)));
            if by_power && (0..3).all(|k| pace(k) <= SHORTER) {
                let reason =
                    "its steps get shorter and its gap falls steadily, through the noise of its feedback";
                return word(Behaviour::Converging, reason);
            }
            return self.undecided(steps, None);
        }
        // twenty time constants into the second half nothing is left of the way there
        let arrived =
            self.theory.modulus.is_some_and(|m| m < 1.0 && steps as f64 * (1.0 - m) >= 2.0 * CONSTANTS);
        // single samples are noisy: the means of whole stretches, with their intervals, decide where there is one context
        let level = match (self.around.batches.floor(0), self.around.batches.floor(1)) {
            (Some(now), Some(before)) if self.evidence.contexts() == 1 => {
                now.mean >= 0.8 * before.mean
                    || now.interval.1 >= before.interval.0 && now.mean >= 0.6 * before.mean
            }
            _ => fall(0) < 0.25 && fall(1) < 0.5,
        };
        let (start, _) = self.evidence.ends(self.x);
        let hardly_left = self.theory.modulus.is_none() && (a.gap_mean - start).abs() <= HARDLY_LEFT * start;
        if hardly_left && start > self.around.close {
            return self.undecided(steps, None);
        }
        if level || arrived {
            word(
                Behaviour::Noisy,
                "its gap no longer falls: a floor set by the noise of its feedback, or a cycle behind it",
            )
        } else {
            Word {
                reason: "still falling under sampled feedback: no floor yet",
                ..self.undecided(steps, None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up run: the gap and the distance after each step, and how far it moved (L1, and in logarithms).
    struct Made<'a> {
        steps: u64,
        gap: &'a dyn Fn(f64) -> f64,
        distance: &'a dyn Fn(f64) -> f64,
        moved: f64,
        noisy: bool,
        theory: LocalTheory,
        fixed: Option<bool>,
    }

    fn told(made: &Made<'_>) -> (Behaviour, Judgement) {
        let mut evidence = Evidence::new(1, 3, made.steps);
        let mut batches = Batches::default();
        let mut since = 0;
        for t in 0..=made.steps {
            let gap = (made.gap)(t as f64);
            if t > 0 {
                batches.add(gap);
            }
            if evidence.add(t, made.moved) {
                let moved = made.moved * (t - since) as f64;
                since = t;
                let distance = (made.distance)(t as f64);
                evidence.look(0, Look { gap, distance, apart: gap, moved: moved.min(1.0), moved_log: moved });
            }
        }
        let theory = [made.theory];
        let around = Circumstances {
            theory: &theory,
            fixed_at_equilibrium: made.fixed,
            noisy: made.noisy,
            period: 1,
            metric: "duality_gap",
            close: CONVERGED,
            batches: &batches,
            slowing: evidence.is_slowing(),
        };
        Words::of(&evidence, &around).verdict(&around)
    }

    const UNIQUE: LocalTheory = LocalTheory { modulus: None, unique: true, strict: false };

    fn exact<'a>(steps: u64, gap: &'a dyn Fn(f64) -> f64, moved: f64) -> Made<'a> {
        Made { steps, gap, distance: gap, moved, noisy: false, theory: UNIQUE, fixed: None }
    }

    #[test]
    fn words_of_plain_series() {
        let word = |made: Made<'_>| told(&made).0;
        assert_eq!(word(exact(1000, &|t| (-t / 10.0).exp(), 0.01)), Behaviour::Converged);
        assert_eq!(word(exact(1000, &|t| 1.0 / (1.0 + t), 0.01)), Behaviour::Converging);
        assert_eq!(word(exact(1000, &|t| (1.0 + t).powf(-0.5), 0.01)), Behaviour::Converging);
        assert_eq!(word(exact(1000, &|t| 0.3 + 0.1 * t.sin(), 0.5)), Behaviour::Cycling);
        assert_eq!(word(exact(1000, &|_| 0.05, 0.0)), Behaviour::Stalled);
        assert_eq!(word(exact(1000, &|_| 1e-14, 0.0)), Behaviour::StartsAtEquilibrium);
        assert_eq!(word(exact(20, &|_| 0.3, 0.1)), Behaviour::Undecided);
        // it dips to the equilibrium once: no word for a moment
        assert_ne!(word(exact(1000, &|t| if t == 1000.0 { 1e-12 } else { 0.3 }, 0.1)), Behaviour::Converged);
    }

    /// A rotation that closes in too slowly to see in the gap, which theory knows.
    #[test]
    fn slow_is_neither_cycling_nor_stalled() {
        let gap = |t: f64| 0.1 + 0.05 * (t / 40.0).sin();
        let slow = |t: f64| 1.0 - 1e-7 * t;
        let theory = LocalTheory { modulus: Some(1.0 - 5e-8), unique: true, strict: false };
        let made = Made { distance: &slow, theory, ..exact(20_000, &gap, 0.01) };
        assert_eq!(told(&made).0, Behaviour::Converging);
        // as long as the distance does not show it, theory only says when it would
        let made = Made { distance: &gap, theory, ..exact(20_000, &gap, 0.01) };
        let (word, judgement) = told(&made);
        assert_eq!((word, judgement.decided_after), (Behaviour::Undecided, Some(400_000_000)));
        // an equilibrium that repels decides it at once
        let theory = LocalTheory { modulus: Some(1.0 + 1e-6), ..theory };
        let made = Made { distance: &|t| 1.0 + 1e-7 * t, theory, ..exact(20_000, &gap, 0.01) };
        assert_eq!(told(&made).0, Behaviour::Cycling);
    }

    /// A method with another fixed point is not said to converge while its gap falls towards a floor.
    #[test]
    fn a_bias_ahead_is_no_convergence() {
        let gap = |t: f64| 1e-3 + 0.5 * (-t / 200.0).exp();
        let theory = LocalTheory { modulus: Some(1.0 - 1.0 / 200.0), ..UNIQUE };
        for steps in [100, 400, 1000] {
            let made = Made { theory, fixed: Some(false), ..exact(steps, &gap, 0.01) };
            assert_eq!(told(&made).0, Behaviour::Undecided, "{steps}");
        }
    }

    #[test]
    fn a_noise_floor_is_told_with_its_interval_once_it_is_reached() {
        // a deterministic stand-in for noise: a sum of incommensurable waves
        let wave = |t: f64| (t * 2.1).sin() * (t * 0.77).cos();
        let gap = move |t: f64| 0.02 * (1.0 + 0.5 * wave(t)) + 0.5 * (-t / 500.0).exp();
        let noisy = |steps| told(&Made { noisy: true, ..exact(steps, &gap, 0.01) });
        let (word, judgement) = noisy(1500);
        assert_eq!((word, judgement.floor), (Behaviour::Undecided, None));
        let (word, judgement) = noisy(100_000);
        let floor = judgement.floor.expect("a noisy run has a floor");
        assert_eq!(word, Behaviour::Noisy);
        assert!(floor.low <= 0.02 && 0.02 <= floor.high && floor.high - floor.low < 0.002, "{floor:?}");
    }

    #[test]
    fn of_several_contexts_the_worst_speaks_and_all_are_counted() {
        let steps = 2000;
        let mut evidence = Evidence::new(3, 6, steps);
        let batches = Batches::default();
        for t in 0..=steps {
            if evidence.add(t, 0.1) {
                let t = t as f64;
                for (x, gap) in
                    [(-t / 20.0).exp(), 1.0 / (1.0 + t), 0.3 + 0.1 * t.sin()].into_iter().enumerate()
                {
                    evidence.look(x, Look { gap, distance: gap, apart: gap, moved: 0.5, moved_log: 0.5 });
                }
            }
        }
        let around = Circumstances {
            theory: &[UNIQUE; 3],
            fixed_at_equilibrium: None,
            noisy: false,
            period: 1,
            metric: "duality_gap",
            close: CONVERGED,
            batches: &batches,
            slowing: evidence.is_slowing(),
        };
        let (word, judgement) = Words::of(&evidence, &around).verdict(&around);
        assert_eq!(word, Behaviour::Cycling);
        let counted = [(Behaviour::Converged, 1), (Behaviour::Converging, 1), (Behaviour::Cycling, 1)];
        assert_eq!(judgement.contexts, counted.into_iter().collect());
    }
}
