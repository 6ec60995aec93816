//! The central path of a symmetric zero-sum game, for games too large for pivoting.
//!
//! ```text
//! x > 0,  s = lambda e - K x > 0,  x_i s_i = mu,  1'x = 1
//! ```
//!
//! Since `x'Kx = 0`, `lambda = x's = n mu`: the value of the barrier problem is known, primal and dual are one problem,
//! and `2 lambda` bounds the duality gap of `x`. A predictor-corrector step (Mehrotra 1992) linearises the products:
//!
//! ```text
//! (D - K) dx + dlambda e = r / x,   1'dx = 0,   ds = dlambda e - K dx,   D = diag(s / x)
//! ```
//!
//! With `E = D^-1/2` the matrix is `E^-1 (I - E K E) E^-1`, identity plus skew, whose singular values are at least 1: it
//! is never singular. Far from the path's end they are not much larger either, and a few products solve it ([`krylov`]);
//! then one LU a step, made in `f32` as long as that serves, its solutions refined against the `f64` matrix. Solutions cost
//! little beside the LU, so a step is lengthened by correctors that centre its end (Gondzio 1996, Colombo and Gondzio 2008). Inexact
//! steps cannot leave the path's equations, because `s` is always recomputed from `x`: they only centre less well.
//!
//! Two short cuts are taken on the way. Actions that are clearly off the support are dropped, again and again; those of them that
//! win against the path's point come back, into a point that is disturbed as little as may be. And when
//! hardly an action is left between the sides `x_i > s_i` and `x_i < s_i`, [`crossover`] completes the set to an
//! equilibrium, which is one of the whole game if the dropped actions lose to it. Where either leads astray, the path of the
//! whole game goes on from where actions were dropped.
//!
//! Cost: `2/3 n^3` a step. Random games of thousands of actions take a step or two by products, some five of the whole game before
//! actions are dropped, then a dozen on fewer and fewer of them.

use crate::crossover::crossover;
use crate::dense::Lu;
use crate::krylov::minimal_residual;
use crate::margins::Margins;

// None of the constants below decides what is true: an equilibrium is accepted by its own gap, whatever path led to it,
// and where a short cut fails the path of the whole game goes on. They trade time only. What is exact about a value is
// said with it; the others are round figures.

/// Share of the way to the boundary that a step may go: the usual choice of predictor-corrector codes (0.9 to 0.9999).
/// Nearer to 1 the next step has tiny pivots, further away the last steps lose their superlinear rate.
const TO_BOUNDARY: f64 = 0.995;
/// `lambda`, relative to the scale, above which directions from `f32` are tried: about the unit roundoff of `f32`, 6e-8;
/// below, the small products `x_i s_i` are no longer resolved and the refinement fails anyway.
const SINGLE: f64 = 1e-7;
/// Relative residual of a direction that is good enough. Slacks are recomputed from `x`, so that an error of a direction only
/// costs centring: three digits are enough.
const DIRECTION: f64 = 1e-3;

/// Actions below which nothing is dropped: their LU is too cheap for a smaller one to pay.
const DROP_FROM: usize = 150;
/// An action may be dropped that loses by more than so many `lambda`: the margins of the path's point are as far from those of
/// the equilibrium as a few `lambda`, and an action that has to come back costs a step or more.
const LOSES: f64 = 100.0;
/// And whose `x_i` is below this times `s_i`: at the path's end the ratio goes to 0 off the support and to infinity on it.
const DROPPED: f64 = 1e-3;
/// Actions are dropped if they are one in so many at least: a step then costs a third less.
const MANY: usize = 8;
/// How many times larger a `lambda` a stuck path goes on from: far enough from the boundary for a full step, and no more than
/// a step or two to make good.
const FURTHER: f64 = 10.0;
/// A support shows once one action in so many stands on its side. Random games end with half of the actions in the support:
/// half of that is enough to see it; smaller supports are seen by their number changing little.
const SHARE: usize = 4;
/// Crossover is tried with one action between the sides, and one more for so many of the support: block pivoting exchanges a
/// few wrong actions, and a try that fails costs up to eight blocks.
const BETWEEN: usize = 500;
/// Times that actions may be dropped or come back, or a stuck path go on from further inside: about one change a step; a
/// game that wants more is better followed whole.
const CHANGES: usize = 20;
/// Steps between two attempts at crossover: what an attempt costs, in steps, so that failing ones about double the time.
const WAIT: usize = 2;
/// `lambda`, relative to the scale, below which a step that does not halve it is the last: the rounding of a sum of some
/// hundred margins, `sqrt n` times 1e-16, with a digit to spare.
const NEARLY_ROUNDING: f64 = 1e-14;
/// Correctors of a step: what they add shrinks from one to the next.
const CORRECTORS: usize = 6;
/// Share of the way to the boundary that needs no corrector.
const LONG: f64 = 0.98;
/// Products `x_i s_i` that a corrector leaves as they are, in units of the one aimed at, as Gondzio has them.
const CENTRED: (f64, f64) = (0.1, 10.0);
/// Share of the lengthening aimed at that a corrector must reach to be taken.
const LENGTHENS: f64 = 0.1;
/// Products a solution may take, one for so many actions: some six solutions a step, and an LU in `f32` costs about
/// `n / 40` products.
const PRODUCTS: usize = 256;
/// More steps than any game has been seen to need, four times over.
const STEPS: usize = 100;

/// Is told a bound on the duality gap after each step.
pub(crate) type Watch<'a> = &'a dyn Fn(f64);

/// Where the path ended.
pub(crate) enum End {
    /// The equilibrium of the game, `[n]`, found by crossover: the only one, but for rounding.
    Equilibrium(Vec<f64>),
    /// The last point of the path and its slacks, `[n]`: strictly complementary but for rounding.
    Point(Vec<f64>, Vec<f64>),
}

/// Follows the path to an equilibrium by crossover, or else until rounding stops it.
pub(crate) fn follow(k: &Margins, watch: Watch<'_>) -> End {
    let mut path = CentralPath::new(k, k.n() >= DROP_FROM);
    let mut attempts = Attempts::default();
    for _ in 0..STEPS {
        let moved = path.step();
        path.tell(watch);
        if attempts.due(&path.point) {
            match path.equilibrium() {
                Crossed::Equilibrium(policy) => return End::Equilibrium(policy),
                Crossed::Beaten => continue,
                Crossed::Nothing => (),
            }
        }
        if !moved && !path.recentre() && !path.whole_again() {
            return End::Point(path.point.x, path.point.s);
        }
        path.drop_and_return();
    }
    let (x, s) = follow_to_end(k, watch);
    End::Point(x, s)
}

/// Follows the path to rounding, without short cuts: for games whose equilibrium is known not to be unique.
pub(crate) fn follow_to_end(k: &Margins, watch: Watch<'_>) -> (Vec<f64>, Vec<f64>) {
    let mut path = CentralPath::new(k, false);
    for _ in 0..STEPS {
        if !path.step() {
            break;
        }
        path.tell(watch);
    }
    (path.point.x, path.point.s)
}

/// When crossover is worth its price, two or three steps.
#[derive(Default)]
struct Attempts {
    /// Steps to wait after an attempt.
    wait: usize,
}

impl Attempts {
    /// Whether to try now: few actions stand between the sides.
    fn due(&mut self, point: &Point) -> bool {
        let between = point.x.iter().zip(&point.s).filter(|(x, s)| (0.1..10.0).contains(&(*x / *s))).count();
        let inside = point.inside();
        let due = self.wait == 0 && inside > 0 && between <= 1 + inside / BETWEEN;
        self.wait = if due { WAIT } else { self.wait.saturating_sub(1) };
        due
    }
}

/// What crossover came to.
enum Crossed {
    /// Of the whole game.
    Equilibrium(Vec<f64>),
    /// One of the smaller game, which dropped actions beat: they are back, and the path goes on from another point.
    Beaten,
    Nothing,
}

/// The path of a game, or of the game without some of its actions.
struct CentralPath<'a> {
    whole: &'a Margins,
    /// The game between `actions`; `None` if these are all.
    smaller: Option<Margins>,
    /// Ascending.
    actions: Vec<usize>,
    point: Point,
    /// The last point of the whole game before actions were dropped.
    before: Option<Point>,
    /// Actions with `x_i > s_i` after the step before.
    inside_before: usize,
    /// Times that actions may still be dropped or come back, or a stuck path go on from further inside.
    changes: usize,
}

/// A policy of the whole game and its margins there, both `[n]`.
struct Lifted {
    x: Vec<f64>,
    margins: Vec<f64>,
}

impl<'a> CentralPath<'a> {
    /// At the uniform policy.
    fn new(whole: &'a Margins, may_drop: bool) -> Self {
        Self {
            whole,
            smaller: None,
            actions: (0..whole.n()).collect(),
            point: Point::new(whole),
            before: None,
            inside_before: 0,
            changes: if may_drop { CHANGES } else { 0 },
        }
    }

    fn margins(&self) -> &Margins {
        self.smaller.as_ref().unwrap_or(self.whole)
    }

    /// A step; false if it made no progress, as what rounding leaves of the last digits is none.
    fn step(&mut self) -> bool {
        let before = self.point.lambda;
        let moved = self.point.step(self.smaller.as_ref().unwrap_or(self.whole));
        moved && (before > NEARLY_ROUNDING || self.point.lambda <= 0.5 * before)
    }

    /// Tells how small the gap of the whole game's policy is, at most, while no dropped action wins.
    fn tell(&self, watch: Watch<'_>) {
        watch(2.0 * self.point.lambda * self.whole.scale());
    }

    /// A policy of the smaller game as one of the whole game.
    fn lift(&self, policy: &[f64]) -> Vec<f64> {
        let mut lifted = vec![0.0; self.whole.n()];
        self.actions.iter().zip(policy).for_each(|(&i, p)| lifted[i] = *p);
        lifted
    }

    /// The present point in the whole game.
    fn lifted(&self) -> Lifted {
        let x = self.lift(&self.point.x);
        Lifted { margins: self.whole.product(&x), x }
    }

    /// The equilibrium by crossover, if it is one of the whole game; dropped actions that beat it come back.
    fn equilibrium(&mut self) -> Crossed {
        let Some(found) = crossover(self.margins(), &self.point.x, &self.point.s) else {
            return Crossed::Nothing;
        };
        let policy = self.lift(&found);
        if self.smaller.is_none() {
            return Crossed::Equilibrium(policy);
        }
        let margins = self.whole.product(&policy);
        let mut kept = self.kept();
        let winners: Vec<usize> = (0..kept.len()).filter(|&i| !kept[i] && margins[i] >= 0.0).collect();
        if winners.is_empty() {
            return Crossed::Equilibrium(policy);
        }
        winners.iter().for_each(|&i| kept[i] = true);
        self.keep(&kept, None);
        Crossed::Beaten
    }

    /// Which actions are in the game, `[n]`.
    fn kept(&self) -> Vec<bool> {
        let mut kept = vec![false; self.whole.n()];
        self.actions.iter().for_each(|&i| kept[i] = true);
        kept
    }

    /// Leaves out the actions that are clearly off the support, once they are many and a support shows, and takes back those
    /// that win against the present point.
    fn drop_and_return(&mut self) {
        if self.changes == 0 {
            return;
        }
        let mut kept = self.kept();
        let lifted = self.smaller.as_ref().map(|_| self.lifted());
        if let Some(Lifted { margins, .. }) = &lifted {
            let winners: Vec<usize> = (0..kept.len()).filter(|&i| !kept[i] && margins[i] > 0.0).collect();
            if !winners.is_empty() {
                winners.iter().for_each(|&i| kept[i] = true);
                self.keep(&kept, lifted);
                return;
            }
        }
        let Point { x, s, lambda, .. } = &self.point;
        let inside = self.point.inside();
        let change = inside.abs_diff(self.inside_before);
        let off = |i: &usize| s[*i] > LOSES * lambda && x[*i] < DROPPED * s[*i];
        let off: Vec<usize> = (0..x.len()).filter(off).map(|i| self.actions[i]).collect();
        let shows = SHARE * inside >= x.len() || 5 * change <= inside;
        self.inside_before = inside;
        if inside >= 4 && shows && MANY * off.len() >= x.len() {
            off.iter().for_each(|&i| kept[i] = false);
            self.keep(&kept, lifted);
        }
    }

    /// Goes on with these actions. `lifted` is the present point, where its margins are known.
    fn keep(&mut self, kept: &[bool], lifted: Option<Lifted>) {
        self.changes -= 1;
        let actions: Vec<usize> = (0..kept.len()).filter(|&i| kept[i]).collect();
        let (lambda, mu) = (self.point.lambda, self.point.lambda / self.point.x.len() as f64);
        if self.changes == 0 {
            self.whole_again();
            return;
        }
        if self.before.is_none() {
            self.before = Some(self.point.clone());
        }
        // an action that comes back starts where the path has it for its slack
        let Lifted { x: old, margins } = lifted.unwrap_or_else(|| self.lifted());
        let slack = |i: usize| (lambda - margins[i]).max(0.5 * lambda);
        let x = actions
            .iter()
            .map(|&i| if old[i] > 0.0 { old[i] } else { (mu / slack(i)).min(lambda) })
            .collect();
        let least = actions.iter().map(|&i| if old[i] > 0.0 { lambda - margins[i] } else { slack(i) });
        let smaller = self.whole.restricted(&actions);
        self.point = Point::resume(&smaller, x, lambda, least);
        (self.actions, self.smaller) = (actions, Some(smaller));
    }

    /// Leaves a place at the boundary from which the smaller game has no way, as where an action came back to it; false if
    /// the path is not stuck but at its end, or was stuck too often.
    fn recentre(&mut self) -> bool {
        let stuck = self.changes > 1 && self.point.lambda > NEARLY_ROUNDING;
        let (Some(smaller), true) = (&self.smaller, stuck) else { return false };
        self.changes -= 1;
        let (more, mu) =
            ((FURTHER - 1.0) * self.point.lambda, FURTHER * self.point.lambda / self.actions.len() as f64);
        let slacks: Vec<f64> = self.point.s.iter().map(|s| s + more).collect();
        let x = self.point.x.iter().zip(&slacks).map(|(x, s)| x.max(0.1 * mu / s)).collect();
        self.point = Point::resume(smaller, x, self.point.lambda + more, slacks.into_iter());
        true
    }

    /// Back to the whole game, for good; false if it is there already.
    fn whole_again(&mut self) -> bool {
        self.changes = 0;
        let Some(before) = self.before.take() else { return false };
        (self.point, self.smaller) = (before, None);
        self.actions = (0..self.whole.n()).collect();
        true
    }
}

/// A point near the central path.
#[derive(Clone)]
struct Point {
    /// Policy, on the simplex, positive.
    x: Vec<f64>,
    /// How much each action loses to `lambda`, positive.
    s: Vec<f64>,
    /// `x's`; the gap of `x` is at most twice that, in units of the scale.
    lambda: f64,
    width: Width,
}

/// How the system of a step is solved: further down the list as the path comes nearer to its end.
#[derive(Clone, Copy, PartialEq)]
enum Width {
    /// By products.
    Products,
    /// By LU in `f32`.
    Single,
    /// By LU in `f64`.
    Double,
}

/// Direction of a step.
#[derive(Clone)]
struct Direction {
    dx: Vec<f64>,
    ds: Vec<f64>,
    dlambda: f64,
}

impl Direction {
    /// The sum with a multiple of another.
    fn plus(&self, weight: f64, other: &Self) -> Self {
        let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + weight * b).collect();
        Self {
            dx: sum(&self.dx, &other.dx),
            ds: sum(&self.ds, &other.ds),
            dlambda: self.dlambda + weight * other.dlambda,
        }
    }
}

impl Point {
    /// Number of actions on the side of the support.
    fn inside(&self) -> usize {
        self.x.iter().zip(&self.s).filter(|(x, s)| x > s).count()
    }

    /// The uniform policy.
    fn new(k: &Margins) -> Self {
        let n = k.n();
        let x = vec![1.0 / n as f64; n];
        let margins = k.product(&x);
        let most = margins.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let lambda = if most > 0.0 { 2.0 * most } else { 1.0 };
        let s = margins.iter().map(|m| lambda - m).collect();
        let width = if n >= 64 { Width::Products } else { Width::Double };
        Self { x, s, lambda, width }
    }

    /// `x`, scaled to the simplex, with `lambda` as near to the given one as slacks that are no smaller than these allow.
    fn resume(k: &Margins, mut x: Vec<f64>, lambda: f64, slacks: impl Iterator<Item = f64>) -> Self {
        let sum: f64 = x.iter().sum();
        x.iter_mut().for_each(|v| *v /= sum);
        let margins = k.product(&x);
        let lambda = margins.iter().zip(slacks).fold(lambda, |l: f64, (m, s)| l.max(m + s));
        let s = margins.iter().map(|m| lambda - m).collect();
        Self { x, s, lambda, width: Width::Single }
    }

    /// One predictor-corrector step; false if it made no progress, which rounding explains.
    fn step(&mut self, k: &Margins) -> bool {
        let n = self.x.len();
        let mu = self.lambda / n as f64;
        let e: Vec<f64> = self.x.iter().zip(&self.s).map(|(x, s)| (x / s).sqrt()).collect();
        if self.width == Width::Single && self.lambda <= SINGLE {
            self.width = Width::Double;
        }
        let mut system = System::new(k, &e, self.width);
        // the response to lambda serves all right-hand sides
        let Some((level, level_margins)) = system.solve(&e) else { return false };
        let total = dot(&e, &level);
        // (D - K) dx = v / x - dlambda e, with dx = E y: (I - E K E) y = E v / x - dlambda E e
        let mut direction = |v: &dyn Fn(usize) -> f64| {
            let rhs: Vec<f64> = (0..n).map(|i| e[i] * v(i) / self.x[i]).collect();
            let (y, margins) = system.solve(&rhs)?;
            let dlambda = dot(&e, &y) / total;
            let dx = (0..n).map(|i| e[i] * (y[i] - dlambda * level[i])).collect();
            // K dx, by the products that the residuals took
            let ds = (0..n).map(|i| dlambda - (margins[i] - dlambda * level_margins[i])).collect();
            Some(Direction { dx, ds, dlambda })
        };
        let products: Vec<f64> = self.x.iter().zip(&self.s).map(|(x, s)| x * s).collect();
        let Some(affine) = direction(&|i| -products[i]) else { return false };
        let length = self.reach(&affine);
        let Direction { dx, ds, .. } = affine;
        let after: f64 = (0..n).map(|i| (self.x[i] + length * dx[i]) * (self.s[i] + length * ds[i])).sum();
        let aim = (after / self.lambda).clamp(0.0, 1.0).powi(3).max(1e-6) * mu;
        let Some(plain) = direction(&|i| aim - products[i] - dx[i] * ds[i]) else { return false };
        let mut step = plain.clone();
        for _ in 0..CORRECTORS {
            let length = self.reach(&step);
            if length >= LONG {
                break;
            }
            let further = (1.5 * length + 0.3).min(1.0);
            let uncentred = |i: usize| {
                let product = (self.x[i] + further * step.dx[i]) * (self.s[i] + further * step.ds[i]);
                (product.clamp(CENTRED.0 * aim, CENTRED.1 * aim) - product).max(-CENTRED.1 * aim)
            };
            let Some(corrector) = direction(&uncentred) else { break };
            let least = length + LENGTHENS * (further - length);
            let Some(longer) = self.lengthened(&step, &corrector, least) else { break };
            step = longer;
        }
        self.width = system.width();
        self.accept(k, &step) || self.accept(k, &plain)
    }

    /// The step with that part of a corrector that reaches furthest; `None` if that is less than asked for, or lowers `lambda` by
    /// less than the step alone.
    fn lengthened(&self, step: &Direction, corrector: &Direction, least: f64) -> Option<Direction> {
        let length = self.reach(step);
        // ten weights from length^2 to 1
        let weight = |k: u32| length.powi(2) + (1.0 - length.powi(2)) * f64::from(k) / 9.0;
        let weighted = (0..10).map(|k| step.plus(weight(k), corrector)).map(|step| (self.reach(&step), step));
        let (reached, longer) = weighted.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (reached >= least && reached * longer.dlambda < length * step.dlambda).then_some(longer)
    }

    /// How far one may go, at most the whole way, before an entry is negative.
    fn reach(&self, step: &Direction) -> f64 {
        reach(&self.x, &step.dx).min(reach(&self.s, &step.ds)).min(1.0)
    }

    /// Moves, shortening the step until the recomputed slacks are positive.
    fn accept(&mut self, k: &Margins, step: &Direction) -> bool {
        let mut length = (TO_BOUNDARY * self.reach(step)).min(1.0);
        while length > 1e-3 {
            let mut x: Vec<f64> = self.x.iter().zip(&step.dx).map(|(x, d)| x + length * d).collect();
            let sum: f64 = x.iter().sum();
            x.iter_mut().for_each(|v| *v /= sum);
            let margins = k.product(&x);
            let lambda = self.lambda + length * step.dlambda;
            if x.iter().all(|v| *v > 0.0) && margins.iter().all(|m| *m < lambda) && lambda < self.lambda {
                self.s = margins.iter().map(|m| lambda - m).collect();
                (self.x, self.lambda) = (x, lambda);
                return true;
            }
            length *= 0.7;
        }
        false
    }
}

/// How far from `v` one may go along `dv` before an entry is negative.
fn reach(v: &[f64], dv: &[f64]) -> f64 {
    v.iter().zip(dv).filter(|(_, d)| **d < 0.0).map(|(v, d)| -v / d).fold(f64::INFINITY, f64::min)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `I - E K E`, factored, or as it is.
struct System<'a> {
    k: &'a Margins,
    e: &'a [f64],
    /// None as long as products serve.
    factors: Option<Factors>,
}

enum Factors {
    Single(Lu<f32>),
    Double(Lu<f64>),
}

impl<'a> System<'a> {
    fn new(k: &'a Margins, e: &'a [f64], width: Width) -> Self {
        Self { k, e, factors: Factors::new(k, e, width) }
    }

    fn width(&self) -> Width {
        match self.factors {
            None => Width::Products,
            Some(Factors::Single(_)) => Width::Single,
            Some(Factors::Double(_)) => Width::Double,
        }
    }

    /// Solves to a relative residual of [`DIRECTION`], the next way where this one does not reach it. The solution `y`
    /// and `K E y`; `None` if it is not finite.
    fn solve(&mut self, rhs: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        let next = match &self.factors {
            None => {
                if let Some(solved) = self.solve_by_products(rhs) {
                    return Some(solved);
                }
                Width::Single
            }
            Some(factors) => {
                let (y, product, reached) = self.refine(factors, rhs);
                if reached || self.width() == Width::Double {
                    return y.iter().all(|v| v.is_finite()).then_some((y, product));
                }
                Width::Double
            }
        };
        self.factors = Factors::new(self.k, self.e, next);
        self.solve(rhs)
    }

    /// `None` if that takes too many products.
    fn solve_by_products(&self, rhs: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        let scaled = |y: &[f64]| -> Vec<f64> { y.iter().zip(self.e).map(|(y, e)| y * e).collect() };
        let mut skew = |y: &[f64]| scaled(&self.k.product(&scaled(y)));
        let y = minimal_residual(&mut skew, rhs.to_vec(), DIRECTION, rhs.len() / PRODUCTS)?;
        let product = self.k.product(&scaled(&y));
        Some((y, product))
    }

    /// By the factors, refined: `y`, `K E y`, and whether the residual is small enough.
    fn refine(&self, factors: &Factors, rhs: &[f64]) -> (Vec<f64>, Vec<f64>, bool) {
        let size = dot(rhs, rhs).sqrt();
        let mut y = vec![0.0; rhs.len()];
        let mut residual = rhs.to_vec();
        let mut product = Vec::new();
        for _ in 0..4 {
            let correction = factors.solve(&residual);
            y.iter_mut().zip(&correction).for_each(|(y, c)| *y += c);
            let scaled: Vec<f64> = y.iter().zip(self.e).map(|(y, e)| y * e).collect();
            product = self.k.product(&scaled);
            residual = (0..rhs.len()).map(|i| rhs[i] - y[i] + self.e[i] * product[i]).collect();
            if dot(&residual, &residual).sqrt() <= DIRECTION * size {
                return (y, product, true);
            }
        }
        (y, product, false)
    }
}

impl Factors {
    fn new(k: &Margins, e: &[f64], width: Width) -> Option<Self> {
        match width {
            Width::Products => None,
            Width::Single => Some(Self::Single(Lu::new(k.n(), |i, j| entry(k, e, i, j) as f32))),
            Width::Double => Some(Self::Double(Lu::new(k.n(), |i, j| entry(k, e, i, j)))),
        }
    }

    fn solve(&self, rhs: &[f64]) -> Vec<f64> {
        match self {
            Self::Single(lu) => {
                // scaled, so that small right-hand sides do not underflow
                let size = rhs.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()));
                let mut y: Vec<f32> = rhs.iter().map(|v| (v / size) as f32).collect();
                lu.solve(&mut y);
                y.iter().map(|v| f64::from(*v) * size).collect()
            }
            Self::Double(lu) => {
                let mut y = rhs.to_vec();
                lu.solve(&mut y);
                y
            }
        }
    }
}

fn entry(k: &Margins, e: &[f64], i: usize, j: usize) -> f64 {
    // column-major order of the copy reads K by rows: K_ij = -K_ji
    f64::from(u8::from(i == j)) + e[i] * e[j] * k.at(j, i)
}
