//! The reference policy and the start, as typed.

use std::path::PathBuf;

use super::Resolver;
use crate::error::{ConfigError, Span};
use crate::file::TaggedBlock;

/// A policy of every game, of which only a game tells the number of actions.
#[derive(Clone, Debug)]
pub(crate) enum PolicySpec {
    /// The uniform one.
    Uniform,
    /// Of the start: the reference.
    Reference,
    /// Log-probabilities up to a constant.
    Logits {
        /// One for each action.
        values: Vec<f64>,
        /// Where they were typed.
        span: Span,
    },
    /// A file of probabilities.
    Path {
        /// The file.
        path: PathBuf,
        /// Where it was typed.
        span: Span,
    },
    /// Normal logits.
    RandomNormal {
        /// Their standard deviation.
        scale: f64,
        /// Where it was typed.
        span: Span,
    },
}

impl Resolver<'_> {
    pub(super) fn reference(&self) -> Result<PolicySpec, ConfigError> {
        let sources = &self.file.sources;
        let Some(block) = &self.file.reference else { return Ok(PolicySpec::Uniform) };
        match (block.kind.value.as_str(), &block.value) {
            ("uniform", None) => Ok(PolicySpec::Uniform),
            ("logits", Some(_)) => self.logits(block),
            ("path", Some(node)) => {
                let typed = sources.text_of(node, "path")?;
                let path = sources.locate(typed.span, &typed.value);
                if self.needs_files {
                    std::fs::metadata(&path).map_err(|e| {
                        self.error(typed.span, format!("{}: cannot be read: {e}", path.display()))
                    })?;
                }
                Ok(PolicySpec::Path { path, span: typed.span })
            }
            ("random-normal", value) => {
                let mut scale = 1.0;
                if let Some(node) = value {
                    sources.block(node, "`random-normal`", &["scale"])?;
                    if let Some(typed) = node.get("scale").map(|n| sources.number(n, "scale")).transpose()? {
                        if !(0.0..=1e3).contains(&typed.value) {
                            let message = format!("`scale` is {}, must lie in [0, 1000]", typed.value);
                            return Err(self.error(typed.span, message));
                        }
                        scale = typed.value;
                    }
                }
                Ok(PolicySpec::RandomNormal { scale, span: block.kind.span })
            }
            ("uniform" | "logits" | "path", _) => Err(self.error(
                block.kind.span,
                "`reference` is `uniform`, `logits: [..]`, `path: file` or `random-normal: {scale: 1.0}`",
            )),
            _ => {
                let known = ["uniform", "logits", "path", "random-normal"];
                Err(sources.unknown("reference", &block.kind, known))
            }
        }
    }

    pub(super) fn start(&self) -> Result<PolicySpec, ConfigError> {
        let Some(block) = &self.file.start else { return Ok(PolicySpec::Reference) };
        match (block.kind.value.as_str(), &block.value) {
            ("reference", None) => Ok(PolicySpec::Reference),
            ("uniform", None) => Ok(PolicySpec::Uniform),
            ("logits", Some(_)) => self.logits(block),
            ("reference" | "uniform" | "logits", _) => {
                Err(self.error(block.kind.span, "`start` is `reference`, `uniform` or `logits: [..]`"))
            }
            _ => Err(self.file.sources.unknown("start", &block.kind, ["reference", "uniform", "logits"])),
        }
    }

    fn logits(&self, block: &TaggedBlock) -> Result<PolicySpec, ConfigError> {
        let node = block.value.as_ref().expect("checked by the caller");
        let typed = self.file.sources.many(node, "logits", |s, n, k| s.number(n, k))?;
        Ok(PolicySpec::Logits { values: typed.iter().map(|t| t.value).collect(), span: node.span })
    }
}
