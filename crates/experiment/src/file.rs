//! What was typed: one experiment file, with the parts that it uses and the overrides of the command line.
//!
//! Here unknown keys and wrong types are refused; no default is applied and no registry is asked. Defaults, grids and
//! ranges are the business of [`crate::spec`].
//!
//! Composition is one level deep: an entry `- use: parts/x.yaml` of `games` or `solvers` stands for the list under the
//! same key of that file, which may not `use` another. Relative paths start at the file in which they are written.

use std::path::Path;

use crate::error::{ConfigError, Sources, Span, Spanned};
use crate::yaml::{self, Data, Node};

/// The keys of an experiment file, in their usual order.
pub const KEYS: [&str; 18] = [
    "format",
    "name",
    "description",
    "games",
    "reference",
    "start",
    "policy",
    "test_contexts",
    "tau",
    "oracle",
    "solvers",
    "repetitions",
    "seed",
    "limits",
    "record",
    "metrics",
    "save_policies",
    "noise",
];

/// The keys under `limits`.
pub const LIMIT_KEYS: [&str; 7] = ["steps", "target", "seconds", "queries", "duels", "keep_best", "patience"];

/// The version of the file format that this program reads.
pub const FORMAT: u64 = 1;

/// An experiment as it was typed; `None` where a key was left out.
#[derive(Clone, Debug)]
pub struct ExperimentFile {
    /// The texts it came from.
    pub sources: Sources,
    /// The file as a whole.
    pub span: Span,
    /// `name`.
    pub name: Option<Spanned<String>>,
    /// `description`.
    pub description: Option<Spanned<String>>,
    /// `games`, parts spliced in; at least one.
    pub games: Vec<TaggedBlock>,
    /// `reference`.
    pub reference: Option<TaggedBlock>,
    /// `start`.
    pub start: Option<TaggedBlock>,
    /// `policy`: the class that methods stay in.
    pub policy: Option<TaggedBlock>,
    /// `test_contexts`: contexts of every game that no method sees.
    pub test_contexts: Option<Spanned<u64>>,
    /// `tau`; at least one where given.
    pub tau: Option<Vec<Spanned<f64>>>,
    /// `oracle`; at least one where given.
    pub oracle: Option<Vec<TaggedBlock>>,
    /// `solvers`, parts spliced in; at least one.
    pub solvers: Vec<TaggedBlock>,
    /// `repetitions`.
    pub repetitions: Option<Spanned<u64>>,
    /// `seed`.
    pub seed: Option<Spanned<u64>>,
    /// `limits`.
    pub limits: LimitsBlock,
    /// `record`.
    pub record: Option<TaggedBlock>,
    /// `metrics`; at least one where given.
    pub metrics: Option<Vec<Spanned<String>>>,
    /// `save_policies`.
    pub save_policies: Option<Spanned<String>>,
    /// `noise`.
    pub noise: Option<Spanned<String>>,
}

/// `limits` as typed.
#[derive(Clone, Debug, Default)]
pub struct LimitsBlock {
    /// `steps`.
    pub steps: Option<Spanned<u64>>,
    /// `target`: metric and value.
    pub target: Vec<(Spanned<String>, Spanned<f64>)>,
    /// `seconds`.
    pub seconds: Option<Spanned<f64>>,
    /// `queries`.
    pub queries: Option<Spanned<u64>>,
    /// `duels`.
    pub duels: Option<Spanned<u64>>,
    /// `keep_best`: a metric.
    pub keep_best: Option<Spanned<String>>,
    /// `patience`: steps.
    pub patience: Option<Spanned<u64>>,
}

/// A kind, bare or with the block that belongs to it: `uniform`, or `logits: [0, 1]`, or `egpo: { step_size: 0.1 }`.
#[derive(Clone, Debug, PartialEq)]
pub struct TaggedBlock {
    /// The word or the only key.
    pub kind: Spanned<String>,
    /// What stands behind the key.
    pub value: Option<Node>,
}

/// Reads the experiment at `path`, with `overrides` (`key=value`, the key with dots) laid over it.
///
/// # Errors
/// A file that cannot be read, or anything that is not an experiment: file, line, column, rule.
pub fn parse_file(path: &Path, overrides: &[String]) -> Result<ExperimentFile, ConfigError> {
    let bytes = read_bytes(path).map_err(|why| ConfigError::file(path, why))?;
    parse(&path.display().to_string(), path.parent().unwrap_or(Path::new("")), &bytes, overrides)
}

/// Reads an experiment called `name` in messages; its relative paths start at `folder`.
///
/// # Errors
/// Anything that is not an experiment: file, line, column, rule.
pub fn parse(
    name: &str,
    folder: &Path,
    bytes: &[u8],
    overrides: &[String],
) -> Result<ExperimentFile, ConfigError> {
    let mut sources = Sources::default();
    let source = yaml::add_bytes(&mut sources, name, folder, bytes)?;
    let mut root = yaml::read(&mut sources, source, 0)?;
    if root.data == Data::Null {
        let whole = Span { source, line: 0, column: 0, width: 1 };
        return Err(sources
            .error(whole, "the file is empty")
            .help("an experiment has at least `games` and `solvers`"));
    }
    for text in overrides {
        apply_override(&mut sources, &mut root, text)?;
    }
    ExperimentReader { sources }.experiment(&root)
}

/// Lays one `key=value` over the tree. The override is a source of its own, so its errors show it.
fn apply_override(sources: &mut Sources, root: &mut Node, text: &str) -> Result<(), ConfigError> {
    let source = sources.add("--set", Path::new(""), text);
    let whole = Span { source, line: 1, column: 1, width: text.chars().count().max(1) };
    let refuse = |sources: &Sources, message: String| {
        Err(sources.error(whole, message).help("write --set key=value, as --set limits.steps=100"))
    };
    let Some((path, _)) = text.split_once('=') else {
        return refuse(sources, format!("the override `{text}` has no `=`"));
    };
    let mut value = yaml::read(sources, source, path.chars().count() + 1)?;
    let mut target = root;
    let mut column = 1;
    for segment in path.split('.') {
        let width = segment.chars().count();
        let span = Span { source, line: 1, column, width: width.max(1) };
        column += width + 1;
        if segment.is_empty() {
            return refuse(sources, format!("the override `{text}` has an empty key"));
        }
        if target.data == Data::Null {
            target.data = Data::Map(Vec::new());
        }
        let found = target.describe();
        target = match &mut target.data {
            Data::Map(entries) => {
                let at = entries.iter().position(|(k, _)| k.value == segment).unwrap_or_else(|| {
                    let key = Spanned { value: segment.to_owned(), span };
                    entries.push((key, Node { span, data: Data::Null }));
                    entries.len() - 1
                });
                &mut entries[at].1
            }
            Data::List(items) => {
                let count = items.len();
                match segment.parse::<usize>().ok().filter(|&i| i < count) {
                    Some(i) => &mut items[i],
                    None => {
                        return refuse(
                            sources,
                            format!("`{segment}` is not an entry of a list of {count} (they count from 0)"),
                        );
                    }
                }
            }
            _ => return refuse(sources, format!("`{segment}` cannot be set inside {found}")),
        };
    }
    std::mem::swap(target, &mut value);
    Ok(())
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("cannot be read: {e}"))
}

/// The reading of typed values out of nodes. Every method refuses by place.
pub(crate) struct ExperimentReader {
    pub(crate) sources: Sources,
}

impl ExperimentReader {
    fn experiment(mut self, root: &Node) -> Result<ExperimentFile, ConfigError> {
        self.sources.block(root, "an experiment", &KEYS)?;
        if let Some(node) = root.get("format") {
            let format = self.sources.integer(node, "format")?;
            if format.value != FORMAT {
                let message =
                    format!("format {} is not known; this program reads format {FORMAT}", format.value);
                return Err(self.sources.error(format.span, message));
            }
        }
        let games = self.entries(root, "games")?;
        let solvers = self.entries(root, "solvers")?;
        let s = &self.sources;
        let integer = |key: &str| root.get(key).map(|n| s.integer(n, key)).transpose();
        let tagged = |key: &str| root.get(key).map(|n| s.tagged(n, key)).transpose();
        let file = ExperimentFile {
            span: root.span,
            name: root.get("name").map(|n| s.text_of(n, "name")).transpose()?,
            description: root.get("description").map(|n| s.text_of(n, "description")).transpose()?,
            games,
            reference: tagged("reference")?,
            start: tagged("start")?,
            policy: tagged("policy")?,
            test_contexts: integer("test_contexts")?,
            tau: root.get("tau").map(|n| s.one_or_many(n, "tau", Sources::number)).transpose()?,
            oracle: root.get("oracle").map(|n| s.one_or_many(n, "oracle", Sources::tagged)).transpose()?,
            solvers,
            repetitions: integer("repetitions")?,
            seed: integer("seed")?,
            limits: root.get("limits").map(|n| s.limits(n)).transpose()?.unwrap_or_default(),
            record: tagged("record")?,
            metrics: root.get("metrics").map(|n| s.many(n, "metrics", Sources::text_of)).transpose()?,
            save_policies: root.get("save_policies").map(|n| s.text_of(n, "save_policies")).transpose()?,
            noise: root.get("noise").map(|n| s.text_of(n, "noise")).transpose()?,
            sources: Sources::default(),
        };
        Ok(ExperimentFile { sources: self.sources, ..file })
    }

    /// The choices under `games` or `solvers`, with the lists of used files in the place of their `use`.
    fn entries(&mut self, root: &Node, key: &str) -> Result<Vec<TaggedBlock>, ConfigError> {
        let Some(list) = root.get(key) else {
            let error = self.sources.error(root.span, format!("the key `{key}` is missing"));
            return Err(error.help(format!("add `{key}:` with a list of at least one entry")));
        };
        let mut entries = Vec::new();
        for block in self.sources.many(list, key, Sources::tagged)? {
            if block.kind.value == "use" {
                entries.extend(self.part(&block, key)?);
            } else {
                entries.push(block);
            }
        }
        Ok(entries)
    }

    /// The list under `key` of the file that `block` uses.
    fn part(&mut self, block: &TaggedBlock, key: &str) -> Result<Vec<TaggedBlock>, ConfigError> {
        let path = match &block.value {
            Some(node) => self.sources.text_of(node, "use")?,
            None => {
                return Err(self
                    .sources
                    .error(block.kind.span, "`use` needs a path, as `use: parts/x.yaml`"));
            }
        };
        let file = self.sources.locate(path.span, &path.value);
        let bytes = read_bytes(&file)
            .map_err(|why| self.sources.error(path.span, format!("{}: {why}", file.display())))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let source = yaml::add_bytes(&mut self.sources, &file.display().to_string(), folder, &bytes)?;
        let root = yaml::read(&mut self.sources, source, 0)?;
        self.sources.block(&root, "a part", &["format", "games", "solvers"])?;
        let Some(list) = root.get(key) else {
            return Err(self.sources.error(path.span, format!("{} has no `{key}`", file.display())));
        };
        let entries = self.sources.many(list, key, Sources::tagged)?;
        match entries.iter().find(|e| e.kind.value == "use") {
            Some(nested) => Err(self.sources.error(nested.kind.span, "a used file may not `use` another")),
            None => Ok(entries),
        }
    }
}

impl Sources {
    fn mismatch(&self, node: &Node, what: &str, expected: &str) -> ConfigError {
        self.error(node.span, format!("`{what}` must be {expected}, found {}", node.describe()))
    }

    /// Checks that `node` is a block with only `known` keys.
    pub(crate) fn block<'n>(
        &self,
        node: &'n Node,
        what: &str,
        known: &[&str],
    ) -> Result<&'n [(Spanned<String>, Node)], ConfigError> {
        let Data::Map(entries) = &node.data else {
            return Err(
                self.error(node.span, format!("{what} must be a block of keys, found {}", node.describe()))
            );
        };
        match entries.iter().find(|(key, _)| !known.contains(&key.value.as_str())) {
            Some((key, _)) => Err(self.unknown("key", key, known.iter().copied())),
            None => Ok(entries),
        }
    }

    pub(crate) fn text_of(&self, node: &Node, what: &str) -> Result<Spanned<String>, ConfigError> {
        match &node.data {
            Data::Text(text) => Ok(Spanned { value: text.clone(), span: node.span }),
            Data::Int(_) | Data::Float(_) | Data::Bool(_) => {
                Err(self.mismatch(node, what, "text").help("put it in quotes to make it text"))
            }
            _ => Err(self.mismatch(node, what, "text")),
        }
    }

    pub(crate) fn number(&self, node: &Node, what: &str) -> Result<Spanned<f64>, ConfigError> {
        let value = match node.data {
            Data::Int(i) => i as f64,
            Data::Float(x) if x.is_finite() => x,
            Data::Float(x) => {
                return Err(self.error(node.span, format!("`{what}` is {x}, must be a finite number")));
            }
            _ => return Err(self.mismatch(node, what, "a number")),
        };
        Ok(Spanned { value, span: node.span })
    }

    pub(crate) fn integer(&self, node: &Node, what: &str) -> Result<Spanned<u64>, ConfigError> {
        let value = match node.data {
            Data::Int(i) => u64::try_from(i).ok(),
            // 1e6 and 20000.0 are whole numbers too
            Data::Float(x) if x.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&x) => {
                Some(x as u64)
            }
            _ => None,
        };
        match value {
            Some(value) => Ok(Spanned { value, span: node.span }),
            None => Err(self.mismatch(node, what, "a whole number of at least 0")),
        }
    }

    pub(crate) fn many<T>(
        &self,
        node: &Node,
        what: &str,
        one: impl Fn(&Self, &Node, &str) -> Result<T, ConfigError>,
    ) -> Result<Vec<T>, ConfigError> {
        match &node.data {
            Data::List(items) if items.is_empty() => {
                Err(self.error(node.span, format!("`{what}` is an empty list; it needs at least one entry")))
            }
            Data::List(items) => items.iter().map(|item| one(self, item, what)).collect(),
            _ => Err(self.mismatch(node, what, "a list")),
        }
    }

    pub(crate) fn one_or_many<T>(
        &self,
        node: &Node,
        what: &str,
        one: impl Fn(&Self, &Node, &str) -> Result<T, ConfigError>,
    ) -> Result<Vec<T>, ConfigError> {
        match &node.data {
            Data::List(_) => self.many(node, what, one),
            _ => Ok(vec![one(self, node, what)?]),
        }
    }

    pub(crate) fn tagged(&self, node: &Node, what: &str) -> Result<TaggedBlock, ConfigError> {
        match &node.data {
            Data::Text(kind) => {
                Ok(TaggedBlock { kind: Spanned { value: kind.clone(), span: node.span }, value: None })
            }
            Data::Map(entries) if entries.len() == 1 => {
                let (kind, value) = &entries[0];
                let value = (value.data != Data::Null).then(|| value.clone());
                Ok(TaggedBlock { kind: kind.clone(), value })
            }
            Data::Map(entries) => {
                let span = entries.get(1).map_or(node.span, |(key, _)| key.span);
                let message =
                    format!("an entry of `{what}` has one key, its kind; this one has {}", entries.len());
                Err(self
                    .error(span, message)
                    .help("indent the parameters below their kind, or start a new entry"))
            }
            _ => Err(self.mismatch(node, what, "a name, or one key with its parameters")),
        }
    }

    fn limits(&self, node: &Node) -> Result<LimitsBlock, ConfigError> {
        self.block(node, "`limits`", &LIMIT_KEYS)?;
        let integer = |key: &str| node.get(key).map(|n| self.integer(n, key)).transpose();
        let target = match node.get("target").map(|n| (n, &n.data)) {
            None => Vec::new(),
            Some((_, Data::Map(entries))) => {
                let pairs = entries.iter().map(|(k, v)| Ok((k.clone(), self.number(v, &k.value)?)));
                pairs.collect::<Result<_, ConfigError>>()?
            }
            Some((n, _)) => return Err(self.mismatch(n, "target", "a block of metrics and values")),
        };
        Ok(LimitsBlock {
            steps: integer("steps")?,
            target,
            seconds: node.get("seconds").map(|n| self.number(n, "seconds")).transpose()?,
            queries: integer("queries")?,
            duels: integer("duels")?,
            keep_best: node.get("keep_best").map(|n| self.text_of(n, "keep_best")).transpose()?,
            patience: integer("patience")?,
        })
    }
}
