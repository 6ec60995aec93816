//! Which claims are audited, and what is run otherwise than they say.

use equipoise::audit::Changes;
use equipoise::claims::{CLAIMS, Claim};
use equipoise::core::registry::nearest;
use equipoise::registry::solver;
use serde_json::Value;

use super::AuditOptions;
use crate::error::AnswerError;

/// Contexts of a game that are audited one by one.
const MOST_CONTEXTS: usize = 16;

/// What is run otherwise than the claims say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Asked {
    /// Of claims about the regularised game.
    pub(super) tau: Option<f64>,
    /// Parameters and steps.
    pub(super) changes: Changes,
}

impl Asked {
    /// Reads `tau` and `steps` out of the settings; the rest are parameters.
    pub(super) fn of(options: &AuditOptions) -> Result<Self, AnswerError> {
        let mut asked = Self::default();
        for (key, value) in &options.set {
            let refused = |rule: &str| AnswerError::option("set", format!("`{key}={value}`"), rule);
            match key.as_str() {
                "tau" => {
                    let tau = value.as_f64().filter(|tau| *tau >= 0.0 && tau.is_finite());
                    asked.tau = Some(tau.ok_or_else(|| refused("must be a finite number, at least 0"))?);
                }
                "steps" => {
                    let steps = value.as_u64().filter(|steps| *steps > 0);
                    asked.changes.steps =
                        Some(steps.ok_or_else(|| refused("must be a whole number above 0"))?);
                }
                _ => {
                    asked.changes.parameters.insert(key.clone(), value.clone());
                }
            }
        }
        if let Some((name, game)) = &options.game
            && game.contexts() > MOST_CONTEXTS
        {
            let rule = format!(
                "has {} contexts, and the audit takes up to {MOST_CONTEXTS}: choose some of them",
                game.contexts()
            );
            return Err(AnswerError::option("game", name, rule));
        }
        Ok(asked)
    }
}

/// The chosen claims, and which of them are left out because they cannot be run as asked.
pub(super) fn claims(options: &AuditOptions) -> Result<(Vec<&'static Claim>, Vec<String>), AnswerError> {
    for id in &options.claims {
        known("claim", id, &mut CLAIMS.iter().map(|c| c.id))?;
    }
    for name in &options.solvers {
        known("solver", name, &mut CLAIMS.iter().map(|c| c.solver))?;
    }
    let all = options.claims.is_empty() && options.solvers.is_empty();
    let wanted = |c: &&Claim| {
        all || options.claims.iter().any(|id| id == c.id) || options.solvers.iter().any(|s| s == c.solver)
    };
    let mut chosen: Vec<&'static Claim> = CLAIMS.iter().filter(wanted).collect();
    let mut left_out = Vec::new();
    for key in options.set.keys().filter(|key| !["tau", "steps"].contains(&key.as_str())) {
        let has = |c: &&Claim| parameters(c).contains(key);
        if !chosen.iter().any(has) {
            let mut names: Vec<String> = chosen.iter().flat_map(|c| parameters(c)).collect();
            names.extend(["tau".to_owned(), "steps".to_owned()]);
            names.sort_unstable();
            names.dedup();
            let rule = format!("is a parameter of no method that is audited; known: {}", names.join(", "));
            return Err(AnswerError::option("set", format!("`{key}`"), rule));
        }
        let fixed = |c: &&Claim| c.fixed.contains(&key.as_str());
        for (why, leaves) in [
            ("the statement fixes it", &|c: &&Claim| fixed(c)),
            ("the method has no such parameter", &|c: &&Claim| !has(c)),
        ] as [(&str, &dyn Fn(&&Claim) -> bool); 2]
        {
            let ids: Vec<&str> = chosen.iter().filter(|c| leaves(c)).map(|c| c.id).collect();
            if !ids.is_empty() {
                left_out.push(format!("`{key}` is set, so left out, because {why}: {}", ids.join(", ")));
            }
            chosen.retain(|c| !leaves(c));
        }
        if chosen.is_empty() {
            return Err(AnswerError::option(
                "set",
                format!("`{key}`"),
                format!("leaves no claim: {}", left_out.join("; ")),
            ));
        }
    }
    Ok((chosen, left_out))
}

fn parameters(claim: &Claim) -> Vec<String> {
    let defaults = solver(claim.solver).map_or(Value::Null, |entry| (entry.defaults)());
    defaults.as_object().into_iter().flat_map(|block| block.keys().cloned()).collect()
}

fn known(
    option: &'static str,
    name: &str,
    names: &mut dyn Iterator<Item = &'static str>,
) -> Result<(), AnswerError> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    if names.contains(&name) {
        return Ok(());
    }
    // claims are named after their method, or told by a part of their name
    let near = || nearest(name, names.iter().copied());
    let part = names.iter().copied().find(|known| known.contains(&name.to_lowercase()));
    let hint = part.or_else(near).map_or(String::new(), |known| format!(", did you mean `{known}`?"));
    let rule = format!("is not known to the claims{hint}; known: {}", names.join(", "));
    Err(AnswerError::option(option, format!("`{name}`"), rule))
}
