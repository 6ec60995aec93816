//! Bradley-Terry with covariates of the single comparison, as the length or the style of the two answers: strengths as they
//! are where the answers do not differ in them.
//!
//! ```text
//! Pr(first wins) = sigma(r_first - r_second + sum_k b_k x_k)        x_k = d_k / s_k,  s_k^2 = mean over the comparisons of d_k^2
//! ```
//!
//! with d the covariate of the item listed first less that of the second. It is divided by its root mean square, and not centred: turning
//! a comparison round turns the signs of all x, and must not change the model. b is the nats that a difference of s is worth. Ties count
//! half. A column that is 1 in every comparison is the bonus of the item listed first.
//!
//! Errors are those of [`pair_fit`](super) in the joint space of strengths and coefficients: the larger of Hessian and
//! sandwich over observations in every direction. Where covariates and strengths tell winners from losers without exception, no finite
//! maximum exists: the logistic prior is added to strengths and coefficients alike (one win and one loss against none), no error of a coefficient
//! is given, and unless the comparisons within the blocks that wins both ways hold together determine the coefficients, nothing
//! bounds any strength. The adjustment is that of the style control of public arenas (LMSYS, 28 August 2024).
//!
//! Cost: O(rows (k + 2)^2 + (n + k)^3) a step.

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_data::{Battle, Covaried, Unit};
use faer::Side;
use ndarray::{Array1, Array2, s};

use super::{PairFit, Reweight, centred_within, larger};
use crate::distributions::student_quantile;
use crate::error::{FitError, MAX_ITEMS};
use crate::graph::{open_ends, win_blocks, win_reach};
use crate::newton::{Optimum, add_logistic_prior, lifted, newton, product};
use crate::pair_model::PairModel;

/// Pivots below this share of a diagonal are rounding: the design is singular.
const SINGULAR: f64 = 1e-9;

/// What a covariate is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Coefficient {
    /// The columns: `len_a - len_b`, or one of differences.
    pub name: String,
    /// Nats that a difference of [`Coefficient::unit`] in favour of an item is worth.
    pub value: f64,
    /// Its standard error; `None` where no finite maximum exists, or no noise is known.
    pub standard_error: Option<f64>,
    /// Root mean square of the difference.
    pub unit: f64,
}

impl Coefficient {
    /// The ends of its interval at `level`, with errors of Student's law of so many degrees of freedom, or normal.
    #[must_use]
    pub fn interval(&self, level: f64, degrees: Option<f64>) -> Option<(f64, f64)> {
        let half = student_quantile(0.5 + 0.5 * level, degrees) * self.standard_error?;
        Some((self.value - half, self.value + half))
    }
}

/// One comparison.
struct Row {
    first: usize,
    second: usize,
    /// 1, 1/2 or 0 for the item listed first.
    score: f64,
    weight: f64,
    /// Weight of each of these in the estimate.
    scale: f64,
    /// Its place among the covariates.
    at: usize,
}

/// Rows with their covariates, on which the likelihood is.
struct Design<'a> {
    n: usize,
    rows: Vec<&'a Row>,
    /// Scaled differences, `[rows of the file x k]`.
    x: &'a Array2<f64>,
    prior: bool,
    reweight: Reweight,
}

impl Design<'_> {
    fn k(&self) -> usize {
        self.x.ncols()
    }

    /// The logit of a row.
    fn logit(&self, row: &Row, point: &Array1<f64>) -> f64 {
        let style: f64 = self.x.row(row.at).iter().zip(point.slice(s![self.n..])).map(|(x, b)| x * b).sum();
        point[row.first] - point[row.second] + style
    }

    /// Entries of a row of the design that are not 0.
    fn direction<'b>(&'b self, row: &'b Row) -> impl Iterator<Item = (usize, f64)> + Clone + 'b {
        let n = self.n;
        let style = self.x.row(row.at).into_iter().enumerate().map(move |(k, x)| (n + k, *x));
        [(row.first, 1.0), (row.second, -1.0)].into_iter().chain(style)
    }

    fn value(&self, point: &Array1<f64>) -> f64 {
        let prior = |x: &f64| log_sigmoid(*x) + log_sigmoid(-x);
        let of_prior: f64 = if self.prior { point.iter().map(prior).sum() } else { 0.0 };
        self.log_likelihood(point) + of_prior
    }

    fn log_likelihood(&self, point: &Array1<f64>) -> f64 {
        let of = |row: &&Row| {
            let eta = self.logit(row, point);
            let (won, lost) = (row.score, 1.0 - row.score);
            row.scale
                * row.weight
                * (if won > 0.0 { won * log_sigmoid(eta) } else { 0.0 }
                    + if lost > 0.0 { lost * log_sigmoid(-eta) } else { 0.0 })
        };
        self.rows.iter().map(of).sum()
    }

    /// Value, slope and negative curvature.
    fn derivatives(&self, point: &Array1<f64>) -> (f64, Array1<f64>, Array2<f64>) {
        self.derivatives_with(point, |row| row.scale * row.weight)
    }

    /// M of [`pair_fit`](super): the variance of the slope if the model is right and rows are independent.
    fn slope_variance(&self, point: &Array1<f64>) -> Array2<f64> {
        self.derivatives_with(point, |row| row.scale.powi(2) * row.weight).2
    }

    fn derivatives_with(
        &self,
        point: &Array1<f64>,
        weight: impl Fn(&Row) -> f64,
    ) -> (f64, Array1<f64>, Array2<f64>) {
        let m = self.n + self.k();
        let (mut g, mut h) = (Array1::zeros(m), Array2::zeros((m, m)));
        for row in &self.rows {
            let p = logistic(self.logit(row, point));
            let (slope, curvature) = (weight(row) * (row.score - p), weight(row) * p * (1.0 - p));
            let entries = self.direction(row);
            for (a, x) in entries.clone() {
                g[a] += slope * x;
                entries.clone().for_each(|(b, y)| h[[a, b]] += curvature * x * y);
            }
        }
        let of_prior = if self.prior { add_logistic_prior(point, &mut g, &mut h) } else { 0.0 };
        (self.log_likelihood(point) + of_prior, g, h)
    }

    /// The directions along which nothing changes: equal strengths of every group.
    fn flat(&self, groups: &[Vec<usize>]) -> Vec<Array1<f64>> {
        let of = |group: &Vec<usize>| {
            let mut u = Array1::zeros(self.n + self.k());
            group.iter().for_each(|&i| u[i] = 1.0);
            u
        };
        if self.prior { Vec::new() } else { groups.iter().map(of).collect() }
    }

    /// Whether the curvature at a point determines every coefficient beside strengths; at equal win rates, it is that of the design.
    fn determined(&self, flat: &[Array1<f64>], point: &Array1<f64>) -> bool {
        let m = self.n + self.k();
        let (_, _, h) = self.derivatives(point);
        let unit: Vec<Array1<f64>> = flat.iter().map(|u| u / u.dot(u).sqrt()).collect();
        let (matrix, _) = lifted(&h, &unit);
        matrix.llt(Side::Lower).is_ok_and(|llt| {
            (0..m).all(|i| llt.L()[(i, i)].powi(2) > SINGULAR * matrix[(i, i)].max(f64::MIN_POSITIVE))
        })
    }

    /// The maximum, if Newton's method meets its tolerance: along a direction in which the likelihood climbs for ever its steps do not shrink.
    fn maximum(&self, groups: &[Vec<usize>]) -> Option<Optimum> {
        let start = Array1::zeros(self.n + self.k());
        let flat = self.flat(groups);
        let found = newton(start, &flat, |x| self.value(x), |x| self.derivatives(x));
        // far out on such a direction steps are rounding: the curvature there is nothing
        found.ok().filter(|found| found.converged && self.determined(&flat, &found.point))
    }

    /// The slope of one comparison of each row, by the entries that are not 0.
    fn slopes(&self, point: &Array1<f64>) -> Vec<Vec<(usize, f64)>> {
        let of = |row: &&Row| {
            let slope = row.score - logistic(self.logit(row, point));
            self.direction(row).map(|(a, x)| (a, slope * x)).collect()
        };
        let mut slopes: Vec<Vec<(usize, f64)>> = self.rows.iter().map(of).collect();
        if self.reweight == Reweight::Pairs {
            self.reweigh(&mut slopes);
        }
        slopes
    }

    /// Every pair counts alike: `scale (slope - mean slope of the pair)`, as in [`pair_fit`](super).
    fn reweigh(&self, slopes: &mut [Vec<(usize, f64)>]) {
        let key = |row: &Row| (row.first.min(row.second), row.first.max(row.second));
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&at| key(self.rows[at]));
        for pair in order.chunk_by(|&a, &b| key(self.rows[a]) == key(self.rows[b])) {
            let total: f64 = pair.iter().map(|&at| self.rows[at].weight).sum();
            // of the lower number, of the higher, then of the covariates
            let place = |row: &Row, k: usize| match k {
                0 | 1 => k ^ usize::from(row.first > row.second),
                k => k,
            };
            let mut mean = vec![0.0; 2 + self.k()];
            for &at in pair {
                let row = self.rows[at];
                let share = row.weight / total;
                slopes[at].iter().enumerate().for_each(|(k, s)| mean[place(row, k)] += share * s.1);
            }
            for &at in pair {
                let row = self.rows[at];
                let entries = slopes[at].iter_mut().enumerate();
                entries.for_each(|(k, s)| s.1 = row.scale * (s.1 - mean[place(row, k)]));
            }
        }
    }

    /// Sum over observations of the outer product of their slopes; `group`: the observation of each row, `None` if it is one by itself.
    fn outer_products(&self, point: &Array1<f64>, group: impl Fn(&Row) -> Option<u32>) -> Array2<f64> {
        let m = self.n + self.k();
        let mut sum = Array2::zeros((m, m));
        let slopes = self.slopes(point);
        let mut together: Vec<(u32, usize)> = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            match group(row) {
                Some(group) => together.push((group, at)),
                None => {
                    // a row of weight w stands for w observations
                    for (a, x) in &slopes[at] {
                        slopes[at].iter().for_each(|(b, y)| sum[[*a, *b]] += row.weight * x * y);
                    }
                }
            }
        }
        together.sort_by_key(|(group, _)| *group);
        let (mut total, mut touched) = (vec![0.0; m], Vec::new());
        for rows in together.chunk_by(|a, b| a.0 == b.0) {
            for &(_, at) in rows {
                for (a, x) in &slopes[at] {
                    touched.push(*a);
                    total[*a] += self.rows[at].weight * x;
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for &a in &touched {
                touched.iter().for_each(|&b| sum[[a, b]] += total[a] * total[b]);
            }
            touched.drain(..).for_each(|a| total[a] = 0.0);
        }
        sum
    }
}

/// Bradley-Terry strengths where covariates do not differ, and what the covariates are worth.
///
/// # Errors
/// [`FitError`]; [`FitError::Covariate`] for a covariate that never differs, and [`FitError::Covariates`] where one is a
/// combination of the others or of differences between items.
///
/// # Panics
/// If the model is not [`BRADLEY_TERRY`](crate::BRADLEY_TERRY).
pub fn fit_covariates(
    data: &Covaried,
    model: &'static PairModel,
    reweight: Reweight,
) -> Result<(PairFit, Vec<Coefficient>), FitError> {
    assert!(model.logistic, "covariates are added to a logit");
    let (observations, battles) = (&data.observations, &data.battles);
    let comparisons = &observations.comparisons;
    let n = comparisons.n();
    if n > MAX_ITEMS {
        return Err(FitError::TooMany { items: n });
    }
    let scales = reweight.scales(comparisons);
    let scale = |b: &Battle| {
        let pair = (b.first.min(b.second) as usize, b.first.max(b.second) as usize);
        comparisons.pairs.binary_search_by_key(&pair, |p| (p.i, p.j)).map_or(1.0, |k| scales[k])
    };
    let rows: Vec<Row> = battles
        .rows
        .iter()
        .enumerate()
        .filter(|(_, b)| b.weight > 0.0 && battles.ties.count(b.outcome))
        .map(|(at, b)| Row {
            first: b.first as usize,
            second: b.second as usize,
            score: b.outcome.score(),
            weight: b.weight,
            scale: scale(b),
            at,
        })
        .collect();
    if rows.is_empty() {
        return Err(FitError::Nothing);
    }
    let all: f64 = rows.iter().map(|r| r.weight).sum();
    let mut x = data.values.clone();
    let mut units = Vec::with_capacity(x.ncols());
    for (k, name) in data.names.iter().enumerate() {
        let square: f64 = rows.iter().map(|r| r.weight * x[[r.at, k]].powi(2)).sum();
        let unit = (square / all).sqrt();
        if unit == 0.0 || !unit.is_finite() {
            return Err(FitError::Covariate { name: name.clone() });
        }
        x.column_mut(k).mapv_inplace(|d| d / unit);
        units.push(unit);
    }
    let islands = comparisons.components();
    let blocks = win_blocks(comparisons);
    let design = |rows: Vec<_>, prior: bool| Design { n, rows, x: &x, prior, reweight };
    let plain = design(rows.iter().collect(), false);
    let origin = Array1::zeros(n + x.ncols());
    if !plain.determined(&plain.flat(&islands), &origin) {
        return Err(FitError::Covariates);
    }
    let held = blocks.len() == islands.len();
    let finite = if held { plain.maximum(&islands) } else { None };
    let exists = finite.is_some();
    let (design, found) = match finite {
        Some(found) => (plain, found),
        None => {
            let with_prior = design(rows.iter().collect(), true);
            let found = with_prior.maximum(&islands).ok_or(FitError::Singular)?;
            (with_prior, found)
        }
    };
    // where comparisons within blocks determine the coefficients, strengths are bounded as they are without covariates
    let reach = (!exists).then(|| {
        let mut block = vec![0; n];
        blocks.iter().enumerate().for_each(|(k, b)| b.iter().for_each(|&i| block[i] = k));
        let within = Design {
            n,
            rows: rows.iter().filter(|r| block[r.first] == block[r.second]).collect(),
            x: &x,
            prior: false,
            reweight,
        };
        let told =
            !held && within.determined(&within.flat(&blocks), &origin) && within.maximum(&blocks).is_some();
        match told {
            true => win_reach(comparisons, &blocks),
            false => (0..n).map(|i| (0..n).map(|j| i == j).collect()).collect(),
        }
    });
    let told =
        reach.as_ref().is_none_or(|reach| reach.iter().any(|row| row.iter().filter(|r| **r).count() > 1));
    let group = |row: &Row| {
        let battle = &battles.rows[row.at];
        let (group, names) = match observations.unit {
            Unit::Row => return None,
            Unit::Context => (battle.context, &battles.contexts),
            Unit::Annotator => (battle.annotator, &battles.annotators),
        };
        // rows without a name stand for themselves
        names.get(group as usize).is_some_and(|name| !name.is_empty()).then_some(group)
    };
    let meat = design.outer_products(&found.point, group);
    let flat: Vec<Array1<f64>> = design.flat(&islands).iter().map(|u| u / u.dot(u).sqrt()).collect();
    let (_, _, h) = design.derivatives(&found.point);
    let llt = lifted(&h, &flat).0.llt(Side::Lower).map_err(|_| FitError::Singular)?;
    let several = observations.clusters().is_some();
    let count = observations.count();
    let free = (n + x.ncols() - flat.len()) as f64;
    let small = if several && count > 1.0 { count / (count - free.clamp(1.0, 0.5 * count)) } else { 1.0 };
    let dispersion = dispersion(&design, &found.point);
    let (of_model, root) = match reweight {
        Reweight::Comparisons => (found.inverse.clone(), None),
        Reweight::Pairs => {
            let variance = design.slope_variance(&found.point);
            let of_model = product(&product(&found.inverse, &variance), &found.inverse);
            (of_model, lifted(&variance, &flat).0.llt(Side::Lower).ok())
        }
    };
    let whole = larger(&llt, root.as_ref(), &meat, dispersion, small).unwrap_or_else(|| of_model.clone());
    let sandwich = product(&product(&found.inverse, &meat), &found.inverse);
    let of_strengths = |c: &Array2<f64>| centred_within(&c.slice(s![..n, ..n]).to_owned(), &islands);
    let mut strengths = found.point.slice(s![..n]).to_owned();
    for island in &islands {
        let mean = island.iter().map(|&i| strengths[i]).sum::<f64>() / island.len() as f64;
        island.iter().for_each(|&i| strengths[i] -= mean);
    }
    let no_noise = observations.no_noise();
    let coefficients = data.names.iter().enumerate().map(|(k, name)| Coefficient {
        name: name.clone(),
        value: found.point[n + k],
        standard_error: (exists || told).then(|| whole[[n + k, n + k]].sqrt()).filter(|_| no_noise.is_none()),
        unit: units[k],
    });
    let spread = of_strengths(&whole);
    let log_likelihood = design.log_likelihood(&found.point);
    let ties: f64 = design.rows.iter().filter(|r| r.score == 0.5).map(|r| r.scale * r.weight).sum();
    let fit = PairFit {
        model,
        log_strength: strengths,
        covariance: of_strengths(&of_model),
        sandwich: if exists { of_strengths(&sandwich) } else { spread.clone() },
        spread,
        noise_degrees: several.then_some(count - 1.0),
        no_noise,
        open: match (&reach, told) {
            (None, _) => vec![(false, false); n],
            (Some(_), true) => open_ends(comparisons, &blocks),
            (Some(_), false) => vec![(true, true); n],
        },
        islands,
        log_likelihood,
        // of single comparisons, a tie having one half for its best
        deviance: -2.0 * (log_likelihood + ties * std::f64::consts::LN_2),
        degrees_of_freedom: all - free,
        free_parameters: free as usize,
        no_chi_squared: Some("single comparisons"),
        exists,
        blocks,
        prior: !exists,
        converged: found.converged,
        separable: false,
        iterations: found.iterations,
        parameters: Vec::new(),
        features: Vec::new(),
        coefficients: Vec::new(),
        // neither bonus nor ties of their own
        working: [0.0, f64::NEG_INFINITY],
        shift: 0.0,
        reach,
    };
    Ok((fit, coefficients.collect()))
}

/// The dispersion of ties that count half: see the head of [`pair_fit`](super).
fn dispersion(design: &Design<'_>, point: &Array1<f64>) -> f64 {
    let rows: f64 = design.rows.iter().map(|r| r.weight).sum();
    let ties: f64 = design.rows.iter().filter(|r| r.score == 0.5).map(|r| r.weight).sum();
    if ties == 0.0 {
        return 1.0;
    }
    let variance = |r: &&Row| {
        let p = logistic(design.logit(r, point));
        r.weight * p * (1.0 - p)
    };
    let decided: f64 = design.rows.iter().map(variance).sum();
    (1.0 - 0.25 * ties * rows / ((rows + 2.0) * decided)).max(2.0 / (rows + 2.0))
}
