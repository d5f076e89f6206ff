//! A node under test: its processes, and the client among them that takes orders and answers in lines.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// An answer takes no longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// The processes die with this value.
pub struct Member {
    /// How the node is called.
    pub name: String,
    stdin: ChildStdin,
    lines: Receiver<String>,
    /// The client, then what else belongs to the node.
    processes: Vec<Child>,
    /// Views seen since they were asked for.
    views: Vec<usize>,
}

impl Member {
    /// Starts the client. `daemons` run beside it and belong to the node.
    pub fn start(name: &str, client: &mut Command, daemons: Vec<Child>) -> Result<Member> {
        let mut child = client
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the client of {name}"))?;
        let stdin = child.stdin.take().expect("it was piped above");
        let stdout = child.stdout.take().expect("it was piped above");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut processes = vec![child];
        processes.extend(daemons);
        Ok(Member { name: name.to_owned(), stdin, lines, processes, views: Vec::new() })
    }

    pub fn say(&mut self, order: &str) -> Result<()> {
        writeln!(self.stdin, "{order}").with_context(|| format!("the client of {} has ended", self.name))
    }

    /// The numbers of the next answer, which must begin with `word`.
    pub fn answer(&mut self, word: &str) -> Result<Vec<u64>> {
        let end = Instant::now() + PATIENCE;
        loop {
            let line = self.line(end)?;
            if let Some(rest) = line.strip_prefix(word) {
                let numbers: Result<Vec<u64>, _> = rest.split_whitespace().map(str::parse).collect();
                return numbers.with_context(|| format!("{} answers {line:?}", self.name));
            }
            self.view(&line)?;
        }
    }

    /// Waits until this node is in a view of `count`; from then on, changes count.
    pub fn view_of(&mut self, count: usize, end: Instant) -> Result<()> {
        while self.views.last() != Some(&count) {
            let line = self.line(end)?;
            self.view(&line)?;
        }
        self.views.clear();
        Ok(())
    }

    /// Whether the view changed since it was last asked.
    pub fn view_changed(&mut self) -> bool {
        !std::mem::take(&mut self.views).is_empty()
    }

    fn view(&mut self, line: &str) -> Result<()> {
        match line.strip_prefix("view ").and_then(|count| count.parse().ok()) {
            Some(count) => self.views.push(count),
            None => bail!("{} says {line:?}", self.name),
        }
        Ok(())
    }

    fn line(&self, end: Instant) -> Result<String> {
        let left = end.saturating_duration_since(Instant::now());
        self.lines.recv_timeout(left).with_context(|| format!("{} gives no answer", self.name))
    }

    /// Processor time of the node so far: of all threads that it has.
    pub fn busy(&self) -> Result<Duration> {
        let mut nanos = 0;
        for process in &self.processes {
            let threads = format!("/proc/{}/task", process.id());
            for thread in fs::read_dir(&threads).with_context(|| format!("{}: cannot read {threads}", self.name))? {
                // To the nanosecond; `stat` counts in hundredths of a second.
                let path = thread?.path().join("schedstat");
                // The thread may have ended meanwhile.
                let text = fs::read_to_string(&path).unwrap_or_default();
                nanos += text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
            }
        }
        Ok(Duration::from_nanos(nanos))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
