//! Gradient estimators, audited on the fixture of the table.

use std::fmt;

use equipoise::estimators::{
    self as audited, FixedPoint, NO_TARGET, Setting, audit_entry, exact_fixed_point, fixed_point,
};
use serde::Serialize;

use crate::table::{table, width};

/// The table of estimators.
///
/// ```
/// use equipoise_answers::estimators;
///
/// let answer = estimators();
/// let row = answer.rows.iter().find(|row| row.name == "token-k2-in-loss").expect("registered");
/// assert!(!row.unbiased && (row.relative_bias.unwrap() - 0.222).abs() < 5e-4);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EstimatorsAnswer {
    /// On what they are audited.
    pub setting: &'static str,
    /// The regularisation of the fixed points.
    pub tau: f64,
    /// One an estimator.
    pub rows: Vec<EstimatorRow>,
}

/// An estimator, audited.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EstimatorRow {
    /// Its name.
    pub name: &'static str,
    /// The row of the published table that it belongs to, from 1.
    pub row: u8,
    /// The coefficients, in a line.
    pub summary: &'static str,
    /// The gradient it is to estimate.
    pub target: String,
    /// `|E g - target| / |target|`; null if the target is 0.
    pub relative_bias: Option<f64>,
    /// Why there is no relative bias and no scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative_bias_reason: Option<&'static str>,
    /// Between expectation and target; null if either is 0.
    pub cosine: Option<f64>,
    /// Why there is no cosine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine_reason: Option<&'static str>,
    /// How many times too long the expectation is along the target; null as the relative bias.
    pub scale: Option<f64>,
    /// The relative bias after the best scaling; null as the cosine.
    pub scaled_bias: Option<f64>,
    /// Trace of the covariance of a group's gradient.
    pub covariance_trace: f64,
    /// The same times the responses of a group.
    pub covariance_trace_per_response: f64,
    /// Responses of a group.
    pub draws: usize,
    /// Duels of a group.
    pub duels: usize,
    /// Whether the bias is rounding.
    pub unbiased: bool,
    /// Of what it is an unbiased estimate.
    pub unbiased_for: &'static str,
    /// The regularised gap of the policy at which the expected direction vanishes; null if none was met.
    pub fixed_point_gap: Option<f64>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_point_reason: Option<&'static str>,
    /// The same for the target itself: above 0 where the opponent is a mixture.
    pub target_fixed_point_gap: Option<f64>,
    /// Who uses it.
    pub source: &'static str,
}

/// Audits every registered estimator on the fixture.
///
/// # Panics
/// Never: the registered groups are small enough to be listed on the fixture, which a test walks.
#[must_use]
pub fn estimators() -> EstimatorsAnswer {
    let setting = Setting::fixture();
    let rows = audited::estimators().map(|entry| {
        let found = audit_entry(&setting, entry).expect("a registered estimator is listed on the fixture");
        let root = fixed_point(&setting, entry.target, &entry.design, &entry.rule);
        let root = root.expect("a registered estimator is listed on the fixture");
        EstimatorRow {
            name: entry.name,
            row: entry.row,
            summary: entry.summary,
            target: entry.target.says(),
            relative_bias: found.relative_bias,
            relative_bias_reason: found.relative_bias.is_none().then_some(NO_TARGET),
            cosine: found.cosine,
            cosine_reason: match (found.cosine, found.relative_bias) {
                (Some(_), _) => None,
                (None, Some(_)) => Some("the expectation is 0: it has no direction"),
                (None, None) => Some(NO_TARGET),
            },
            scale: found.scale,
            scaled_bias: found.scaled_bias,
            covariance_trace: found.covariance_trace,
            covariance_trace_per_response: found.covariance_trace_per_response,
            draws: entry.design.group,
            duels: entry.design.duels(),
            unbiased: found.unbiased,
            unbiased_for: entry.unbiased_for,
            fixed_point_gap: root.gap(),
            fixed_point_reason: match root {
                FixedPoint::NotFound { reason } => Some(reason),
                _ => None,
            },
            target_fixed_point_gap: exact_fixed_point(&setting, entry.target).gap(),
            source: entry.source,
        }
    });
    EstimatorsAnswer {
        setting: "tree of 3 tokens, the first of which ends a response, and 3 levels: 15 responses, 21 parameters; \
                  equipoise::estimators::Setting::fixture",
        tau: setting.tau(),
        rows: rows.collect(),
    }
}

impl fmt::Display for EstimatorsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; tau {}", self.setting, self.tau)?;
        let header = [
            "row",
            "estimator",
            "of",
            "relative bias",
            "cosine",
            "scale",
            "covariance",
            "unbiased for",
            "fixed-point gap",
        ];
        let number = |x: Option<f64>| x.map_or("-".into(), |x| format!("{x:.4}"));
        let rows = self.rows.iter().map(|row| {
            vec![
                row.row.to_string(),
                row.name.into(),
                row.target.clone(),
                if row.unbiased { "0".into() } else { number(row.relative_bias) },
                number(row.cosine),
                number(row.scale),
                format!("{:.4}", row.covariance_trace),
                row.unbiased_for.into(),
                match (row.fixed_point_gap, row.fixed_point_reason) {
                    (Some(gap), _) => format!("{gap:.2e}"),
                    (None, reason) => reason.unwrap_or("-").into(),
                },
            ]
        });
        f.write_str(&table(width(f), &header, rows))?;
        write!(
            f,
            "\nScale: length of the expectation along the target. Covariance: its trace, a group. Fixed-point gap: regularised gap \
             of\nthe policy at which the expected direction vanishes. Coefficients, sources: equipoise list estimators."
        )
    }
}
