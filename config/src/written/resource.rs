//! Resources as written.

use super::AttributeSet;
use serde::{Deserialize, Serialize};

/// A resource of any kind, or a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The name.
    pub id: String,
    /// What kind of thing it is.
    pub kind: ResourceKind,
    /// The template a primitive is completed from.
    pub template: Option<String>,
    /// Meta attributes.
    pub meta: Vec<AttributeSet>,
    /// Parameters of the agent.
    pub params: Vec<AttributeSet>,
    /// What it needs of a node's capacity.
    pub utilization: Vec<AttributeSet>,
    /// Operations with options of their own.
    pub operations: Vec<Operation>,
}

/// What kind of thing a resource is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceKind {
    /// One service; `None` where a template gives the agent.
    Primitive(Option<Agent>),
    /// Primitives that run together, in order.
    Group(Vec<Resource>),
    /// Several instances of a primitive or a group. Promotable when its meta attribute says so.
    Clone(Box<Resource>),
    /// Containers of one image, with an address, storage, and a primitive inside.
    Bundle(Box<Bundle>),
}

impl Default for ResourceKind {
    fn default() -> Self {
        ResourceKind::Primitive(None)
    }
}

/// Which program manages a primitive.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Agent {
    /// The standard it follows: `ocf`, `systemd`, `lsb`, `service`, [`Agent::FENCING`], ...
    pub class: String,
    /// The provider, with `ocf`.
    pub provider: Option<String>,
    /// Its name.
    pub name: String,
}

impl Agent {
    /// The class of fence agents.
    pub const FENCING: &str = "fencing";

    /// Whether it is a fence agent.
    #[must_use]
    pub fn is_fencing(&self) -> bool {
        self.class == Agent::FENCING
    }
}

/// One operation as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name in the configuration.
    pub id: String,
    /// What is called: `monitor`, `start`, ...
    pub name: String,
    /// How often, as written (`10s`); `None` and `0` for once.
    pub interval: Option<String>,
    /// Options of the operation itself: `timeout`, `on-fail`, `role`, `enabled`, `record-pending`, `start-delay`,
    /// `interval-origin`, ..., as written.
    pub options: Vec<super::Value>,
    /// The same, in sets that may have rules.
    pub meta: Vec<AttributeSet>,
    /// Parameters for this operation only.
    pub params: Vec<AttributeSet>,
}

/// What a bundle is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The containers.
    pub container: Container,
    /// Their network.
    pub network: Option<NetworkOptions>,
    /// Their mounts.
    pub storage: Vec<Mount>,
    /// The primitive inside.
    pub primitive: Option<Resource>,
}

/// The containers of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Which program runs them: `docker`, `podman`, `rkt`.
    pub technology: String,
    /// The image.
    pub image: String,
    /// How many, as written (default: promoted-max, or 1).
    pub replicas: Option<String>,
    /// How many on one node (default 1).
    pub replicas_per_host: Option<String>,
    /// How many promoted (peer: promoted-max, formerly masters).
    pub promoted_max: Option<String>,
    /// `--net` of the container program.
    pub network: Option<String>,
    /// Further options of the container program.
    pub options: Option<String>,
    /// What runs inside instead of the default.
    pub run_command: Option<String>,
}

/// The network of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkOptions {
    /// First address; replicas count up from it.
    pub ip_range_start: Option<String>,
    /// Netmask of the addresses.
    pub host_netmask: Option<String>,
    /// Interface of the addresses.
    pub host_interface: Option<String>,
    /// Port of the executor inside.
    pub control_port: Option<String>,
    /// Whether replicas get names in each other's hosts file (default true).
    pub add_host: Option<String>,
    /// Ports mapped into the container.
    pub ports: Vec<BundlePort>,
}

/// One mapped port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundlePort {
    /// Its name in the configuration.
    pub id: String,
    /// Outside.
    pub port: Option<String>,
    /// Inside (default: the same).
    pub internal_port: Option<String>,
    /// Several at once, instead of `port`.
    pub range: Option<String>,
}

/// One mounted directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Its name in the configuration.
    pub id: String,
    /// Directory of the host.
    pub source_dir: Option<String>,
    /// Directory of the host under which each replica has its own.
    pub source_dir_root: Option<String>,
    /// Where it appears inside.
    pub target_dir: String,
    /// Mount options.
    pub options: Option<String>,
}

/// A name for a list of things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The name.
    pub id: String,
    /// What it stands for.
    pub members: Vec<String>,
}
