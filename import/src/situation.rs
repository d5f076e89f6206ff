//! The whole: from the root element to the situation.

use crate::ReadError;
use crate::attributes::set;
use crate::constraint::{constraints, levels};
use crate::legacy::rename;
use crate::resource::{agent, is_resource, resource, yes};
use crate::status::status;
use crate::xml::{Element, References, Xml};
use scheduler::situation::{AttributeSet, Configuration, Node, NodeKind, Resource, ResourceKind, Situation, Tag};
use scheduler::word;

/// Cluster options in a set of this name win over those in others.
const FIRST_SET: &str = "cib-bootstrap-options";

/// Reads a CIB.
pub(crate) fn read(text: &str) -> Result<Situation, ReadError> {
    let references = References::of(text)?;
    let mut xml = Xml::new(text, &references);
    let root = xml.root()?;
    if root.name != "cib" {
        return Err(xml.wrong_at(&root, "not a CIB, whose root element is <cib>"));
    }
    let written_for = root.get("execution-date").and_then(|date| date.trim().parse::<i64>().ok()).unwrap_or(0);
    let mut situation = Situation {
        now_ms: written_for.saturating_mul(1000),
        quorate: yes(&root, "have-quorum").unwrap_or(false),
        never_quorate: yes(&root, "no-quorum-panic") != Some(true),
        dc: root.own("dc-uuid"),
        ..Situation::default()
    };
    situation.configuration.feature_set = root.text("crm_feature_set");
    let mut configured = false;
    xml.children(&root, &mut |xml, child| match child.name {
        "configuration" => {
            configured = true;
            configuration(xml, &child, &mut situation.configuration)
        }
        "status" => status(xml, &child, &mut situation.status, &mut situation.tickets),
        _ => xml.skip(&child),
    })?;
    xml.end()?;
    if !configured {
        return Err(xml.wrong_at(&root, "there is no <configuration> in it"));
    }
    Ok(situation)
}

fn configuration<'a>(xml: &mut Xml<'a>, parent: &Element<'a>, into: &mut Configuration) -> Result<(), ReadError> {
    xml.children(parent, &mut |xml, section| match section.name {
        "crm_config" => {
            sets(xml, &section, &mut into.properties)?;
            rename(&mut into.properties);
            into.properties.sort_by_key(|set| set.id != FIRST_SET);
            Ok(())
        }
        "rsc_defaults" => {
            sets(xml, &section, &mut into.resource_defaults)?;
            rename(&mut into.resource_defaults);
            Ok(())
        }
        "op_defaults" => sets(xml, &section, &mut into.operation_defaults),
        "nodes" => nodes(xml, &section, &mut into.nodes),
        "resources" => resources(xml, &section, into),
        "tags" => tags(xml, &section, &mut into.tags),
        "constraints" => constraints(xml, &section, &mut into.constraints),
        "fencing-topology" => {
            into.fencing_levels = levels(xml, &section)?;
            Ok(())
        }
        _ => xml.skip(&section),
    })
}

fn sets<'a>(xml: &mut Xml<'a>, parent: &Element<'a>, into: &mut Vec<AttributeSet>) -> Result<(), ReadError> {
    xml.children(parent, &mut |xml, child| {
        match child.name {
            "cluster_property_set" | "meta_attributes" | "instance_attributes" => into.push(set(xml, &child)?),
            _ => xml.skip(&child)?,
        }
        Ok(())
    })
}

fn nodes<'a>(xml: &mut Xml<'a>, parent: &Element<'a>, into: &mut Vec<Node>) -> Result<(), ReadError> {
    xml.children(parent, &mut |xml, element| {
        if element.name != "node" {
            return xml.skip(&element);
        }
        let kind = match element.get("type").unwrap_or_default() {
            "remote" => NodeKind::Remote,
            "ping" => NodeKind::Ping,
            _ => NodeKind::Member,
        };
        let id = element.text("id");
        let mut node = Node {
            name: element.own("uname").unwrap_or_else(|| id.clone()),
            id,
            kind,
            score: element.get("score").and_then(word::score).unwrap_or_default(),
            ..Node::default()
        };
        xml.children(&element, &mut |xml, child| {
            match child.name {
                "instance_attributes" => node.attributes.push(set(xml, &child)?),
                "utilization" => node.utilization.push(set(xml, &child)?),
                _ => xml.skip(&child)?,
            }
            Ok(())
        })?;
        into.push(node);
        Ok(())
    })
}

fn resources<'a>(xml: &mut Xml<'a>, parent: &Element<'a>, into: &mut Configuration) -> Result<(), ReadError> {
    xml.children(parent, &mut |xml, element| {
        match element.name {
            "template" => into.templates.extend(template(xml, &element)?),
            name if is_resource(name) => into.resources.extend(resource(xml, &element)?),
            _ => xml.skip(&element)?,
        }
        Ok(())
    })
}

fn template<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Option<Resource>, ReadError> {
    let template = resource(xml, element)?;
    Ok(template.map(|template| Resource { kind: ResourceKind::Primitive(agent(element)), ..template }))
}

fn tags<'a>(xml: &mut Xml<'a>, parent: &Element<'a>, into: &mut Vec<Tag>) -> Result<(), ReadError> {
    xml.children(parent, &mut |xml, element| {
        if element.name != "tag" {
            return xml.skip(&element);
        }
        let mut tag = Tag { id: element.text("id"), members: Vec::new() };
        xml.children(&element, &mut |xml, child| {
            if child.name == "obj_ref" {
                tag.members.push(child.text("id"));
            }
            xml.skip(&child)
        })?;
        into.push(tag);
        Ok(())
    })
}
