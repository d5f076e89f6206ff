//! Bad input from people and from the network: files with mistakes, garbage on the ring's port, a foreign certificate.

use crate::programs;
use crate::sandbox::{NODES, PATIENCE, PEEK, Sandbox, service, with};
use crate::watch;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Instant;

/// Packets thrown at each node.
const GARBAGE: usize = 5000;

/// Several mistakes at once: all of them are shown with their places, by each command, and nothing changes.
pub fn malformed_file() -> Result<(), String> {
    with(&service("web", "monitor = \"1s\""), |sandbox| {
        let before = sandbox.status("alpha")?;
        let bad = "[cluster]\nname = \"e2e\"\ntoken = \"soon\"\n\n[nodes.alpha]\naddresses = [\"127.0.0.1\"]\n\n\
                   [nodes.beta]\naddresses = [\"127.0.0.2\"]\nvotse = 2\n\n[nodes.gamma]\naddresses = [\"127.0.0.3\"]\n\n\
                   [resources.web]\nagent = \"ocf:heartbeat:Dummy\"\nwith = \"databsae\"\nmonitor = 5\n\n\
                   [groups.all]\nmembers = [\"web\", \"site\"]\n";
        let file = sandbox.write("bad.toml", bad)?;
        let file = file.to_string_lossy();
        // Line and column of each mistake, and the word it is about.
        let mistakes = ["3:9", "soon", "10:1", "votse", "17:8", "databsae", "18:11", "21:19", "site"];
        for command in ["validate", "plan", "apply"] {
            sandbox.ask("alpha", &[command, &file])?.said(1, &mistakes)?;
        }
        let torn = sandbox.write("torn.toml", "[cluster]\nname = \"e2e\n[nodes.alpha\n")?;
        for command in ["validate", "plan", "apply"] {
            sandbox.ask("alpha", &[command, &torn.to_string_lossy()])?.said(1, &["2:"])?;
        }
        // Past the checks of the command line, as another program would: the daemon has its own.
        for node in NODES {
            let status = sandbox.status(node)?;
            if status["generation"] != before["generation"] {
                return Err(format!("{node} has another configuration now: {status:#}"));
            }
        }
        sandbox.consistent(&NODES)
    })
}

/// Random bytes, truncated beginnings of handshakes and datagrams of versions nobody has heard of: the ring goes on.
pub fn garbage() -> Result<(), String> {
    with(&service("web", "monitor = \"1s\""), |sandbox| {
        let before = sandbox.status("alpha")?;
        let memory: Vec<u64> = NODES.iter().map(|node| sandbox.memory(node)).collect::<Result<_, _>>()?;
        let (mark, targets) = (watch::now(), addresses(sandbox)?);
        let socket = UdpSocket::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let mut random = fastrand::Rng::with_seed(7);
        for number in 0..GARBAGE {
            for target in &targets {
                // A full queue at the receiver is as good as lost on the way.
                let _ = socket.send_to(&packet(number, &mut random), target);
            }
            // In the middle of it the cluster does its work.
            if number == GARBAGE / 2 {
                sandbox.apply_mark("beta")?.0.said(0, &["safe on the disks of a quorum"])?;
            }
        }
        sandbox.of_one_mind(&NODES)?;
        let after = sandbox.status("alpha")?;
        if after["view"] != before["view"] || after["resources"] != before["resources"] || after["dc"] != before["dc"] {
            return Err(format!("garbage moved the cluster from {before:#} to {after:#}"));
        }
        for (node, before) in NODES.iter().zip(memory) {
            let after = sandbox.memory(node)?;
            println!("garbage: memory of {node} {before} KiB, then {after} KiB");
            if after > before + 8 * 1024 {
                return Err(format!(
                    "{GARBAGE} packets of garbage took the memory of {node} from {before} to {after} KiB"
                ));
            }
            let told = sandbox.paceline(node, &["events", "--json"])?;
            let told = told.lines().filter_map(|line| serde_json::from_str::<watch::Event>(line).ok());
            let told = told.filter(|event| event.wall_ms >= mark).count();
            if told > 200 {
                return Err(format!("{node} tells {told} events about garbage"));
            }
        }
        sandbox.consistent(&NODES)
    })
}

/// Where the daemons listen.
fn addresses(sandbox: &Sandbox) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(sandbox.dir.join("sandbox.json")).map_err(|error| error.to_string())?;
    let description: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let seats = description["seats"].as_array().ok_or("no seats")?;
    Ok(seats.iter().filter_map(|seat| seat["real"].as_str().map(str::to_owned)).collect())
}

/// A datagram that nobody should understand.
fn packet(number: usize, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut noise = |length: usize| -> Vec<u8> { (0..length).map(|_| random.u8(..)).collect() };
    // A QUIC header in its long form: kind, version, both connection numbers, then noise in place of what is sealed.
    let long = |version: u32, rest: Vec<u8>| {
        let mut bytes = vec![0xc3];
        bytes.extend(version.to_be_bytes());
        bytes.extend([8, 1, 2, 3, 4, 5, 6, 7, 8, 4, 9, 9, 9, 9, 0, 0x44, 0x90]);
        bytes.extend(rest);
        bytes
    };
    match number % 5 {
        0 => noise(number % 1500),
        1 => long(1, noise(1200)),
        2 => long(1, noise(number % 40)),
        3 => long(0x0bad_0bad, noise(1200)),
        _ => {
            // The short form, as if of a connection that exists.
            let mut bytes = noise(60);
            bytes[0] = 0x40;
            bytes
        }
    }
}

/// A node with the keys of another cluster of the same name: nobody lets it in, everybody says so, and nothing else
/// happens. With its own keys it is welcome again.
pub fn foreign_certificate() -> Result<(), String> {
    with(&service("web", "prefer = { alpha = 10 }\nmonitor = \"1s\""), |sandbox| {
        let file = sandbox.write("other.toml", &fs::read_to_string(sandbox.dir.join("cluster.toml")).map_err(text)?)?;
        let out = sandbox.base.join("other");
        let paceline = programs::directory().join("paceline");
        programs::output(Command::new(paceline).args(["cluster", "init"]).arg(&file).arg("--out").arg(&out))?;
        let mark = watch::now();
        sandbox.sandbox("kill", "gamma")?;
        sandbox.event("alpha", mark, &["gamma is confirmed off"])?;
        sandbox.of_one_mind(&["alpha", "beta"])?;
        let view = sandbox.status("alpha")?["view"].clone();
        let (keys, own) = (sandbox.of("gamma", "keys"), sandbox.of("gamma", "own-keys"));
        fs::rename(&keys, &own).map_err(text)?;
        fs::rename(out.join("gamma/keys"), &keys).map_err(text)?;

        let mark = watch::now();
        sandbox.sandbox("start", "gamma")?;
        let refused = sandbox.event("alpha", mark, &["refused", "certificate"])?;
        println!("foreign certificate: alpha says: {}", refused.text);
        let outside = sandbox.event("gamma", mark, &["refused", "certificate"])?;
        println!("foreign certificate: gamma says: {}", outside.text);
        if sandbox.status("alpha")?["view"] != view {
            return Err("a stranger moved the cluster to another view".to_owned());
        }
        let alone = sandbox.status("gamma")?;
        if alone["quorum"]["quorate"] == true {
            return Err(format!("a stranger alone is quorate: {alone:#}"));
        }
        sandbox.consistent(&["alpha", "beta"])?;

        sandbox.sandbox("kill", "gamma")?;
        fs::remove_dir_all(&keys).map_err(text)?;
        fs::rename(&own, &keys).map_err(text)?;
        sandbox.sandbox("start", "gamma")?;
        sandbox.until("alpha", "gamma as a member again", |status| watch::online(status, "gamma"))?;
        sandbox.consistent(&NODES)
    })
}

/// Garbage on the control socket: an answer that says what was not understood, a line without an end, more clients than
/// there is room for. Whoever asks properly is answered.
pub fn control_socket() -> Result<(), String> {
    with(&service("web", "monitor = \"1s\""), |sandbox| {
        let before = sandbox.memory("alpha")?;
        let socket = sandbox.of("alpha", "control.sock");
        let connect = || -> std::io::Result<UnixStream> {
            let stream = UnixStream::connect(&socket)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        for line in
            ["", "\u{1}\u{2}\u{fffd}", "{", "[]", "{\"request\":\"explode\"}", "{\"request\":\"apply\",\"text\":7}"]
        {
            let mut stream = connect().map_err(text)?;
            writeln!(stream, "{line}").map_err(text)?;
            let mut answer = String::new();
            BufReader::new(stream).read_line(&mut answer).map_err(text)?;
            if !answer.contains("the request was not understood") {
                return Err(format!("the daemon answers {line:?} with {answer:?}"));
            }
        }
        let mut endless = connect().map_err(text)?;
        let chunk = vec![b'x'; 1 << 20];
        // Hung up on somewhere on the way.
        let sent = (0..64).take_while(|_| endless.write_all(&chunk).is_ok()).count();
        if sent == 64 {
            return Err("a line of 64 MB was read to its end".to_owned());
        }
        let crowd: Vec<UnixStream> = (0..400).map_while(|_| connect().ok()).collect();
        drop(crowd);
        sandbox.until("alpha", "an answer after the crowd", |_| true)?;
        let after = sandbox.memory("alpha")?;
        println!("control socket: memory of alpha {before} KiB, then {after} KiB");
        if after > before + 24 * 1024 {
            return Err(format!("garbage on the control socket took alpha from {before} to {after} KiB"));
        }
        sandbox.consistent(&NODES)
    })
}

/// A machine's own file with a word that nobody knows, then a stored configuration that was torn: the daemon does not
/// start and says why and what to do; the others go on; repaired, it is a member again.
pub fn damaged_files() -> Result<(), String> {
    with(&service("web", "prefer = { alpha = 10 }\nmonitor = \"1s\""), |sandbox| {
        let mark = watch::now();
        sandbox.sandbox("kill", "gamma")?;
        sandbox.event("alpha", mark, &["gamma is confirmed off"])?;
        let local = sandbox.of("gamma", "local.toml");
        let good = fs::read_to_string(&local).map_err(text)?;
        fs::write(&local, good.replace("state-directory", "state-dir")).map_err(text)?;
        ends_with(sandbox, &["local.toml is not a valid local file", "state-dir"])?;
        fs::write(&local, good).map_err(text)?;

        let stored = sandbox.of("gamma", "state/cib.json");
        let whole = fs::read(&stored).map_err(text)?;
        fs::write(&stored, &whole[..whole.len() / 2]).map_err(text)?;
        ends_with(sandbox, &["cib.json is damaged", "move it away and start again"])?;
        sandbox.consistent(&["alpha", "beta"])?;

        fs::rename(&stored, sandbox.of("gamma", "cib.torn")).map_err(text)?;
        sandbox.sandbox("start", "gamma")?;
        sandbox.until("alpha", "gamma as a member again", |status| watch::online(status, "gamma"))?;
        sandbox.consistent(&NODES)
    })
}

/// Starts gamma, whose daemon should end by itself with these words in its log.
fn ends_with(sandbox: &Sandbox, words: &[&str]) -> Result<(), String> {
    sandbox.sandbox("start", "gamma")?;
    let deadline = Instant::now() + PATIENCE;
    while sandbox.machine("gamma", "status")?["ended"].is_null() {
        if Instant::now() > deadline {
            return Err(format!("the daemon of gamma runs; it should have said {words:?}"));
        }
        std::thread::sleep(PEEK);
    }
    let log = sandbox.log("gamma");
    match words.iter().find(|word| !log.contains(*word)) {
        Some(word) => Err(format!("the log of gamma does not say {word:?}")),
        None => Ok(()),
    }
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
