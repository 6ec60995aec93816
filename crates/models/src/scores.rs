//! One score an item, and how a difference or ratio of scores becomes a probability: what ratings that are not fitted by a likelihood
//! share. Scores are computed within every island of items that met, directly or through others, as if it were alone.

use equipoise_core::logistic::logistic;
use equipoise_data::Comparisons;
use ndarray::{Array1, Array2};
use serde_json::{Map, Value, json};

use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Column, Fitted, ModelResult};
use crate::input::Counts;
use crate::registry::Watch;

/// How scores become probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Link {
    /// `1/2 + (s_i - s_j) / 2`, of scores in [0, 1].
    Linear,
    /// `s_i / (s_i + s_j)`, of scores of at least 0: Luce's choice.
    Luce,
    /// `sigma((s_i - s_j) / temperature)`.
    Logistic {
        /// What a difference of scores is divided by.
        temperature: f64,
    },
}

/// Scores with their link.
#[derive(Clone, Debug)]
pub(crate) struct Scores {
    /// What they are called in a table and an answer.
    pub(crate) name: &'static str,
    /// As they are shown, `[n]`.
    pub(crate) values: Array1<f64>,
    /// As they enter the link, `[n]`.
    pub(crate) linked: Array1<f64>,
    /// How they become probabilities.
    pub(crate) link: Link,
    /// Further numbers of the answer.
    pub(crate) own: Map<String, Value>,
}

impl Scores {
    /// What a registry row gives of them. Log strengths are of Luce's scores where none is 0, and of logistic ones.
    pub(crate) fn fitted(self, labels: &[String]) -> Fitted {
        let logs = match self.link {
            Link::Linear => None,
            Link::Luce => Some(self.linked.mapv(f64::ln)).filter(|r| r.iter().all(|x| x.is_finite())),
            Link::Logistic { temperature } => Some(&self.linked / temperature),
        };
        let centred = logs.map(|r| {
            let mean = r.mean().expect("there are items");
            r - mean
        });
        let free_parameters = Some(labels.len().saturating_sub(1));
        Fitted { log_strength: centred, free_parameters, ..Fitted::new(labels.to_vec(), self) }
    }
}

impl ModelResult for Scores {
    fn prob(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (self.linked[i], self.linked[j]);
        match self.link {
            Link::Linear => 0.5 + 0.5 * (a - b),
            Link::Luce if a + b == 0.0 => 0.5,
            // the smaller share is the quotient, the other what it leaves
            Link::Luce if a <= b => a / (a + b),
            Link::Luce => 1.0 - b / (a + b),
            Link::Logistic { temperature } => logistic((a - b) / temperature),
        }
    }

    /// Two scores of 0 are compared by nothing.
    fn says(&self, i: usize, j: usize, linked: bool) -> bool {
        linked && !(self.link == Link::Luce && self.linked[i] + self.linked[j] == 0.0)
    }

    fn own(&self) -> Map<String, Value> {
        let mut own = self.own.clone();
        own.insert(self.name.to_owned(), json!(self.values.to_vec()));
        own
    }

    fn columns(&self) -> Vec<Column> {
        vec![Column { name: self.name.replace('_', " "), values: self.values.clone(), errors: None }]
    }

    fn notes(&self) -> Vec<String> {
        let link = match self.link {
            Link::Linear => "1/2 and half the difference of scores".to_owned(),
            Link::Luce => "an item's share of the two scores".to_owned(),
            Link::Logistic { temperature } => {
                format!("logistic in the difference of scores over {temperature}")
            }
        };
        vec![format!("no likelihood and no errors; probabilities: {link}")]
    }
}

/// Counted comparisons without features, that were made.
pub(crate) fn plain<'a>(data: &'a Counts, model: &'static str) -> Result<&'a Comparisons, FitError> {
    if data.features.is_some() {
        return Err(FitError::NoFeatures { model });
    }
    let data = &data.observations.comparisons;
    if data.n() > MAX_ITEMS {
        return Err(FitError::TooMany { items: data.n() });
    }
    if data.pairs.is_empty() {
        return Err(FitError::Nothing);
    }
    Ok(data)
}

/// Wins of row over column, ties as half wins, `[n x n]`.
pub(crate) fn wins(data: &Comparisons) -> Array2<f64> {
    let mut table = Array2::zeros((data.n(), data.n()));
    for pair in &data.pairs {
        (table[[pair.i, pair.j]], table[[pair.j, pair.i]]) = pair.scores();
    }
    table
}

/// Scores by `rule` of the wins within every island, put together: `rule` is given `[m x m]` and who hears of its share, and gives `[m]`.
pub(crate) fn by_island(
    data: &Comparisons,
    rule: impl Fn(&Array2<f64>, Watch<'_>) -> Result<Array1<f64>, FitError>,
    watch: Watch<'_>,
) -> Result<Array1<f64>, FitError> {
    let all = wins(data);
    let mut scores = Array1::zeros(data.n());
    let islands = data.components();
    // a rule costs the cube of the items
    let cube = |m: usize| (m as f64).powi(3);
    let total: f64 = islands.iter().map(|island| cube(island.len())).sum();
    let mut done = 0.0;
    for island in islands {
        let m = island.len();
        let part = Array2::from_shape_fn((m, m), |(a, b)| all[[island[a], island[b]]]);
        let found = rule(&part, &|share| watch((done + cube(m) * share) / total))?;
        done += cube(m);
        island.iter().zip(&found).for_each(|(&i, x)| scores[i] = *x);
    }
    Ok(scores)
}

/// The stationary distribution of a chain in continuous time, `rates[i][j]` from i to j, `[n x n]`, the diagonal ignored. By elimination
/// of one state after the other without a subtraction (Grassmann, Taksar, Heyman 1985), so that every entry keeps its digits. Mass
/// lies on the states that are never left for good.
///
/// # Errors
/// [`FitError::Undetermined`] if there are several such groups of states.
pub(crate) fn stationary(rates: &Array2<f64>, watch: Watch<'_>) -> Result<Array1<f64>, FitError> {
    let n = rates.nrows();
    let edges: Vec<Vec<usize>> =
        (0..n).map(|i| (0..n).filter(|&j| j != i && rates[[i, j]] > 0.0).collect()).collect();
    let groups = equipoise_core::graph::strong_components(&edges);
    let mut group_of = vec![0; n];
    groups.iter().enumerate().for_each(|(g, list)| list.iter().for_each(|&i| group_of[i] = g));
    let stays = |g: usize| groups[g].iter().all(|&i| edges[i].iter().all(|&j| group_of[j] == g));
    let last: Vec<usize> = (0..groups.len()).filter(|&g| stays(g)).collect();
    let [only] = last[..] else {
        let what = "several groups of items lost to nobody outside of them, and nothing compares these";
        return Err(FitError::Undetermined { what });
    };
    let states = &groups[only];
    let m = states.len();
    let mut a = Array2::from_shape_fn((m, m), |(p, q)| rates[[states[p], states[q]]]);
    for k in (1..m).rev() {
        watch(1.0 - ((k + 1) as f64 / m as f64).powi(3));
        let out: f64 = (0..k).map(|q| a[[k, q]]).sum();
        for p in 0..k {
            let share = a[[p, k]] / out;
            a[[p, k]] = share;
            for q in (0..k).filter(|&q| q != p) {
                a[[p, q]] += share * a[[k, q]];
            }
        }
    }
    let mut mass = vec![1.0; m];
    for k in 1..m {
        mass[k] = (0..k).map(|p| mass[p] * a[[p, k]]).sum();
    }
    let total: f64 = mass.iter().sum();
    let mut found = Array1::zeros(n);
    states.iter().zip(mass).for_each(|(&i, x)| found[i] = x / total);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn a_stationary_distribution_balances_and_keeps_tiny_entries() {
        let rates = arr2(&[[0.0, 2.0, 1e-9], [0.5, 0.0, 3.0], [1e6, 0.25, 0.0]]);
        let mass = stationary(&rates, &|_| ()).unwrap();
        for i in 0..3 {
            let inflow: f64 = (0..3).map(|j| mass[j] * rates[[j, i]]).sum();
            let outflow: f64 = (0..3).map(|j| mass[i] * rates[[i, j]]).sum();
            assert!((inflow / outflow - 1.0).abs() < 1e-14, "{i}");
        }
        // two states: the ratio of the rates, whatever their size
        let mass = stationary(&arr2(&[[0.0, 1e-200], [1.0, 0.0]]), &|_| ()).unwrap();
        assert!((mass[1] / 1e-200 - 1.0).abs() < 1e-15);
        // one absorbing state takes all; two leave it open
        assert_eq!(stationary(&arr2(&[[0.0, 0.0], [1.0, 0.0]]), &|_| ()).unwrap().to_vec(), [1.0, 0.0]);
        assert!(stationary(&Array2::zeros((2, 2)), &|_| ()).is_err());
    }
}
