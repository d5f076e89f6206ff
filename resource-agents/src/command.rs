//! How an inline command resource is called: the line of the action, given to `/bin/sh`.

use crate::call::NoJob;
use crate::job::Job;
use crate::operation::Operation;
use crate::outcome::Outcome;
use config::{Commands, OperationName};
use std::path::PathBuf;

/// The call that carries out `operation` with the lines of `commands`. The line sees `PACELINE_RESOURCE`,
/// `PACELINE_NODE`, `PACELINE_ACTION`, and each parameter under the name that it has in the file.
///
/// # Errors
/// When a parameter cannot be handed to a program (a name with `=`, or a NUL character), and for an action that has no
/// line: there are three.
pub fn job(commands: &Commands, operation: &Operation) -> Result<Job, NoJob> {
    let (line, action) = match operation.name {
        OperationName::Start => (&commands.start, "start"),
        OperationName::Stop => (&commands.stop, "stop"),
        OperationName::Monitor => (&commands.check, "check"),
        other => {
            let why = format!(
                "{} is managed by command lines, which can start, stop and check, but not {}: it needs an OCF agent",
                operation.resource,
                other.as_str()
            );
            return Err(NoJob { outcome: Outcome::Unimplemented, why });
        }
    };
    let wrong = |why: String| Err(NoJob { outcome: Outcome::NotConfigured, why });
    if line.contains('\0') {
        return wrong(format!("the {action} line of {} has a NUL character", operation.resource));
    }
    let mut env = operation.params.clone();
    if let Some((name, _)) =
        env.iter().find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'))
    {
        return wrong(format!("parameter {name:?} of {} cannot be given to a program", operation.resource));
    }
    env.insert("PACELINE_RESOURCE".to_owned(), operation.resource.to_string());
    env.insert("PACELINE_NODE".to_owned(), operation.node.to_string());
    env.insert("PACELINE_ACTION".to_owned(), action.to_owned());
    Ok(Job {
        program: PathBuf::from("/bin/sh"),
        search: Vec::new(),
        args: vec!["-c".to_owned(), line.clone()],
        env,
        stdin: None,
        timeout: operation.timeout,
    })
}
