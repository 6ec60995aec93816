//! Where each method ends: its final policy beside the policies one compares it with.

use serde::Serialize;

use crate::model::group::{Game, Setting, final_policy};
use crate::model::number::{action, clipped, plain, short};

/// Columns shown before the rest is summed.
const COLUMNS: usize = 10;

/// Policies, one row each.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Endpoints {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Endpoint>,
    /// Whether the last column sums the actions that are not shown.
    pub(crate) rest: bool,
    pub(crate) repetitions: usize,
}

/// One policy.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Endpoint {
    /// Number of the method; `None` for the policies to compare with.
    pub(crate) key: Option<usize>,
    pub(crate) label: String,
    pub(crate) cells: Vec<Share>,
}

/// One probability.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Share {
    pub(crate) text: String,
    /// The probability itself, in [0, 1], for shading.
    pub(crate) shade: f64,
}

/// The table for one setting of a game of one context; `None` for other games or if no final policy was kept.
pub(crate) fn endpoints(game: &Game<'_>, setting: &Setting<'_>) -> Option<Endpoints> {
    let record = game.record;
    if record.contexts != 1 {
        return None;
    }
    let methods: Vec<(Option<usize>, String, Vec<f64>)> = setting
        .methods
        .iter()
        .filter_map(|m| {
            let policy = final_policy(&m.first().record.final_policy, record.n)?;
            Some((Some(m.key), plain(m.label), policy))
        })
        .collect();
    if methods.is_empty() {
        return None;
    }
    let mut policies = vec![(None, "reference".to_owned(), record.reference.clone())];
    if let Some(facts) = &record.facts {
        policies.push((None, "Nash".into(), facts.nash.clone()));
        if let Some(at) = record.labels.iter().position(|l| *l == facts.bt_favourite) {
            let point = (0..record.n).map(|i| if i == at { 1.0 } else { 0.0 }).collect();
            policies.push((None, "Bradley-Terry's pick".into(), point));
        }
    }
    for e in record.equilibria.iter().filter(|e| e.tau > 0.0 && e.tau.total_cmp(&setting.tau).is_eq()) {
        policies.push((None, format!("equilibrium, tau = {}", short(e.tau)), e.policy.clone()));
    }
    policies.extend(methods);

    let shown = columns(record.n, &policies);
    let rest = shown.len() < record.n;
    let rows = policies
        .into_iter()
        .map(|(key, label, policy)| {
            let mut cells: Vec<f64> = shown.iter().map(|&i| policy[i]).collect();
            if rest {
                cells.push((0..record.n).filter(|i| !shown.contains(i)).map(|i| policy[i]).sum());
            }
            let cells = cells.into_iter().map(|p| Share { text: probability(p), shade: p.clamp(0.0, 1.0) });
            Endpoint { key, label, cells: cells.collect() }
        })
        .collect();
    let mut columns: Vec<String> = shown.iter().map(|&i| clipped(&action(&record.labels[i]), 24)).collect();
    if rest {
        columns.push(format!("{} others", record.n - shown.len()));
    }
    let repetitions = setting.methods.iter().map(|m| m.runs.len()).max().unwrap_or(1);
    Some(Endpoints { columns, rows, rest, repetitions })
}

/// All actions if they fit, else those to which some policy gives most, in the order of the game.
fn columns(n: usize, policies: &[(Option<usize>, String, Vec<f64>)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    if n > COLUMNS {
        let most = |i: usize| policies.iter().map(|p| p.2[i]).fold(0.0, f64::max);
        order.sort_by(|&a, &b| most(b).total_cmp(&most(a)));
        order.truncate(COLUMNS - 1);
        order.sort_unstable();
    }
    order
}

/// Two decimals.
fn probability(p: f64) -> String {
    if p > 0.0 && p < 0.005 { "<0.01".into() } else { format!("{p:.2}") }
}
