//! Planted bugs: each breaks one promise, in the shells and seams of the world, so that production code carries no
//! sabotage. A suite that does not notice them would notice nothing.

/// One planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A start of a service brings it up on a second machine too.
    StartsTwice,
    /// The fence device says that it switched a machine off, and does nothing.
    FenceLies,
    /// The fence device says that it switched a machine off, and does so seconds later.
    FenceHasty,
    /// One ring hands two neighbouring messages over in the wrong order.
    SwapsDeliveries,
    /// One ring hands nothing over of what it got while the old view was being left.
    DropsRecovered,
    /// Disks say that a version is stored, and store nothing.
    DiskLies,
    /// One machine counts for more than the others in its own and its peers' eyes, so that it acts alone.
    ActsAlone,
    /// One node misses a message that its ring did deliver.
    MissesDelivery,
    /// Disks forget which ring numbers were used.
    ForgetsRingNumber,
    /// One node takes itself for the DC.
    ClaimsDc,
    /// A promotion of the store is tried on a second machine too.
    PromotesTwice,
    /// The agent of the store says that it demoted its copy, and did not.
    DemoteLies,
    /// The answers of some agents never arrive.
    LosesAnswers,
    /// Disks forget whose votes count.
    ForgetsRoll,
    /// Disks forget that quorum was forced.
    ForgetsForks,
    /// Operators start a new machine before they hear that all others know it.
    StartsEarly,
}

impl Mutation {
    /// All of them, each with the check that must catch it.
    pub const ALL: [(Mutation, &'static str); 16] = [
        (Mutation::StartsTwice, "one_active_instance"),
        (Mutation::FenceLies, "no_start_before_confirmed_fencing"),
        (Mutation::FenceHasty, "no_start_before_confirmed_fencing"),
        (Mutation::SwapsDeliveries, "same_order"),
        (Mutation::DropsRecovered, "virtual_synchrony"),
        (Mutation::DiskLies, "acknowledged_change_is_never_lost"),
        (Mutation::ActsAlone, "minority_changes_nothing"),
        (Mutation::MissesDelivery, "same_cib"),
        (Mutation::ForgetsRingNumber, "ring_numbers_grow"),
        (Mutation::ClaimsDc, "one_dc_per_view"),
        (Mutation::PromotesTwice, "no_promotion_beside_another"),
        (Mutation::DemoteLies, "one_copy_leads"),
        (Mutation::LosesAnswers, "settles_in_time"),
        (Mutation::ForgetsRoll, "one_side_acts"),
        (Mutation::ForgetsForks, "histories_are_not_merged"),
        (Mutation::StartsEarly, "settles_in_time"),
    ];
}
