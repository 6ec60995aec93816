//! Parameter blocks and their grids: a list where one value is expected stands for one block each.
//!
//! A parameter whose default is itself a list takes a list as its value; for it a list of lists is a grid. Where the default is
//! null or empty the schema says it. The key typed first varies slowest.

use equipoise::core::BuildError;
use serde_json::{Map, Value};

use crate::error::{ConfigError, Sources, Span, Spanned};
use crate::file::TaggedBlock;
use crate::yaml::{Data, Node};

/// How many points one entry may stand for.
pub(crate) const MAX_POINTS: usize = 100_000;

/// One point of a grid.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The parameters typed, one value each.
    pub(crate) given: Map<String, Value>,
    /// Where keys and values were typed, those inside of blocks and lists by their path (`labels[0].flip.rate`).
    spans: Vec<(String, Span, Span)>,
    /// Where the entry begins.
    pub(crate) entry: Span,
}

impl Point {
    /// Where the value of `key`, which may be a path inside a block, was typed, or the longest beginning of the path; else the
    /// entry.
    pub(crate) fn value_span(&self, key: &str) -> Span {
        self.find(key).map_or(self.entry, |(_, _, value)| *value)
    }

    /// Where `key` itself was typed; else the entry.
    pub(crate) fn key_span(&self, key: &str) -> Span {
        self.find(key).map_or(self.entry, |(_, key, _)| *key)
    }

    fn find(&self, key: &str) -> Option<&(String, Span, Span)> {
        let begins = |known: &str| {
            let rest = key.strip_prefix(known);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.spans.iter().filter(|(known, ..)| begins(known)).max_by_key(|(known, ..)| known.len())
    }

    /// The given parameters over `defaults`.
    pub(crate) fn filled(&self, defaults: &Value) -> Value {
        let mut all = defaults.as_object().cloned().unwrap_or_default();
        all.extend(self.given.clone());
        Value::Object(all)
    }
}

/// The points of `block`, whose parameters have these `defaults`; `what` names it in messages. A default that is a list
/// says that the parameter takes one; where it is null or an empty list the `schema` says it.
pub(crate) fn expand(
    sources: &Sources,
    block: &TaggedBlock,
    what: &str,
    defaults: &Value,
    schema: &Value,
) -> Result<Vec<Point>, ConfigError> {
    let mut known = defaults.clone();
    // an option that is not written where it is unset has no default
    if let (Some(known), Some(options)) = (known.as_object_mut(), schema["properties"].as_object()) {
        for key in options.keys() {
            known.entry(key.clone()).or_insert(Value::Null);
        }
    }
    expand_by(sources, block, what, &known, &|key| list_levels(key, &known, schema))
}

/// How many levels of lists one value of the parameter `key` has.
pub(crate) fn list_levels(key: &str, defaults: &Value, schema: &Value) -> usize {
    match &defaults[key] {
        Value::Array(items) if !items.is_empty() => levels(&defaults[key]),
        Value::Null | Value::Array(_) => {
            schema["properties"].get(key).map_or(0, |of| schema_levels(of, schema))
        }
        _ => 0,
    }
}

/// Levels of lists of what a schema describes, the most of its alternatives.
fn schema_levels(of: &Value, whole: &Value) -> usize {
    let definition = of["$ref"].as_str().and_then(|path| whole.pointer(path.trim_start_matches('#')));
    let alternatives = ["anyOf", "oneOf"].into_iter().filter_map(|key| of[key].as_array()).flatten();
    let is_list =
        of["type"] == "array" || of["type"].as_array().is_some_and(|all| all.contains(&"array".into()));
    let own = if is_list { 1 + schema_levels(&of["items"], whole) } else { 0 };
    alternatives.chain(definition).map(|of| schema_levels(of, whole)).fold(own, usize::max)
}

/// As [`expand`], where `list_levels` says how many levels of lists one value of a key has.
pub(crate) fn expand_by(
    sources: &Sources,
    block: &TaggedBlock,
    what: &str,
    defaults: &Value,
    list_levels: &dyn Fn(&str) -> usize,
) -> Result<Vec<Point>, ConfigError> {
    let defaults = defaults.as_object().cloned().unwrap_or_default();
    let known: Vec<&str> = defaults.keys().map(String::as_str).collect();
    let entry = block.kind.span;
    let mut points = vec![Point { given: Map::new(), spans: Vec::new(), entry }];
    let Some(block) = &block.value else { return Ok(points) };
    for (key, node) in sources.block(block, &format!("the parameters of {what}"), &known)? {
        let values = alternatives(sources, key, node, list_levels(&key.value))?;
        if points.len() * values.len() > MAX_POINTS {
            let message = format!("{what} stands for more than {MAX_POINTS} combinations");
            return Err(sources.error(key.span, message));
        }
        points = points
            .iter()
            .flat_map(|point| values.iter().map(move |(value, node)| (point, value, node)))
            .map(|(point, value, node)| {
                let mut point = point.clone();
                point.given.insert(key.value.clone(), value.clone());
                point.spans.push((key.value.clone(), key.span, node.span));
                places(&key.value, node, &mut point.spans);
                point
            })
            .collect();
    }
    Ok(points)
}

/// Longest list whose items have places of their own: of numbers in bulk no error names one.
const MOST_PLACES: usize = 1_000;

/// Where the parts of a value were typed, by their paths.
fn places(path: &str, node: &Node, out: &mut Vec<(String, Span, Span)>) {
    match &node.data {
        Data::Map(entries) => {
            for (key, value) in entries {
                let path = format!("{path}.{}", key.value);
                out.push((path.clone(), key.span, value.span));
                places(&path, value, out);
            }
        }
        Data::List(items) if items.len() <= MOST_PLACES => {
            for (k, item) in items.iter().enumerate() {
                let path = format!("{path}[{k}]");
                out.push((path.clone(), item.span, item.span));
                places(&path, item, out);
            }
        }
        _ => {}
    }
}

fn alternatives<'a>(
    sources: &Sources,
    key: &Spanned<String>,
    node: &'a Node,
    levels_of_one: usize,
) -> Result<Vec<(Value, &'a Node)>, ConfigError> {
    match &node.data {
        Data::List(items) if items.is_empty() && levels_of_one == 0 => Err(sources
            .error(node.span, format!("the grid of `{}` is empty; it needs at least one value", key.value))),
        Data::List(items) if node_levels(node) > levels_of_one => {
            items.iter().map(|item| Ok((item.to_json(sources)?, item))).collect()
        }
        _ => Ok(vec![(node.to_json(sources)?, node)]),
    }
}

/// The values that blocks within the parameters stand for: `pairs: { per_context: [50, 100] }` is two, and so is a channel
/// with two rates. The list of channels itself is one value. The key that comes first varies slowest. `list_levels` says how many
/// levels of lists one value has, of the path to an option without its places in lists (`labels.flip.rate`).
///
/// # Errors
/// An empty list that stands for no value: its path, and the rule.
pub(crate) fn within(
    parameters: &Value,
    list_levels: &dyn Fn(&str) -> usize,
) -> Result<Vec<Value>, BuildError> {
    let Value::Object(all) = parameters else { return Ok(vec![parameters.clone()]) };
    let blocks = all.iter().map(|(key, value)| {
        let path = Path { typed: key.clone(), plain: key.clone() };
        Ok((key, of_parameter(value, &path, list_levels)?))
    });
    Ok(product(blocks.collect::<Result<Vec<_>, _>>()?))
}

/// A path to an option, as it was typed and without places in lists.
struct Path {
    typed: String,
    plain: String,
}

impl Path {
    fn key(&self, key: &str) -> Self {
        Self { typed: format!("{}.{key}", self.typed), plain: format!("{}.{key}", self.plain) }
    }

    fn item(&self, k: usize) -> Self {
        Self { typed: format!("{}[{k}]", self.typed), plain: self.plain.clone() }
    }
}

fn of_parameter(
    value: &Value,
    path: &Path,
    list_levels: &dyn Fn(&str) -> usize,
) -> Result<Vec<Value>, BuildError> {
    Ok(match value {
        Value::Object(block) => {
            let blocks = block
                .iter()
                .map(|(key, value)| Ok((key, alternatives_of(value, &path.key(key), list_levels)?)));
            product(blocks.collect::<Result<Vec<_>, BuildError>>()?)
        }
        Value::Array(items) => {
            let mut lists = vec![Vec::new()];
            for (k, item) in items.iter().enumerate() {
                let each = of_parameter(item, &path.item(k), list_levels)?;
                let longer = |list: &Vec<Value>| {
                    each.iter().map(|v| [&list[..], std::slice::from_ref(v)].concat()).collect::<Vec<_>>()
                };
                lists = lists.iter().flat_map(longer).collect();
            }
            lists.into_iter().map(Value::Array).collect()
        }
        other => vec![other.clone()],
    })
}

/// A list within a block is a grid, unless one value of the option is a list.
fn alternatives_of(
    value: &Value,
    path: &Path,
    list_levels: &dyn Fn(&str) -> usize,
) -> Result<Vec<Value>, BuildError> {
    match value {
        Value::Array(_) if levels(value) <= list_levels(&path.plain) => Ok(vec![value.clone()]),
        Value::Array(items) if items.is_empty() => {
            Err(BuildError::range(&path.typed, "[]", "is an empty grid; it needs at least one value"))
        }
        Value::Array(items) => {
            let each = items.iter().enumerate().map(|(k, v)| alternatives_of(v, &path.item(k), list_levels));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
        }
        other => of_parameter(other, path, list_levels),
    }
}

fn product(keys: Vec<(&String, Vec<Value>)>) -> Vec<Value> {
    let mut blocks = vec![Map::new()];
    for (key, values) in keys {
        let with = |block: &Map<String, Value>| {
            let with = |value: &Value| {
                let mut block = block.clone();
                block.insert(key.clone(), value.clone());
                block
            };
            values.iter().map(with).collect::<Vec<_>>()
        };
        blocks = blocks.iter().flat_map(with).collect();
    }
    blocks.into_iter().map(Value::Object).collect()
}

/// Levels of lists in a value.
pub(crate) fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.first().map_or(0, levels),
        _ => 0,
    }
}

fn node_levels(node: &Node) -> usize {
    match &node.data {
        Data::List(items) => 1 + items.first().map_or(0, node_levels),
        _ => 0,
    }
}

/// Suffixes that tell blocks of one kind apart: `key=value` for every key in which some of them differ.
pub(crate) fn distinguish(blocks: &[&Map<String, Value>]) -> Vec<Vec<String>> {
    let mut keys: Vec<&String> = blocks.iter().flat_map(|b| b.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| blocks.iter().any(|b| b.get(*key) != blocks[0].get(*key)));
    let show = |block: &Map<String, Value>, key: &String| match block.get(key) {
        Some(Value::String(text)) => Some(format!("{key}={text}")),
        Some(Value::Null) => None, // left to the method
        Some(value) => Some(format!("{key}={value}")),
        None => None,
    };
    blocks.iter().map(|block| keys.iter().filter_map(|key| show(block, key)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;
    use serde_json::json;
    use std::path::Path;

    fn points(text: &str) -> Result<Vec<Value>, String> {
        let mut sources = Sources::default();
        let source = sources.add("x", Path::new(""), text);
        let root = yaml::read(&mut sources, source, 0).unwrap();
        let block = sources.tagged(&root, "x").unwrap();
        let defaults = json!({ "eta": 1.0, "rule": "a", "weights": [1.0, 2.0], "mixture": null, "ideals": null, "names": [] });
        let numbers = json!({ "type": ["array", "null"], "items": { "$ref": "#/$defs/row" } });
        let schema = json!({
            "properties": { "mixture": { "type": ["number", "null"] }, "ideals": { "anyOf": [numbers, { "type": "null" }] },
                "names": { "type": "array", "items": { "type": "string" } } },
            "$defs": { "row": { "type": "array", "items": { "type": "number" } } },
        });
        let points = expand(&sources, &block, "solver `x`", &defaults, &schema).map_err(|e| e.to_string())?;
        Ok(points.into_iter().map(|p| Value::Object(p.given)).collect())
    }

    #[test]
    fn lists_are_grids_in_the_order_typed() {
        assert_eq!(points("x").unwrap(), [json!({})]);
        assert_eq!(
            points("x: { rule: [a, b], eta: [1, 2], mixture: 3 }").unwrap(),
            [("a", 1), ("a", 2), ("b", 1), ("b", 2)].map(|(r, e)| json!({"rule": r, "eta": e, "mixture": 3}))
        );
        assert_eq!(points("x: { weights: [3, 4] }").unwrap(), [json!({"weights": [3, 4]})]);
        assert_eq!(
            points("x: { weights: [[3, 4], [5, 6]] }").unwrap(),
            [json!({"weights": [3, 4]}), json!({"weights": [5, 6]})]
        );
        // lists whose default is null or empty
        assert_eq!(points("x: { ideals: [[1, 2], [3, 4]] }").unwrap(), [json!({"ideals": [[1, 2], [3, 4]]})]);
        assert_eq!(points("x: { ideals: [[[1], [2]], [[3]]] }").unwrap().len(), 2);
        assert_eq!(points("x: { names: [a, b] }").unwrap(), [json!({"names": ["a", "b"]})]);
        assert_eq!(points("x: { names: [[a], [b]] }").unwrap().len(), 2);
        assert_eq!(points("x: { mixture: [3, 4] }").unwrap().len(), 2);
        assert!(points("x: { eta: [] }").unwrap_err().contains("x:1:11: the grid of `eta` is empty"));
        let hundred = format!("[{}]", ["1"; 100].join(", "));
        let huge = format!("x: {{ eta: {hundred}, rule: {hundred}, mixture: {hundred} }}");
        assert!(points(&huge).unwrap_err().contains("more than 100000 combinations"));
    }

    #[test]
    fn lists_within_blocks_are_grids_too() {
        let one = json!({"model": "counts", "pairs": {"design": "all", "per_context": [5, 9]},
            "labels": [{"flip": {"rate": [0.1, 0.2]}}, "half"]});
        let none = |_: &str| 0;
        let all = within(&one, &none).unwrap();
        assert_eq!(all.len(), 4);
        assert!(all.contains(&json!({"model": "counts", "pairs": {"design": "all", "per_context": 9},
            "labels": [{"flip": {"rate": 0.1}}, "half"]})));
        let plain = json!({"model": {"gpm": {"rank": 4}}, "labels": []});
        assert_eq!(within(&plain, &none).unwrap(), [plain]);
        // an option that is a list is one value, a list of them a grid
        let lists = json!({"model": {"whr": {"constant": ["a", "b"], "drift": [1, 2]}}});
        let one_level = |path: &str| usize::from(path == "model.whr.constant");
        assert_eq!(within(&lists, &one_level).unwrap().len(), 2);
        let lists = json!({"model": {"whr": {"constant": [["a", "b"], [], ["c"]]}}});
        assert_eq!(within(&lists, &one_level).unwrap().len(), 3);
        assert_eq!(within(&json!({"model": {"whr": {"constant": []}}}), &one_level).unwrap().len(), 1);
        // an empty grid stands for nothing, and nothing runs
        for (block, path) in [
            (json!({"pairs": {"per_context": []}}), "pairs.per_context"),
            (json!({"labels": ["half", {"flip": {"rate": []}}]}), "labels[1].flip.rate"),
            (json!({"model": {"gpm": {"rank": [2, []]}}}), "model.gpm.rank[1]"),
        ] {
            let error = within(&block, &none).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{path}` = []: is an empty grid; it needs at least one value")
            );
        }
    }

    #[test]
    fn suffixes_name_what_differs() {
        let blocks = [json!({"a": 1, "b": "x"}), json!({"a": 1, "b": "y", "c": [1]})];
        let maps: Vec<_> = blocks.iter().map(|b| b.as_object().unwrap()).collect();
        assert_eq!(distinguish(&maps), [vec!["b=x"], vec!["b=y", "c=[1]"]]);
    }
}
