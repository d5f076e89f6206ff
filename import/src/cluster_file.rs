//! A CIB as a cluster file of our own, and the situation that the file stands for.

use crate::ids::names_for_ids;
use config::{Written, parse, write};
use scheduler::situation::Situation;

/// Writes the configuration of a situation as a cluster file. `name` is the name of the cluster where the CIB has none.
/// What the file's own checks have against it is listed with what was left out.
#[must_use]
pub fn cluster_file(situation: &Situation, name: &str) -> Written {
    let mut configuration = situation.configuration.clone();
    let unsaid = names_for_ids(&mut configuration);
    let mut written = write(&configuration, name);
    written.left_out.extend(unsaid);
    for problem in parse(&written.text).problems {
        if problem.severity == config::Severity::Error {
            written
                .left_out
                .push(format!("line {} of the file must be mended by hand: {}", problem.line, problem.message));
        }
    }
    written
}

/// The same situation with the configuration of a cluster file. Where the CIB knows nodes by ids, the file knows their
/// names.
///
/// # Errors
/// What is wrong with the file, problem by problem.
pub fn with_cluster_file(situation: &Situation, text: &str) -> Result<Situation, Vec<String>> {
    let parsed = parse(text);
    let Some(config) = parsed.config else {
        let errors = parsed.problems.iter().filter(|problem| problem.severity == config::Severity::Error);
        return Err(errors.map(|problem| format!("line {}: {}", problem.line, problem.message)).collect());
    };
    let mut with_file = situation.clone();
    let feature_set = std::mem::take(&mut with_file.configuration.feature_set);
    with_file.configuration = config.written;
    with_file.configuration.feature_set = feature_set;
    let name_of = |id: &str| {
        let node = situation.configuration.nodes.iter().find(|node| node.id == id);
        node.map_or_else(|| id.to_owned(), |node| node.name.clone())
    };
    for status in &mut with_file.status {
        status.id = name_of(&status.id);
    }
    with_file.dc = with_file.dc.as_deref().map(name_of);
    Ok(with_file)
}
