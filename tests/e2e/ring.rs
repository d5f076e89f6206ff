//! What an operator sees of the ring and of its past, on real daemons.

use crate::sandbox::{NODES, Sandbox, service, with};
use crate::watch;

/// The commands that show ring, links and votes; then a power cut, with its early warning, its reason, and a recording
/// that plays again.
pub fn seen_and_replayed() -> Result<(), String> {
    with(&service("web", "prefer = { gamma = 10 }"), |sandbox| {
        let ask = |words: &[&str]| sandbox.ask("alpha", words);
        let told: serde_json::Value =
            serde_json::from_str(&ask(&["ring", "status", "--json"])?.out).map_err(|error| error.to_string())?;
        let views = match told["views"].as_u64() {
            Some(1) => "1 view, ".to_owned(),
            // Who is up long before the others has a view of its own first.
            Some(more) => format!("{more} views, "),
            None => return Err(format!("no number of views: {told:#}")),
        };
        ask(&["ring", "status"])?.said(0, &["(operate): alpha, beta, gamma", "Token: ", "delivered within", &views])?;
        ask(&["link", "status"])?.said(0, &["beta     link 1  up, used", "gamma    link 1  up, used", "round trip"])?;
        ask(&["quorum", "status"])?.said(0, &["3 of 3 votes"])?;
        for (words, facts) in [
            (["ring", "status", "--json"], ["\"latency\"", "\"gaps\"", "\"mean_us\"", "\"phase\":"]),
            (["link", "status", "--json"], ["\"version\"", "\"round_trip_us\"", "\"up\"", "\"losses\""]),
        ] {
            let answer = ask(&words)?;
            answer.said(0, &facts)?;
            serde_json::from_str::<serde_json::Value>(&answer.out).map_err(|error| format!("{words:?}: {error}"))?;
        }

        let mark = watch::now();
        sandbox.sandbox("kill", "gamma")?;
        sandbox.event("alpha", mark, &["nothing heard from gamma for"])?;
        sandbox.of_one_mind(&["alpha", "beta"])?;
        ask(&["ring", "status"])?.said(0, &["gamma     lost 1", "-gamma"])?;
        // Whichever of the two is the first to miss the token says so; the other one is asked to gather.
        let mut reasons = String::new();
        for node in ["alpha", "beta"] {
            reasons += &sandbox.ask(node, &["ring", "status"])?.out;
        }
        if !reasons.contains("nothing was heard from gamma") {
            return Err(format!("neither of the two says why the view changed:\n{reasons}"));
        }
        ask(&["link", "status"])?.said(0, &["gamma    link 1  DOWN"])?;
        if !sandbox.log("alpha").contains("WARN nothing heard from gamma") {
            return Err(format!("the log does not warn of gamma:\n{}", sandbox.log("alpha")));
        }
        replayed(sandbox, "alpha")?;
        replayed(sandbox, "beta")?;
        sandbox.sandbox("start", "gamma")?;
        sandbox.until("alpha", "gamma as a member again", |status| watch::online(status, "gamma"))?;
        sandbox.consistent(&NODES)
    })
}

/// The recording that nobody asked for, and one that is asked for: both are played again and tell of the loss.
fn replayed(sandbox: &Sandbox, node: &str) -> Result<(), String> {
    let asked = sandbox.paceline(node, &["ring", "record"])?;
    let asked = asked.trim();
    let number = |path: &str| path.rsplit('/').next()?.strip_suffix(".record")?.parse::<u32>().ok();
    let unasked = match number(asked) {
        Some(number) if number > 1 => {
            asked.replace(&format!("{number:04}.record"), &format!("{:04}.record", number - 1))
        }
        _ => return Err(format!("{node} recorded nothing by itself: {asked}")),
    };
    for (file, why) in [(unasked.as_str(), "without gamma"), (asked, "an operator asked for it")] {
        let told = ["gamma was not heard for", "-gamma", "all the same", why];
        sandbox.ask(node, &["ring", "replay", file])?.said(0, &told)?;
        // What it said last is a matter of moments: a beat, a token.
        sandbox.ask(node, &["ring", "replay", file, "--steps"])?.said(0, &[" from gamma: ", " to all: "])?;
    }
    let mut bytes = std::fs::read(asked).map_err(|error| error.to_string())?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let torn = format!("{asked}.torn");
    std::fs::write(&torn, bytes).map_err(|error| error.to_string())?;
    sandbox.ask(node, &["ring", "replay", &torn])?.said(1, &["it is damaged"])
}
