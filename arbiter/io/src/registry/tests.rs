//! Certificates, grants and bad files, in a directory of their own.

use super::*;
use membership::RingId;
use std::time::{Duration, SystemTime};

fn authority(directory: &Path, name: &str) -> (Authority, PathBuf) {
    let authority = Authority::create(name).unwrap();
    authority.save(directory).unwrap();
    (authority, directory.join("ca.pem"))
}

fn certificate(authority: &Authority, node: &str) -> CertificateDer<'static> {
    authority.issue(&NodeId::new(node).unwrap()).unwrap().identity().certificate().clone()
}

#[test]
fn a_certificate_leads_to_the_cluster_whose_authority_signed_it() {
    let home = tempfile::tempdir().unwrap();
    let registry = Registry::new(&home.path().join("state"));
    registry.init().unwrap();
    let (shop, shop_file) = authority(&home.path().join("shop"), "shop");
    let (bank, bank_file) = authority(&home.path().join("bank"), "bank");
    let (stranger, _) = authority(&home.path().join("stranger"), "shop");
    registry.add("shop", &shop_file).unwrap();
    registry.add("bank", &bank_file).unwrap();
    let members = Members::default();
    members.set(registry.clusters().unwrap());
    let of = |certificate: &CertificateDer<'_>| members.cluster_of(certificate, UnixTime::now());
    assert_eq!(of(&certificate(&shop, "alpha")).unwrap(), "shop");
    assert_eq!(of(&certificate(&bank, "alpha")).unwrap(), "bank");
    assert!(of(&certificate(&stranger, "alpha")).unwrap_err().to_string().contains("no registered cluster"));
    let past = SystemTime::now() - Duration::from_secs(100);
    let old = shop.issue_for(&NodeId::new("alpha").unwrap(), past, past + Duration::from_secs(10)).unwrap();
    let refused = of(old.identity().certificate()).unwrap_err().to_string();
    assert!(refused.contains("of the cluster shop") && refused.contains("xpired"), "{refused}");

    let twice = registry.add("shop2", &shop_file).unwrap_err().to_string();
    assert!(twice.contains("the authority of the cluster shop already"), "{twice}");
    registry.remove("shop").unwrap();
    members.set(registry.clusters().unwrap());
    assert!(members.cluster_of(&certificate(&shop, "alpha"), UnixTime::now()).is_err());
}

#[test]
fn a_grant_survives_and_a_damaged_one_is_not_taken_for_none() {
    let home = tempfile::tempdir().unwrap();
    let registry = Registry::new(home.path());
    registry.init().unwrap();
    let (_, file) = authority(&home.path().join("made"), "shop");
    registry.add("shop", &file).unwrap();
    assert_eq!(registry.grant("shop").unwrap(), None);
    let alpha = NodeId::new("alpha").unwrap();
    let ring = RingId { number: 7, representative: alpha.clone() };
    let grant = Grant { ring, members: [alpha.clone()].into(), holders: [alpha].into() };
    registry.store("shop", &grant).unwrap();
    assert_eq!(registry.grant("shop").unwrap(), Some(grant.clone()));
    registry.add("shop", &file).unwrap();
    assert_eq!(registry.grant("shop").unwrap(), Some(grant.clone()), "an authority renewed changes nothing in it");
    registry.remove("shop").unwrap();
    assert!(registry.store("shop", &grant).is_err(), "what is removed while it is stored stays removed");
    registry.add("shop", &file).unwrap();
    assert_eq!(registry.grant("shop").unwrap(), None);
    for damage in ["", "{}", "{\"form\":2,\"grant\":null}"] {
        fs::write(registry.cluster("shop").join("grant.json"), damage).unwrap();
        assert!(registry.grant("shop").is_err(), "{damage}");
    }
}

#[test]
fn what_is_revoked_survives_a_renewed_authority_and_goes_with_the_cluster() {
    let home = tempfile::tempdir().unwrap();
    let registry = Registry::new(home.path());
    let (_, file) = authority(&home.path().join("made"), "shop");
    registry.add("shop", &file).unwrap();
    assert_eq!(registry.revoked("shop").unwrap(), BTreeSet::new());
    let revoked: BTreeSet<Fingerprint> = [[7; 32], [9; 32]].into();
    registry.store_revoked("shop", &revoked).unwrap();
    registry.add("shop", &file).unwrap();
    assert_eq!(registry.revoked("shop").unwrap(), revoked);
    for damage in ["", "{}", "{\"form\":2,\"revoked\":[]}", "{\"form\":1,\"revoked\":[\"sha256:7\"]}"] {
        fs::write(registry.cluster("shop").join("revoked.json"), damage).unwrap();
        assert!(registry.revoked("shop").is_err(), "{damage}");
    }
    registry.remove("shop").unwrap();
    registry.add("shop", &file).unwrap();
    assert_eq!(registry.revoked("shop").unwrap(), BTreeSet::new());
}

#[test]
fn bad_names_and_files_are_refused_in_words() {
    let home = tempfile::tempdir().unwrap();
    let registry = Registry::new(home.path());
    assert!(registry.identity().unwrap_err().to_string().contains("paceline-arbiter init"));
    let fingerprint = registry.init().unwrap();
    let again = registry.init().unwrap_err().to_string();
    assert!(again.contains(&write_fingerprint(&fingerprint)), "{again}");
    let text = home.path().join("text");
    fs::write(&text, "hello").unwrap();
    assert!(registry.add("shop", &text).unwrap_err().to_string().contains("no certificate"));
    assert!(registry.add("../shop", &text).is_err());
    assert!(registry.remove("..").is_err());
    assert!(registry.remove("shop").unwrap_err().to_string().contains("no cluster shop"));
}
