//! Process groups: what programs and the daemon say to each other, and what a member that lies may say in groups.

use super::{BINARY, KIB, Target, ms, same};
use bytes::Bytes;
use config::NodeId;
use membership::group::wire::{Frames, MAX_ANSWER};
use membership::group::{Answer, GroupName, Groups, Input, Output, Request};
use membership::{Configuration, Delivery, Guarantee, Incarnation, Message, RingId, View};
use std::collections::{BTreeMap, VecDeque};

pub(super) fn targets() -> Vec<Target> {
    vec![
        Target { name: "group-frame", run: frames, examples: frame_examples, memory: (128 * KIB, 128), ..BINARY },
        Target {
            name: "group-speech",
            run: speeches,
            examples: speech_examples,
            memory: (2560 * KIB, 256),
            time: (ms(200), ms(100)),
            ..BINARY
        },
    ]
}

// ---- between programs and the daemon ----

/// Either side reads a stream of frames; what it understands it would write in the same way.
fn frames(input: &[u8]) -> Result<(), String> {
    let mut frames = Frames::new(MAX_ANSWER);
    // In two pieces, as sockets have it.
    let (first, second) = input.split_at(input.len() / 2);
    for piece in [first, second] {
        frames.feed(piece);
        while let Ok(Some(frame)) = frames.take() {
            if let Ok(request) = Request::decode(frame.clone()) {
                let mut bytes = Vec::new();
                request.encode(&mut bytes);
                let again = Request::decode(Bytes::from(bytes).slice(4..));
                same("a request", &request, again.as_ref().map_err(ToString::to_string))?;
            }
            if let Ok(answer) = Answer::decode(frame) {
                let mut bytes = Vec::new();
                answer.encode(&mut bytes);
                let again = Answer::decode(Bytes::from(bytes).slice(4..));
                same("an answer", &answer, again.as_ref().map_err(ToString::to_string))?;
            }
        }
    }
    Ok(())
}

fn frame_examples() -> Vec<Vec<u8>> {
    let requests = requests();
    let mut asked = Vec::new();
    requests.iter().for_each(|request| request.encode(&mut asked));
    let mut pair = Pair::standing();
    pair.first_asks(Request::Send {
        serial: 1,
        group: name(),
        guarantee: Guarantee::Safe,
        payload: vec![7; 40].into(),
    });
    pair.first_asks(Request::List { serial: 2 });
    let mut heard = Vec::new();
    pair.heard.iter().for_each(|answer| answer.encode(&mut heard));
    vec![asked, heard]
}

// ---- between members ----

fn name() -> GroupName {
    GroupName::new("group").expect("a valid name")
}

fn node(index: u64) -> NodeId {
    NodeId::new(&format!("n{index}")).expect("a valid name")
}

/// Two members of a view with a program in a group each, and a perfect order.
#[derive(Clone)]
struct Pair {
    groups: [Groups; 2],
    row: VecDeque<(u64, Message)>,
    heard: Vec<Answer>,
    said: Vec<Bytes>,
    seq: u64,
}

fn requests() -> [Request; 3] {
    let hello = Request::Hello { lowest: 1, highest: 1 };
    let send = Request::Send { serial: 2, group: name(), guarantee: Guarantee::Agreed, payload: vec![1; 9].into() };
    [hello, Request::Join { serial: 1, group: name() }, send]
}

impl Pair {
    fn standing() -> Pair {
        let groups = [1, 2].map(|index| Groups::new(node(index), Incarnation(index)));
        let mut pair = Pair { groups, row: VecDeque::new(), heard: Vec::new(), said: Vec::new(), seq: 0 };
        for index in [1, 2] {
            let view = pair.view(1);
            pair.step(index, Input::View(view));
        }
        pair.deliver();
        for index in [1, 2] {
            pair.step(index, Input::Connected(1));
            for request in requests() {
                pair.step(index, Input::Request { client: 1, request });
            }
        }
        pair.deliver();
        pair
    }

    fn view(&self, number: u64) -> View {
        let members: BTreeMap<_, _> = [1, 2].map(|index| (node(index), Incarnation(index))).into();
        let came_along = members.keys().cloned().collect();
        View { ring: RingId { number, representative: node(1) }, members, came_along }
    }

    fn step(&mut self, index: u64, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let groups = &mut self.groups[if index == 1 { 0 } else { 1 }];
            for output in groups.step(input) {
                match output {
                    Output::Multicast(message) => {
                        self.said.push(message.payload.clone());
                        self.row.push_back((index, message));
                    }
                    Output::Write { client, answers } => {
                        self.heard.extend(answers);
                        inputs.push_back(Input::Written(client));
                    }
                    Output::Taken(_) | Output::HangUp(_) | Output::Strange { .. } => {}
                }
            }
        }
    }

    fn first_asks(&mut self, request: Request) {
        self.step(1, Input::Request { client: 1, request });
        self.deliver();
    }

    fn deliver(&mut self) {
        while let Some((from, message)) = self.row.pop_front() {
            for to in [1, 2] {
                let delivery = self.delivery(from, message.clone());
                self.step(to, Input::Delivered(delivery));
            }
        }
    }

    fn delivery(&mut self, from: u64, message: Message) -> Delivery {
        self.seq += 1;
        let Message { payload, channel, guarantee } = message;
        let ring = RingId { number: 1, representative: node(1) };
        let (from, incarnation, configuration) = (node(from), Incarnation(from), Configuration::Regular);
        Delivery { ring, seq: self.seq, from, incarnation, configuration, channel, guarantee, payload }
    }
}

/// A row of records: length (u16, little endian), what the second member says. The first has to stand it, also through
/// a new view.
fn speeches(input: &[u8]) -> Result<(), String> {
    let mut pair = Pair::standing();
    let mut rest = input;
    while let Some((len, tail)) = rest.split_first_chunk::<2>() {
        let (speech, tail) = tail.split_at(tail.len().min(usize::from(u16::from_le_bytes(*len))));
        rest = tail;
        let message = Message { channel: membership::Channel::Groups, ..Message::from(speech.to_vec()) };
        let delivery = pair.delivery(2, message);
        pair.step(1, Input::Delivered(delivery));
    }
    let view = pair.view(2);
    pair.step(1, Input::View(view));
    pair.first_asks(Request::List { serial: 9 });
    Ok(())
}

fn speech_examples() -> Vec<Vec<u8>> {
    let mut pair = Pair::standing();
    pair.step(2, Input::Request { client: 1, request: Request::Leave { serial: 3, group: name() } });
    pair.deliver();
    pair.said.push(membership::group::goodbye().payload);
    let record = |speech: &Bytes| {
        let len = u16::try_from(speech.len()).expect("a short one").to_le_bytes();
        [len.as_slice(), speech.as_ref()].concat()
    };
    let records: Vec<Vec<u8>> = pair.said.iter().map(record).collect();
    [records.clone(), vec![records.concat()]].concat()
}
