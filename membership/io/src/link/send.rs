//! The way out: frames into the connections that a peer's route names, packets into the sockets.

use super::{Arrival, Links, MAX_DEAF, MAX_LINKS, MAX_SEND, closed};
use bytes::Bytes;
use config::NodeId;
use quinn_proto::{ConnectionHandle, SendDatagramError, Transmit};
use std::time::Instant;

impl Links {
    /// Queues a frame for one peer. Without a link it is dropped.
    pub(crate) fn send(&mut self, now: Instant, to: &NodeId, frame: Bytes) {
        let mut handles = [ConnectionHandle(0); MAX_LINKS];
        let count = self.peers.get_mut(to).map_or(0, |peer| {
            let taken = peer.route.take();
            let count = taken.len().min(MAX_LINKS);
            handles[..count].copy_from_slice(&taken[..count]);
            count
        });
        if count == 0 {
            self.counters.frames_dropped += 1;
        }
        for handle in &handles[..count] {
            self.queue(now, *handle, frame.clone());
        }
    }

    /// Queues a frame for every peer that has a link.
    pub(crate) fn broadcast(&mut self, now: Instant, frame: &Bytes) {
        let mut handles = Vec::with_capacity(self.peers.len());
        for peer in self.peers.values_mut() {
            handles.extend_from_slice(peer.route.take());
        }
        for handle in handles {
            self.queue(now, handle, frame.clone());
        }
    }

    fn queue(&mut self, now: Instant, handle: ConnectionHandle, frame: Bytes) {
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        if connection.deaf > MAX_DEAF {
            self.counters.frames_dropped += 1;
            return;
        }
        connection.deaf += frame.len();
        connection.spoke = true;
        self.unsent.insert(handle);
        match connection.quic.datagrams().send(frame, false) {
            Ok(()) => self.counters.frames_out += 1,
            Err(SendDatagramError::Blocked(frame)) => {
                // The queue is full: make room by sending, once.
                self.transmit(now, handle);
                let again = self.connections.get_mut(&handle).map(|full| full.quic.datagrams().send(frame, false));
                match again {
                    Some(Ok(())) => self.counters.frames_out += 1,
                    _ => self.counters.frames_dropped += 1,
                }
            }
            Err(_) => self.counters.frames_dropped += 1,
        }
    }

    /// Hands everything queued so far to the kernel, on all links.
    pub(crate) fn flush(&mut self, now: Instant) {
        while let Some(handle) = self.unsent.pop_first() {
            self.transmit(now, handle);
        }
    }

    pub(super) fn transmit(&mut self, now: Instant, handle: ConnectionHandle) {
        loop {
            self.scratch.clear();
            let Some(connection) = self.connections.get_mut(&handle) else { return };
            let number = connection.socket;
            let Some(socket) = self.sockets.get(&number) else { return };
            // The kernel cuts one send into many packets, but takes no more than one UDP length field can tell.
            let most = MAX_SEND / usize::from(connection.quic.current_mtu());
            let segments = socket.segments().min(most).max(1);
            let Some(transmit) = connection.quic.poll_transmit(now, segments, &mut self.scratch) else { return };
            connection.label = closed::label(&self.scratch).or(connection.label);
            self.respond(number, &transmit);
        }
    }

    /// Sends what lies in the scratch buffer.
    pub(super) fn respond(&mut self, socket: usize, transmit: &Transmit) {
        let Some(socket) = self.sockets.get_mut(&socket) else { return };
        let packets = transmit.segment_size.map_or(1, |size| transmit.size.div_ceil(size));
        match socket.send(transmit, &self.scratch) {
            Ok(()) => self.counters.packets_out += packets as u64,
            Err(error) => {
                self.counters.send_errors += 1;
                if error.raw_os_error() == Some(libc::EMSGSIZE) && !self.told_too_big {
                    self.told_too_big = true;
                    self.arrivals.push_back(Arrival::Warning(format!(
                        "packets of {} bytes do not fit the network interface towards {}; \
                         set `mtu` in [cluster] to its MTU less 48",
                        transmit.segment_size.unwrap_or(transmit.size),
                        transmit.destination
                    )));
                }
            }
        }
    }
}
