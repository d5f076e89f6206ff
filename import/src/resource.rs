//! Resources, templates and bundles.

use crate::attributes::set;
use crate::legacy;
use crate::xml::{Element, Xml};
use crate::{ReadError, legacy::rename};
use scheduler::situation::{
    Agent, AttributeSet, Bundle, BundlePort, Mount, NetworkOptions, Operation, Resource, ResourceKind, Value,
};
use scheduler::word;

/// Whether an element of this name is a resource.
pub(crate) fn is_resource(name: &str) -> bool {
    matches!(name, "primitive" | "group" | "clone" | "master" | "bundle")
}

/// Reads a resource of any kind; `None` where a clone or a bundle has nothing in it that could run.
pub(crate) fn resource<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Option<Resource>, ReadError> {
    let mut it = Resource { id: element.text("id"), ..Resource::default() };
    let mut members = Vec::new();
    let mut bundle = Bundle::default();
    xml.children(element, &mut |xml, child| {
        match child.name {
            "meta_attributes" => it.meta.push(set(xml, &child)?),
            "instance_attributes" => it.params.push(set(xml, &child)?),
            "utilization" => it.utilization.push(set(xml, &child)?),
            "operations" => operations(xml, &child, &mut it.operations)?,
            "docker" | "podman" | "rkt" => {
                container(&child, &mut bundle);
                xml.skip(&child)?;
            }
            "network" => bundle.network = Some(network(xml, &child)?),
            "storage" => storage(xml, &child, &mut bundle.storage)?,
            name if is_resource(name) => members.extend(resource(xml, &child)?),
            _ => xml.skip(&child)?,
        }
        Ok(())
    })?;
    rename(&mut it.meta);
    it.kind = match element.name {
        "group" => ResourceKind::Group(members),
        "bundle" => {
            bundle.primitive = members.into_iter().next();
            ResourceKind::Bundle(Box::new(bundle))
        }
        "clone" | "master" => {
            let Some(member) = members.into_iter().next() else { return Ok(None) };
            if element.name == "master" {
                it.meta.insert(0, promotable(&it.id));
            }
            ResourceKind::Clone(Box::new(member))
        }
        _ => {
            it.template = element.own("template");
            ResourceKind::Primitive(agent(element))
        }
    };
    Ok(Some(it))
}

/// The agent that an element names, if it does.
pub(crate) fn agent(element: &Element) -> Option<Agent> {
    let name = element.own("type")?;
    let class = legacy::class(element.get("class").unwrap_or_default());
    Some(Agent { class, provider: element.own("provider"), name })
}

/// What the old element for promotable clones stands for.
fn promotable(id: &str) -> AttributeSet {
    let value = Value { name: "promotable".to_string(), value: Some("true".to_string()) };
    AttributeSet { id: format!("{id}-promotable"), score: config::Score::MANDATORY, rule: None, values: vec![value] }
}

fn operations<'a>(xml: &mut Xml<'a>, element: &Element<'a>, into: &mut Vec<Operation>) -> Result<(), ReadError> {
    xml.children(element, &mut |xml, child| {
        if child.name != "op" {
            return xml.skip(&child);
        }
        let mut operation = Operation { id: child.text("id"), name: child.text("name"), ..Operation::default() };
        for (name, value) in &child.attributes {
            match *name {
                "id" | "name" | "description" => {}
                "interval" => operation.interval = Some(value.to_string()),
                _ => {
                    let value = Some(legacy::value(name, value));
                    operation.options.push(Value { name: (*name).to_string(), value });
                }
            }
        }
        xml.children(&child, &mut |xml, inner| {
            match inner.name {
                "meta_attributes" => operation.meta.push(set(xml, &inner)?),
                "instance_attributes" => operation.params.push(set(xml, &inner)?),
                _ => xml.skip(&inner)?,
            }
            Ok(())
        })?;
        into.push(operation);
        Ok(())
    })
}

fn container(element: &Element, bundle: &mut Bundle) {
    let it = &mut bundle.container;
    it.technology = element.name.to_string();
    it.image = element.text("image");
    it.replicas = element.own("replicas");
    it.replicas_per_host = element.own("replicas-per-host");
    it.promoted_max = element.own("promoted-max").or_else(|| element.own("masters"));
    it.network = element.own("network");
    it.options = element.own("options");
    it.run_command = element.own("run-command");
}

fn network<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<NetworkOptions, ReadError> {
    let mut network = NetworkOptions {
        ip_range_start: element.own("ip-range-start"),
        host_netmask: element.own("host-netmask"),
        host_interface: element.own("host-interface"),
        control_port: element.own("control-port"),
        add_host: element.own("add-host"),
        ports: Vec::new(),
    };
    xml.children(element, &mut |xml, child| {
        if child.name == "port-mapping" {
            network.ports.push(BundlePort {
                id: child.text("id"),
                port: child.own("port"),
                internal_port: child.own("internal-port"),
                range: child.own("range"),
            });
        }
        xml.skip(&child)
    })?;
    Ok(network)
}

fn storage<'a>(xml: &mut Xml<'a>, element: &Element<'a>, into: &mut Vec<Mount>) -> Result<(), ReadError> {
    xml.children(element, &mut |xml, child| {
        if child.name == "storage-mapping" {
            into.push(Mount {
                id: child.text("id"),
                source_dir: child.own("source-dir"),
                source_dir_root: child.own("source-dir-root"),
                target_dir: child.text("target-dir"),
                options: child.own("options"),
            });
        }
        xml.skip(&child)
    })
}

/// Whether a word says yes, where the text gives one.
pub(crate) fn yes(element: &Element, name: &str) -> Option<bool> {
    element.get(name).and_then(word::boolean)
}
