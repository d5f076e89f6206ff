//! How QUIC is set up between cluster nodes. Every setting that differs from quinn-proto's default has its reason here.
//!
//! - TLS 1.3, both sides show a certificate of the cluster's authority, no session resumption: a resumed session would
//!   skip the check of a certificate that has expired meanwhile.
//! - Frames are QUIC datagrams: the ring repeats what is lost, the link must not.
//! - No congestion control and no pacing ([`Unthrottled`]): the ring's own flow control is the limiter. Any loss-based
//!   controller halves the ring's speed at one lost packet in a hundred.
//! - The packet size of a connection is fixed from its first packet on. QUIC's own discovery is off: a silent fall to
//!   1200 bytes would halve what a packet carries, and a lossy path would fall again and again. Where no size is
//!   configured, the links find one (`link/size`), and say when packets of it do not pass.
//! - Connections outlive the token timeout by far: the ring decides who is dead.

use crate::identity::Identity;
use quinn_proto::congestion::{Controller, ControllerFactory};
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{
    AckFrequencyConfig, ClientConfig, EndpointConfig, HashedConnectionIdGenerator, RttEstimator, ServerConfig,
    TransportConfig, VarInt,
};
use rustls::RootCertStore;
use rustls::client::Resumption;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What both ends must speak.
const ALPN: &[u8] = b"paceline/1";
/// Smallest packet size that QUIC allows.
pub(crate) const MIN_MTU: u16 = 1200;
/// Bytes of a packet that are not the frame: short header with an 8-byte connection id and a 4-byte packet number (13),
/// the AEAD tag (16), the DATAGRAM frame's own header (9); rounded up.
const OVERHEAD: usize = 40;
/// A connection on which nothing at all was heard for this long is dropped. Many times any sensible token timeout.
const IDLE: Duration = Duration::from_secs(10);
/// Room for datagrams waiting to be sent on one connection: four windows of 2000 packets.
const QUEUE: usize = 12 * 1024 * 1024;

/// Largest frame that fits one packet of `mtu` bytes.
#[must_use]
pub fn frame_limit(mtu: u16) -> usize {
    usize::from(mtu.max(MIN_MTU)) - OVERHEAD
}

/// The three configurations that one endpoint needs.
pub(crate) struct Setup {
    pub(crate) endpoint: Arc<EndpointConfig>,
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) client: ClientConfig,
    token: Duration,
}

impl Setup {
    /// `token` sets how often an idle link shows that it lives.
    ///
    /// # Errors
    /// What rustls or quinn-proto has against the identity or a value, in words.
    pub(crate) fn new(identity: &Identity, token: Duration, seed: u64) -> Result<Setup, String> {
        // Each connection gets one for its own packet size.
        let transport = Arc::new(transport(MIN_MTU, token));
        let mut server = ServerConfig::with_crypto(Arc::new(server_crypto(identity)?));
        server.transport_config(Arc::clone(&transport));
        server.migration(false);
        let mut client = ClientConfig::new(Arc::new(client_crypto(identity)?));
        client.transport_config(transport);
        Ok(Setup { endpoint: Arc::new(endpoint(identity, seed)?), server: Arc::new(server), client, token })
    }

    /// For accepting a connection with packets of `mtu` bytes.
    pub(crate) fn accepting(&self, mtu: u16) -> Arc<ServerConfig> {
        let mut server = ServerConfig::clone(&self.server);
        server.transport_config(Arc::new(transport(mtu, self.token)));
        Arc::new(server)
    }

    /// For making a connection with packets of `mtu` bytes.
    pub(crate) fn connecting(&self, mtu: u16) -> ClientConfig {
        let mut client = self.client.clone();
        client.transport_config(Arc::new(transport(mtu, self.token)));
        client
    }
}

fn endpoint(identity: &Identity, seed: u64) -> Result<EndpointConfig, String> {
    // Both keys follow from the node's private key, so that the next life of this daemon recognizes packets meant for
    // the last one and answers them with a reset that the peer believes: it dials again at once instead of waiting for
    // silence.
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, identity.key().secret_der());
    let reset = ring::hmac::sign(&secret, b"paceline reset key");
    let label = ring::hmac::sign(&secret, b"paceline connection ids");
    let label = u64::from_le_bytes(label.as_ref()[..8].try_into().expect("a SHA-256 tag has 32 bytes"));

    let mut config = EndpointConfig::new(Arc::new(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, reset.as_ref())));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(label)));
    // What this node can receive is not what it sends: nodes with different packet sizes understand each other, so the
    // size can be changed node by node.
    config.max_udp_payload_size(65_527).map_err(|error| error.to_string())?;
    config.grease_quic_bit(false);
    let mut bytes = [0; 32];
    let mut random = seed;
    for chunk in bytes.chunks_exact_mut(8) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chunk.copy_from_slice(&random.to_le_bytes());
    }
    config.rng_seed(Some(bytes));
    Ok(config)
}

fn transport(mtu: u16, token: Duration) -> TransportConfig {
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(20));
    acks.max_ack_delay(Some(Duration::from_millis(25)));

    let mut config = TransportConfig::default();
    config
        .max_idle_timeout(Some(IDLE.max(4 * token).try_into().expect("a few seconds fit")))
        .keep_alive_interval(Some((token / 3).clamp(Duration::from_millis(30), Duration::from_secs(3))))
        // The default of 333 ms would make the first lost handshake packet cost a second.
        .initial_rtt(Duration::from_millis(5))
        .initial_mtu(mtu.max(MIN_MTU))
        .min_mtu(mtu.max(MIN_MTU))
        .mtu_discovery_config(None)
        .ack_frequency_config(Some(acks))
        .congestion_controller_factory(Arc::new(Unthrottled::default()))
        .datagram_receive_buffer_size(Some(QUEUE))
        .datagram_send_buffer_size(QUEUE)
        .send_fairness(false)
        .enable_segmentation_offload(true)
        .allow_spin(false)
        // One stream each way carries the hello; nothing else uses streams.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .stream_receive_window(VarInt::from_u32(4096))
        .receive_window(VarInt::from_u32(4096));
    config
}

fn roots(identity: &Identity) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for authority in identity.authorities() {
        roots.add(authority.clone()).map_err(|error| error.to_string())?;
    }
    Ok(Arc::new(roots))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn server_crypto(identity: &Identity) -> Result<QuicServerConfig, String> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(identity)?, provider())
        .build()
        .map_err(|error| error.to_string())?;
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate().clone()], identity.key().clone_key())
        .map_err(|error| error.to_string())?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    QuicServerConfig::try_from(tls).map_err(|error| error.to_string())
}

fn client_crypto(identity: &Identity) -> Result<QuicClientConfig, String> {
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots(identity)?)
        .with_client_auth_cert(vec![identity.certificate().clone()], identity.key().clone_key())
        .map_err(|error| error.to_string())?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.resumption = Resumption::disabled();
    QuicClientConfig::try_from(tls).map_err(|error| error.to_string())
}

/// Whether the key belongs to the certificate.
pub(crate) fn check_pair(identity: &Identity) -> Result<(), String> {
    client_crypto(identity).map(drop)
}

/// How many packets sent on this connection the peer has confirmed so far. That acknowledgements arrive means less: a
/// peer that hears nothing any more goes on repeating its last one.
pub(crate) fn confirmed(connection: &quinn_proto::Connection) -> u64 {
    let state = connection.congestion_state().clone_box().into_any();
    state.downcast::<Unthrottled>().map_or(0, |state| state.confirmed)
}

/// No congestion control. A window above `u32::MAX` also turns quinn-proto's pacer off.
#[derive(Clone, Copy, Debug, Default)]
struct Unthrottled {
    confirmed: u64,
}

impl ControllerFactory for Unthrottled {
    fn build(self: Arc<Self>, _now: Instant, _mtu: u16) -> Box<dyn Controller> {
        Box::new(*self)
    }
}

impl Controller for Unthrottled {
    fn on_ack(&mut self, _now: Instant, _sent: Instant, _bytes: u64, _app_limited: bool, _rtt: &RttEstimator) {
        self.confirmed += 1;
    }
    fn on_congestion_event(&mut self, _now: Instant, _sent: Instant, _persistent: bool, _lost: u64) {}
    fn on_mtu_update(&mut self, _mtu: u16) {}
    fn window(&self) -> u64 {
        1 << 40
    }
    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(*self)
    }
    fn initial_window(&self) -> u64 {
        1 << 40
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
