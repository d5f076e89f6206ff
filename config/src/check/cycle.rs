//! Loops in a directed graph, one per knot, as short as possible. Iterative: a long chain must not exhaust the stack.

use std::collections::VecDeque;

/// For each set of vertices that reach each other, a shortest loop through its smallest vertex (that vertex once, first).
pub(super) fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let component = components(edges);
    let mut seen = vec![false; edges.len()];
    let mut found = Vec::new();
    for start in 0..edges.len() {
        // components are numbered below the number of vertices
        if std::mem::replace(&mut seen[component[start]], true) {
            continue;
        }
        found.extend(shortest_from(start, edges, &component));
    }
    found
}

/// The shortest way from `start` back to itself inside its component.
fn shortest_from(start: usize, edges: &[Vec<usize>], component: &[usize]) -> Option<Vec<usize>> {
    if edges[start].iter().all(|to| component[*to] != component[start]) {
        return None;
    }
    let mut came_from: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for &to in edges[at].iter().filter(|to| component[**to] == component[start]) {
            if to == start {
                let mut path = vec![at];
                while let Some(&before) = came_from.get(path.last().expect("the path starts with one vertex")) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(to) {
                entry.insert(at);
                queue.push_back(to);
            }
        }
    }
    None
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
    fn finds_one_short_loop_per_knot() {
        // 0 -> 1 -> 2 -> 0, a shortcut 1 -> 0, and 3 -> 3
        assert_eq!(cycles(&[vec![1], vec![2, 0], vec![0], vec![3]]), [vec![0, 1], vec![3]]);
        assert!(cycles(&[vec![1, 2], vec![2], vec![]]).is_empty());
        assert!(cycles(&[]).is_empty());
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let count = 200_000;
        let chain: Vec<Vec<usize>> = (0..count).map(|at| vec![(at + 1) % count]).collect();
        assert_eq!(cycles(&chain)[0].len(), count);
    }

    /// Compares with plain reachability on all graphs of four vertices.
    #[test]
    fn agrees_with_reachability() {
        for bits in 0..1_u32 << 16 {
            let edges: Vec<Vec<usize>> =
                (0..4).map(|a| (0..4).filter(|b| bits >> (a * 4 + b) & 1 == 1).collect()).collect();
            let mut reach = [[false; 4]; 4];
            for (a, tos) in edges.iter().enumerate() {
                tos.iter().for_each(|b| reach[a][*b] = true);
            }
            for via in 0..4 {
                for a in 0..4 {
                    for b in 0..4 {
                        reach[a][b] |= reach[a][via] && reach[via][b];
                    }
                }
            }
            let mut knots: Vec<Vec<usize>> = (0..4)
                .filter(|a| reach[*a][*a])
                .map(|a| (0..4).filter(|b| reach[a][*b] && reach[*b][a]).collect())
                .collect();
            knots.dedup();
            knots.sort();
            knots.dedup();
            let found = cycles(&edges);
            assert_eq!(found.len(), knots.len(), "{edges:?}");
            for cycle in found {
                for (at, vertex) in cycle.iter().enumerate() {
                    assert!(edges[*vertex].contains(&cycle[(at + 1) % cycle.len()]), "{edges:?} {cycle:?}");
                }
            }
        }
    }
}
