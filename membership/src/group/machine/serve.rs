//! What clients ask for, carried out as soon as it can be: one request of each client in turn, so that none of them
//! keeps the others waiting. Each waits in its place until the view stands and the group's window is open.

use super::{Body, Groups, Output, SHARE, cost};
use crate::group::client::{Client, Stage};
use crate::group::wire;
use crate::group::{Answer, GroupName, LeaveReason, MAX_MEMBERSHIPS, MAX_PAYLOAD, Refusal, Report, Request};
use crate::message::Guarantee;
use bytes::Bytes;

impl Groups {
    /// Carries out what waits and can be carried out, one request of each client in turn.
    pub(super) fn serve(&mut self) {
        loop {
            let turn: Vec<u32> =
                self.waiting.range(self.first..).chain(self.waiting.range(..self.first)).copied().collect();
            let mut any = false;
            for number in turn {
                if self.serve_one(number) {
                    any = true;
                    self.first = number.wrapping_add(1);
                    self.touched.insert(number);
                    self.outputs.push(Output::Taken(number));
                }
            }
            if !any {
                return;
            }
        }
    }

    /// Looks at the oldest request of a client; whether it is dealt with.
    fn serve_one(&mut self, number: u32) -> bool {
        let Some(client) = self.clients.get_mut(&number) else { return false };
        let Some(request) = client.waiting.pop_front() else {
            self.waiting.remove(&number);
            return false;
        };
        match self.carry_out(number, &request) {
            Some(Ok(())) => true,
            Some(Err((serial, refusal))) => {
                let client = self.clients.get_mut(&number).expect("looked up above");
                client.tell(Answer::Refused { serial, refusal });
                if client.closing {
                    client.waiting.clear();
                }
                true
            }
            None => {
                self.clients.get_mut(&number).expect("looked up above").waiting.push_front(request);
                false
            }
        }
    }

    /// `None`: it has to wait.
    fn carry_out(&mut self, number: u32, request: &Request) -> Option<Result<(), (u32, Refusal)>> {
        let you = self.member(number);
        let stands = self.stands();
        let client = self.clients.get_mut(&number)?;
        if !client.listens() {
            return None;
        }
        if client.greeted == matches!(request, Request::Hello { .. }) {
            client.closing = true;
            return Some(Err((0, Refusal::Hello)));
        }
        Some(match request {
            Request::Hello { lowest, highest } => {
                if !(*lowest..=*highest).contains(&wire::VERSION) {
                    client.closing = true;
                    return Some(Err((0, Refusal::Version)));
                }
                client.greeted = true;
                let max_payload = u32::try_from(MAX_PAYLOAD).expect("a mebibyte");
                client.tell(Answer::Welcome { version: wire::VERSION, you, max_payload });
                Ok(())
            }
            Request::List { serial } => {
                if !client.has_answers() {
                    return None;
                }
                self.list(number, *serial);
                Ok(())
            }
            Request::Join { serial, group } => {
                if client.memberships.contains_key(group) {
                    return Some(Err((*serial, Refusal::AlreadyMember)));
                }
                if client.memberships.len() >= MAX_MEMBERSHIPS {
                    return Some(Err((*serial, Refusal::TooManyMemberships)));
                }
                // What it has not read of an earlier membership counts in no window any more, and joining and leaving
                // again and again must not fill the memory either.
                if !stands || client.remembers(group) {
                    return None;
                }
                client.joining(group);
                self.insist(
                    Body::Join { group: group.clone(), client: number },
                    Bytes::new(),
                    Guarantee::Agreed,
                    *serial,
                );
                Ok(())
            }
            Request::Leave { serial, group } => {
                match client.memberships.get_mut(group).filter(|membership| membership.stage != Stage::Leaving) {
                    None => return Some(Err((*serial, Refusal::NotMember))),
                    Some(_) if !stands => return None,
                    Some(membership) => membership.stage = Stage::Leaving,
                }
                let body = Body::Leave { group: group.clone(), client: number, reason: LeaveReason::Leave };
                self.insist(body, Bytes::new(), Guarantee::Agreed, *serial);
                Ok(())
            }
            Request::Send { serial, group, guarantee, payload } => {
                if payload.len() > MAX_PAYLOAD {
                    return Some(Err((*serial, Refusal::TooLong)));
                }
                match client.memberships.get(group).map(|membership| membership.stage) {
                    None | Some(Stage::Leaving) => return Some(Err((*serial, Refusal::NotMember))),
                    Some(Stage::In) if stands && self.has_room(group) => {}
                    Some(Stage::In | Stage::Joining) => return None,
                }
                let entry = self.table.groups.get_mut(group).expect("it has a member");
                entry.flow.said(cost(payload.len()));
                let body = Body::Send { group: group.clone(), client: number };
                self.insist(body, payload.clone(), *guarantee, *serial);
                Ok(())
            }
        })
    }

    fn has_room(&self, group: &GroupName) -> bool {
        let (bytes, messages) = SHARE;
        self.flying_cost < bytes
            && self.flying.len() < messages
            && self.table.groups.get(group).is_some_and(|group| group.flow.open())
    }

    fn list(&mut self, number: u32, serial: u32) {
        let mut reports = Vec::new();
        for (name, group) in &self.table.groups {
            let wants =
                |client: &&Client| matches!(client.waiting.front(), Some(Request::Send { group, .. }) if group == name);
            let held = self.clients.values().filter(wants).count();
            reports.push(Report {
                group: name.clone(),
                held: u32::try_from(held).unwrap_or(u32::MAX),
                members: group.members.iter().cloned().collect(),
                unread: group.flow.unread().collect(),
            });
        }
        let Some(client) = self.clients.get_mut(&number) else { return };
        reports.into_iter().for_each(|report| client.tell(Answer::Group(Box::new(report))));
        client.tell(Answer::End { serial });
    }
}
