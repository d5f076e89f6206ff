//! What nodes reported, and tickets.

use crate::ReadError;
use crate::attributes::set;
use crate::legacy;
use crate::resource::yes;
use crate::xml::{Element, Xml};
use scheduler::situation::{Agent, NodeStatus, OperationHistory, OperationStatus, ResourceHistory, Ticket, Value};
use scheduler::word;
use std::sync::Arc;

/// Reads the status.
pub(crate) fn status<'a>(
    xml: &mut Xml<'a>,
    parent: &Element<'a>,
    nodes: &mut Vec<NodeStatus>,
    tickets: &mut Vec<Ticket>,
) -> Result<(), ReadError> {
    xml.children(parent, &mut |xml, element| {
        match element.name {
            "node_state" => nodes.push(node(xml, &element)?),
            "tickets" => self::tickets(xml, &element, tickets)?,
            _ => xml.skip(&element)?,
        }
        Ok(())
    })
}

fn node<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<NodeStatus, ReadError> {
    let (member, member_since) = since(element.get("in_ccm"), "true");
    let (peer, peer_since) = since(element.get("crmd"), "online");
    let mut node = NodeStatus {
        id: element.text("id"),
        name: element.text("uname"),
        remote: yes(element, "remote_node").unwrap_or(false),
        member,
        member_since,
        peer,
        peer_since,
        join: element.own("join"),
        expected: element.own("expected"),
        fenced: element.own("node_fenced"),
        in_maintenance: element.own("node_in_maintenance"),
        ..NodeStatus::default()
    };
    xml.children(element, &mut |xml, child| match child.name {
        "transient_attributes" => xml.children(&child, &mut |xml, inner| {
            match inner.name {
                "instance_attributes" => node.attributes.push(set(xml, &inner)?),
                "utilization" => node.utilization.push(set(xml, &inner)?),
                _ => xml.skip(&inner)?,
            }
            Ok(())
        }),
        "lrm" => xml.children(&child, &mut |xml, inner| match inner.name {
            "lrm_resources" => histories(xml, &inner, &mut node.resources),
            _ => xml.skip(&inner),
        }),
        _ => xml.skip(&child),
    })?;
    Ok(node)
}

/// A yes or no that newer writers replace by the moment since when (0: no).
fn since(value: Option<&str>, yes: &str) -> (Option<bool>, Option<i64>) {
    let Some(value) = value else { return (None, None) };
    match value.trim().parse::<i64>() {
        // A bare 1 is an old yes, not one second after 1970 began.
        Ok(1) => (Some(true), None),
        Ok(moment) => (Some(moment > 0), (moment > 0).then_some(moment)),
        Err(_) => (Some(value.eq_ignore_ascii_case(yes) || word::boolean(value) == Some(true)), None),
    }
}

fn histories<'a>(
    xml: &mut Xml<'a>,
    parent: &Element<'a>,
    into: &mut Vec<Arc<ResourceHistory>>,
) -> Result<(), ReadError> {
    xml.children(parent, &mut |xml, element| {
        if element.name != "lrm_resource" {
            return xml.skip(&element);
        }
        let mut history = ResourceHistory {
            id: element.text("id"),
            agent: Agent {
                class: legacy::class(element.get("class").unwrap_or_default()),
                provider: element.own("provider"),
                name: element.text("type"),
            },
            container: element.own("container"),
            shutdown_lock: element.get("shutdown-lock").and_then(|moment| moment.trim().parse().ok()),
            restart: None,
            operations: Vec::new(),
        };
        xml.children(&element, &mut |xml, child| {
            if child.name == "lrm_rsc_op" {
                // Most have one or two: room for four would be most of the memory of a large cluster.
                if history.operations.len() < 4 {
                    history.operations.reserve_exact(1);
                }
                history.operations.push(operation(&child));
            }
            xml.skip(&child)
        })?;
        into.push(Arc::new(history));
        Ok(())
    })
}

fn operation(element: &Element) -> OperationHistory {
    let mut it = OperationHistory { call: -1, expected_exit_code: -1, ..OperationHistory::default() };
    let (mut exit_code, mut status, mut magic) = (None, None, "");
    for (name, value) in &element.attributes {
        let value = value.as_ref();
        match *name {
            "id" => it.id = value.to_string(),
            "operation_key" => it.key = value.to_string(),
            "operation" => it.name = value.to_string(),
            "interval" => it.interval_ms = value.trim().parse().unwrap_or(0),
            "call-id" => it.call = number(value).unwrap_or(-1),
            "rc-code" => exit_code = number(value),
            "op-status" => status = number(value),
            "transition-key" => it.transition_key = value.to_string(),
            "transition-magic" => magic = value,
            "last-run" | "last_run" => it.last_run = number(value),
            "last-rc-change" | "last_rc_change" => it.last_change = number(value),
            "exec-time" | "exec_time" => it.exec_ms = number(value),
            "op-digest" => it.digest = Some(value.to_string()),
            "op-force-restart" => it.restart_params = Some(value.to_string()),
            "op-restart-digest" => it.restart_digest = Some(value.to_string()),
            "op-secure-params" => it.secure_params = Some(value.to_string()),
            "op-secure-digest" => it.secure_digest = Some(value.to_string()),
            "migrate_source" => it.migrate_source = Some(value.to_string()),
            "migrate_target" => it.migrate_target = Some(value.to_string()),
            "on_node" => it.on_node = Some(value.to_string()),
            "exit-reason" => it.exit_reason = Some(value.to_string()),
            "crm_feature_set" => it.feature_set = Some(value.to_string()),
            "user-data" => it.user_data = Some(value.to_string()),
            _ => {}
        }
    }
    // The magic is `status:exit code;key`; what is missing elsewhere is taken from it.
    let (outcome, key) = magic.split_once(';').unwrap_or(("", ""));
    let (magic_status, magic_exit_code) = outcome.split_once(':').unwrap_or(("", ""));
    if it.transition_key.is_empty() {
        it.transition_key = key.to_string();
    }
    it.exit_code = exit_code.or_else(|| number(magic_exit_code)).unwrap_or(0).try_into().unwrap_or(-1);
    it.status = operation_status(status.or_else(|| number(magic_status)).unwrap_or(0));
    // The key is `action:transition:expected exit code:coordinator`.
    if let Some(expected) = it.transition_key.split(':').nth(2).and_then(number) {
        it.expected_exit_code = expected.try_into().unwrap_or(-1);
    }
    if it.key.is_empty() {
        it.key = it.id.clone();
    }
    it
}

fn number(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

fn operation_status(number: i64) -> OperationStatus {
    match number {
        -1 => OperationStatus::Pending,
        0 => OperationStatus::Done,
        1 => OperationStatus::Cancelled,
        2 => OperationStatus::TimedOut,
        3 => OperationStatus::NotSupported,
        4 => OperationStatus::Failed,
        5 => OperationStatus::FailedHard,
        6 => OperationStatus::FailedFatal,
        7 => OperationStatus::NotInstalled,
        8 => OperationStatus::NotConnected,
        9 => OperationStatus::Invalid,
        _ => OperationStatus::Unknown,
    }
}

fn tickets<'a>(xml: &mut Xml<'a>, parent: &Element<'a>, into: &mut Vec<Ticket>) -> Result<(), ReadError> {
    xml.children(parent, &mut |xml, element| {
        match element.name {
            "ticket_state" => {
                let mut ticket = Ticket { id: element.text("id"), ..Ticket::default() };
                for (name, value) in &element.attributes {
                    fact(&mut ticket, name, value);
                }
                into.push(ticket);
                xml.skip(&element)
            }
            // The oldest form: one pair for each fact, with the ticket's name at the end of the pair's name.
            "instance_attributes" => {
                for value in set(xml, &element)?.values {
                    old_fact(into, &value);
                }
                Ok(())
            }
            _ => xml.skip(&element),
        }
    })
}

fn fact(ticket: &mut Ticket, name: &str, value: &str) {
    match name {
        "id" => {}
        "granted" => ticket.granted = word::boolean(value).unwrap_or(false),
        "standby" => ticket.standby = word::boolean(value).unwrap_or(false),
        "last-granted" => ticket.last_granted = number(value),
        _ => ticket.attributes.push(Value { name: name.to_string(), value: Some(value.to_string()) }),
    }
}

fn old_fact(tickets: &mut Vec<Ticket>, value: &Value) {
    let parts = [("granted-ticket-", "granted"), ("standby-ticket-", "standby"), ("last-granted-", "last-granted")];
    for (prefix, name) in parts {
        let Some(id) = value.name.strip_prefix(prefix) else { continue };
        let at = tickets.iter().position(|ticket| ticket.id == id).unwrap_or_else(|| {
            tickets.push(Ticket { id: id.to_string(), ..Ticket::default() });
            tickets.len() - 1
        });
        fact(&mut tickets[at], name, value.value.as_deref().unwrap_or_default());
    }
}
