//! How times are spread, in the memory of a few hundred counters: four to each doubling, so that what is told is at
//! most a quarter too high.

use serde::{Deserialize, Serialize};

/// Counters to each doubling.
const PARTS: u32 = 4;
/// The first value that has a counter for each doubling above it; below, each value has its own.
const FINE: u64 = PARTS as u64;
/// Enough for hours in microseconds.
const COUNTERS: usize = 140;

/// How times are spread. In microseconds; zeros when nothing was measured yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// So many were measured.
    pub count: u64,
    /// Half of them took at most so long.
    pub half_us: u64,
    /// 99 of 100 took at most so long.
    pub most_us: u64,
    /// The longest.
    pub worst_us: u64,
}

/// Counts times.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counters: [u64; COUNTERS],
    worst: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counters: [0; COUNTERS], worst: 0 }
    }
}

/// The counter of a value.
fn place(value: u64) -> usize {
    if value < FINE {
        return value as usize;
    }
    // The two bits after the highest one say which part of its doubling it lies in.
    let high = value.ilog2();
    let part = (value >> (high - 2)) & 3;
    ((high - 1) * PARTS + part as u32) as usize
}

/// The highest value of a counter.
fn highest(place: usize) -> u64 {
    if (place as u64) < FINE {
        return place as u64;
    }
    let (high, part) = (place as u32 / PARTS + 1, place as u64 % FINE);
    (1 << high) + ((part + 1) << (high - 2)) - 1
}

impl Histogram {
    pub(super) fn add(&mut self, micros: u64) {
        self.counters[place(micros).min(COUNTERS - 1)] += 1;
        self.worst = self.worst.max(micros);
    }

    pub(super) fn spread(&self) -> Spread {
        let count: u64 = self.counters.iter().sum();
        let share = |of_hundred: u64| {
            let wanted = (count * of_hundred).div_ceil(100);
            let mut seen = 0;
            let at = self.counters.iter().position(|counter| {
                seen += counter;
                seen >= wanted.max(1)
            });
            at.map_or(0, highest).min(self.worst)
        };
        Spread { count, half_us: share(50), most_us: share(99), worst_us: self.worst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_counter() {
        for value in (0..5000).chain([65_535, 65_536, 1 << 30, (1 << 33) + 5]) {
            let place = place(value);
            assert!(highest(place) >= value, "{value}");
            assert!(place == 0 || highest(place - 1) < value, "{value}");
            assert!(highest(place) <= value + value / 4, "{value} is told as {}", highest(place));
        }
    }

    #[test]
    fn half_and_most_are_told() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.spread(), Spread::default());
        (0..980).for_each(|_| histogram.add(100));
        (0..20).for_each(|_| histogram.add(5000));
        histogram.add(60_000_000_000_000);
        let spread = histogram.spread();
        assert_eq!((spread.count, spread.worst_us), (1001, 60_000_000_000_000));
        assert!((100..125).contains(&spread.half_us) && (5000..6250).contains(&spread.most_us), "{spread:?}");
        let mut one = Histogram::default();
        one.add(1000);
        assert_eq!(one.spread(), Spread { count: 1, half_us: 1000, most_us: 1000, worst_us: 1000 });
    }
}
