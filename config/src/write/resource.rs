//! Resources of all kinds.

use super::table::{Table, array, inline, interval, key, quoted, typed};
use super::{Writer, split};
use crate::id::ResourceId;
use crate::option::{BUNDLE, CLONE, META, OPERATION};
use crate::written::{Agent, Bundle, Operation, Resource, ResourceKind, Value};

impl Writer {
    pub(super) fn template(&mut self, template: &Resource) {
        if let ResourceKind::Primitive(agent) = &template.kind
            && self.usable_name(&template.id)
        {
            self.primitive(template, agent.as_ref(), "templates");
        }
    }

    pub(super) fn resource(&mut self, resource: &Resource) {
        if !self.usable_name(&resource.id) {
            return;
        }
        match &resource.kind {
            ResourceKind::Primitive(agent) => self.primitive(resource, agent.as_ref(), "resources"),
            ResourceKind::Group(members) => self.group(resource, members),
            ResourceKind::Clone(child) => self.clone_of(resource, child),
            ResourceKind::Bundle(bundle) => self.bundle(resource, bundle),
        }
    }

    fn usable_name(&mut self, name: &str) -> bool {
        match ResourceId::new(name) {
            Ok(_) => true,
            Err(error) => {
                self.left_out(format!("the resource {name:?}, whose name this cluster cannot use: {error}"));
                false
            }
        }
    }

    fn primitive(&mut self, resource: &Resource, agent: Option<&Agent>, section: &str) {
        let mut table = Table::new(&format!("[{section}.{}]", key(&resource.id)));
        if let Some(agent) = agent {
            table.line("agent", &quoted(&agent_text(agent)));
        }
        if let Some(template) = &resource.template {
            table.line("template", &quoted(template));
        }
        self.params(&mut table, resource);
        let (own, more) = split(&resource.utilization);
        table.numbers("utilization", &own, &mut self.left_out);
        self.meta(&mut table, resource);
        self.operations(&mut table, &resource.operations, &resource.id);
        self.finish_with_sets(table, resource, more);
    }

    fn params(&mut self, table: &mut Table, resource: &Resource) {
        let (own, _) = split(&resource.params);
        table.values("params", &own, &mut self.left_out);
    }

    fn meta(&mut self, table: &mut Table, resource: &Resource) {
        let (own, _) = split(&resource.meta);
        table.options(META, &own, "meta", &mut self.left_out);
    }

    /// The sets of a resource stand last, in one list.
    fn finish_with_sets(
        &mut self,
        mut table: Table,
        resource: &Resource,
        utilization: &[crate::written::AttributeSet],
    ) {
        table.sets("params", split(&resource.params).1, &mut self.left_out);
        table.sets("meta", split(&resource.meta).1, &mut self.left_out);
        table.sets("utilization", utilization, &mut self.left_out);
        self.push(table);
    }

    fn operations(&mut self, table: &mut Table, operations: &[Operation], of: &str) {
        let mut lines: Vec<String> = Vec::new();
        let mut seen: Vec<(&str, Option<std::time::Duration>)> = Vec::new();
        for operation in operations {
            let every = every(operation);
            let alike = |other: &&Operation| other.name == operation.name && self::every(other) == every;
            let of_a_role = operation.options.iter().any(|value| value.name == "role");
            if every.is_some() && operations.iter().filter(alike).count() > 1 {
                // neither counts, but what was ordered once is not called off
                if of_a_role {
                    lines.extend(self.operation(operation, of));
                    continue;
                }
                self.left_out(format!(
                    "{} of {of}: it shares its interval with another one, and neither counts",
                    operation.id
                ));
                continue;
            }
            if seen.contains(&(operation.name.as_str(), every)) {
                self.left_out(format!("{} of {of}: the same operation stands before it", operation.id));
                continue;
            }
            seen.push((operation.name.as_str(), every));
            lines.extend(self.operation(operation, of));
        }
        if !lines.is_empty() {
            let lines: String = lines.iter().map(|line| format!("  {line},\n")).collect();
            table.line("operations", &format!("[\n{lines}]"));
        }
    }

    fn operation(&mut self, operation: &Operation, of: &str) -> Option<String> {
        let option = |name: &str| OPERATION.option(name);
        let Some(name) = option("name").and_then(|option| typed(option.kind, &operation.name)) else {
            self.left_out(format!("the operation {} of {of}: there is no such operation", operation.name));
            return None;
        };
        let mut parts = vec![format!("name = {name}")];
        match operation.interval.as_deref().map(|text| (text, interval(text))) {
            None => {}
            Some((_, Some(every))) if every.is_zero() => {}
            Some((text, Some(_))) if option("interval").and_then(|option| typed(option.kind, text)).is_some() => {
                let text = option("interval").and_then(|option| typed(option.kind, text)).unwrap_or_default();
                parts.push(format!("interval = {text}"));
            }
            Some((text, _)) => {
                self.left_out(format!(
                    "the operation {} of {of}: its interval {text:?} cannot be used",
                    operation.name
                ));
                return None;
            }
        }
        let mut others: Vec<Value> = Vec::new();
        let plain_meta = operation.meta.iter().take(1).filter(|set| set.rule.is_none()).flat_map(|set| &set.values);
        for value in operation.options.iter().chain(plain_meta) {
            let known = OPERATION.options.iter().find(|option| option.name == value.name);
            match known.zip(value.value.as_deref()).and_then(|(known, text)| typed(known.kind, text)) {
                // refused where fencing is disabled; as text it is left to the scheduler, as it was
                Some(text) if !(value.name == "on-fail" && text == "\"fence\"" && !self.fencing) => {
                    parts.push(format!("{} = {text}", value.name));
                }
                _ => others.push(value.clone()),
            }
        }
        if !others.is_empty() {
            parts.push(format!("options = {}", inline(&others, &mut self.left_out)));
        }
        let (params, more) = split(&operation.params);
        if !params.is_empty() {
            parts.push(format!("params = {}", inline(&params, &mut self.left_out)));
        }
        let more_meta =
            operation.meta.iter().skip(1).chain(operation.meta.iter().take(1).filter(|set| set.rule.is_some()));
        let mut sets = Table::new("");
        sets.sets("meta", &more_meta.cloned().collect::<Vec<_>>(), &mut self.left_out);
        sets.sets("params", more, &mut self.left_out);
        let sets = sets.into_sets();
        if !sets.is_empty() {
            parts.push(format!("sets = {}", array(sets)));
        }
        Some(format!("{{ {} }}", parts.join(", ")))
    }

    fn group(&mut self, group: &Resource, members: &[Resource]) {
        let mut table = Table::new(&format!("[groups.{}]", key(&group.id)));
        table.line("members", &array(members.iter().map(|member| quoted(&member.id))));
        self.params(&mut table, group);
        self.meta(&mut table, group);
        self.finish_with_sets(table, group, &[]);
        for member in members {
            self.resource(member);
        }
    }

    fn clone_of(&mut self, clone: &Resource, child: &Resource) {
        let mut table = Table::new(&format!("[clones.{}]", key(&clone.id)));
        table.line("resource", &quoted(&child.id));
        let (own, _) = split(&clone.meta);
        let options: Vec<_> = CLONE.all().filter(|option| option.name != "resource").copied().collect();
        table.options(&options, &own, "meta", &mut self.left_out);
        self.finish_with_sets(table, clone, &[]);
        self.resource(child);
    }

    fn bundle(&mut self, resource: &Resource, bundle: &Bundle) {
        let mut table = Table::new(&format!("[bundles.{}]", key(&resource.id)));
        let container = &bundle.container;
        let network = bundle.network.clone().unwrap_or_default();
        if let Some(primitive) = &bundle.primitive {
            table.line("primitive", &quoted(&primitive.id));
        }
        let texts = [
            ("technology", Some(&container.technology)),
            ("image", Some(&container.image)),
            ("replicas", container.replicas.as_ref()),
            ("replicas-per-host", container.replicas_per_host.as_ref()),
            ("promoted-max", container.promoted_max.as_ref()),
            ("network", container.network.as_ref()),
            ("options", container.options.as_ref()),
            ("run-command", container.run_command.as_ref()),
            ("ip-range-start", network.ip_range_start.as_ref()),
            ("host-netmask", network.host_netmask.as_ref()),
            ("host-interface", network.host_interface.as_ref()),
            ("control-port", network.control_port.as_ref()),
            ("add-host", network.add_host.as_ref()),
        ];
        for (name, text) in texts {
            let Some(text) = text else { continue };
            match BUNDLE.option(name).and_then(|option| typed(option.kind, text)) {
                Some(value) => table.line(name, &value),
                None => self.left_out(format!("{name} = {text:?} of the bundle {}", resource.id)),
            }
        }
        let ports = network.ports.iter().map(|port| {
            let parts = [
                (!port.id.is_empty()).then(|| format!("name = {}", quoted(&port.id))),
                port.port.as_ref().map(|number| format!("port = {number}")),
                port.internal_port.as_ref().map(|number| format!("internal-port = {number}")),
                port.range.as_ref().map(|range| format!("range = {}", quoted(range))),
            ];
            format!("{{ {} }}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        });
        let ports: Vec<String> = ports.collect();
        if !ports.is_empty() {
            table.line("ports", &array(ports));
        }
        let storage = bundle.storage.iter().map(|mount| {
            let parts = [
                (!mount.id.is_empty()).then(|| format!("name = {}", quoted(&mount.id))),
                mount.source_dir.as_ref().map(|dir| format!("source = {}", quoted(dir))),
                mount.source_dir_root.as_ref().map(|dir| format!("source-root = {}", quoted(dir))),
                Some(format!("target = {}", quoted(&mount.target_dir))),
                mount.options.as_ref().map(|options| format!("options = {}", quoted(options))),
            ];
            format!("{{ {} }}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        });
        let storage: Vec<String> = storage.collect();
        if !storage.is_empty() {
            table.line(
                "storage",
                &format!("[\n{}]", storage.iter().map(|line| format!("  {line},\n")).collect::<String>()),
            );
        }
        self.meta(&mut table, resource);
        self.finish_with_sets(table, resource, &[]);
        if let Some(primitive) = &bundle.primitive {
            self.resource(primitive);
        }
    }
}

/// How often an operation repeats.
fn every(operation: &Operation) -> Option<std::time::Duration> {
    operation.interval.as_deref().and_then(interval).filter(|every| !every.is_zero())
}

/// `ocf:heartbeat:IPaddr2`, `systemd:nginx`, `fence:fence_xvm`.
fn agent_text(agent: &Agent) -> String {
    match (agent.class.as_str(), &agent.provider) {
        ("fencing", _) => format!("fence:{}", agent.name),
        ("ocf", None) => format!("ocf:heartbeat:{}", agent.name),
        (class, Some(provider)) => format!("{class}:{provider}:{}", agent.name),
        (class, None) => format!("{class}:{}", agent.name),
    }
}
