//! How an OCF script is called: its path, its one argument, and the environment that OCF 1.1 and the scripts of the
//! resource-agents collection count on.

use crate::job::Job;
use crate::operation::Operation;
use crate::reason::EXIT_REASON_PREFIX;
use config::OperationName;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The feature set that scripts compare with (`ocf_version_cmp`); that of the peer whose contract is kept here.
const FEATURE_SET: &str = "3.19.0";

/// How the names of what the cluster says begin, after `OCF_RESKEY_`.
const META: &str = "CRM_meta_";

/// How deep a monitor looks (OCF's levels 0, 10, 20), as it is called among parameters and in the environment.
const CHECK_LEVEL: &str = "OCF_CHECK_LEVEL";

/// Longest time that a script gets to print its description.
const META_DATA_TIMEOUT: Duration = Duration::from_secs(30);

/// The file of an OCF agent.
#[must_use]
pub fn script(ocf_root: &Path, provider: &str, kind: &str) -> PathBuf {
    ocf_root.join("resource.d").join(provider).join(kind)
}

/// The call that carries out `operation` with the agent `ocf:PROVIDER:KIND`.
///
/// # Errors
/// A sentence when the agent's name would lead out of its directory, or a parameter cannot be handed to a program
/// (a name with `=`, or a NUL character).
pub fn job(ocf_root: &Path, provider: &str, kind: &str, operation: &Operation) -> Result<Job, String> {
    if [provider, kind].iter().any(|part| part.is_empty() || part.starts_with('.') || part.contains(['/', '\0'])) {
        return Err(format!("ocf:{provider}:{kind} is not the name of an agent"));
    }
    let mut env = base(ocf_root, provider, kind, operation.resource.as_str());
    for (name, value) in operation.params.iter().chain(&operation.meta) {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(format!("parameter {name:?} of {} cannot be given to a program", operation.resource));
        }
    }
    // What the cluster says is never a parameter's to say.
    let own = operation.params.iter().filter(|(name, _)| !name.starts_with(META) && *name != CHECK_LEVEL);
    env.extend(own.map(|(name, value)| (format!("OCF_RESKEY_{name}"), value.clone())));
    let told = operation.meta.iter();
    env.extend(told.map(|(name, value)| (format!("OCF_RESKEY_{META}{}", name.replace('-', "_")), value.clone())));
    let interval = operation.interval.unwrap_or_default();
    let node = operation.node.as_str();
    for (name, value) in [
        ("OCF_RESKEY_crm_feature_set", FEATURE_SET.to_owned()),
        ("OCF_RESKEY_CRM_meta_name", operation.name.as_str().to_owned()),
        ("OCF_RESKEY_CRM_meta_timeout", operation.timeout.as_millis().to_string()),
        ("OCF_RESKEY_CRM_meta_interval", interval.as_millis().to_string()),
        ("OCF_RESKEY_CRM_meta_on_node", node.to_owned()),
        ("OCF_RESKEY_CRM_meta_on_node_uuid", node.to_owned()),
    ] {
        env.insert(name.to_owned(), value);
    }
    if operation.name == OperationName::Monitor {
        let level = operation.params.get(CHECK_LEVEL).map_or("0", String::as_str);
        env.insert(CHECK_LEVEL.to_owned(), level.to_owned());
    }
    Ok(call(script(ocf_root, provider, kind), operation.name.as_str(), env, operation.timeout))
}

/// The call that makes an agent describe itself; its answer is for [`crate::Metadata::parse`].
#[must_use]
pub fn meta_data_job(ocf_root: &Path, provider: &str, kind: &str) -> Job {
    call(script(ocf_root, provider, kind), "meta-data", base(ocf_root, provider, kind, "meta-data"), META_DATA_TIMEOUT)
}

fn call(program: PathBuf, action: &str, env: BTreeMap<String, String>, timeout: Duration) -> Job {
    Job { program, search: Vec::new(), args: vec![action.to_owned()], env, stdin: None, timeout }
}

fn base(ocf_root: &Path, provider: &str, kind: &str, instance: &str) -> BTreeMap<String, String> {
    [
        ("OCF_ROOT", ocf_root.to_string_lossy().into_owned()),
        ("OCF_RA_VERSION_MAJOR", "1".to_owned()),
        ("OCF_RA_VERSION_MINOR", "1".to_owned()),
        ("OCF_RESOURCE_INSTANCE", instance.to_owned()),
        ("OCF_RESOURCE_TYPE", kind.to_owned()),
        ("OCF_RESOURCE_PROVIDER", provider.to_owned()),
        ("OCF_EXIT_REASON_PREFIX", EXIT_REASON_PREFIX.to_owned()),
        // Scripts send their log lines to syslog under these names, and ask whether to be talkative.
        ("HA_LOGFACILITY", "daemon".to_owned()),
        ("HA_logfacility", "daemon".to_owned()),
        ("HA_debug", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;
    use config::{AgentRef, NodeId, ResourceId};

    fn operation(name: OperationName, interval: Option<Duration>, params: &[(&str, &str)]) -> Operation {
        Operation {
            resource: ResourceId::new("address").unwrap(),
            agent: AgentRef::Ocf { provider: "heartbeat".to_owned(), kind: "IPaddr2".to_owned() },
            name,
            interval,
            timeout: Duration::from_secs(20),
            params: params.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            commands: None,
            node: NodeId::new("alpha").unwrap(),
            expect: Outcome::Ok,
            meta: BTreeMap::new(),
        }
    }

    #[test]
    fn the_environment_is_the_contract() {
        let monitor = operation(OperationName::Monitor, Some(Duration::from_millis(1500)), &[("ip", "10.0.0.1")]);
        let job = job(Path::new("/usr/lib/ocf"), "heartbeat", "IPaddr2", &monitor).unwrap();
        assert_eq!(job.program, Path::new("/usr/lib/ocf/resource.d/heartbeat/IPaddr2"));
        assert_eq!(job.args, ["monitor"]);
        for (name, value) in [
            ("OCF_ROOT", "/usr/lib/ocf"),
            ("OCF_RA_VERSION_MAJOR", "1"),
            ("OCF_RA_VERSION_MINOR", "1"),
            ("OCF_RESOURCE_INSTANCE", "address"),
            ("OCF_RESOURCE_TYPE", "IPaddr2"),
            ("OCF_RESOURCE_PROVIDER", "heartbeat"),
            ("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:"),
            ("OCF_CHECK_LEVEL", "0"),
            ("OCF_RESKEY_ip", "10.0.0.1"),
            ("OCF_RESKEY_CRM_meta_timeout", "20000"),
            ("OCF_RESKEY_CRM_meta_interval", "1500"),
            ("OCF_RESKEY_CRM_meta_name", "monitor"),
            ("OCF_RESKEY_CRM_meta_on_node", "alpha"),
        ] {
            assert_eq!(job.env.get(name).map(String::as_str), Some(value), "{name}");
        }
    }

    #[test]
    fn a_parameter_cannot_pretend_to_be_the_cluster() {
        let params =
            [("CRM_meta_on_node", "elsewhere"), ("CRM_meta_clone_max", "9"), ("CRM_meta_globally_unique", "1")];
        let mut start = operation(OperationName::Start, None, &params);
        start.meta = [("clone-max", "3"), ("timeout", "1"), ("on_node", "nowhere")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let job = job(Path::new("/o"), "p", "t", &start).unwrap();
        for (name, value) in [("on_node", Some("alpha")), ("timeout", Some("20000")), ("clone_max", Some("3"))] {
            assert_eq!(job.env.get(&format!("OCF_RESKEY_CRM_meta_{name}")).map(String::as_str), value, "{name}");
        }
        assert!(!job.env.contains_key("OCF_RESKEY_CRM_meta_globally_unique"), "the cluster does not say it");
        assert!(!job.env.contains_key("OCF_CHECK_LEVEL"));
    }

    #[test]
    fn how_deep_a_monitor_looks_is_no_parameter_of_the_agent() {
        let deep = operation(OperationName::Monitor, None, &[("ip", "10.0.0.1"), ("OCF_CHECK_LEVEL", "20")]);
        let job = job(Path::new("/o"), "p", "t", &deep).unwrap();
        assert_eq!(job.env["OCF_CHECK_LEVEL"], "20");
        assert!(!job.env.contains_key("OCF_RESKEY_OCF_CHECK_LEVEL"));
    }

    #[test]
    fn what_no_program_can_receive_is_refused() {
        for bad in [("a=b", "v"), ("", "v"), ("a", "v\0w")] {
            let start = operation(OperationName::Start, None, &[bad]);
            assert!(job(Path::new("/o"), "p", "t", &start).is_err(), "{bad:?}");
        }
        let start = operation(OperationName::Start, None, &[]);
        for (provider, kind) in [("..", "sh"), ("p", "../../../bin/sh"), ("p", ""), ("p", ".ocf-shellfuncs")] {
            assert!(job(Path::new("/o"), provider, kind, &start).is_err(), "{provider}:{kind}");
        }
    }
}
