//! Small random clusters as Pacemaker CIBs: a few nodes, a few resources of every kind, constraints between them, and a
//! status that such a cluster could have left behind. Equal seeds give equal text.

mod attribute;
mod bundle;
mod configuration;
mod feature;
mod fingerprint;
mod guest;
mod health;
mod lock;
mod maintenance;
mod migration;
mod past;
mod remote;
mod rule;
mod set;
mod status;
mod template;
mod ticket;
mod topology;
mod utilization;

pub use feature::words;

use fastrand::Rng;

/// The moment at which the clusters are looked at, seconds since 1970.
pub const NOW: i64 = 1_767_225_600;

/// The same moment in words.
pub const NOW_TEXT: &str = "2026-01-01T00:00:00Z";

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There.
    Online,
    /// Gone in order.
    Offline,
    /// Gone without a word.
    Lost,
    /// Joining.
    Pending,
    /// There, and wants to leave.
    Leaving,
    /// In the ring, without its resource manager.
    Mute,
    /// Never reported anything.
    Unseen,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name; its id is its place, from 1.
    pub name: String,
    /// How it stands.
    pub presence: Presence,
    /// Attributes that stay.
    pub attributes: Vec<(String, String)>,
}

/// What kind of thing a resource at the top is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// One primitive.
    Primitive,
    /// Its primitives in order.
    Group,
    /// Instances of one primitive, or of a group of several.
    Clone {
        /// How many at most.
        max: usize,
        /// How many on one node.
        node_max: usize,
        /// Whether instances have two roles.
        promotable: bool,
        /// Whether instances are told apart.
        unique: bool,
        /// What is cloned is a group.
        group: bool,
    },
}

/// One primitive.
#[derive(Clone, Debug)]
pub struct Primitive {
    /// Its name.
    pub id: String,
    /// Seconds between two monitors; 0: none.
    pub monitor: u64,
    /// What its monitor's failure leads to.
    pub on_fail: Option<&'static str>,
}

/// One resource at the top.
#[derive(Clone, Debug)]
pub struct Top {
    /// Its name.
    pub id: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its primitives.
    pub primitives: Vec<Primitive>,
    /// Meta attributes.
    pub meta: Vec<(&'static str, String)>,
}

impl Top {
    /// Whether its instances have two roles.
    pub(crate) fn is_promotable(&self) -> bool {
        matches!(self.kind, Kind::Clone { promotable: true, .. })
    }

    /// Whether its instances are groups.
    pub(crate) fn is_cloned_group(&self) -> bool {
        matches!(self.kind, Kind::Clone { group: true, .. })
    }
}

/// One cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Its resources.
    pub tops: Vec<Top>,
    /// There is a fence device, and fencing is enabled.
    pub fencing: bool,
    /// This partition may act.
    pub quorate: bool,
    /// Cluster options.
    pub options: Vec<(&'static str, String)>,
}

/// The CIB of the cluster of this seed.
#[must_use]
pub fn cib(seed: u64) -> String {
    with(seed, None)
}

/// The same with the feature of a word, one of [`words`], and no other (with another word: none); for nothing with
/// those that its seed chooses.
#[must_use]
pub fn with(seed: u64, only: Option<&str>) -> String {
    let mut rng = Rng::with_seed(seed);
    let cluster = cluster(&mut rng);
    let mut text = format!(
        "<cib crm_feature_set=\"3.17.0\" validate-with=\"pacemaker-3.8\" epoch=\"1\" num_updates=\"0\" admin_epoch=\"0\" \
         have-quorum=\"{}\" dc-uuid=\"1\">\n",
        u8::from(cluster.quorate)
    );
    configuration::write(&mut rng, &cluster, &mut text);
    status::write(&mut rng, &cluster, &mut text);
    text.push_str("</cib>\n");
    feature::add(seed, only, &cluster, text)
}

fn cluster(rng: &mut Rng) -> Cluster {
    let fencing = chance(rng, 65);
    let mut nodes: Vec<Node> = (1..=rng.usize(2..=4)).map(|at| node(rng, at)).collect();
    nodes[0].presence = Presence::Online;
    let tops = (0..rng.usize(2..=6)).map(|at| top(rng, at, nodes.len())).collect();
    Cluster { nodes, tops, fencing, quorate: chance(rng, 92), options: options(rng, fencing) }
}

fn node(rng: &mut Rng, at: usize) -> Node {
    let presence = match rng.u32(0..100) {
        0..72 => Presence::Online,
        72..80 => Presence::Offline,
        80..88 => Presence::Lost,
        88..91 => Presence::Pending,
        91..96 => Presence::Leaving,
        96..98 => Presence::Mute,
        _ => Presence::Unseen,
    };
    let mut attributes = Vec::new();
    for (name, value, percent) in
        [("standby", "on", 8), ("maintenance", "true", 3), ("rack", "a", 40), ("rack", "b", 40)]
    {
        if chance(rng, percent) && attributes.iter().all(|(known, _): &(String, String)| known != name) {
            attributes.push((name.to_string(), value.to_string()));
        }
    }
    Node { name: format!("node{at}"), presence, attributes }
}

fn options(rng: &mut Rng, fencing: bool) -> Vec<(&'static str, String)> {
    let mut options = vec![("stonith-enabled", fencing.to_string())];
    let rare: [(&str, &[&str], u32); 8] = [
        ("no-quorum-policy", &["stop", "ignore", "freeze", "demote"], 40),
        ("symmetric-cluster", &["false"], 8),
        ("start-failure-is-fatal", &["false"], 20),
        ("maintenance-mode", &["true"], 3),
        ("stop-orphan-resources", &["false"], 5),
        ("stop-all-resources", &["true"], 2),
        ("startup-fencing", &["false"], 10),
        ("placement-strategy", &["utilization", "balanced", "minimal"], 25),
    ];
    for (name, values, percent) in rare {
        if chance(rng, percent) {
            options.push((name, pick(rng, values).to_string()));
        }
    }
    options
}

fn top(rng: &mut Rng, at: usize, nodes: usize) -> Top {
    let letter = char::from(b'a' + u8::try_from(at % 26).unwrap_or(0));
    let (kind, count, id) = match rng.u32(0..100) {
        0..50 => (Kind::Primitive, 1, format!("{letter}")),
        50..68 => (Kind::Group, rng.usize(2..=3), format!("{letter}-group")),
        _ => {
            let promotable = chance(rng, 45);
            let unique = chance(rng, 15);
            let group = !unique && chance(rng, 25);
            let max = if chance(rng, 70) { nodes } else { rng.usize(1..=nodes + 1) };
            let node_max = if unique { rng.usize(1..=2) } else { 1 };
            let count = if group { 2 } else { 1 };
            (Kind::Clone { max, node_max, promotable, unique, group }, count, format!("{letter}-clone"))
        }
    };
    let primitives = (1..=count)
        .map(|number| Primitive {
            id: if count == 1 { format!("{letter}") } else { format!("{letter}{number}") },
            monitor: pick(rng, &[0, 10, 10, 10, 30]),
            on_fail: chance(rng, 20).then(|| pick(rng, &["ignore", "block", "stop", "standby", "fence", "restart"])),
        })
        .collect();
    let id = if matches!(kind, Kind::Primitive) { format!("{letter}") } else { id };
    let meta = meta(rng, &kind);
    Top { id, kind, primitives, meta }
}

fn meta(rng: &mut Rng, kind: &Kind) -> Vec<(&'static str, String)> {
    let mut meta = Vec::new();
    let rare: [(&'static str, &[&str], u32); 10] = [
        ("priority", &["1", "5", "10"], 15),
        ("resource-stickiness", &["0", "1", "100", "INFINITY"], 35),
        ("target-role", &["Stopped", "Started", "Stopped"], 12),
        ("is-managed", &["false"], 5),
        ("multiple-active", &["stop_only", "block", "stop_unexpected"], 8),
        ("migration-threshold", &["1", "2", "5"], 20),
        ("failure-timeout", &["30s", "10min"], 10),
        ("allow-migrate", &["true"], 15),
        ("requires", &["nothing", "quorum"], 8),
        ("critical", &["false"], 5),
    ];
    for (name, values, percent) in rare {
        if chance(rng, percent) {
            meta.push((name, pick(rng, values).to_string()));
        }
    }
    if let Kind::Clone { max, node_max, promotable, unique, .. } = kind {
        meta.push(("clone-max", max.to_string()));
        meta.push(("clone-node-max", node_max.to_string()));
        meta.push(("globally-unique", unique.to_string()));
        for (name, percent) in [("interleave", 40), ("ordered", 20), ("notify", 20)] {
            if chance(rng, percent) {
                meta.push((name, "true".to_string()));
            }
        }
        if *promotable {
            meta.push(("promotable", "true".to_string()));
            if chance(rng, 20) {
                meta.push(("promoted-max", "2".to_string()));
            }
        } else if chance(rng, 10) {
            meta.push(("clone-min", "2".to_string()));
        }
    }
    meta
}

/// Whether something happens that happens in `percent` of a hundred cases.
fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(0..100) < percent
}

/// One of several.
fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(0..from.len())]
}
