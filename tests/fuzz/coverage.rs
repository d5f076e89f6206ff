//! Which code ran: the counters that `-C instrument-coverage` puts into a program. Without them nothing is new.

#[cfg(fuzz_coverage)]
mod counters {
    #![expect(unsafe_code, reason = "the counters are memory that the compiler owns")]

    unsafe extern "C" {
        fn __llvm_profile_begin_counters() -> *mut u64;
        fn __llvm_profile_end_counters() -> *mut u64;
    }

    /// All counters of this program.
    pub fn all() -> &'static mut [u64] {
        // SAFETY: the two functions name the ends of one array of 64-bit counters that lives as long as the program.
        // Only this thread decodes, and it does not while it looks; the other one, which watches the clock, may add
        // to a counter of its own, which is then off by one.
        unsafe {
            let (begin, end) = (__llvm_profile_begin_counters(), __llvm_profile_end_counters());
            let count = usize::try_from(end.offset_from(begin)).expect("the end comes after the beginning");
            std::slice::from_raw_parts_mut(begin, count)
        }
    }
}

#[cfg(not(fuzz_coverage))]
mod counters {
    /// None.
    pub fn all() -> &'static mut [u64] {
        &mut []
    }
}

/// What ran so far.
#[derive(Default)]
pub struct Coverage {
    seen: Vec<bool>,
}

impl Coverage {
    /// The counters that were 0 until now and are not any more.
    pub fn news(&mut self) -> Vec<usize> {
        let counters = counters::all();
        self.seen.resize(counters.len(), false);
        let fresh = |(at, count): (usize, &u64)| (*count != 0 && !self.seen[at]).then_some(at);
        let news: Vec<usize> = counters.iter().enumerate().filter_map(fresh).collect();
        news.iter().for_each(|at| self.seen[*at] = true);
        news
    }

    /// Which of `counters` move when `work` is done.
    pub fn moved_by(counters: &[usize], work: impl FnOnce()) -> Vec<usize> {
        counters.iter().for_each(|at| counters::all()[*at] = 0);
        work();
        counters.iter().copied().filter(|at| counters::all()[*at] != 0).collect()
    }

    /// How many have moved so far.
    pub fn count(&self) -> usize {
        self.seen.iter().filter(|seen| **seen).count()
    }
}
