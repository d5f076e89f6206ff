//! Loops in a directed graph, as short as possible. Iterative: a long chain must not exhaust the stack.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};

/// Loops looked for at most; nobody reads more, and each costs a walk over the graph.
const MAX_LOOPS: usize = 50;

/// The loops that keep the `rules` (edges from, to) from being followed: for each rule that no loop before it contains,
/// the shortest loop through it, beginning with the rule.
pub(super) fn cycles(edges: &[Vec<usize>], rules: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let component = components(edges);
    let mut found: Vec<Vec<usize>> = Vec::new();
    let mut covered = std::collections::BTreeSet::new();
    for &(from, to) in rules {
        if found.len() == MAX_LOOPS {
            break;
        }
        if component[from] != component[to] || covered.contains(&(from, to)) {
            continue;
        }
        let mut cycle = shortest(to, from, edges, &component);
        cycle.rotate_right(1);
        covered.extend(cycle.iter().copied().zip(cycle.iter().copied().cycle().skip(1)));
        found.push(cycle);
    }
    found
}

/// The shortest way between two vertices of one component.
fn shortest(from: usize, to: usize, edges: &[Vec<usize>], component: &[usize]) -> Vec<usize> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            break;
        }
        for &next in edges[at].iter().filter(|next| component[**next] == component[from] && **next != from) {
            if let Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(at);
                queue.push_back(next);
            }
        }
    }
    let mut path = vec![to];
    let mut at = to;
    while let Some(&before) = came_from.get(&at) {
        path.push(before);
        at = before;
    }
    path.reverse();
    path
}

/// Tarjan's strongly connected components: a number for each vertex.
fn components(edges: &[Vec<usize>]) -> Vec<usize> {
    const NEW: usize = usize::MAX;
    let count = edges.len();
    let (mut index, mut low, mut component) = (vec![NEW; count], vec![0; count], vec![NEW; count]);
    let (mut open, mut work) = (Vec::new(), Vec::new());
    let (mut next, mut components) = (0, 0);
    for root in 0..count {
        if index[root] != NEW {
            continue;
        }
        work.push((root, 0));
        while let Some((at, edge)) = work.pop() {
            if edge == 0 {
                index[at] = next;
                low[at] = next;
                next += 1;
                open.push(at);
            } else {
                let child = edges[at][edge - 1];
                if component[child] == NEW {
                    low[at] = low[at].min(low[child]);
                }
            }
            if let Some(&to) = edges[at].get(edge) {
                work.push((at, edge + 1));
                if index[to] == NEW {
                    work.push((to, 0));
                }
                continue;
            }
            if low[at] == index[at] {
                while let Some(member) = open.pop() {
                    component[member] = components;
                    if member == at {
                        break;
                    }
                }
                components += 1;
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::cycles;

    #[test]
    fn finds_a_short_loop_for_every_rule() {
        // 0 -> 1 -> 2 -> 0, a shortcut 1 -> 0, and 3 -> 3
        let edges = [vec![1], vec![2, 0], vec![0], vec![3]];
        assert_eq!(cycles(&edges, &[(0, 1), (1, 2), (2, 0), (3, 3)]), [vec![0, 1], vec![1, 2, 0], vec![3]]);
        assert!(cycles(&[vec![1, 2], vec![2], vec![]], &[(0, 1), (0, 2), (1, 2)]).is_empty());
        assert!(cycles(&[], &[]).is_empty());
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let count = 200_000;
        let chain: Vec<Vec<usize>> = (0..count).map(|at| vec![(at + 1) % count]).collect();
        assert_eq!(cycles(&chain, &[(7, 8)])[0].len(), count);
    }

    /// Compares with plain reachability on all graphs of four vertices: a rule is on a loop exactly when its start can
    /// be reached from its end.
    #[test]
    fn agrees_with_reachability() {
        for bits in 0..1_u32 << 16 {
            let has = |a: usize, b: usize| bits >> (a * 4 + b) & 1 == 1;
            let edges: Vec<Vec<usize>> = (0..4).map(|a| (0..4).filter(|b| has(a, *b)).collect()).collect();
            let rules: Vec<(usize, usize)> = (0..16).map(|at| (at / 4, at % 4)).filter(|(a, b)| has(*a, *b)).collect();
            let mut reach = [[false; 4]; 4];
            for via in 0..4 {
                for (a, b) in (0..16).map(|at| (at / 4, at % 4)) {
                    reach[a][b] |= a == b || has(a, b) || reach[a][via] && reach[via][b];
                }
            }
            for via in 0..4 {
                for (a, b) in (0..16).map(|at| (at / 4, at % 4)) {
                    reach[a][b] |= reach[a][via] && reach[via][b];
                }
            }
            let found = cycles(&edges, &rules);
            let hop = |cycle: &[usize], at: usize| (cycle[at], cycle[(at + 1) % cycle.len()]);
            for rule in &rules {
                let on_a_loop = found.iter().any(|cycle| (0..cycle.len()).any(|at| hop(cycle, at) == *rule));
                assert_eq!(on_a_loop, reach[rule.1][rule.0], "{edges:?} {rule:?} {found:?}");
            }
            assert!(found.iter().all(|cycle| (0..cycle.len()).all(|at| rules.contains(&hop(cycle, at)))), "{edges:?}");
        }
    }
}
