//! What a ring wanted done in one step, in 32 bits: to see whether a replay does the same. It is no protection against
//! somebody who wants two steps to look alike. The content of messages does not count, since it is not recorded.

use crate::frame;
use crate::message::{Channel, Guarantee};
use crate::ring::{Configuration, Output};
use bytes::Bytes;

/// Multiplied and turned for each word.
const FACTOR: u64 = 0x517c_c1b7_2722_0a95;

#[derive(Default)]
struct Digest(u64);

impl Digest {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
    }

    fn frame(&mut self, bytes: &Bytes) {
        self.word(bytes.len() as u64);
        self.bytes(&bytes[..frame::told(bytes)]);
    }

    fn output(&mut self, output: &Output) {
        match output {
            Output::Send { to, bytes } => {
                self.word(1);
                self.bytes(to.as_str().as_bytes());
                self.frame(bytes);
            }
            Output::Broadcast(bytes) => {
                self.word(2);
                self.frame(bytes);
            }
            Output::Deliver(delivery) => {
                self.word(3);
                self.word(delivery.ring.number);
                self.word(delivery.seq);
                self.bytes(delivery.from.as_str().as_bytes());
                self.word(delivery.incarnation.0);
                self.word(u64::from(delivery.configuration == Configuration::Transitional));
                let class = u64::from(delivery.channel == Channel::Groups) << 1;
                self.word(class | u64::from(delivery.guarantee == Guarantee::Safe));
                self.word(delivery.payload.len() as u64);
            }
            Output::View(view) => {
                self.word(4);
                self.word(view.ring.number);
                for (node, life) in &view.members {
                    self.bytes(node.as_str().as_bytes());
                    self.word(life.0);
                }
                view.came_along.iter().for_each(|node| self.bytes(node.as_str().as_bytes()));
            }
            Output::StoreRingNumber(number) => {
                self.word(5);
                self.word(*number);
            }
            Output::Notice(notice) => {
                self.word(6);
                self.bytes(format!("{notice:?}").as_bytes());
            }
            Output::Left => self.word(7),
        }
    }
}

/// Of all that came out of one step, in order.
pub(super) fn of(outputs: &[Output]) -> u32 {
    let mut digest = Digest::default();
    outputs.iter().for_each(|output| digest.output(output));
    (digest.0 >> 32) as u32
}
