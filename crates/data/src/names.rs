//! Numbers for names, in the order of their first appearance.

use rustc_hash::FxHashMap;

/// Distinct names and their numbers. The map is only looked up, never walked, so its order cannot matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    list: Vec<String>,
    numbers: FxHashMap<Box<[u8]>, u32>,
}

impl Names {
    /// The number of `name`; `None` if it is new and not UTF-8.
    #[inline]
    pub(crate) fn number(&mut self, name: &[u8]) -> Option<u32> {
        if let Some(&k) = self.numbers.get(name) {
            return Some(k);
        }
        let text = std::str::from_utf8(name).ok()?;
        let k = u32::try_from(self.list.len()).expect("fewer than 2^32 names fit into memory");
        self.list.push(text.to_owned());
        self.numbers.insert(name.into(), k);
        Some(k)
    }

    pub(crate) fn holds(&self, name: &[u8]) -> bool {
        self.numbers.contains_key(name)
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
