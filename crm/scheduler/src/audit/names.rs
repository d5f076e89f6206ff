//! Names to numbers. Lists in a situation and a schedule mostly name the same things in the same order, so the name
//! after the last one is tried first.

use std::collections::BTreeMap;

/// Known names, numbered in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    numbers: BTreeMap<&'a str, usize>,
    texts: Vec<&'a str>,
    /// What followed each name when it was asked for last.
    followed_by: Vec<usize>,
    last: usize,
}

impl<'a> Names<'a> {
    /// The number of a name; a new one for a new name.
    pub(super) fn number(&mut self, name: &'a str) -> usize {
        let guess = self.followed_by.get(self.last).copied().unwrap_or(0);
        for likely in [self.last, guess] {
            if self.texts.get(likely) == Some(&name) {
                return self.remember(likely);
            }
        }
        let next = self.texts.len();
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.texts.push(name);
            self.followed_by.push(next + 1);
        }
        self.remember(number)
    }

    /// The number of a name that was met.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    fn remember(&mut self, number: usize) -> usize {
        if self.last != number
            && let Some(follower) = self.followed_by.get_mut(self.last)
        {
            *follower = number;
        }
        self.last = number;
        number
    }
}
