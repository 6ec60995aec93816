//! The reference policy and the start of each game.

use equipoise::core::Policy;
use equipoise::data::read_policy;

use super::{GamePlan, Resolver};
use crate::error::ConfigError;
use crate::file::Choice;
use crate::identity;

impl Resolver<'_> {
    pub(super) fn reference(&self, game: &GamePlan, seed: u64) -> Result<Policy, ConfigError> {
        let sources = &self.file.sources;
        let shape = game.game.shape();
        let Some(choice) = &self.file.reference else { return Ok(Policy::uniform(shape)) };
        match (choice.kind.value.as_str(), &choice.value) {
            ("uniform", None) => Ok(Policy::uniform(shape)),
            ("logits", Some(_)) => self.logits(choice, game, "reference"),
            ("path", Some(node)) => {
                let typed = sources.text_of(node, "path")?;
                if shape.contexts() > 1 {
                    let message = format!(
                        "a reference file is for one context; `{}` has {}",
                        game.name,
                        shape.contexts()
                    );
                    return Err(self.error(typed.place, message));
                }
                let path = sources.locate(typed.place, &typed.value);
                let probs = read_policy(&path, &game.game.labels(0))
                    .map_err(|e| self.error(typed.place, e.to_string()))?;
                let policy = Policy::from_probs(shape, probs.into())
                    .map_err(|e| self.error(typed.place, format!("{}: {e}", path.display())))?;
                if let Some(i) = policy.log_probs().iter().position(|l| !l.is_finite()) {
                    let message = format!(
                        "{}: action `{}` has probability 0; a reference needs more for every action",
                        path.display(),
                        game.game.labels(0)[i]
                    );
                    return Err(self.error(typed.place, message));
                }
                Ok(policy)
            }
            ("random-normal", value) => {
                let scale = match value {
                    None => 1.0,
                    Some(node) => {
                        sources.block(node, "`random-normal`", &["scale"])?;
                        let typed = node.get("scale").map(|n| sources.number(n, "scale")).transpose()?;
                        match typed {
                            Some(t) if !(0.0..=1e3).contains(&t.value) => {
                                return Err(self.error(
                                    t.place,
                                    format!("`scale` is {}, must lie in [0, 1000]", t.value),
                                ));
                            }
                            Some(t) => t.value,
                            None => 1.0,
                        }
                    }
                };
                let mut rng = identity::reference_rng(seed, &game.name);
                let logits =
                    (0..shape.len()).map(|_| scale * equipoise::core::sample::normal(&mut rng)).collect();
                Policy::from_logits(shape, logits).map_err(|e| self.error(choice.kind.place, e.to_string()))
            }
            ("uniform" | "logits" | "path", _) => Err(self.error(
                choice.kind.place,
                "`reference` is `uniform`, `logits: [..]`, `path: file` or `random-normal: {scale: 1.0}`",
            )),
            _ => Err(sources.unknown(
                "reference",
                &choice.kind,
                ["uniform", "logits", "path", "random-normal"],
            )),
        }
    }

    pub(super) fn start(&self, game: &GamePlan) -> Result<Policy, ConfigError> {
        let Some(choice) = &self.file.start else { return Ok(game.reference.clone()) };
        match (choice.kind.value.as_str(), &choice.value) {
            ("reference", None) => Ok(game.reference.clone()),
            ("uniform", None) => Ok(Policy::uniform(game.game.shape())),
            ("logits", Some(_)) => self.logits(choice, game, "start"),
            ("reference" | "uniform" | "logits", _) => {
                Err(self.error(choice.kind.place, "`start` is `reference`, `uniform` or `logits: [..]`"))
            }
            _ => Err(self.file.sources.unknown("start", &choice.kind, ["reference", "uniform", "logits"])),
        }
    }

    fn logits(&self, choice: &Choice, game: &GamePlan, what: &str) -> Result<Policy, ConfigError> {
        let node = choice.value.as_ref().expect("checked by the caller");
        let typed = self.file.sources.many(node, "logits", |s, n, k| s.number(n, k))?;
        let expected = game.game.shape().len();
        if typed.len() != expected {
            let message =
                format!("the {what} has {} logits; game `{}` has {expected} actions", typed.len(), game.name);
            return Err(self.error(node.place, message));
        }
        Policy::from_logits(game.game.shape(), typed.iter().map(|t| t.value).collect())
            .map_err(|e| self.error(node.place, e.to_string()))
    }
}
