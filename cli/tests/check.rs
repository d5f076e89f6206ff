//! `paceline check` without a file: it asks the daemon, and tells what each loss would do to the cluster as it is. The
//! daemon here is a thread that gives two answers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};

/// Three nodes, any of which can run both services.
const FILE: &str = "[cluster]\nname = \"shop\"\n[nodes.alpha]\naddresses = [\"10.0.0.1\"]\n[nodes.beta]\naddresses = [\"10.0.0.2\"]\n\
                    [nodes.gamma]\naddresses = [\"10.0.0.3\"]\n[fencing.power]\nagent = \"fence_test\"\nnodes = [\"alpha\", \"beta\", \"gamma\"]\n\
                    [resources.web]\nagent = \"ocf:heartbeat:Dummy\"\nprefer = { alpha = 10 }\n\
                    [resources.db]\nagent = \"ocf:heartbeat:Dummy\"\nprefer = { beta = 10 }\n";

fn paceline(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paceline"));
    command.args(arguments).current_dir(home).env("PACELINE_SOCKET", "daemon.sock").output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Answers the questions of one run: how the cluster stands with beta in standby, and its file.
fn daemon(home: &Path) -> std::thread::JoinHandle<()> {
    std::fs::write(home.join("shop.toml"), FILE).unwrap();
    text(&paceline(home, &["simulate", "--config", "shop.toml", "--node-standby", "beta", "--save", "state.json"]));
    let state: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(home.join("state.json")).unwrap()).unwrap();
    let listener = UnixListener::bind(home.join("daemon.sock")).unwrap();
    std::thread::spawn(move || {
        for _ in 0..2 {
            let (stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let asked: serde_json::Value = serde_json::from_str(&line).unwrap();
            let answer = match asked["request"].as_str().unwrap() {
                "situation" => serde_json::json!({ "response": "situation", "situation": state }),
                "config" => {
                    serde_json::json!({ "response": "config", "text": FILE, "generation": { "view": 1, "index": 1 } })
                }
                other => panic!("nobody asks for {other}"),
            };
            writeln!(&stream, "{answer}").unwrap();
        }
    })
}

#[test]
fn the_running_cluster_is_checked_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let daemon = daemon(home.path());
    let told = text(&paceline(home.path(), &["check", "--losses", "2"]));
    daemon.join().unwrap();
    let expected = "\
As it is, once nothing is left to do
  alpha: web
  beta: nothing
  gamma: db

Without alpha
    web moves from alpha to gamma

Without beta
  nothing changes

Without gamma
    db moves from gamma to alpha
";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.contains("\nWithout alpha and gamma\n  the others have no quorum\n"), "{told}");
}
