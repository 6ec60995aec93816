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
//! is never singular. One LU a step; as long as the path is far from its end the LU is made in `f32` and its solutions
//! refined against the `f64` matrix. Inexact steps cannot leave the path's equations, because `s` is always recomputed
//! from `x`: they only centre less well.
//!
//! Once the set of actions with `x_i > s_i` settles, two short cuts are tried, and verified, on the way: actions clearly
//! off it are dropped, which leaves a smaller game whose equilibrium is one of the whole game if the dropped actions
//! lose to it (if not, those that win come back); and [`crossover`] completes the set to an equilibrium.
//!
//! Cost: `2/3 n^3` a step; seven or eight steps on random games before actions are dropped, then about as many on half
//! of the actions.

use crate::crossover::crossover;
use crate::dense::Lu;
use crate::margins::Margins;

/// Share of the way to the boundary that a step may go.
const TO_BOUNDARY: f64 = 0.995;
/// `lambda`, relative to the scale, above which directions from `f32` are tried.
const SINGLE: f64 = 1e-7;
/// Relative residual of a direction that is good enough.
const DIRECTION: f64 = 1e-3;

/// Actions below which dropping does not pay.
const DROP_FROM: usize = 150;
/// An action with `x_i` below this times `s_i` is off the support clearly enough to be dropped.
const DROPPED: f64 = 0.02;
/// Times that dropped actions may come back.
const RETURNS: usize = 4;
/// More steps than any game has been seen to need, four times over.
const STEPS: usize = 100;

/// Is told a bound on the duality gap after each step.
pub(crate) type Watch<'a> = &'a dyn Fn(f64);

/// Where the path ended.
pub(crate) struct End {
    /// The unique equilibrium of the game, `[n]`, if crossover found it.
    pub(crate) equilibrium: Option<Vec<f64>>,
    /// The last point of the path, `[n]`: with `s`, strictly complementary but for rounding.
    pub(crate) x: Vec<f64>,
    /// Its slacks.
    pub(crate) s: Vec<f64>,
}

/// Follows the path to an equilibrium by crossover, or else until rounding stops it.
pub(crate) fn follow(k: &Margins, watch: Watch<'_>) -> End {
    follow_from(CentralPath::new(k), k.n() >= DROP_FROM, watch)
}

/// Follows the path to rounding, without short cuts: for games whose equilibrium is known not to be unique.
pub(crate) fn follow_to_end(k: &Margins, watch: Watch<'_>) -> (Vec<f64>, Vec<f64>) {
    let mut path = CentralPath::new(k);
    for _ in 0..STEPS {
        if !path.step() {
            break;
        }
        path.tell(watch);
    }
    (path.x, path.s)
}

fn follow_from(mut path: CentralPath<'_>, mut may_drop: bool, watch: Watch<'_>) -> End {
    let mut before = 0;
    for _ in 0..STEPS {
        let moved = path.step();
        path.tell(watch);
        let inside = path.x.iter().zip(&path.s).filter(|(x, s)| x > s).count();
        let change = inside.abs_diff(before);
        before = inside;
        if 50 * change <= inside
            && let Some(policy) = crossover(path.k, &path.x, &path.s)
        {
            return End { equilibrium: Some(policy), x: path.x, s: path.s };
        }
        if may_drop && 5 * change <= inside && 2 * inside >= 8 {
            may_drop = false;
            if let Some(policy) = without_dropped(&path, watch) {
                return End { equilibrium: Some(policy), x: path.x, s: path.s };
            }
        }
        if !moved {
            break;
        }
    }
    End { equilibrium: None, x: path.x, s: path.s }
}

/// The equilibrium from the game without the actions that are clearly off the support, if it is one of the whole game.
fn without_dropped(path: &CentralPath<'_>, watch: Watch<'_>) -> Option<Vec<f64>> {
    let n = path.x.len();
    let mut kept: Vec<bool> = path.x.iter().zip(&path.s).map(|(x, s)| *x > DROPPED * s).collect();
    for _ in 0..RETURNS {
        let actions: Vec<usize> = (0..n).filter(|&i| kept[i]).collect();
        if 4 * actions.len() > 3 * n {
            return None;
        }
        let smaller = path.k.restricted(&actions);
        let x = actions.iter().map(|&i| path.x[i]).collect();
        let end = follow_from(CentralPath::resume(&smaller, x, path.lambda), false, watch);
        let mut policy = vec![0.0; n];
        actions.iter().zip(end.equilibrium?).for_each(|(&i, p)| policy[i] = p);
        let margins = path.k.product(&policy);
        let winners: Vec<usize> = (0..n).filter(|&i| !kept[i] && margins[i] >= 0.0).collect();
        if winners.is_empty() {
            return Some(policy);
        }
        winners.iter().for_each(|&i| kept[i] = true);
    }
    None
}

/// A point near the central path.
pub(crate) struct CentralPath<'a> {
    k: &'a Margins,
    /// Policy, on the simplex, positive.
    pub(crate) x: Vec<f64>,
    /// How much each action loses to `lambda`, positive.
    pub(crate) s: Vec<f64>,
    /// `x's`; the gap of `x` is at most twice that, in units of the scale.
    pub(crate) lambda: f64,
    single: bool,
}

impl<'a> CentralPath<'a> {
    /// Starts at the uniform policy.
    pub(crate) fn new(k: &'a Margins) -> Self {
        let n = k.n();
        let x = vec![1.0 / n as f64; n];
        let margins = k.product(&x);
        let most = margins.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let lambda = if most > 0.0 { 2.0 * most } else { 1.0 };
        let s = margins.iter().map(|m| lambda - m).collect();
        Self { k, x, s, lambda, single: n >= 64 }
    }

    /// Starts at `x`, scaled to the simplex, with `lambda` as near to the given one as positive slacks allow.
    fn resume(k: &'a Margins, mut x: Vec<f64>, lambda: f64) -> Self {
        let sum: f64 = x.iter().sum();
        x.iter_mut().for_each(|v| *v /= sum);
        let margins = k.product(&x);
        let lambda = lambda + margins.iter().fold(0.0, |m: f64, v| m.max(*v));
        let s = margins.iter().map(|m| lambda - m).collect();
        Self { k, x, s, lambda, single: true }
    }

    /// Tells how small the gap of the whole game's policy is, at most, while no dropped action wins.
    fn tell(&self, watch: Watch<'_>) {
        watch(2.0 * self.lambda * self.k.scale());
    }

    /// One predictor-corrector step; false if it made no progress, which rounding explains.
    pub(crate) fn step(&mut self) -> bool {
        let n = self.x.len();
        let mu = self.lambda / n as f64;
        let e: Vec<f64> = self.x.iter().zip(&self.s).map(|(x, s)| (x / s).sqrt()).collect();
        self.single &= self.lambda > SINGLE;
        let mut system = System::new(self.k, &e, self.single);
        // the response to lambda serves both right-hand sides
        let Some((level, level_margins)) = system.solve(&e) else { return false };
        let total = dot(&e, &level);
        // (D - K) dx = v / x - dlambda e, with dx = E y: (I - E K E) y = E v / x - dlambda E e
        let mut direction = |v: &dyn Fn(usize) -> f64| {
            let rhs: Vec<f64> = (0..n).map(|i| e[i] * v(i) / self.x[i]).collect();
            let (y, margins) = system.solve(&rhs)?;
            let dlambda = dot(&e, &y) / total;
            let dx: Vec<f64> = (0..n).map(|i| e[i] * (y[i] - dlambda * level[i])).collect();
            // K dx, by the products that the residuals took
            let ds: Vec<f64> = (0..n).map(|i| dlambda - (margins[i] - dlambda * level_margins[i])).collect();
            Some((dx, ds, dlambda))
        };
        let products: Vec<f64> = self.x.iter().zip(&self.s).map(|(x, s)| x * s).collect();
        let Some((dx, ds, _)) = direction(&|i| -products[i]) else { return false };
        let length = reach(&self.x, &dx).min(reach(&self.s, &ds)).min(1.0);
        let after: f64 = (0..n).map(|i| (self.x[i] + length * dx[i]) * (self.s[i] + length * ds[i])).sum();
        let centring = (after / self.lambda).clamp(0.0, 1.0).powi(3).max(1e-6);
        let Some((dx, ds, dlambda)) = direction(&|i| centring * mu - products[i] - dx[i] * ds[i]) else {
            return false;
        };
        let length = (TO_BOUNDARY * reach(&self.x, &dx).min(reach(&self.s, &ds))).min(1.0);
        self.single = system.single();
        self.accept(&dx, dlambda, length)
    }

    /// Moves, shortening the step until the recomputed slacks are positive.
    fn accept(&mut self, dx: &[f64], dlambda: f64, mut length: f64) -> bool {
        while length > 1e-3 {
            let mut x: Vec<f64> = self.x.iter().zip(dx).map(|(x, d)| x + length * d).collect();
            let sum: f64 = x.iter().sum();
            x.iter_mut().for_each(|v| *v /= sum);
            let margins = self.k.product(&x);
            let lambda = self.lambda + length * dlambda;
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

/// `I - E K E`, factored.
struct System<'a> {
    k: &'a Margins,
    e: &'a [f64],
    factors: Factors,
}

enum Factors {
    Single(Lu<f32>),
    Double(Lu<f64>),
}

impl<'a> System<'a> {
    fn new(k: &'a Margins, e: &'a [f64], single: bool) -> Self {
        let factors = if single {
            Factors::Single(single_factors(k, e))
        } else {
            Factors::Double(double_factors(k, e))
        };
        Self { k, e, factors }
    }

    fn single(&self) -> bool {
        matches!(self.factors, Factors::Single(_))
    }

    /// Solves to a relative residual of [`DIRECTION`]; factors in `f64` where `f32` does not reach it. The solution `y`
    /// and `K E y`; `None` if it is not finite.
    fn solve(&mut self, rhs: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        let size = dot(rhs, rhs).sqrt();
        let mut y = vec![0.0; rhs.len()];
        let mut residual = rhs.to_vec();
        let mut product = Vec::new();
        for _ in 0..4 {
            let correction = self.factors.solve(&residual);
            y.iter_mut().zip(&correction).for_each(|(y, c)| *y += c);
            let scaled: Vec<f64> = y.iter().zip(self.e).map(|(y, e)| y * e).collect();
            product = self.k.product(&scaled);
            residual = (0..rhs.len()).map(|i| rhs[i] - y[i] + self.e[i] * product[i]).collect();
            if dot(&residual, &residual).sqrt() <= DIRECTION * size {
                return Some((y, product));
            }
        }
        if self.single() {
            self.factors = Factors::Double(double_factors(self.k, self.e));
            return self.solve(rhs);
        }
        y.iter().all(|v| v.is_finite()).then_some((y, product))
    }
}

impl Factors {
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

fn single_factors(k: &Margins, e: &[f64]) -> Lu<f32> {
    Lu::new(k.n(), |i, j| entry(k, e, i, j) as f32)
}

fn double_factors(k: &Margins, e: &[f64]) -> Lu<f64> {
    Lu::new(k.n(), |i, j| entry(k, e, i, j))
}
