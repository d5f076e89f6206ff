//! Orders that wait for each other, the implicit order inside groups included.
//!
//! Every resource has a start and a stop, every group a beginning and an end of both; orders and groups are edges
//! between those. A loop in that graph is a set of actions none of which could ever be the first.

use super::Check;
use super::cycle::cycles;
use crate::id::ResourceId;
use crate::resource::OperationName;
use std::collections::{BTreeMap, BTreeSet};

/// Vertices per name: start begins, start ends, stop begins, stop ends.
const PER_NAME: usize = 4;

struct Graph<'c> {
    names: Vec<&'c ResourceId>,
    number: BTreeMap<&'c ResourceId, usize>,
    edges: Vec<Vec<usize>>,
    /// The rule behind an edge; edges of groups have none.
    rules: BTreeMap<(usize, usize), usize>,
}

impl<'c> Graph<'c> {
    fn new(names: Vec<&'c ResourceId>) -> Self {
        let number = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let edges = vec![Vec::new(); names.len() * PER_NAME];
        Graph { names, number, edges, rules: BTreeMap::new() }
    }

    fn begin(&self, name: &ResourceId, action: OperationName) -> Option<usize> {
        let stop = usize::from(action == OperationName::Stop);
        self.number.get(name).map(|at| at * PER_NAME + stop * 2)
    }

    fn end(&self, name: &ResourceId, action: OperationName, is_group: bool) -> Option<usize> {
        self.begin(name, action).map(|begin| begin + usize::from(is_group))
    }

    fn edge(&mut self, from: Option<usize>, to: Option<usize>, rule: Option<usize>) {
        // a dangling name is reported elsewhere
        let (Some(from), Some(to)) = (from, to) else { return };
        self.edges[from].push(to);
        if let Some(rule) = rule {
            self.rules.entry((from, to)).or_insert(rule);
        }
    }
}

fn inverse(action: OperationName) -> OperationName {
    match action {
        OperationName::Start => OperationName::Stop,
        OperationName::Stop => OperationName::Start,
        // A rule speaks of starts and stops.
        other => other,
    }
}

impl<'c> Check<'c, '_, '_> {
    /// No action waits for itself.
    pub(super) fn order_loops(&mut self) {
        let graph = self.order_graph();
        let mut rules: Vec<((usize, usize), usize)> = graph.rules.iter().map(|(edge, rule)| (*edge, *rule)).collect();
        // the loop of the starts is the one people think of
        rules.sort_by_key(|(edge, rule)| (*rule, edge.0 % PER_NAME));
        let edges: Vec<(usize, usize)> = rules.into_iter().map(|(edge, _)| edge).collect();
        let mut reported = BTreeSet::new();
        for cycle in cycles(&graph.edges, &edges) {
            let hops = cycle.iter().zip(cycle.iter().cycle().skip(1));
            let used: BTreeSet<usize> = hops.filter_map(|(from, to)| graph.rules.get(&(*from, *to)).copied()).collect();
            // the same rules make a second loop of the stops
            if reported.insert(used.clone()) {
                self.report_loop(&graph, &cycle, &used);
            }
        }
    }

    fn order_graph(&self) -> Graph<'c> {
        let config = self.config;
        let names: BTreeSet<&ResourceId> = config.resource_order.iter().collect();
        let mut graph = Graph::new(names.into_iter().collect());
        let is_group = |name: &ResourceId| config.groups.contains_key(name) && !config.resources.contains_key(name);
        for group in config.groups.values().filter(|group| is_group(&group.name)) {
            let mut chain = vec![graph.begin(&group.name, OperationName::Start)];
            chain.extend(group.members.iter().map(|member| graph.begin(member, OperationName::Start)));
            chain.push(graph.end(&group.name, OperationName::Start, true));
            chain.windows(2).for_each(|pair| graph.edge(pair[0], pair[1], None));
            let mut chain = vec![graph.begin(&group.name, OperationName::Stop)];
            chain.extend(group.members.iter().rev().map(|member| graph.begin(member, OperationName::Stop)));
            chain.push(graph.end(&group.name, OperationName::Stop, true));
            chain.windows(2).for_each(|pair| graph.edge(pair[0], pair[1], None));
        }
        for (at, rule) in config.orders.iter().enumerate() {
            let from = graph.end(&rule.first, rule.first_action, is_group(&rule.first));
            let to = graph.begin(&rule.then, rule.then_action);
            graph.edge(from, to, Some(at));
            if rule.symmetrical {
                let from = graph.end(&rule.then, inverse(rule.then_action), is_group(&rule.then));
                let to = graph.begin(&rule.first, inverse(rule.first_action));
                graph.edge(from, to, Some(at));
            }
        }
        graph
    }

    fn report_loop(&mut self, graph: &Graph<'_>, cycle: &[usize], rules: &BTreeSet<usize>) {
        let mut names: Vec<&str> = cycle.iter().map(|vertex| graph.names[vertex / PER_NAME].as_str()).collect();
        names.push(names[0]);
        if names.len() > 2 {
            names.dedup();
        }
        let Some(first) = rules.first() else { return };
        let spots = &self.spots.orders[*first];
        let lines: Vec<String> =
            rules.iter().take(10).map(|at| self.config.orders[*at].place.line.to_string()).collect();
        let hint = match lines.as_slice() {
            [line] => format!("remove the order in line {line}; the members of a group start in the order listed"),
            _ => format!("remove one of the orders in lines {}", lines.join(", ")),
        };
        let message = format!("the order is a loop: {}", path(&names));
        self.report.error(spots.rule.clone(), message, Some(hint));
    }
}

/// `a -> b -> a`, the middle left out when it is long.
fn path(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    if names.len() <= SHOWN {
        return names.join(" -> ");
    }
    let (head, tail) = (&names[..SHOWN - 2], &names[names.len() - 2..]);
    format!("{} -> ({} more) -> {}", head.join(" -> "), names.len() - SHOWN, tail.join(" -> "))
}
