//! Metrics as a report names and orders them.

use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, Direction, MetricInfo};

/// Whether the metric is one of the two gaps, by which methods are judged.
pub(crate) fn is_gap(metric: &MetricInfo) -> bool {
    metric.name == DUALITY_GAP || metric.name == DUALITY_GAP_TAU
}

/// The metrics worth showing on a game with this `tau`: the gap that the setting is about, then the other gap, then the
/// rest in the order of the configuration. At `tau = 0` the two gaps are the same number, which is shown once.
pub(crate) fn shown(metrics: &[MetricInfo], tau: f64) -> Vec<&MetricInfo> {
    let mut shown: Vec<&MetricInfo> =
        metrics.iter().filter(|m| tau > 0.0 || m.name != DUALITY_GAP_TAU).collect();
    shown.sort_by_key(|m| match m.name.as_str() {
        DUALITY_GAP_TAU => 0,
        DUALITY_GAP => 1,
        _ => 2,
    });
    shown
}

/// In headings and sentences.
pub(crate) fn title(metric: &MetricInfo) -> &str {
    match metric.name.as_str() {
        DUALITY_GAP => "duality gap",
        DUALITY_GAP_TAU => "regularised gap",
        other => other,
    }
}

/// On an axis: the name with its unit.
pub(crate) fn axis_name(metric: &MetricInfo) -> String {
    match (metric.name.as_str(), metric.unit.as_str()) {
        (DUALITY_GAP_TAU, unit) => format!("regularised gap [{unit}, with the KL terms]"),
        (_, "") => title(metric).to_owned(),
        (_, unit) => format!("{} [{unit}]", title(metric)),
    }
}

/// Which values are better, in words.
pub(crate) fn better(metric: &MetricInfo) -> &'static str {
    match metric.direction {
        Direction::Lower => "lower is better",
        Direction::Higher => "higher is better",
        Direction::Neither => "neither lower nor higher is better",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_that_a_setting_is_about_comes_first() {
        let metrics = ["entropy", DUALITY_GAP, "support", DUALITY_GAP_TAU].map(MetricInfo::undescribed);
        let names = |tau| shown(&metrics, tau).iter().map(|m| m.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(0.0), [DUALITY_GAP, "entropy", "support"]);
        assert_eq!(names(0.1), [DUALITY_GAP_TAU, DUALITY_GAP, "entropy", "support"]);
    }
}
