//! `paceline ring replay`.

use crate::render::text::{clean, wrapped};
use crate::render::time::Clock;
use membership::Recording;

/// What is played.
pub(crate) fn head(recording: &Recording, clock: &Clock) -> String {
    let about = &recording.about;
    let mut text = wrapped("", &format!("Ring of {}, written at {}", about.node, clock.moment(about.written_ms)));
    text += &wrapped("Because: ", &about.reason);
    text
}

/// What to do when it cannot be played, or is played differently.
pub(crate) fn release(recording: &Recording) -> String {
    let (theirs, mine) = (clean(&recording.about.release), env!("CARGO_PKG_VERSION"));
    if theirs == mine {
        "the file was changed, or the ring of this build is another one; only the build that recorded it can play it"
            .to_owned()
    } else {
        format!("it was recorded by paceline {theirs}, this is {mine}: use the release that recorded it")
    }
}
