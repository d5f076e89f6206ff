//! The runner against real programs that behave badly.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail, and say what it left out")]

#[path = "scratch/directory.rs"]
mod scratch;

use resource_agents::{Exit, Finished, Job, OUTPUT_LIMIT, StartError};
use resource_agents_io::{Runner, RunnerOptions, run};
use scratch::Scratch;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

fn file(scratch: &Scratch, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = scratch.0.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

const LONG: Duration = Duration::from_secs(60);

fn job(program: &Path, timeout: Duration) -> Job {
    Job {
        program: program.to_owned(),
        search: Vec::new(),
        args: Vec::new(),
        env: BTreeMap::new(),
        stdin: None,
        timeout,
    }
}

fn shell(line: &str, timeout: Duration) -> Job {
    Job { args: vec!["-c".to_owned(), line.to_owned()], ..job(Path::new("/bin/sh"), timeout) }
}

async fn ended(job: Job) -> Finished {
    run(job, &RunnerOptions::default()).await
}

fn is_alive(pid: &str) -> bool {
    // A zombie is dead, it only has not been waited for by whoever should.
    fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits until a condition that something else brings about holds.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs a line of shell that never ends until its timeout ends it. How far it comes before that is the machine's
/// affair, so the timeout grows until the line has `reached` what the test is about.
async fn cut_off(line: &str, reached: impl Fn(&Finished) -> bool) -> (Duration, Finished) {
    let mut limit = Duration::from_millis(300);
    loop {
        let finished = ended(shell(line, limit)).await;
        assert_eq!(finished.exit, Exit::TimedOut);
        assert!(finished.elapsed >= limit, "{:?} of {limit:?}", finished.elapsed);
        if reached(&finished) {
            return (limit, finished);
        }
        limit *= 4;
        assert!(limit < LONG, "the line does not come to what the test is about: {finished:?}");
    }
}

#[tokio::test]
async fn exit_codes_and_both_outputs_come_back() {
    let finished = ended(shell("echo out; echo err >&2; exit 255", LONG)).await;
    assert_eq!(finished.exit, Exit::Code(255));
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("out\n", "err\n"));
    assert_eq!(ended(shell("kill -TERM $$", LONG)).await.exit, Exit::Signal(15));
}

#[tokio::test]
async fn ten_megabytes_on_both_outputs_neither_block_nor_grow() {
    let line = "i=0; while [ $i -lt 160 ]; do head -c 65536 /dev/zero | tr '\\0' x; \
                head -c 65536 /dev/zero | tr '\\0' y >&2; i=$((i+1)); done; echo END; echo FIN >&2";
    let finished = ended(shell(line, LONG)).await;
    assert_eq!(finished.exit, Exit::Code(0));
    for (text, end) in [(&finished.stdout, "xEND\n"), (&finished.stderr, "yFIN\n")] {
        assert_eq!(text.len(), OUTPUT_LIMIT);
        assert!(text.ends_with(end));
    }
}

#[tokio::test]
async fn output_without_end_is_cut_off_by_the_timeout() {
    let (_, finished) = cut_off("yes; yes >&2", |finished| !finished.stdout.is_empty()).await;
    assert!(finished.stdout.ends_with("y\ny\n") || finished.stdout.ends_with("y\ny"));
}

#[tokio::test]
async fn a_hanging_agent_and_its_children_die_at_the_timeout_also_when_they_ignore_signals() {
    let scratch = Scratch::new();
    let pids = scratch.0.join("pids");
    let line = format!(
        "rm -f {0}; trap '' TERM HUP INT; (trap '' TERM; echo $(exec sh -c 'echo $PPID') >> {0}; while :; do sleep 60; \
         done) & echo $$ >> {0}; wait; sleep 60",
        pids.display()
    );
    let noted = || fs::read_to_string(&pids).unwrap_or_default();
    let (limit, finished) = cut_off(&line, |_| noted().lines().count() == 2).await;
    // The child holds the output for good: nobody waits for it.
    assert!(finished.elapsed < limit + LONG / 2, "{:?}", finished.elapsed);
    let pids = noted();
    until("the death of all", || !pids.lines().any(is_alive)).await;
}

#[tokio::test]
async fn a_service_left_behind_with_open_output_is_not_waited_for_and_not_disturbed() {
    let scratch = Scratch::new();
    let (go, done) = (scratch.0.join("go"), scratch.0.join("done"));
    // The service waits for a sign, prints more than a pipe holds, and tells that it could.
    let line = format!(
        "(while [ ! -e {0} ]; do sleep 0.02; done; head -c 300000 /dev/zero && echo end && touch {1}) & echo started",
        go.display(),
        done.display()
    );
    // Whoever waited for it would wait until the timeout, since it waits for a sign that comes later.
    let finished = ended(shell(&line, LONG)).await;
    assert_eq!((finished.exit, finished.stdout.as_str()), (Exit::Code(0), "started\n"));
    fs::write(&go, "").unwrap();
    until("the service's end", || done.exists()).await;
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let scratch = Scratch::new();
    let reason = async |job: Job| match ended(job).await.exit {
        Exit::NotStarted(why) => why,
        other => panic!("{other:?}"),
    };
    let missing = reason(job(&scratch.0.join("nothing"), LONG)).await;
    assert!(matches!(&missing, StartError::Missing(why) if why.contains("nothing is not installed")), "{missing:?}");
    let plain = file(&scratch, "plain", "#!/bin/sh\n", 0o644);
    let forbidden = reason(job(&plain, LONG)).await;
    assert!(matches!(&forbidden, StartError::Forbidden(why) if why.contains("executable")), "{forbidden:?}");
    let directory = reason(job(&scratch.0, LONG)).await;
    assert!(matches!(&directory, StartError::Forbidden(why) if why.contains("directory")), "{directory:?}");
    let orphan = file(&scratch, "orphan", "#!/no/such/interpreter\n", 0o755);
    let orphan = reason(job(&orphan, LONG)).await;
    assert!(matches!(&orphan, StartError::Missing(why) if why.contains("interpreter")), "{orphan:?}");
    let garbage = file(&scratch, "garbage", "\u{1}\u{2}\u{3}", 0o755);
    assert!(matches!(reason(job(&garbage, LONG)).await, StartError::Other(_)));
    let nul = Job { env: [("A".to_owned(), "b\0c".to_owned())].into(), ..shell("true", LONG) };
    assert!(matches!(reason(nul).await, StartError::Other(_)));
}

#[tokio::test]
async fn programs_are_searched_by_name_only() {
    let (first, second) = (Scratch::new(), Scratch::new());
    file(&first, "fence_b", "#!/bin/sh\necho first\n", 0o755);
    file(&second, "fence_a", "#!/bin/sh\necho second\n", 0o755);
    file(&second, "fence_b", "#!/bin/sh\necho second\n", 0o755);
    let named = |name: &str| Job { search: vec![first.0.clone(), second.0.clone()], ..job(Path::new(name), LONG) };
    assert_eq!(ended(named("fence_a")).await.stdout, "second\n");
    assert_eq!(ended(named("fence_b")).await.stdout, "first\n");
    let missing = ended(named("fence_c")).await.exit;
    let Exit::NotStarted(StartError::Missing(why)) = missing else { panic!("{missing:?}") };
    assert!(why.contains(&first.0.display().to_string()) && why.contains(&second.0.display().to_string()));
    for sly in ["../fence_b", "./fence_b", "a/b", ""] {
        assert!(matches!(ended(named(sly)).await.exit, Exit::NotStarted(StartError::Other(_))), "{sly}");
    }
}

#[tokio::test]
async fn the_environment_is_what_the_job_says_and_no_more() {
    let value = "a 'quoted' \"value\"\nwith $HOME, ünïcödé and \\ in it";
    let options = RunnerOptions { env: [("HA_RSCTMP".to_owned(), "/x".to_owned())].into(), ..RunnerOptions::default() };
    let asked = Job {
        program: "/usr/bin/env".into(),
        args: vec!["-0".to_owned()],
        env: [("OCF_RESKEY_text".to_owned(), value.to_owned())].into(),
        ..shell("", LONG)
    };
    let finished = run(asked, &options).await;
    let env: BTreeMap<&str, &str> =
        finished.stdout.split_terminator('\0').map(|e| e.split_once('=').unwrap()).collect();
    assert_eq!(env["OCF_RESKEY_text"], value);
    assert_eq!(env["HA_RSCTMP"], "/x");
    assert!(env["PATH"].contains("/usr/sbin") && env.contains_key("LANG"));
    assert_eq!(env.len(), 4, "{env:?}");
}

#[tokio::test]
async fn standard_input_arrives_whole_or_is_empty() {
    let text = "line\n".repeat(100_000);
    let counted = Job { stdin: Some(text.clone()), ..shell("wc -c", LONG) };
    assert_eq!(ended(counted).await.stdout.trim(), text.len().to_string());
    let ignored = Job { stdin: Some(text), ..shell("exit 3", LONG) };
    assert_eq!(ended(ignored).await.exit, Exit::Code(3));
    assert_eq!(ended(shell("cat; echo eof", LONG)).await.stdout, "eof\n");
}

#[tokio::test]
async fn a_killed_job_answers_once_and_leaves_nothing() {
    let (sender, mut answers) = mpsc::unbounded_channel();
    let runner = Runner::new(RunnerOptions::default(), sender);
    let scratch = Scratch::new();
    let pid = scratch.0.join("pid");
    runner.start(1, shell(&format!("echo $$ > {}; sleep 60 & wait", pid.display()), LONG));
    until("the start", || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))).await;
    runner.kill(&1);
    runner.kill(&1);
    runner.kill(&2);
    let (key, finished) = answers.recv().await.unwrap();
    assert_eq!((key, finished.exit), (1, Exit::Cancelled));
    assert_eq!(runner.running(), 0);
    let pid = fs::read_to_string(&pid).unwrap();
    assert!(!Path::new(&format!("/proc/{}", pid.trim())).exists(), "not even a zombie");
    assert!(answers.try_recv().is_err());
}

#[tokio::test]
async fn too_many_jobs_and_used_names_are_refused_not_queued() {
    let (sender, mut answers) = mpsc::unbounded_channel();
    let runner = Runner::new(RunnerOptions { limit: 2, ..RunnerOptions::default() }, sender);
    let mark = format!("killed-at-once-{}", std::process::id());
    for key in [1, 2, 3, 1] {
        runner.start(key, shell(&format!("sleep 60; echo {mark}"), LONG));
    }
    for expected in [3, 1] {
        let (key, finished) = answers.recv().await.unwrap();
        assert_eq!(key, expected);
        assert!(matches!(finished.exit, Exit::NotStarted(StartError::Other(_))));
    }
    runner.kill_all();
    for _ in 0..2 {
        assert_eq!(answers.recv().await.unwrap().1.exit, Exit::Cancelled);
    }
    // The answer tells the end of the job's first process. A child that it was just making bears its words for a
    // moment: it was killed with it, and dies on its own time.
    let is_left = || {
        let processes = fs::read_dir("/proc").unwrap();
        let mut lines = processes.filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok());
        lines.any(|line| line.windows(mark.len()).any(|window| window == mark.as_bytes()))
    };
    until("the end of jobs that were killed while they were started", || !is_left()).await;
}

#[tokio::test]
async fn many_jobs_at_once_all_answer() {
    let (sender, mut answers) = mpsc::unbounded_channel();
    let runner = Runner::new(RunnerOptions::default(), sender);
    for key in 0..100 {
        runner.start(key, shell(&format!("echo {key}; exit {}", key % 7), LONG));
    }
    for _ in 0..100 {
        let (key, finished) = answers.recv().await.unwrap();
        assert_eq!((finished.exit, finished.stdout), (Exit::Code(key % 7), format!("{key}\n")));
    }
    assert_eq!(runner.running(), 0);
}

#[tokio::test]
async fn starting_a_program_costs_milliseconds() {
    // Near one millisecond on an idle machine. A busy one may take its time, but not every time.
    let mut fastest = Duration::MAX;
    for _ in 0..1000 {
        let finished = ended(job(Path::new("/bin/true"), LONG)).await;
        assert_eq!(finished.exit, Exit::Code(0));
        fastest = fastest.min(finished.elapsed);
        if fastest < Duration::from_millis(50) {
            return println!("/bin/true took {fastest:?}");
        }
    }
    panic!("the fastest of a thousand took {fastest:?}");
}
