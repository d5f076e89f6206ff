//! A cluster file made fit for a sandbox: its own addresses, its own fence device, everything else as it is.

use crate::failure::Failure;
use crate::sandbox::fence;
use crate::sandbox::layout::{Layout, Seat};
use config::NodeId;
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

/// The file of a sandbox that was started without one.
pub(crate) fn example(layout: &Layout) -> String {
    include_str!("example.toml").replace("@DIRECTORY@", &layout.dir().to_string_lossy())
}

/// Names of the fence device and its table.
const DEVICE: &str = "power";

/// A cluster file that can be edited.
pub(crate) struct ClusterText {
    document: DocumentMut,
    shown: String,
}

impl ClusterText {
    /// Reads `text`; `shown` is its name in messages.
    pub(crate) fn parse(text: &str, shown: &str) -> Result<ClusterText, Failure> {
        let document = text.parse().map_err(|error| {
            Failure::refused(format!("{shown} is not valid TOML"))
                .because(error)
                .hint(format!("run `paceline validate {shown}`"))
        })?;
        Ok(ClusterText { document, shown: shown.to_owned() })
    }

    /// The cluster's name, for labels.
    pub(crate) fn cluster(&self) -> String {
        let name = self.document.get("cluster").and_then(|cluster| cluster.get("name")).and_then(Item::as_str);
        name.unwrap_or("sandbox").to_owned()
    }

    /// The nodes, in the order of the file.
    pub(crate) fn nodes(&self) -> Result<Vec<NodeId>, Failure> {
        let nodes = self.document.get("nodes").and_then(Item::as_table_like);
        let names: Result<Vec<NodeId>, _> = nodes
            .into_iter()
            .flat_map(TableLike::iter)
            .map(|(name, _)| {
                NodeId::new(name)
                    .map_err(|error| Failure::refused(format!("{}: bad node name {name:?}", self.shown)).because(error))
            })
            .collect();
        match names? {
            names if names.is_empty() => {
                Err(Failure::refused(format!("{} has no nodes", self.shown))
                    .hint("give each machine a table [nodes.NAME]"))
            }
            names => Ok(names),
        }
    }

    /// The file with the addresses of `seats` and the fence device of the sandbox, and what was put aside, in words.
    pub(crate) fn adapted(mut self, layout: &Layout, seats: &[Seat]) -> Result<(String, Vec<String>), Failure> {
        let mut notes = Vec::new();
        let mut ours: Vec<NodeId> = seats.iter().map(|seat| seat.name.clone()).collect();
        let mut theirs = self.nodes()?;
        ours.sort();
        theirs.sort();
        if ours != theirs {
            let list = |names: &[NodeId]| names.iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ");
            return Err(Failure::refused(format!(
                "{} has the nodes {}, the sandbox has {}",
                self.shown,
                list(&theirs),
                list(&ours)
            ))
            .hint(format!("start the sandbox anew: `paceline sandbox down && paceline sandbox up {}`", self.shown)));
        }
        let nodes = self.document.get_mut("nodes").and_then(Item::as_table_like_mut);
        for (name, node) in nodes.into_iter().flat_map(TableLike::iter_mut) {
            let Some(seat) = seats.iter().find(|seat| seat.name.as_str() == name.get()) else { continue };
            let Some(node) = node.as_table_like_mut() else {
                return Err(Failure::refused(format!("{}: nodes.{} is not a table", self.shown, name.get())));
            };
            node.insert("addresses", Item::Value(Value::Array(Array::from_iter([seat.public.to_string()]))));
            node.remove("fencing");
        }
        let removed = self.document.remove("fencing");
        let devices: Vec<&str> = removed
            .as_ref()
            .and_then(Item::as_table_like)
            .into_iter()
            .flat_map(TableLike::iter)
            .filter(|(_, device)| device.get("agent").and_then(Item::as_str) != Some(fence::NAME))
            .map(|(name, _)| name)
            .collect();
        if !devices.is_empty() {
            notes.push(format!("the sandbox fences by itself; not used: {}", devices.join(", ")));
        }
        self.document.insert("fencing", device(layout, seats));
        Ok((self.document.to_string(), notes))
    }
}

fn device(layout: &Layout, seats: &[Seat]) -> Item {
    let mut params = toml_edit::InlineTable::new();
    params.insert("socket-dir", layout.dir().to_string_lossy().into_owned().into());
    let mut power = Table::new();
    power.insert("agent", toml_edit::value(fence::NAME));
    power.insert("params", toml_edit::value(params));
    power.insert("nodes", toml_edit::value(seats.iter().map(|seat| seat.name.as_str()).collect::<Array>()));
    let mut fencing = Table::new();
    fencing.set_implicit(true);
    fencing.insert(DEVICE, Item::Table(power));
    Item::Table(fencing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn seats(names: &[&str]) -> Vec<Seat> {
        let seat = |(place, name): (usize, &&str)| Seat {
            name: NodeId::new(name).unwrap(),
            public: format!("127.0.0.1:{}", 7001 + place).parse().unwrap(),
            real: format!("127.0.0.1:{}", 8001 + place).parse().unwrap(),
        };
        names.iter().enumerate().map(seat).collect()
    }

    const FILE: &str = r#"
# our shop
[cluster]
name = "shop"

[nodes.alpha]
addresses = ["10.0.0.1", "10.1.0.1"] # two links
fencing = [["bmc"]]

[nodes]
beta = { addresses = ["10.0.0.2", "10.1.0.2"] }

[fencing.bmc]
agent = "fence_ipmilan"
nodes = ["alpha", "beta"]

[resources.web] # keep me
agent = "ocf:heartbeat:nginx"
"#;

    #[test]
    fn addresses_and_fencing_are_replaced_and_the_rest_is_kept() {
        let layout = Layout::find(Some(Path::new("/run/box")));
        let text = ClusterText::parse(FILE, "shop.toml").unwrap();
        assert_eq!(text.cluster(), "shop");
        let (adapted, notes) = text.adapted(&layout, &seats(&["alpha", "beta"])).unwrap();
        assert!(!adapted.contains("10.0.0.") && !adapted.contains("bmc") && !adapted.contains("ipmilan"), "{adapted}");
        for kept in ["127.0.0.1:7001", "127.0.0.1:7002", "# our shop", "# keep me", "fence_sandbox", "\"/run/box\""] {
            assert!(adapted.contains(kept), "{kept} is missing in\n{adapted}");
        }
        assert_eq!(notes, ["the sandbox fences by itself; not used: bmc"]);
        // What is adapted once can be adapted again with the same result.
        let again = ClusterText::parse(&adapted, "x").unwrap().adapted(&layout, &seats(&["alpha", "beta"])).unwrap();
        assert_eq!(again, (adapted, Vec::new()));
    }

    #[test]
    fn a_file_with_other_nodes_is_refused() {
        let layout = Layout::find(Some(Path::new("/run/box")));
        let text = ClusterText::parse(FILE, "shop.toml").unwrap();
        let failure = text.adapted(&layout, &seats(&["alpha", "gamma"])).unwrap_err().to_string();
        assert!(failure.contains("alpha, beta") && failure.contains("alpha, gamma"), "{failure}");
    }

    #[test]
    fn the_example_has_three_nodes_and_is_adaptable() {
        let layout = Layout::find(Some(Path::new("/run/box")));
        let text = ClusterText::parse(&example(&layout), "example").unwrap();
        assert_eq!(text.nodes().unwrap().len(), 3);
        let adapted = text.adapted(&layout, &seats(&["alpha", "beta", "gamma"])).unwrap().0;
        assert!(!adapted.contains('@') && adapted.contains("RUN = \"/run/box\""), "{adapted}");
    }
}
