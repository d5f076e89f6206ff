//! Files written, read back, and tampered with.

use super::*;
use std::fs;
use std::time::{Duration, SystemTime};

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_round_trip_with_tight_permissions() {
    let dir = tempfile::tempdir().unwrap();
    let (ca, keys) = (dir.path().join("ca"), dir.path().join("beta"));
    Authority::create("shop").unwrap().save(&ca).unwrap();
    let again = Authority::load(&ca).unwrap();
    again.issue(&node("beta")).unwrap().save(&keys).unwrap();
    assert_eq!(Identity::load(&keys).unwrap().node(), &node("beta"));
    assert_eq!((mode(&ca.join("ca.key")), mode(&ca.join("ca.pem"))), (0o600, 0o644));
    assert_eq!((mode(&keys.join("node.key")), mode(&keys.join("node.pem"))), (0o600, 0o644));
}

#[test]
fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let text = Identity::load(dir.path()).unwrap_err().to_string();
    assert!(text.contains("node.key") && text.contains("paceline cluster init"), "{text}");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    Authority::create("shop").unwrap().issue(&node("beta")).unwrap().save(dir.path()).unwrap();
    fs::set_permissions(dir.path().join("node.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let text = Identity::load(dir.path()).unwrap_err().to_string();
    assert!(text.contains("chmod 600") && text.contains("640"), "{text}");
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ours = Authority::create("shop").unwrap();
    let theirs = Authority::create("shop").unwrap();
    ours.issue(&node("beta")).unwrap().save(dir.path()).unwrap();

    let key = fs::read(dir.path().join("node.key")).unwrap();
    let other = tempfile::tempdir().unwrap();
    ours.issue(&node("beta")).unwrap().save(other.path()).unwrap();
    fs::copy(other.path().join("node.key"), dir.path().join("node.key")).unwrap();
    let text = Identity::load(dir.path()).unwrap_err().to_string();
    assert!(text.contains("node.key"), "{text}");

    fs::write(dir.path().join("node.key"), key).unwrap();
    theirs.save(other.path()).unwrap();
    fs::copy(other.path().join("ca.pem"), dir.path().join("ca.pem")).unwrap();
    let text = Identity::load(dir.path()).unwrap_err().to_string();
    assert!(text.contains("not signed by the cluster's authority"), "{text}");

    fs::copy(other.path().join("ca.pem"), other.path().join("x")).unwrap();
    ours.save(other.path()).unwrap();
    fs::copy(other.path().join("x"), other.path().join("ca.pem")).unwrap();
    let text = Authority::load(other.path()).unwrap_err().to_string();
    assert!(text.contains("ca.key"), "{text}");
}

#[test]
fn expired_and_damaged_certificates_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let past = SystemTime::now() - Duration::from_secs(10);
    let ours = Authority::create("shop").unwrap();
    ours.issue_for(&node("beta"), past - Duration::from_secs(60), past).unwrap().save(dir.path()).unwrap();
    let text = Identity::load(dir.path()).unwrap_err().to_string();
    assert!(text.contains("expired") && text.contains("node.pem"), "{text}");

    ours.issue(&node("beta")).unwrap().save(dir.path()).unwrap();
    fs::write(dir.path().join("node.pem"), "garbage").unwrap();
    let text = Identity::load(dir.path()).unwrap_err().to_string();
    assert!(text.contains("node.pem") && text.contains("new certificate"), "{text}");
}

#[test]
fn an_authority_is_succeeded_by_one_of_the_same_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second, keys) = (dir.path().join("first"), dir.path().join("second"), dir.path().join("beta"));
    let old = Authority::create("shop").unwrap();
    old.save(&first).unwrap();
    old.successor("shop").unwrap().save(&second).unwrap();
    let new = Authority::load(&second).unwrap();
    assert_eq!(new.trusted(), 2);
    let (by_old, by_new) = (old.issue(&node("beta")).unwrap().identity(), new.issue(&node("beta")).unwrap().identity());
    assert_eq!(by_old.about().cluster, by_new.about().cluster);
    assert!(by_new.about().cluster.is_some() && by_new.objection(by_old.certificate()).is_none());
    assert!(by_new.trusts(by_old.certificate()) && !by_old.trusts(by_new.certificate()));
    new.settled().save(&second).unwrap();
    let settled = Authority::load(&second).unwrap();
    assert_eq!(settled.trusted(), 1);
    settled.issue(&node("beta")).unwrap().save(&keys).unwrap();
    let identity = Identity::load(&keys).unwrap();
    assert!(!identity.trusts(by_old.certificate()) && identity.trusts(by_new.certificate()));
    let days = identity.about().days_left(SystemTime::now());
    assert!((3_640..3_660).contains(&days), "{days}");
}

#[test]
fn keys_do_not_show_in_debug_output() {
    let keys = Authority::create("shop").unwrap().issue(&node("beta")).unwrap();
    assert_eq!(format!("{:?}", keys.identity()), "Identity { node: beta, .. }");
}
