//! Keyset pages: the next page begins after the last key of this one, whatever was inserted or deleted between.

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, K = String> {
    pub items: Vec<T>,
    /// The key to go on after; absent on the last page.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Makes a page of at most `limit` of `rows`, of which one more was asked for to learn whether there is another page.
    pub fn of(mut rows: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Self {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }

    /// The page with every item made into another.
    #[must_use]
    pub fn map<V>(self, each: impl FnMut(T) -> V) -> Page<V, K> {
        Page {
            items: self.items.into_iter().map(each).collect(),
            next: self.next,
        }
    }
}

/// How many rows to ask for.
pub(super) fn one_more(limit: u32) -> i64 {
    i64::from(limit) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_next() {
        let full = Page::of(vec![1, 2, 3], 2, |n| *n);
        assert_eq!((full.items, full.next), (vec![1, 2], Some(2)));
        let last = Page::of(vec![1, 2], 2, |n| *n);
        assert_eq!((last.items, last.next), (vec![1, 2], None));
    }
}
