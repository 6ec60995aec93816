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
use equipoise_data::{Covaried, Outcome, Ties, Unit};
use faer::Side;
use ndarray::{Array1, Array2, s};

use super::{PairFit, centred_within, larger};
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
            row.weight
                * (if won > 0.0 { won * log_sigmoid(eta) } else { 0.0 }
                    + if lost > 0.0 { lost * log_sigmoid(-eta) } else { 0.0 })
        };
        self.rows.iter().map(of).sum()
    }

    /// Value, slope and negative curvature.
    fn derivatives(&self, point: &Array1<f64>) -> (f64, Array1<f64>, Array2<f64>) {
        let m = self.n + self.k();
        let (mut g, mut h) = (Array1::zeros(m), Array2::zeros((m, m)));
        for row in &self.rows {
            let p = logistic(self.logit(row, point));
            let (slope, curvature) = (row.weight * (row.score - p), row.weight * p * (1.0 - p));
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

    /// Sum over observations of the outer product of their slopes; `group`: the observation of each row, `None` if it is one by itself.
    fn outer_products(&self, point: &Array1<f64>, group: impl Fn(&Row) -> Option<u32>) -> Array2<f64> {
        let m = self.n + self.k();
        let mut sum = Array2::zeros((m, m));
        let slope = |row: &Row| row.score - logistic(self.logit(row, point));
        let mut together: Vec<(u32, &Row)> = Vec::new();
        for &row in &self.rows {
            match group(row) {
                Some(group) => together.push((group, row)),
                None => {
                    // a row of weight w stands for w observations
                    let (square, entries) = (row.weight * slope(row).powi(2), self.direction(row));
                    for (a, x) in entries.clone() {
                        entries.clone().for_each(|(b, y)| sum[[a, b]] += square * x * y);
                    }
                }
            }
        }
        together.sort_by_key(|(group, _)| *group);
        let (mut total, mut touched) = (vec![0.0; m], Vec::new());
        for rows in together.chunk_by(|a, b| a.0 == b.0) {
            for (_, row) in rows {
                let weighted = row.weight * slope(row);
                for (a, x) in self.direction(row) {
                    touched.push(a);
                    total[a] += weighted * x;
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
) -> Result<(PairFit, Vec<Coefficient>), FitError> {
    assert!(model.logistic, "covariates are added to a logit");
    let (observations, battles) = (&data.observations, &data.battles);
    let comparisons = &observations.comparisons;
    let n = comparisons.n();
    if n > MAX_ITEMS {
        return Err(FitError::TooMany { items: n });
    }
    let rows: Vec<Row> = battles
        .rows
        .iter()
        .enumerate()
        .filter(|(_, b)| {
            b.weight > 0.0
                && (matches!(b.outcome, Outcome::First | Outcome::Second) || battles.ties == Ties::Half)
        })
        .map(|(at, b)| Row {
            first: b.first as usize,
            second: b.second as usize,
            score: match b.outcome {
                Outcome::First => 1.0,
                Outcome::Second => 0.0,
                Outcome::Tie | Outcome::BothBad => 0.5,
            },
            weight: b.weight,
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
    let design = |rows: Vec<_>, prior: bool| Design { n, rows, x: &x, prior };
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
    let whole = larger(&llt, &meat, dispersion, small).unwrap_or_else(|| found.inverse.clone());
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
    let ties: f64 = design.rows.iter().filter(|r| r.score == 0.5).map(|r| r.weight).sum();
    let fit = PairFit {
        model,
        log_strength: strengths,
        covariance: of_strengths(&found.inverse),
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use equipoise_core::sample::{normal, uniform};
    use equipoise_core::seed::stream;
    use equipoise_data::{Selection, parse_covariates};

    use super::*;
    use crate::{BRADLEY_TERRY, PairOptions, fit_observed};

    fn read(text: &str, covariates: &[&str], unit: Unit) -> Covaried {
        let mut selection = Selection::default();
        selection.reading.covariates = covariates.iter().map(|c| c.parse().unwrap()).collect();
        parse_covariates(Path::new("d.csv"), text.as_bytes(), &selection, unit).unwrap()
    }

    /// Battles of five items whose answers differ in length, which sways the judge by `bias` nats a standard deviation.
    fn drawn(seed: u64, rows: usize, bias: f64) -> String {
        let mut rng = stream(seed, "covariates", &[]);
        let mut text = "item_a,item_b,outcome,len_a,len_b,one,context\n".to_owned();
        for k in 0..rows {
            let (i, j) = ((5.0 * uniform(&mut rng)) as usize, (5.0 * uniform(&mut rng)) as usize);
            if i == j {
                continue;
            }
            // the better an item, the longer its answers
            let length = |i: usize, rng: &mut _| 1000.0 + 100.0 * i as f64 + 300.0 * normal(rng);
            let (a, b) = (length(i, &mut rng), length(j, &mut rng));
            let eta = 0.3 * (i as f64 - j as f64) + bias * (a - b) / 424.0;
            let outcome = match uniform(&mut rng) {
                u if u < 0.1 => "tie",
                u if u < 0.1 + 0.9 * logistic(eta) => "a",
                _ => "b",
            };
            text.push_str(&format!("m{i},m{j},{outcome},{a},{b},1,{}\n", k % 40));
        }
        text
    }

    /// The bonus of the item listed first is a covariate that is always 1: the same fit by another program.
    #[test]
    fn a_constant_is_the_bonus_of_the_first() {
        for unit in [Unit::Row, Unit::Context] {
            let data = read(&drawn(1, 3000, 0.3), &["one"], unit);
            let (fit, coefficients) = fit_covariates(&data, &BRADLEY_TERRY).unwrap();
            let home =
                fit_observed(&data.observations, &BRADLEY_TERRY, PairOptions { home: true, prior: false });
            let home = home.unwrap();
            assert!((coefficients[0].value - home.parameters[0].value).abs() < 1e-9);
            assert!((&fit.log_strength - &home.log_strength).iter().all(|d| d.abs() < 1e-9));
            assert!((&fit.sandwich - &home.sandwich).iter().all(|d| d.abs() < 1e-10), "{}", fit.sandwich);
            assert!(
                (&fit.spread - &home.spread).iter().all(|d| d.abs() < 1e-9),
                "{} {}",
                fit.spread,
                home.spread
            );
        }
    }

    #[test]
    fn what_length_is_worth_is_found_and_taken_out() {
        let (mut errors, mut off) = (0.0, Vec::new());
        for seed in 0..40 {
            let data = read(&drawn(100 + seed, 2000, 0.5), &["len_a,len_b"], Unit::Row);
            let (fit, coefficients) = fit_covariates(&data, &BRADLEY_TERRY).unwrap();
            let length = &coefficients[0];
            assert_eq!(length.name, "len_a - len_b");
            // nats of 424 points of length
            let (scaled, error) =
                (length.value * 424.0 / length.unit, length.standard_error.unwrap() * 424.0 / length.unit);
            // ties shrink the log odds of decided ones
            off.push(scaled);
            errors += error / 40.0;
            let strength =
                |name: &str| fit.log_strength[data.battles.labels.iter().position(|l| l == name).unwrap()];
            let plain = fit_observed(&data.observations, &BRADLEY_TERRY, PairOptions::default()).unwrap();
            let by = |fit: &PairFit| {
                let at = |name: &str| data.battles.labels.iter().position(|l| l == name).unwrap();
                fit.log_strength[at("m4")] - fit.log_strength[at("m0")]
            };
            // 400 points of mean length are worth .47 nats that are not the item's
            assert!(by(&plain) - by(&fit) > 0.1, "{} {}", by(&plain), by(&fit));
            assert!(strength("m4") > strength("m0"));
        }
        let mean = off.iter().sum::<f64>() / 40.0;
        let spread = (off.iter().map(|o| (o - mean).powi(2)).sum::<f64>() / 39.0).sqrt();
        // the printed error is the scatter: 40 draws know it to 11 percent
        assert!((errors / spread - 1.0).abs() < 0.4, "{errors} {spread}");
        assert!((mean - 0.45).abs() < 0.05, "{mean}");
    }

    /// Turning every comparison round changes nothing; nor does another unit of length.
    #[test]
    fn order_and_unit_do_not_matter() {
        let text = "item_a,item_b,outcome,len_a,len_b\nx,y,a,10,4\nx,y,b,3,5\ny,z,a,7,9\nz,x,a,8,2\ny,z,b,4,4\nx,y,tie,6,1\nz,y,b,3,8\nx,z,a,2,9\n";
        let turned = "item_a,item_b,outcome,len_a,len_b\ny,x,b,40,100\ny,x,a,50,30\nz,y,b,90,70\nx,z,b,20,80\nz,y,a,40,40\ny,x,tie,10,60\ny,z,a,80,30\nz,x,b,90,20\n";
        let of = |text| fit_covariates(&read(text, &["len_a,len_b"], Unit::Row), &BRADLEY_TERRY).unwrap();
        let ((one, a), (two, b)) = (of(text), of(turned));
        assert!((a[0].value - b[0].value).abs() < 1e-9 && (10.0 * a[0].unit - b[0].unit).abs() < 1e-9);
        let at = |fit: &PairFit, labels: &[&str], name: &str| {
            fit.log_strength[labels.iter().position(|l| *l == name).unwrap()]
        };
        for name in ["x", "y", "z"] {
            let (p, q) = (at(&one, &["x", "y", "z"], name), at(&two, &["y", "x", "z"], name));
            assert!((p - q).abs() < 1e-9, "{name}: {p} {q}");
        }
    }

    #[test]
    fn what_tells_winners_without_exception_has_no_estimate() {
        // the longer answer always won
        let text =
            "item_a,item_b,outcome,len_a,len_b\nx,y,a,10,4\nx,y,b,3,5\ny,z,b,7,9\nz,x,a,8,2\ny,z,a,6,4\n";
        let (fit, coefficients) =
            fit_covariates(&read(text, &["len_a,len_b"], Unit::Row), &BRADLEY_TERRY).unwrap();
        assert!(!fit.exists && coefficients[0].standard_error.is_none() && coefficients[0].value > 0.0);
        assert!(!fit.bounded(0, 1) && fit.open.iter().all(|o| *o == (true, true)));
        // an item that never lost, while length is told by the others: as without covariates
        let more = format!(
            "{}w,x,a,5,5\n",
            drawn(7, 400, 0.3)
                .replace(",one,context", "")
                .lines()
                .map(|l| {
                    let cells: Vec<&str> = l.split(',').collect();
                    format!("{}\n", cells[..5].join(","))
                })
                .collect::<String>()
        )
        .replace("w,x,a", "w,m0,a");
        let (fit, coefficients) =
            fit_covariates(&read(&more, &["len_a,len_b"], Unit::Row), &BRADLEY_TERRY).unwrap();
        let w = fit.open.len() - 1;
        assert!(!fit.exists && coefficients[0].standard_error.is_some());
        assert_eq!((fit.open[w], fit.open[0]), ((false, true), (false, false)));
        // a covariate that is a difference between items, and one that is always 0
        let text = "item_a,item_b,outcome,d,zero\nx,y,a,1,0\nx,y,b,1,0\ny,z,b,1,0\ny,z,a,1,0\nx,z,a,2,0\n";
        assert_eq!(
            fit_covariates(&read(text, &["d"], Unit::Row), &BRADLEY_TERRY).unwrap_err(),
            FitError::Covariates
        );
        let zero = fit_covariates(&read(text, &["zero"], Unit::Row), &BRADLEY_TERRY).unwrap_err();
        assert!(zero.to_string().contains("`zero`"), "{zero}");
    }
}
