//! Tickets: what needs one runs while this site has it, through views, losses and restarts.

use super::THREE;
use super::cluster::{Cluster, service};
use crate::cib::{OverrideEdit, TicketEdit};
use crate::control::{Refusal, Request, Response};
use std::time::Duration;

fn ticket_edit(ticket: &str, edit: TicketEdit) -> OverrideEdit {
    OverrideEdit::Ticket { ticket: ticket.into(), edit, life: 0 }
}

fn say(cluster: &mut Cluster, ticket: &str, edit: TicketEdit) -> Response {
    let answer = cluster.ask("beta", Request::Override { edit: ticket_edit(ticket, edit) });
    cluster.pass(Duration::from_secs(30));
    answer
}

fn started(policy: &str) -> Cluster {
    let needs = format!("[[ticket]]\nticket = \"here\"\nresource = \"web\"\n{policy}");
    let mut cluster = Cluster::started(THREE, &(service("web") + &service("free") + &needs));
    cluster.pass(Duration::from_secs(30));
    cluster
}

fn changed(answer: &Response) -> bool {
    matches!(answer, Response::Done { changed: true, .. })
}

#[test]
fn what_needs_a_ticket_runs_while_this_site_has_it() {
    let mut cluster = started("");
    assert!(cluster.place("web").is_none() && cluster.place("free").is_some());
    let note = cluster.summary("alpha").resources[0].note.clone().unwrap();
    assert!(note.contains("ticket here"), "{note}");
    assert!(changed(&say(&mut cluster, "here", TicketEdit::Grant)));
    let place = cluster.place("web").expect("the ticket is here");
    assert!(!changed(&say(&mut cluster, "here", TicketEdit::Grant)), "it is so already");
    cluster.power_off(&place);
    let rest: Vec<&str> = THREE.iter().copied().filter(|name| *name != place).collect();
    cluster.join(&[&rest]);
    cluster.pass(Duration::from_secs(120));
    assert!(cluster.place("web").is_some_and(|now| now != place), "the others have the ticket too");
}

#[test]
fn a_ticket_is_set_aside_and_goes_and_what_needs_it_stops() {
    let mut cluster = started("");
    say(&mut cluster, "here", TicketEdit::Grant);
    assert!(changed(&say(&mut cluster, "here", TicketEdit::Standby)));
    assert!(cluster.place("web").is_none() && cluster.place("free").is_some());
    let overrides = cluster.summary("gamma").overrides;
    assert_eq!(overrides[0].undo, "paceline ticket activate here");
    say(&mut cluster, "here", TicketEdit::Activate);
    assert!(cluster.place("web").is_some());
    assert!(changed(&say(&mut cluster, "here", TicketEdit::Revoke)));
    assert!(cluster.place("web").is_none() && cluster.place("free").is_some());
    assert!(cluster.summary("gamma").overrides.is_empty());
}

#[test]
fn the_loss_of_a_ticket_fences_where_the_file_says_so() {
    let mut cluster = started("loss-policy = \"fence\"\n");
    say(&mut cluster, "here", TicketEdit::Grant);
    let place = cluster.place("web").expect("the ticket is here");
    let answer = cluster.ask("beta", Request::Override { edit: ticket_edit("here", TicketEdit::Revoke) });
    assert!(changed(&answer));
    cluster.pass(Duration::from_secs(60));
    assert!(cluster.fenced.iter().any(|node| node.as_str() == place), "{:?}", cluster.fenced);
    assert!(cluster.place("web").is_none());
}

#[test]
fn a_slip_of_the_pen_and_a_ticket_that_is_not_here_are_refused() {
    let mut cluster = started("");
    let mut refused = |ticket: &str, edit| match say(&mut cluster, ticket, edit) {
        Response::Refused { kind, message, hint } => (kind, message, hint),
        other => panic!("{other:?}"),
    };
    let (kind, message, hint) = refused("hree", TicketEdit::Grant);
    assert_eq!((kind, hint.as_deref()), (Refusal::NotFound, Some("did you mean here?")), "{message}");
    assert_eq!(refused("here", TicketEdit::Standby).0, Refusal::Invalid);
    assert_eq!(refused("here", TicketEdit::Activate).0, Refusal::Invalid);
    assert!(!changed(&say(&mut cluster, "here", TicketEdit::Revoke)), "it is not here");
}

#[test]
fn a_site_that_stopped_as_a_whole_has_no_ticket_until_it_is_granted_again() {
    let mut cluster = started("");
    say(&mut cluster, "here", TicketEdit::Grant);
    // One after the other: the status is handed on, and with it the ticket.
    for name in THREE {
        let rest: Vec<&str> = THREE.iter().copied().filter(|other| other != name).collect();
        cluster.power_off(name);
        cluster.join(&[&rest]);
        cluster.pass(Duration::from_secs(60));
        cluster.boot(name);
        cluster.join(&[THREE]);
        cluster.pass(Duration::from_secs(60));
        assert!(cluster.place("web").is_some(), "without {name}");
    }
    // All at once: meanwhile another site may have been given the ticket.
    for name in THREE {
        cluster.power_off(name);
    }
    for name in THREE {
        cluster.boot(name);
    }
    cluster.join(&[THREE]);
    cluster.pass(Duration::from_secs(60));
    assert!(cluster.place("web").is_none() && cluster.place("free").is_some());
    let overrides = cluster.summary("alpha").overrides;
    assert!(overrides[0].what.contains("stopped as a whole"), "{overrides:?}");
    assert!(matches!(say(&mut cluster, "here", TicketEdit::Activate), Response::Refused { .. }));
    assert!(changed(&say(&mut cluster, "here", TicketEdit::Grant)));
    assert!(cluster.place("web").is_some());
}
