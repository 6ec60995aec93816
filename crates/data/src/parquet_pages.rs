//! Pages of a Parquet column, checked before they are decoded: the decoder takes memory for as many values as a page says
//! it holds, so a damaged count could ask for more than there is, which ends the process.

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

/// Pages of a column that is not nested.
pub(crate) struct CheckedPages {
    pub(crate) pages: Box<dyn PageReader>,
    /// Rows of the row group.
    pub(crate) rows: usize,
    /// Whether a value may be null, so that a page begins with levels.
    pub(crate) optional: bool,
}

impl CheckedPages {
    fn check(&self, page: &Page) -> Result<()> {
        let damaged = |what: &str| Err(ParquetError::General(format!("a page is damaged: {what}")));
        let n = page.num_values() as usize;
        let bytes: &[u8] = page.buffer();
        let (encoding, levels) = match page {
            // a value takes four bytes at least
            Page::DictionaryPage { .. } if n > bytes.len() / 4 => {
                return damaged(&format!("{n} values in {} bytes", bytes.len()));
            }
            Page::DictionaryPage { .. } => return Ok(()),
            _ if n > self.rows => return damaged(&format!("{n} values for {} rows", self.rows)),
            Page::DataPage { encoding, .. } if !self.optional => (encoding, 0),
            Page::DataPage { encoding, def_level_encoding: Encoding::RLE, .. } => {
                let len = bytes.first_chunk().map_or(0, |len| u32::from_le_bytes(*len));
                (encoding, (len as usize).saturating_add(4))
            }
            Page::DataPage { encoding, .. } => (encoding, n.div_ceil(8)),
            Page::DataPageV2 { encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                (encoding, (*def_levels_byte_len as usize).saturating_add(*rep_levels_byte_len as usize))
            }
        };
        let lists = match encoding {
            Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
            Encoding::DELTA_BYTE_ARRAY => 2,
            _ => 0,
        };
        let mut values = bytes.get(levels..).unwrap_or_default();
        for _ in 0..lists {
            match deltas(values) {
                Some((count, end)) if count <= n => values = values.get(end..).unwrap_or_default(),
                Some((count, _)) => return damaged(&format!("{count} lengths for {n} values")),
                None => return damaged("its lengths end early"),
            }
        }
        Ok(())
    }
}

/// How many numbers a list in the encoding DELTA_BINARY_PACKED has, and where it ends.
fn deltas(bytes: &[u8]) -> Option<(usize, usize)> {
    fn number(bytes: &[u8], at: &mut usize) -> Option<usize> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *bytes.get(*at)?;
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return usize::try_from(value).ok();
            }
        }
        None
    }
    let mut at = 0;
    let [block, parts, count, _first] = [(); 4].map(|()| number(bytes, &mut at));
    let (block, parts, count) = (block?, parts?, count?);
    let part = block.checked_div(parts).filter(|part| *part > 0)?;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        number(bytes, &mut at)?; // the least delta of the block
        let widths = bytes.get(at..at.checked_add(parts)?)?;
        at += parts;
        for width in widths.iter().take(left.div_ceil(part)) {
            at = at.checked_add(usize::from(*width).checked_mul(part)? / 8)?;
        }
        left = left.saturating_sub(block);
    }
    Some((count, at))
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.iter().try_for_each(|page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_deltas_are_measured_without_decoding() {
        // blocks of 128 in 4 parts, 3 numbers from 5 on; a least delta, four widths, 32 deltas of 2 bits
        let mut list = vec![0x80, 1, 4, 3, 10, 2, 2, 0, 0, 0];
        list.extend([0; 8]);
        assert_eq!(deltas(&list), Some((3, 18)));
        assert_eq!(deltas(&[0x80, 1, 4, 1, 10]), Some((1, 5)));
        assert_eq!(deltas(&[0x80, 1, 4, 0, 0]), Some((0, 5)));
        // a count that no bytes follow, no parts, a number without an end
        assert_eq!(deltas(&[0x80, 1, 4, 0xff, 0xff, 0xff, 0xff, 0x7f, 10]), None);
        assert_eq!(deltas(&[0x80, 1, 0, 3, 10]), None);
        assert_eq!(deltas(&[0xff; 20]), None);
        assert_eq!(deltas(&[]), None);
    }
}
