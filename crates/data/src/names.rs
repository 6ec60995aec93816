//! Numbers for names, in the order of their first appearance.

use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization as _;

use equipoise_records::text::is_unprintable;

/// A name as it prints: composed, one plain space for blanks of any kind, nothing that has no width.
pub(crate) fn clean(name: &str) -> String {
    let seen: String = name.nfc().filter(|c| c.is_whitespace() || !is_unprintable(*c)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What names that print alike have in common: [`clean`], in lower case.
pub(crate) fn print_key(name: &str) -> String {
    clean(name).to_lowercase().nfc().collect()
}

/// A name with all that does not show as escapes.
pub(crate) fn visible(name: &str) -> String {
    let hidden = |c: char| {
        is_unprintable(c) || (c.is_whitespace() && c != ' ') || ('\u{300}'..='\u{36f}').contains(&c)
    };
    name.chars().map(|c| if hidden(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Names that print alike, in the order of their first appearance.
pub(crate) fn alike(names: &[String]) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<&String>> = Vec::new();
    let mut places: FxHashMap<String, usize> = FxHashMap::default();
    for name in names {
        let next = groups.len();
        let place = *places.entry(print_key(name)).or_insert(next);
        if place == next {
            groups.push(Vec::new());
        }
        groups[place].push(name);
    }
    let several = groups.into_iter().filter(|g| g.len() > 1);
    several.map(|g| g.into_iter().cloned().collect()).collect()
}

/// Distinct names and their numbers. The map is only looked up, never walked, so its order cannot matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    list: Vec<String>,
    numbers: FxHashMap<Box<[u8]>, u32>,
    /// The number of the empty name, which every row without a context has.
    empty: Option<u32>,
    /// Whether names that print alike are one.
    merged: bool,
}

impl Names {
    /// No names yet; `merged`: those that print alike will be one.
    pub(crate) fn new(merged: bool) -> Self {
        Self { merged, ..Self::default() }
    }

    /// The number of `name`; `None` if it is new and not UTF-8.
    #[inline]
    pub(crate) fn number(&mut self, name: &[u8]) -> Option<u32> {
        // looking up no bytes is slow where they are compared by masked loads
        if let (true, Some(k)) = (name.is_empty(), self.empty) {
            return Some(k);
        }
        let k = self.numbered(name)?;
        if name.is_empty() {
            self.empty = Some(k);
        }
        Some(k)
    }

    #[inline]
    fn numbered(&mut self, name: &[u8]) -> Option<u32> {
        if let Some(&k) = self.numbers.get(name) {
            return Some(k);
        }
        let text = std::str::from_utf8(name).ok()?;
        if self.merged {
            let key = print_key(text);
            if let Some(&k) = self.numbers.get(key.as_bytes()) {
                return Some(k);
            }
            let k = self.push(clean(text));
            self.numbers.insert(key.into_bytes().into(), k);
            return Some(k);
        }
        let k = self.push(text.to_owned());
        self.numbers.insert(name.into(), k);
        Some(k)
    }

    fn push(&mut self, name: String) -> u32 {
        let k = u32::try_from(self.list.len()).expect("fewer than 2^32 names fit into memory");
        self.list.push(name);
        k
    }

    pub(crate) fn holds(&self, name: &[u8]) -> bool {
        let key = |text: &str| self.numbers.contains_key(print_key(text).as_bytes());
        self.numbers.contains_key(name) || self.merged && std::str::from_utf8(name).is_ok_and(key)
    }

    /// The numbers of all names of `others`, new ones being numbered in their order.
    pub(crate) fn adopt(&mut self, others: &Self) -> Vec<u32> {
        let known = |name: &String| self.number(name.as_bytes()).expect("names are UTF-8");
        others.list.iter().map(known).collect()
    }

    pub(crate) fn list(&self) -> &[String] {
        &self.list
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn get(&self, k: u32) -> &str {
        &self.list[k as usize]
    }

    pub(crate) fn into_list(self) -> Vec<String> {
        self.list
    }
}
