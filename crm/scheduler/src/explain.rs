//! Why a resource is where it is, or is not: each node with what spoke for and against it, the first thing that stands
//! in the way, and the commands that would change it.
//!
//! ```text
//! facts, constraints -> assignment with a ledger -> words -> Explanation -> text
//! ```
//!
//! Nothing is worked out again here: the words are made from what the assignment wrote down while it decided.

mod block;
mod decision;
mod remedy;
mod text;
mod words;

use crate::assign::ledger::{Cause, Entry};
use crate::assign::score::{ABSENT, MANDATORY, NEVER, outward};
use crate::assign::{self, Assignment};
use crate::constraint::{self, Constraints};
use crate::facts::{self, Facts, Named};
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;
use crate::situation::Situation;
use config::Score;
use serde::{Deserialize, Serialize};

/// Resources that are looked at besides the one asked about, because it follows them; at most.
const FOLLOWED: usize = 64;

/// Why a resource is where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The resource that was asked about.
    pub resource: String,
    /// Itself, its members, or its instances.
    pub parts: Vec<Part>,
}

/// One primitive or instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub resource: String,
    /// Where it runs now.
    pub runs_on: Vec<String>,
    /// What it does there.
    pub role_now: Role,
    /// Where it is placed.
    pub wanted: Option<String>,
    /// As what.
    pub role: Role,
    /// How much its promotion is wanted; `None`: it cannot be promoted.
    pub promotion: Option<Score>,
    /// What becomes of it and why, in a sentence without its name.
    pub decision: String,
    /// The first thing that stands in its way.
    pub block: Option<Block>,
    /// The nodes, best first.
    pub nodes: Vec<NodeView>,
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// In a sentence.
    pub because: String,
    /// The same for each node, or for what it follows, a line each.
    pub each: Vec<String>,
    /// What would change it, the easiest first.
    pub remedies: Vec<Remedy>,
}

/// What an operator can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// The command; `FILE` stands for a cluster file whose name is not known.
    pub command: String,
    /// What it does, or what has to be done before it.
    pub effect: String,
}

impl Block {
    /// A sentence alone.
    fn of(because: String) -> Block {
        Block { because, each: Vec::new(), remedies: Vec::new() }
    }

    /// With something that would change it.
    fn with(self, remedy: Option<Remedy>) -> Block {
        Block { remedies: self.remedies.into_iter().chain(remedy).collect(), ..self }
    }

    /// Why, in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let parts = std::iter::once(self.because.as_str()).chain(self.each.iter().map(|line| line.trim()));
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// What one node is worth for a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    /// The node.
    pub node: String,
    /// What it is worth in the end; `None`: nothing allows it.
    pub score: Option<Score>,
    /// What would have to change before it is allowed (`until ...`, `while ...`), where it is not and that is known.
    pub until: Option<String>,
    /// Why nothing can run there, whatever it is worth.
    pub unusable: Option<Block>,
    /// It was chosen.
    pub chosen: bool,
    /// It runs there now, as far as is known.
    pub runs: bool,
    /// What spoke for and against it, in the order in which it was weighed.
    pub spoke: Vec<Point>,
}

/// One thing that spoke for or against a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// What it added; `never` forbids the node.
    pub score: Score,
    /// In words.
    pub words: String,
    /// What would change it, where that is known.
    pub remedy: Option<Remedy>,
}

/// Explains where a resource, its members or its instances are placed; with `node`, for this node only.
///
/// # Errors
///
/// A sentence, when there is no such resource or node.
pub fn explain(situation: &Situation, resource: &str, node: Option<&str>) -> Result<Explanation, String> {
    let facts = facts::read(situation);
    let Some(asked) = find(&facts, resource) else {
        return Err(format!("there is no resource {resource}"));
    };
    let only = match node {
        None => None,
        Some(name) => Some(
            facts.all_nodes().find(|&it| facts[it].name == name).ok_or_else(|| format!("there is no node {name}"))?,
        ),
    };
    let constraints = constraint::resolve(&facts);
    let mut looked_at = Vec::new();
    watch(&facts, &constraints, &asked, &mut looked_at);
    let assignment = assign::assign_watching(&facts, &constraints, looked_at);
    let view = View { facts: &facts, constraints: &constraints, assignment: &assignment };
    let parts = asked.iter().flat_map(|&asked| facts.primitives(asked)).map(|part| view.part(part, only)).collect();
    Ok(Explanation { resource: resource.to_string(), parts })
}

/// The first thing that stands in the way of each of these resources; `None` for one that nothing hinders, and for a
/// name that is none.
#[must_use]
pub fn blocks(situation: &Situation, resources: &[&str]) -> Vec<Option<Block>> {
    let facts = facts::read(situation);
    let constraints = constraint::resolve(&facts);
    let asked: Vec<Vec<ResourceIx>> = resources.iter().map(|name| find(&facts, name).unwrap_or_default()).collect();
    let mut looked_at = Vec::new();
    for asked in &asked {
        watch(&facts, &constraints, asked, &mut looked_at);
    }
    let assignment = assign::assign_watching(&facts, &constraints, looked_at);
    let view = View { facts: &facts, constraints: &constraints, assignment: &assignment };
    let first = |asked: &Vec<ResourceIx>| {
        asked.iter().flat_map(|&asked| facts.primitives(asked)).find_map(|part| view.block(part))
    };
    asked.iter().map(first).collect()
}

/// The resources that a name, also one with an instance's number, stands for. The name of something inside an
/// anonymous clone stands for all its instances.
fn find(facts: &Facts<'_>, name: &str) -> Option<Vec<ResourceIx>> {
    match facts.names.get(name) {
        Some(Named::Several(several)) => return Some(several.clone()),
        Some(Named::Resource(resource)) if facts[*resource].id == name => return Some(vec![*resource]),
        Some(Named::Resource(_)) | None => {}
    }
    let exact: Vec<ResourceIx> = facts.all_resources().filter(|&it| facts[it].id == name).collect();
    let found =
        if exact.is_empty() { facts.all_resources().filter(|&it| facts[it].base == name).collect() } else { exact };
    (!found.is_empty()).then_some(found)
}

/// Adds the resources, what is inside them and around them, and what they have to follow.
fn watch(facts: &Facts<'_>, constraints: &Constraints, asked: &[ResourceIx], watched: &mut Vec<ResourceIx>) {
    let mut next: Vec<ResourceIx> = asked.to_vec();
    let mut followed = 0;
    while let Some(resource) = next.pop() {
        if watched.contains(&resource) {
            continue;
        }
        watched.push(resource);
        next.extend(&facts[resource].children);
        next.extend(facts[resource].parent);
        for &at in &constraints.colocations_of_dependent[resource.at()] {
            let colocation = &constraints.colocations[at as usize];
            if colocation.score.is_mandatory() && followed < FOLLOWED {
                followed += 1;
                next.push(colocation.primary);
            }
        }
    }
}

/// What words are made from.
struct View<'v, 'a> {
    facts: &'v Facts<'a>,
    constraints: &'v Constraints,
    assignment: &'v Assignment,
}

impl View<'_, '_> {
    fn part(&self, resource: ResourceIx, only: Option<NodeIx>) -> Part {
        let here = &self.facts[resource];
        let wanted = self.assignment.node(resource);
        let nodes = self.sorted(resource).into_iter().filter(|node| only.is_none_or(|only| only == *node));
        Part {
            resource: here.id.clone(),
            runs_on: here.on.iter().map(|&node| self.name(node)).collect(),
            role_now: self.assignment.role_now[resource.at()],
            wanted: wanted.map(|node| self.name(node)),
            role: self.assignment.role(resource),
            promotion: self.promotion_score(resource),
            decision: self.decision(resource),
            block: self.block(resource),
            nodes: nodes.map(|node| self.node(resource, node)).collect(),
        }
    }

    fn node(&self, resource: ResourceIx, node: NodeIx) -> NodeView {
        NodeView {
            node: self.name(node),
            score: self.score(resource, node).map(outward),
            until: self.end(resource, node).and_then(|end| self.until(end)),
            unusable: self.unusable(node),
            chosen: self.assignment.node(resource) == Some(node),
            runs: self.facts[resource].on.contains(&node),
            spoke: self.points(resource, node),
        }
    }

    /// What a node is worth in the end.
    fn score(&self, resource: ResourceIx, node: NodeIx) -> Option<i32> {
        let scores = &self.assignment.scores[resource.at()];
        scores.iter().find(|(at, _)| *at == node).map(|(_, score)| score.value())
    }

    /// The nodes, best first.
    fn sorted(&self, resource: ResourceIx) -> Vec<NodeIx> {
        // The nodes inside bundles are nobody else's business.
        let concerned = |&node: &NodeIx| !self.facts[node].bundle || self.score(resource, node).is_some();
        let mut nodes: Vec<NodeIx> = self.facts.all_nodes().filter(concerned).collect();
        nodes.sort_by_key(|&node| {
            let chosen = self.assignment.node(resource) == Some(node);
            let score = self.score(resource, node).unwrap_or(ABSENT);
            (!chosen, self.unusable(node).is_some(), -i64::from(score))
        });
        nodes
    }

    /// The changes of one score.
    fn entries(&self, resource: ResourceIx, node: NodeIx) -> impl Iterator<Item = &Entry> {
        self.assignment.ledger.iter().filter(move |entry| entry.resource == resource && entry.node == node)
    }

    /// What spoke for and against a node. Where an instance has no room because of what speaks against its clone, what
    /// speaks against the clone is told.
    fn points(&self, resource: ResourceIx, node: NodeIx) -> Vec<Point> {
        let mut points = Vec::new();
        for entry in self.entries(resource, node) {
            let parent = self.facts[resource].parent.filter(|_| entry.cause == Cause::NoRoom);
            let above: Vec<&Entry> = parent
                .map(|parent| self.entries(parent, node).filter(|it| it.after <= NEVER).collect())
                .unwrap_or_default();
            if above.is_empty() {
                points.extend(self.point(entry));
            } else {
                points.extend(above.into_iter().filter_map(|entry| self.point(entry)));
            }
        }
        points
    }

    fn point(&self, entry: &Entry) -> Option<Point> {
        let before = if entry.before == ABSENT { 0 } else { entry.before };
        let score = match entry.after {
            after if after <= NEVER => NEVER,
            after if after >= MANDATORY => MANDATORY,
            after => after.saturating_sub(before),
        };
        let said_already = entry.cause == Cause::NoRoom && self.unusable(entry.node).is_some();
        if said_already || (score == 0 && entry.cause == Cause::Listed) {
            return None;
        }
        Some(Point { score: outward(score), words: self.words(entry), remedy: self.remedy(entry) })
    }

    fn name(&self, node: NodeIx) -> String {
        self.facts[node].name.clone()
    }
}
