//! Which file of a crate imports from which: module files, their `use` declarations and the paths in their code.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use super::lexer::{Lexed, Token, tokens};

/// One file of a crate.
struct File {
    path: PathBuf,
    parent: Option<usize>,
    /// Modules of their own files, by name.
    children: BTreeMap<String, usize>,
    uses: Vec<Use>,
    /// Paths in the code that begin with a module: `crate::a::b`, `super::c`, `child::d`.
    paths: Vec<Vec<String>>,
    /// Items defined here, at any depth.
    items: BTreeSet<String>,
    /// All words of the code outside `use` declarations.
    words: BTreeSet<String>,
}

/// One name that a `use` declaration brings in.
struct Use {
    public: bool,
    path: Vec<String>,
    /// None for a glob.
    name: Option<String>,
}

/// The files of one crate, the root first.
pub(crate) struct Crate {
    files: Vec<File>,
}

impl Crate {
    /// Reads the crate whose root is the file `root`.
    pub(crate) fn read(root: &Path) -> Self {
        let mut all = Self { files: Vec::new() };
        all.add(root.to_path_buf(), None);
        all
    }

    fn add(&mut self, path: PathBuf, parent: Option<usize>) -> usize {
        let text = fs::read_to_string(&path).unwrap();
        let me = self.files.len();
        let (file, modules) = parse(path.clone(), parent, &Lexed::of(&text).untested());
        self.files.push(file);
        let name = path.file_stem().unwrap().to_str().unwrap();
        let below = match name {
            "lib" | "main" | "mod" => path.parent().unwrap().to_path_buf(),
            _ => path.with_extension(""),
        };
        for module in modules {
            let flat = below.join(format!("{module}.rs"));
            let file = if flat.exists() { flat } else { below.join(&module).join("mod.rs") };
            assert!(file.exists(), "{}: no file for `mod {module};`", path.display());
            let child = self.add(file, Some(me));
            self.files[me].children.insert(module, child);
        }
        me
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The files from which a file imports.
    fn imports(&self, me: usize) -> BTreeSet<usize> {
        let file = &self.files[me];
        let mut to = BTreeSet::new();
        for entry in &file.uses {
            let Some((target, _)) = self.resolve(me, &entry.path, 0) else { continue };
            // a parent that passes its children's names on does not use them, unless its own code does
            let passes_on = entry.public && self.is_below(target, me);
            if !passes_on || entry.name.as_ref().is_some_and(|n| file.words.contains(n)) {
                to.insert(target);
            }
        }
        to.extend(file.paths.iter().filter_map(|p| Some(self.resolve(me, p, 0)?.0)));
        to.remove(&me);
        to
    }

    fn is_below(&self, mut file: usize, ancestor: usize) -> bool {
        while let Some(parent) = self.files[file].parent {
            if parent == ancestor {
                return true;
            }
            file = parent;
        }
        false
    }

    /// The file in which the last name of `path` is defined, seen from `me`, and whether it names that file's module.
    fn resolve(&self, me: usize, path: &[String], depth: usize) -> Option<(usize, bool)> {
        if depth > 20 {
            return None; // names that are passed round in a circle
        }
        let mut at = me;
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (at, rest) = (0, &path[1..]),
            "self" => rest = &path[1..],
            "super" => {}
            first => {
                let file = &self.files[me];
                let bound = file.uses.iter().any(|u| u.name.as_deref() == Some(first) && u.path != path);
                if !file.children.contains_key(first) && !bound {
                    return None; // another crate's
                }
            }
        }
        while let Some((segment, tail)) = rest.split_first() {
            if segment == "super" {
                at = self.files[at].parent?;
            } else if let Some(&child) = self.files[at].children.get(segment) {
                at = child;
            } else {
                match self.lookup(at, segment, depth) {
                    Some((module, true)) => at = module,
                    Some((file, false)) => return Some((file, false)),
                    None => return Some((at, false)),
                }
            }
            rest = tail;
        }
        Some((at, true))
    }

    /// Where a name that `at` imports comes from; none if `at` defines it.
    fn lookup(&self, at: usize, name: &str, depth: usize) -> Option<(usize, bool)> {
        let file = &self.files[at];
        for entry in file.uses.iter().filter(|u| u.name.as_deref() == Some(name)) {
            if let Some(found) = self.resolve(at, &entry.path, depth + 1) {
                return Some(found);
            }
        }
        if file.items.contains(name) {
            return None;
        }
        for glob in file.uses.iter().filter(|u| u.name.is_none()) {
            if let Some((module, _)) = self.resolve(at, &glob.path, depth + 1)
                && module != at
                && self.files[module].items.contains(name)
            {
                return Some((module, false));
            }
        }
        None
    }

    /// The file's ancestors from the root down, itself last.
    fn lineage(&self, file: usize) -> Vec<usize> {
        let mut line = vec![file];
        while let Some(parent) = self.files[line[line.len() - 1]].parent {
            line.push(parent);
        }
        line.reverse();
        line
    }

    /// The circles among the children of one module, each child taken with everything below it; the shortest through
    /// every import, each set of children once. A module and what lies below it are one thing: imports between them
    /// are not counted.
    pub(crate) fn circles(&self) -> Vec<Vec<&Path>> {
        let mut edges = vec![BTreeSet::new(); self.len()];
        for from in 0..self.len() {
            let ours = self.lineage(from);
            for to in self.imports(from) {
                let theirs = self.lineage(to);
                let apart = ours.iter().zip(&theirs).find(|(a, b)| a != b);
                if let Some((&a, &b)) = apart {
                    edges[a].insert(b);
                }
            }
        }
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for from in 0..self.len() {
            for &to in &edges[from] {
                let Some(way) = shortest(&edges, to, from) else { continue };
                let set: BTreeSet<usize> = way.iter().copied().collect();
                if seen.insert(set) {
                    found.push(way.iter().map(|&k| self.files[k].path.as_path()).collect());
                }
            }
        }
        found
    }
}

/// The files on the shortest way from `from` to `to`, both included.
fn shortest(edges: &[BTreeSet<usize>], from: usize, to: usize) -> Option<Vec<usize>> {
    let mut came: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            let mut way = vec![to];
            while *way.last().unwrap() != from {
                way.push(came[way.last().unwrap()]);
            }
            way.reverse();
            return Some(way);
        }
        for &next in &edges[at] {
            if next != from && !came.contains_key(&next) {
                came.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The file's own part, and the modules it declares that have files of their own.
fn parse(path: PathBuf, parent: Option<usize>, code: &str) -> (File, Vec<String>) {
    let all = tokens(code);
    let mut modules = Vec::new();
    let mut file = File {
        path,
        parent,
        children: BTreeMap::new(),
        uses: Vec::new(),
        paths: Vec::new(),
        items: BTreeSet::new(),
        words: BTreeSet::new(),
    };
    let text = |k: usize| all.get(k).map_or("", |t: &Token<'_>| t.text);
    let (mut k, mut depth, mut inline) = (0usize, 0usize, Vec::new());
    while k < all.len() {
        match text(k) {
            "{" => depth += 1,
            "}" => {
                assert!(depth > 0, "{}: a brace too many", file.path.display());
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                }
            }
            "mod" if text(k + 2) == ";" => modules.push(text(k + 1).to_string()),
            "mod" if text(k + 2) == "{" => inline.push(depth),
            // not the captures of a returned type, `impl Trait + use<>`
            "use" if text(k + 1) != "<" => {
                let public = k > 0 && (text(k - 1) == "pub" || text(k - 1) == ")");
                let end = (k..all.len()).find(|&j| text(j) == ";").unwrap_or(all.len());
                let words: Vec<&str> = (k + 1..end).map(text).collect();
                for (path, name) in use_tree(&words) {
                    if let Some(path) = outside(path, inline.len()) {
                        file.uses.push(Use { public, path, name });
                    }
                }
                k = end;
            }
            "fn" | "struct" | "enum" | "trait" | "const" | "static" | "type" | "union" => {
                file.items.insert(text(k + 1).to_string());
            }
            "macro_rules" => {
                file.items.insert(text(k + 2).to_string());
            }
            word => {
                if text(k + 1) == "::" && (k == 0 || text(k - 1) != "::") {
                    let mut path = vec![word.to_string()];
                    let mut j = k + 1;
                    while text(j) == "::" && text(j + 1).starts_with(|c: char| c.is_alphabetic() || c == '_')
                    {
                        path.push(text(j + 1).to_string());
                        j += 2;
                    }
                    file.paths.extend(outside(path, inline.len()));
                }
                file.words.insert(word.to_string());
            }
        }
        k += 1;
    }
    (file, modules)
}

/// A path written inside `depth` inline modules, as the file's own module would write it; none if it stays inside.
fn outside(mut path: Vec<String>, depth: usize) -> Option<Vec<String>> {
    for _ in 0..depth {
        match path.first().map(String::as_str) {
            Some("super") => path.remove(0),
            Some("crate") => return Some(path),
            _ => return None,
        };
    }
    if path.is_empty() { None } else { Some(path) }
}

/// `a::{b, c as d, e::*}` taken apart: each path, and the name it gets.
fn use_tree(words: &[&str]) -> Vec<(Vec<String>, Option<String>)> {
    let mut prefix = Vec::new();
    let mut k = 0;
    while k < words.len() {
        match words[k] {
            "::" => {}
            "*" => return vec![(prefix, None)],
            "{" => {
                let inside = &words[k + 1..words.len() - 1];
                let mut found = Vec::new();
                let (mut depth, mut begin) = (0, 0);
                for (j, word) in inside.iter().chain([&","]).enumerate() {
                    match *word {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        "," if depth == 0 => {
                            for (path, name) in use_tree(&inside[begin..j]) {
                                found.push(([prefix.clone(), path].concat(), name));
                            }
                            begin = j + 1;
                        }
                        _ => {}
                    }
                }
                return found;
            }
            "as" => return vec![(prefix, Some(words[k + 1].to_string()))],
            word => prefix.push(word.to_string()),
        }
        k += 1;
    }
    if prefix.last().is_some_and(|last| last == "self") && prefix.len() > 1 {
        prefix.pop();
    }
    match prefix.last().cloned() {
        Some(name) => vec![(prefix, Some(name))],
        None => Vec::new(),
    }
}
