//! A queue with a bound in items and in bytes, which drops its oldest items.

use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct BoundedQueue<T> {
    items: VecDeque<(usize, T)>,
    bytes: usize,
    max_items: usize,
    max_bytes: usize,
}

impl<T> BoundedQueue<T> {
    pub(super) fn new(max_items: usize, max_bytes: usize) -> Self {
        Self { items: VecDeque::new(), bytes: 0, max_items, max_bytes }
    }

    /// Appends an item; returns how many old ones had to go. The newest stays even if it is larger than the bound:
    /// one item of a size that its maker allows is no leak, and dropping it would lose an answer for certain.
    pub(super) fn push(&mut self, item: T, bytes: usize) -> u64 {
        self.items.push_back((bytes, item));
        self.bytes = self.bytes.saturating_add(bytes);
        let mut dropped = 0;
        while self.items.len() > 1 && (self.items.len() > self.max_items || self.bytes > self.max_bytes) {
            self.pop();
            dropped += 1;
        }
        dropped
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.items.front().map(|(_, item)| item)
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let (bytes, item) = self.items.pop_front()?;
        self.bytes = self.bytes.saturating_sub(bytes);
        Some(item)
    }

    /// Drops all; returns how many there were.
    pub(super) fn clear(&mut self) -> u64 {
        let count = self.items.len() as u64;
        self.items.clear();
        self.bytes = 0;
        count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    #[cfg(test)]
    pub(super) fn is_within_bounds(&self) -> bool {
        let counted: usize = self.items.iter().map(|(bytes, _)| bytes).sum();
        counted == self.bytes
            && self.items.len() <= self.max_items
            && (self.bytes <= self.max_bytes || self.items.len() == 1)
    }
}
