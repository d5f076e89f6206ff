//! One file, one rule.
#![allow(clippy::disallowed_methods)] // reads, and with UPDATE=1 rewrites, the case files

use crate::safe;
use crate::{facts, render, walk};
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};

pub(crate) const DASHES: &str = "\n---\n";

pub(crate) fn trials() -> Vec<Trial> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scheduler/cases");
    let files = case_files(&root);
    let update = std::env::var("UPDATE").is_ok();
    let mut trials: Vec<Trial> = files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("found below it").with_extension("");
            Trial::test(format!("cases/{}", name.display()), move || case(&path, update))
        })
        .collect();
    let count = trials.len();
    trials.push(Trial::test("cases/are_there", move || {
        if count >= 40 { Ok(()) } else { Err(format!("only {count} cases were found").into()) }
    }));
    trials
}

/// Every `TOPIC/CASE.txt` below a directory, in order.
pub(crate) fn case_files(root: &Path) -> Vec<PathBuf> {
    let files = entries(root).into_iter().flat_map(|topic| entries(&topic));
    files.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn case(path: &Path, update: bool) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let mut parts = text.splitn(3, DASHES);
    let (Some(cluster), Some(facts)) = (parts.next(), parts.next()) else {
        return Err("a case has a cluster file, `---`, facts, `---`, and the answer".into());
    };
    let facts = facts.strip_suffix("\n---").unwrap_or(facts);
    let expected = parts.next().unwrap_or("");
    let parsed = config::parse(cluster);
    let Some(config) = parsed.config else { return Err(format!("the cluster file: {:?}", parsed.problems).into()) };
    let scene = facts::read(cluster, config, facts)?;
    let answer = safe(&scene.situation());
    let got = render::render(&answer);
    if answer != safe(&scene.situation()) {
        return Err("the second answer differs from the first".into());
    }
    settled(&scene, &answer)?;
    if got == expected {
        return Ok(());
    }
    if update {
        std::fs::write(path, format!("{cluster}{DASHES}{facts}{DASHES}{got}"))?;
        return Ok(());
    }
    Err(format!("expected\n{expected}\ngot\n{got}").into())
}

/// After the graph was walked, from its front and from its back, nothing is left to do.
fn settled(scene: &facts::Scene, answer: &crm::schedule::Schedule) -> Result<(), Failed> {
    for pick in [|_: usize| 0, |ready: usize| ready - 1] {
        let mut pick = pick;
        let after = walk::walk(scene, &answer.graph, &mut pick);
        let again = safe(&after.situation());
        if !again.graph.is_empty() {
            let first = render::render(answer);
            return Err(format!("not settled:\n{first}\nthen\n{}", render::render(&again)).into());
        }
    }
    Ok(())
}
