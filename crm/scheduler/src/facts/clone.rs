//! How many instances a clone has, which history belongs to which of them.
