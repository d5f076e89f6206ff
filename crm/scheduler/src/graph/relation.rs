//! What two actions have to do with each other.

use super::Task;
use crate::index::{ActionIx, NodeIx, ResourceIx};
use std::ops::{BitOr, BitOrAssign};

/// One end of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// This action.
    Action(ActionIx),
    /// Every action of this resource that does this (once), when relations are resolved.
    Task(ResourceIx, Task),
}

/// Two points and what the first means for the second.
#[derive(Clone, Copy, Debug)]
pub struct Relation {
    /// Comes first.
    pub first: Point,
    /// Comes then.
    pub then: Point,
    /// What that means.
    pub terms: Terms,
    /// Only when both are on this node.
    pub node: Option<NodeIx>,
}

/// What the first of two actions means for the second. Without any term the relation means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Terms(u32);

impl Terms {
    /// No relation.
    pub const NONE: Terms = Terms(0);
    /// If both are carried out, the first ends before the second begins.
    pub const ORDERED: Terms = Terms(1);
    /// The second is impossible while the first is.
    pub const THEN_WANTS_POSSIBLE: Terms = Terms(1 << 1);
    /// When the first is needed, so is the second.
    pub const FIRST_NEEDS_THEN: Terms = Terms(1 << 2);
    /// When the second is needed, so is the first.
    pub const THEN_NEEDS_FIRST: Terms = Terms(1 << 3);
    /// When the second is needed, and is the promotion or demotion of a promoted instance, so is the first.
    pub const PROMOTED_NEEDS_FIRST: Terms = Terms(1 << 4);
    /// The second counts how many of its firsts are possible (see [`super::Action::enough`]).
    pub const ENOUGH: Terms = Terms(1 << 5);
    /// Holds only in this direction: the reverse actions do not care (asymmetric orders).
    pub const ASYMMETRIC: Terms = Terms(1 << 6);
    /// Only when both are on the same node.
    pub const SAME_NODE: Terms = Terms(1 << 7);
    /// Only when the first is not part of a live migration.
    pub const UNLESS_MIGRATING: Terms = Terms(1 << 8);
    /// About capacity: the first frees what the second needs.
    pub const LOAD: Terms = Terms(1 << 9);
    /// Never both at the same time, in whichever order (serialize).
    pub const NOT_TOGETHER: Terms = Terms(1 << 12);
    /// Undoing and redoing the same thing (stop and start, demote and promote of one resource): when the second is
    /// needed, or wished for and impossible, so is the first.
    pub const REDO: Terms = Terms(1 << 15);
    /// The first, needed but impossible, makes the second impossible.
    pub const THEN_WANTS_DONE: Terms = Terms(1 << 16);

    /// When the second is done, the first is superfluous (a reload before a restart).
    pub const THEN_CANCELS_FIRST: Terms = Terms(1 << 17);
    /// The first, as part of a live migration, is given up for a stop and a start when the second is needed and its
    /// resource is started again.
    pub const THEN_ENDS_MIGRATION: Terms = Terms(1 << 18);

    /// A mandatory order: the second needs the first done, and is redone with it.
    #[must_use]
    pub const fn mandatory() -> Terms {
        Terms(Self::ORDERED.0 | Self::THEN_WANTS_POSSIBLE.0 | Self::FIRST_NEEDS_THEN.0)
    }

    /// Stop before start of the same resource (demote before promote): one brings the other.
    #[must_use]
    pub const fn redo() -> Terms {
        Terms(Self::ORDERED.0 | Self::FIRST_NEEDS_THEN.0 | Self::REDO.0 | Self::THEN_WANTS_DONE.0)
    }

    /// The reverse of a mandatory order, or what must be undone before something else is: the first is needed with the
    /// second, and when it cannot be done the second cannot either.
    #[must_use]
    pub const fn undo() -> Terms {
        Terms(Self::ORDERED.0 | Self::THEN_NEEDS_FIRST.0 | Self::THEN_WANTS_DONE.0)
    }

    /// Whether all of `other` is said.
    #[must_use]
    pub const fn has(self, other: Terms) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some of `other` is said.
    #[must_use]
    pub const fn any(self, other: Terms) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    #[must_use]
    pub const fn or(self, other: Terms) -> Terms {
        Terms(self.0 | other.0)
    }

    /// Without `other`.
    #[must_use]
    pub const fn without(self, other: Terms) -> Terms {
        Terms(self.0 & !other.0)
    }
}

impl BitOr for Terms {
    type Output = Terms;
    fn bitor(self, other: Terms) -> Terms {
        Terms(self.0 | other.0)
    }
}

impl BitOrAssign for Terms {
    fn bitor_assign(&mut self, other: Terms) {
        self.0 |= other.0;
    }
}
