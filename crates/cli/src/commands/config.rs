//! `equipoise init` and `equipoise help`: how experiments are written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use equipoise::core::registry::nearest;
use equipoise::data::Contents;
use equipoise::env::generators::GENERATORS;
use equipoise_answers::Source;
use equipoise_experiment::{file, schema, spec};
use equipoise_records::{guard, write_file};
use serde_json::Value;

use super::Outcome;
use crate::args::{Args, Init};
use crate::progress::Terminal;
use crate::{Answer, output, signals};

/// Width of a paragraph of help.
const WIDTH: usize = 100;

pub(super) fn init(args: &Init) -> Outcome {
    let data = Path::new(&args.game);
    let generator = GENERATORS.iter().find(|g| g.name == args.game && !data.is_file());
    let name = generator.map_or_else(|| stem(data), |g| g.name.to_owned());
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.yaml")));
    let (game, remark) = match generator {
        Some(g) => (g.name.to_owned(), g.summary.to_owned()),
        None => of_file(data, &out)?,
    };
    let text = configuration(&stem(&out), &game, &remark, generator.is_some(), &out);
    // what is written must be right: it is read as `run` reads it
    let folder = out.parent().unwrap_or(Path::new(""));
    spec::resolve(&file::parse(&out.display().to_string(), folder, text.as_bytes(), &[])?)?;
    signals::writes(&out);
    if generator.is_none() {
        guard::refuse_input(&out, &[data])?;
    }
    if !args.force {
        guard::refuse_foreign(&out, |_| false)?;
    }
    write_file(&out, text.as_bytes())?;
    output::print(&format!("wrote {0}; run it:  equipoise run {0}", out.display()));
    Ok(Answer::Yes)
}

/// The game of a data file, as an entry of `games`, and what is in the file.
fn of_file(data: &Path, out: &Path) -> Result<(String, String), Box<dyn std::error::Error>> {
    let source = Source::new(data);
    if !data.is_file() {
        let typed = data.display().to_string();
        let hint = nearest(&typed, GENERATORS.iter().map(|g| g.name));
        let hint = hint.map_or(String::new(), |n| format!("; did you mean the game `{n}`?"));
        let missing = source.game(&Terminal::default()).err().map_or(typed, |e| e.to_string());
        return Err(format!("{missing}{hint} (data files, or a game of equipoise list games)").into());
    }
    // a relative path starts at the folder of the configuration
    let beside = out.parent().is_none_or(|p| p.as_os_str().is_empty());
    let path = if beside { data.to_owned() } else { std::path::absolute(data)? };
    // JSON text is YAML too
    let path = serde_json::to_string(&path.display().to_string())?;
    match source.contents() {
        Contents::Payoffs => {
            let rule =
                "holds payoffs of two players, which solve alone takes; an experiment is on preferences";
            Err(format!("{}: {rule}", data.display()).into())
        }
        Contents::Comparisons => {
            let read = source.comparisons(&Terminal::default())?;
            let remark = format!("{} comparisons of {} items", read.total, read.n());
            Ok((format!("comparisons: {{ path: {path} }}"), remark))
        }
        Contents::Matrix => {
            let game = source.game(&Terminal::default())?.game;
            let remark = match game.contexts() {
                1 => format!("win rates of {} actions", game.shape().actions(0)),
                n => format!("win rates of {n} contexts"),
            };
            Ok((format!("matrix: {{ path: {path} }}"), remark))
        }
    }
}

/// A name that an experiment may have, of a file: without its endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.split('.').find(|part| !part.is_empty()).unwrap_or("experiment").to_owned();
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect()
}

/// A commented experiment. A symmetric game starts at its own equilibrium from a uniform policy, so it starts elsewhere.
fn configuration(name: &str, game: &str, remark: &str, made: bool, out: &Path) -> String {
    let reference = match made {
        true => {
            "reference: { random-normal: { scale: 1.0 } }   # or uniform, logits: [..], path: FILE; every method starts here"
        }
        false => {
            "reference: uniform          # or logits: [..], path: FILE, random-normal: { scale: 1 }; every method starts here"
        }
    };
    let each = match game.starts_with("comparisons") {
        true => "\n                            # `each: context` in the block makes a game of every context",
        false => "",
    };
    format!(
        "# Run it:  equipoise run {out}
# What every key means:  equipoise help config     Names:  equipoise list games, solvers, metrics
format: 1
name: {name}
games:
  - {game}   # {remark}{each}
{reference}
tau: [0.0, 0.05]            # 0: the original game; above: KL regularisation towards the reference
oracle: exact               # or sampled: {{ duels_per_query: 64 }}, and then repetitions: 20
solvers:                    # a list as the value of a parameter is a sweep: step_size: [0.05, 0.1, 0.2]
  - mwu: {{ step_size: 0.1 }}
  - omwu: {{ step_size: theorem }}
  - egpo: {{ step_size: theorem }}
  - nash-md: {{ step_size: 0.1 }}
  - bradley-terry           # the softmax of a rating, as a yardstick
repetitions: 1
seed: 0
limits: {{ steps: 10000 }}    # also queries, duels, seconds, target: {{ duality_gap: 1e-6 }}
record: log                 # or every: 100, at: [1, 10, 100]
metrics: [duality_gap, duality_gap_tau, kl_to_equilibrium, kl_to_reference]
save_policies: final        # or recorded
",
        out = out.display()
    )
}

/// Help on a command, or on `config`.
pub(super) fn help(what: &[String]) -> Outcome {
    let mut command = Args::command();
    command.build();
    let text = match what {
        [] => command.render_long_help().to_string(),
        [word, keys @ ..] if word == "config" => config(keys.first().map(String::as_str))?,
        [name, ..] => match command.find_subcommand_mut(name) {
            Some(sub) => sub.render_long_help().to_string(),
            None => {
                let commands: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
                let known = || commands.iter().copied().chain(["config"]);
                let hint = nearest(name, known()).map_or(String::new(), |n| format!(", did you mean `{n}`?"));
                let known = known().collect::<Vec<_>>().join(", ");
                return Err(format!("there is no command `{name}`{hint}; help is on: {known}").into());
            }
        },
    };
    output::print(&text);
    Ok(Answer::Yes)
}

/// A key of experiment files.
struct Key {
    /// With dots; a parameter of a method or a game stands behind its name.
    path: String,
    description: String,
    default: Option<String>,
    required: bool,
}

/// The keys of the schema; of `only` alone, a key of the file or the name of a method or a game.
fn config(only: Option<&str>) -> Result<String, String> {
    let schema = schema::schema();
    let mut keys = keys(&schema);
    if let Some(only) = only {
        let of = |key: &Key| key.path == only || key.path.split('.').any(|part| part == only);
        if !keys.iter().any(of) {
            let known: Vec<&str> = keys.iter().flat_map(|k| k.path.split('.')).collect();
            let hint = nearest(only, known).map_or(String::new(), |n| format!(", did you mean `{n}`?"));
            return Err(format!(
                "there is no key, method or game `{only}`{hint}; all: equipoise help config"
            ));
        }
        keys.retain(of);
    }
    let mut text =
        "Keys of an experiment file (YAML). `equipoise init` writes one, `equipoise schema` is the same for \
                    editors, `--set KEY=VALUE` lays a value over a file.\n\n"
            .to_owned();
    for key in keys {
        let state = match (&key.default, key.required) {
            (Some(default), _) => format!(" [default: {default}]"),
            (None, true) => " (required)".into(),
            (None, false) => String::new(),
        };
        // writing to a string cannot fail
        let _ = writeln!(text, "{}{state}", key.path);
        for line in lines(&key.description, WIDTH - 4) {
            let _ = writeln!(text, "    {line}");
        }
    }
    Ok(text)
}

/// All keys, what is required first.
fn keys(schema: &Value) -> Vec<Key> {
    let required = |name: &str| schema["required"].as_array().is_some_and(|r| r.iter().any(|k| k == name));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let (first, rest): (Vec<_>, Vec<_>) = properties.partition(|(name, _)| required(name));
    let mut keys = Vec::new();
    for (name, schema) in first.into_iter().chain(rest) {
        keys.push(Key { required: required(name), ..Key::of(name.clone(), schema) });
        let below = schema["properties"].as_object().into_iter().flatten();
        keys.extend(below.map(|(key, schema)| Key::of(format!("{name}.{key}"), schema)));
        for one in schema["items"]["anyOf"].as_array().into_iter().flatten() {
            let word = one["const"].as_str();
            keys.extend(word.map(|word| Key::of(format!("{name}.{word}"), one)));
            for (word, component) in one["properties"].as_object().into_iter().flatten() {
                let parameters = component["properties"].as_object().into_iter().flatten();
                keys.extend(parameters.map(|(key, schema)| Key::of(format!("{name}.{word}.{key}"), schema)));
            }
        }
    }
    keys
}

impl Key {
    fn of(path: String, schema: &Value) -> Self {
        let description = schema["description"].as_str().unwrap_or_default().to_owned();
        let default = schema.get("default").filter(|value| !value.is_null()).map(|value| match value {
            Value::String(word) => word.clone(),
            other => other.to_string(),
        });
        Self { path, description, default, required: false }
    }
}

/// A text in lines of at most `width` characters, but for longer words.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
