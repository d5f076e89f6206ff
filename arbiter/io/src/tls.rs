//! TLS 1.3 in both directions: a node proves that its cluster's authority signed it, the arbiter that it is the one
//! whose fingerprint stands in the cluster file. Nothing is resumed, so every connection is checked anew.

use crate::registry::Members;
use config::write_fingerprint;
use membership_io::Identity;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{EndpointConfig, IdleTimeout, TransportConfig, VarInt};
use quinn_proto::HashedConnectionIdGenerator;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;

/// What both ends must speak.
const ALPN: &[u8] = b"paceline-arbiter/1";

/// A connection on which nothing was heard for this long is gone. It decides nothing about who gets the vote.
const IDLE: Duration = Duration::from_secs(5);

/// How often a node shows that its connection lives.
const KEEP_ALIVE: Duration = Duration::from_millis(1500);

/// What the other end may send ahead: a few of the longest messages.
const WINDOW: u32 = 128 * 1024;

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What a refusal in a handshake says, without the words of the layers that it came through.
pub(crate) fn plain(reason: &str) -> &str {
    reason.rsplit_once("unexpected error: ").map_or(reason, |(_, reason)| reason)
}

/// SHA-256 of a certificate.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    digest.as_ref().try_into().expect("a SHA-256 digest has 32 bytes")
}

fn transport(keep_alive: Option<Duration>) -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::try_from(IDLE).expect("a few seconds fit")))
        .keep_alive_interval(keep_alive)
        // One conversation, which the node opens.
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(u64::from(WINDOW))
        .datagram_receive_buffer_size(None)
        // What is said across a broken network should not wait for a third of a second when its first packet is lost.
        .initial_rtt(Duration::from_millis(50));
    Arc::new(transport)
}

/// How the service listens: as `identity`, to nodes of the clusters in `members`.
///
/// # Errors
/// What rustls has against the key or certificate, in words.
pub(crate) fn server(identity: &Identity, members: Members) -> Result<quinn::ServerConfig, String> {
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(Arc::new(OfACluster(members, Proof(provider()))))
        .with_single_cert(vec![identity.certificate().clone()], identity.key().clone_key())
        .map_err(|error| error.to_string())?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    server.transport_config(transport(None));
    server.migration(false);
    Ok(server)
}

/// How the service's socket is set up. Both keys follow from its private key, so that its next life recognises packets
/// meant for the last one and answers them with a reset that the node believes: it dials again at once.
pub(crate) fn endpoint(identity: &Identity) -> EndpointConfig {
    use ring::hmac::{HMAC_SHA256, Key, sign};
    let secret = Key::new(HMAC_SHA256, identity.key().secret_der());
    let reset = sign(&secret, b"paceline arbiter reset key");
    let label = sign(&secret, b"paceline arbiter connection ids");
    let label = u64::from_le_bytes(label.as_ref()[..8].try_into().expect("a SHA-256 tag has 32 bytes"));
    let mut config = EndpointConfig::new(Arc::new(Key::new(HMAC_SHA256, reset.as_ref())));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(label)));
    config
}

/// How a node calls: as `identity`, and only the arbiter with this fingerprint.
///
/// # Errors
/// What rustls has against the key or certificate, in words.
pub(crate) fn client(identity: &Identity, fingerprint: [u8; 32]) -> Result<quinn::ClientConfig, String> {
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(fingerprint, Proof(provider()))))
        .with_client_auth_cert(vec![identity.certificate().clone()], identity.key().clone_key())
        .map_err(|error| error.to_string())?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.resumption = Resumption::disabled();
    let crypto = QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut client = quinn::ClientConfig::new(Arc::new(crypto));
    client.transport_config(transport(Some(KEEP_ALIVE)));
    Ok(client)
}

/// How both ends check that whoever shows a certificate has its key.
#[derive(Debug)]
struct Proof(Arc<CryptoProvider>);

impl Proof {
    fn tls12(&self) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn tls13(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Accepts certificates that a registered cluster's authority has signed, as the register is at that moment.
#[derive(Debug)]
struct OfACluster(Members, Proof);

impl ClientCertVerifier for OfACluster {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hints: a node has one certificate and shows that.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.cluster_of(end_entity, now).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.1.tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.1.tls13(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.schemes()
    }
}

/// Accepts one certificate: the one with this fingerprint. Its names and dates mean nothing.
#[derive(Debug)]
struct Pinned([u8; 32], Proof);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = fingerprint(end_entity);
        if shown == self.0 {
            return Ok(ServerCertVerified::assertion());
        }
        let text = format!(
            "whoever answers there shows the certificate {}, not {} as the cluster file says",
            write_fingerprint(&shown),
            write_fingerprint(&self.0)
        );
        Err(Error::General(text))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.1.tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.1.tls13(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.schemes()
    }
}
