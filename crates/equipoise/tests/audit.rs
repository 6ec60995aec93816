//! What the audit must find by itself.

use equipoise::audit::{hold, replay, search, suite};
use equipoise::claims::{CLAIMS, claim};
use equipoise_core::Aim;
use equipoise_eval::audit::Verdict;

#[test]
fn every_claim_names_what_exists_and_says_what_it_claims() {
    let mut ids: Vec<_> = CLAIMS.iter().map(|c| c.id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|w| w[0] != w[1]), "{ids:?}");
    for c in CLAIMS {
        assert!(equipoise::registry::solver(c.solver).is_some(), "{}", c.id);
        assert!(equipoise_eval::Metric::named(c.metric).is_some(), "{}", c.id);
        assert!(!c.statement.is_empty() && !c.source.is_empty(), "{}", c.id);
        assert!(["last", "average"].contains(&c.iterate) && c.game != Aim::Other, "{}", c.id);
    }
}

#[test]
fn verdicts_on_the_suite() {
    for c in CLAIMS {
        let findings: Vec<_> =
            suite(c.game, 0).iter().map(|i| hold(c, i).unwrap_or_else(|e| panic!("{e}"))).collect();
        let failed: Vec<_> =
            findings.iter().filter(|f| matches!(f.judged.verdict, Verdict::Fail { .. })).collect();
        for f in &findings {
            eprintln!(
                "{} | {} {} | {:?} slack {:?} slope {:?} pred {:?}",
                c.id, f.instance, f.tau, f.judged.verdict, f.judged.slack, f.judged.slope, f.predicted_factor
            );
        }
    }
}
