//! Places in the vectors of [`crate::facts::Facts`] and [`crate::graph::Graph`].

/// A resource of any kind, or an instance of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceIx(pub u32);

/// A node of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIx(pub u32);

/// An action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionIx(pub u32);

macro_rules! place {
    ($name:ident) => {
        impl $name {
            /// The place of element `at` of a vector.
            #[must_use]
            pub fn new(at: usize) -> Self {
                $name(u32::try_from(at).expect("fewer than four thousand million elements fit into memory"))
            }

            /// As an index.
            #[must_use]
            pub fn at(self) -> usize {
                self.0 as usize
            }
        }
    };
}

place!(ResourceIx);
place!(NodeIx);
place!(ActionIx);
