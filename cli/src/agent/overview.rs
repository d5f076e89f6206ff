//! `crm_mon -1 --output-as=xml`: nodes and resources, as agents look for a promoted instance or a clean peer in it.

use super::{Reply, Status, ask, connect, unexpected};
use crm::control::{Request, Response};
use crm::summary::{NodeSummary, ResourceSummary, Summary};

pub(super) fn run(arguments: &[String]) -> Reply {
    let wanted = |word: &String| matches!(word.as_str(), "--output-as=xml" | "--as-xml") || is_short_xml(word);
    if !arguments.iter().any(wanted) {
        return Reply::fault(Status::Unimplemented, "paceline offers its agents only --output-as=xml");
    }
    match connect().and_then(|mut client| ask(&mut client, &Request::Status)) {
        Ok(Response::Summary(summary)) => Reply::ok(document(&summary)),
        Ok(other) => unexpected(&other),
        Err(reply) => reply,
    }
}

/// `-X`, alone or among other letters (`-1X`).
fn is_short_xml(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|letters| !letters.starts_with('-') && letters.contains('X'))
}

/// The whole, in the peer's form.
fn document(summary: &Summary) -> String {
    let nodes: String = summary.nodes.iter().zip(1..).map(|(node, id)| self::node(summary, node, id)).collect();
    let resources: String = summary.resources.iter().map(resource).collect();
    format!(
        "<?xml version=\"1.0\"?>\n<pacemaker-result api-version=\"2.25\" request=\"crm_mon --output-as=xml\">\n  <nodes>\n\
         {nodes}  </nodes>\n  <resources>\n{resources}  </resources>\n  <status code=\"0\" message=\"OK\"/>\n\
         </pacemaker-result>\n"
    )
}

fn node(summary: &Summary, node: &NodeSummary, id: u32) -> String {
    let is = |states: &[&str]| states.contains(&node.state.as_str());
    format!(
        "    <node name=\"{}\" id=\"{id}\" online=\"{}\" standby=\"{}\" maintenance=\"{}\" unclean=\"{}\" shutdown=\"{}\" \
         is_dc=\"{}\" type=\"member\"/>\n",
        node.name,
        !is(&["unclean", "offline", "not seen"]),
        is(&["standby"]),
        is(&["maintenance"]),
        is(&["unclean"]),
        is(&["leaving"]),
        summary.dc.as_ref() == Some(&node.name),
    )
}

/// One line for each place where it is active; one without a place where it is nowhere.
fn resource(resource: &ResourceSummary) -> String {
    let line = |role: &str, place: Option<&config::NodeId>| {
        let inside = place.map(|node| format!("<node name=\"{node}\"/>")).unwrap_or_default();
        format!(
            "    <resource id=\"{}\" resource_agent=\"{}\" role=\"{role}\" active=\"{}\" orphaned=\"false\" \
             blocked=\"{}\" failed=\"{}\" nodes_running_on=\"{}\">{inside}</resource>\n",
            resource.name,
            escaped(&resource.agent),
            place.is_some(),
            resource.state == "blocked",
            resource.state == "failed",
            u8::from(place.is_some()),
        )
    };
    let role = |node| match resource.promoted.contains(node) {
        true => "Promoted",
        false if resource.promoted.is_empty() => "Started",
        false => "Unpromoted",
    };
    if resource.nodes.is_empty() {
        return line("Stopped", None);
    }
    resource.nodes.iter().map(|node| line(role(node), Some(node))).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{NodeId, ResourceId};

    #[test]
    fn agents_find_the_promoted_instance_and_the_clean_nodes() {
        let node = |name: &str| NodeId::new(name).unwrap();
        let db = ResourceSummary {
            name: ResourceId::new("db").unwrap(),
            group: None,
            clone: None,
            agent: "ocf:heartbeat:pgsql".to_owned(),
            state: "started".to_owned(),
            nodes: vec![node("alpha"), node("beta")],
            promoted: vec![node("beta")],
            note: None,
        };
        let lines = resource(&db);
        // The patterns of pgsql and redis.
        let promoted: Vec<&str> = lines.lines().filter(|line| line.contains("role=\"Promoted\"")).collect();
        let [line] = promoted.as_slice() else { panic!("{lines}") };
        let order = [
            "<resource id=\"db\" ",
            " role=\"Promoted\"",
            " active=\"true\"",
            " orphaned=\"false\"",
            " failed=\"false\"",
        ];
        let places: Vec<usize> = order.iter().map(|part| line.find(part).expect(part)).collect();
        assert!(places.is_sorted() && line.contains("<node name=\"beta\"/>"), "{line}");
        assert!(lines.contains("role=\"Unpromoted\""));
        let nowhere = resource(&ResourceSummary { nodes: Vec::new(), promoted: Vec::new(), ..db });
        assert!(nowhere.contains("role=\"Stopped\" active=\"false\""), "{nowhere}");
    }

    #[test]
    fn the_form_is_asked_for_in_three_ways() {
        for word in ["-1X", "-X"] {
            assert!(is_short_xml(word));
        }
        assert!(!is_short_xml("-1r") && !is_short_xml("--eXtra"));
        assert_eq!(run(&["-1".to_owned()]).status, Status::Unimplemented);
    }
}
