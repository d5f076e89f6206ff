//! Who may import whom: the table in ARCHITECTURE.md, section 3, held against the manifests.

use super::Broken;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Outside crates that a pure room may use: none of them touches the world.
const PURE_OUTSIDE: [&str; 12] = [
    "bincode",
    "bytes",
    "fastrand",
    "jiff",
    "md-5",
    "quick-xml",
    "regex-lite",
    "roxmltree",
    "serde",
    "serde_json",
    "thiserror",
    "toml",
];

/// Folders of the pure rooms.
const PURE: [&str; 7] = ["config", "membership", "resource-agents", "fencing", "crm", "crm/scheduler", "import"];

/// Checks every package of the workspace.
pub fn check(root: &Path, broken: &mut Vec<Broken>) -> Result<()> {
    let document = std::fs::read_to_string(root.join("ARCHITECTURE.md")).context("cannot read ARCHITECTURE.md")?;
    let allowed = table(&document);
    let workspace = manifest(&root.join("Cargo.toml"))?;
    let folders: Vec<String> = workspace
        .get("workspace")
        .and_then(|w| w.get("members"))
        .and_then(toml::Value::as_array)
        .map(|members| members.iter().filter_map(|m| m.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    let mut ours = BTreeSet::new();
    for folder in &folders {
        ours.extend(package_name(&manifest(&root.join(format!("{folder}/Cargo.toml")))?));
    }
    for folder in &folders {
        let place = format!("{folder}/Cargo.toml");
        let Some(may) = allowed.get(folder) else {
            broken.push(Broken { place, rule: "not in the table of ARCHITECTURE.md, section 3".into() });
            continue;
        };
        let manifest = manifest(&root.join(&place))?;
        let names: Vec<&String> =
            manifest.get("dependencies").and_then(toml::Value::as_table).map_or_else(Vec::new, |t| t.keys().collect());
        for name in names {
            if ours.contains(name) {
                if !may.contains(name) {
                    broken.push(Broken {
                        place: place.clone(),
                        rule: format!("imports {name}; the table of ARCHITECTURE.md, section 3, does not allow that"),
                    });
                }
            } else if PURE.contains(&folder.as_str()) && !PURE_OUTSIDE.contains(&name.as_str()) {
                broken.push(Broken {
                    place: place.clone(),
                    rule: format!("{name} is not known to be pure (xtask/src/tidy/imports.rs)"),
                });
            }
        }
    }
    Ok(())
}

fn package_name(manifest: &toml::Table) -> Option<String> {
    manifest.get("package")?.get("name")?.as_str().map(str::to_owned)
}

fn manifest(path: &Path) -> Result<toml::Table> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.parse().with_context(|| format!("cannot understand {}", path.display()))
}

/// The rows of the table: folder, and the packages it may import.
fn table(document: &str) -> BTreeMap<String, BTreeSet<String>> {
    let section = document.split("## 3. ").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| package"))
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let folder = cells.next()?.to_owned();
            let may = cells.next()?.split(',').map(|name| name.trim().replace('/', "-")).collect();
            Some((folder, may))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn the_table_is_read() {
        let rows = table(
            "## 3. Who\n\n| package | may import |\n|---|---|\n| membership/io | membership, config |\n\n## 4. X\n| a | b |\n",
        );
        assert_eq!(rows.len(), 1);
        assert!(rows["membership/io"].contains("config"));
    }
}
