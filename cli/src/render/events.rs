//! `paceline events`: one line per event.

use crate::output::{Paint, Style};
use crate::render::text::clean;
use crate::render::time::Clock;
use crm::event::{Event, EventKind};

/// One event: when, what kind, what. Longer than 80 columns when its text is, so that a line is an event.
pub(crate) fn event(event: &Event, clock: &Clock, paint: Paint) -> String {
    let kind =
        serde_json::to_value(event.kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    let style = match event.kind {
        EventKind::Alert | EventKind::FencingFailed => Style::Bad,
        EventKind::Silence | EventKind::FencingRequested | EventKind::Aborted => Style::Warn,
        EventKind::Fenced | EventKind::Idle => Style::Good,
        _ => Style::Dim,
    };
    format!("{}  {}  {}", clock.precise(event.wall_ms), paint.text(style, &format!("{kind:<17}")), clean(&event.text))
}
