//! Numbers for names, in the order of their first appearance.

use std::collections::HashMap;

/// Distinct names and their numbers. The map is only looked up, never walked, so its order cannot matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    list: Vec<String>,
    numbers: HashMap<Box<[u8]>, u32>,
    /// The names asked for last: files are often sorted, or cycle through few items.
    last: [u32; 2],
}

impl Names {
    /// The number of `name`; `None` if it is new and not UTF-8.
    pub(crate) fn number(&mut self, name: &[u8]) -> Option<u32> {
        for &k in &self.last {
            if self.list.get(k as usize).is_some_and(|known| known.as_bytes() == name) {
                return Some(k);
            }
        }
        let number = match self.numbers.get(name) {
            Some(&k) => k,
            None => {
                let text = std::str::from_utf8(name).ok()?;
                let k = u32::try_from(self.list.len()).expect("fewer than 2^32 names fit into memory");
                self.list.push(text.to_owned());
                self.numbers.insert(name.into(), k);
                k
            }
        };
        self.last = [number, self.last[0]];
        Some(number)
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
