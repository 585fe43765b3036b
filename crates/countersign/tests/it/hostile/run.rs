//! One run of the real program against one registry, and everything about it that must hold.

use std::fs::File;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use countersign_hostile::{Behaviour, Face, HostileRegistry, Image, Log, Login, Plan, Seen, Stock};
use serde_json::Value;

use super::row::{Expected, Others, Row, row};
use super::runtime;
use crate::rig::Folder;

/// What a machine with other work may take on top.
const SLACK: Duration = Duration::from_secs(30);
/// The most bytes of answers that a run may take for each request, with what lies in buffers on the way.
const TRAFFIC: u64 = 32 << 20;
/// The most that a run may print, in bytes.
const PRINTED: usize = 32 << 10;
/// Between two looks at the memory of a process.
const LOOK: Duration = Duration::from_millis(2);

/// What a run came to.
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    memory: u64,
    took: Duration,
}

impl Row {
    /// When a run is ended that does not end.
    fn limit(&self) -> Duration {
        Duration::from_secs(self.seconds) + SLACK
    }
}

/// Everything that did not hold.
pub(crate) fn faults(row: &Row) -> Vec<String> {
    let registry = start(row);
    let outcome = verify(row, &registry);
    let mut faults = Vec::new();
    faults.extend(verdict(row, &registry, &outcome));
    faults.extend(cost(row, &registry, &outcome));
    faults.extend(secrets(row, &registry, &outcome));
    faults
}

pub(super) fn start(row: &Row) -> HostileRegistry {
    let plan = Plan::new(row.behaviour, row.face, row.login);
    runtime().block_on(HostileRegistry::start(plan)).unwrap()
}

fn verify(row: &Row, registry: &HostileRegistry) -> Outcome {
    let folder = Folder::new();
    write_files(&folder, registry);
    let image = asked(row, registry.goods().image(row.stock));
    let timeout = format!("{}s", row.seconds);
    let mut arguments = vec![
        "verify",
        &image,
        "-o",
        "json",
        "--key",
        "team.pub",
        "--timeout",
        &timeout,
    ];
    arguments.extend(["--docker-config", "docker.json", "--registry-ca", "authority.pem"]);
    if row.face == Face::Public {
        arguments.extend(["--plain-http", "registry.test"]);
    }
    let mut command = folder.command(&arguments);
    if row.face != Face::Plain {
        for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
            command.env(name, format!("http://{}", registry.address()));
        }
    }
    run(&folder, command, row.limit())
}

pub(super) fn write_files(folder: &Folder, registry: &HostileRegistry) {
    folder.write("team.pub", registry.goods().public_key_pem());
    folder.write("docker.json", registry.docker_config());
    folder.write("authority.pem", registry.authority_pem());
}

fn asked(row: &Row, image: &Image) -> String {
    if row.other {
        image.other_by_tag()
    } else {
        image.by_tag()
    }
}

fn run(folder: &Folder, mut command: Command, limit: Duration) -> Outcome {
    let file = |name: &str| File::create(folder.path(name)).unwrap();
    let began = Instant::now();
    let mut child = command.stdout(file("out")).stderr(file("err")).spawn().unwrap();
    let mut memory = 0;
    let status = loop {
        memory = peak(child.id()).unwrap_or(memory);
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if began.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(LOOK);
    };
    Outcome {
        code: status.and_then(|status| status.code()),
        stdout: folder.read("out"),
        stderr: folder.read("err"),
        memory,
        took: began.elapsed(),
    }
}

/// The most memory that a process had at a time since it began, in bytes; nothing of one that has ended.
pub(super) fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

/// What a run against an honest registry takes.
fn usual_memory() -> u64 {
    static USUAL: OnceLock<u64> = OnceLock::new();
    *USUAL.get_or_init(|| {
        let row = row(Behaviour::Honest, Stock::Bundled, Expected::Admitted);
        let registry = start(&row);
        let outcome = verify(&row, &registry);
        assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
        outcome.memory
    })
}

fn verdict(row: &Row, registry: &HostileRegistry, outcome: &Outcome) -> Vec<String> {
    let Outcome {
        code, stdout, stderr, ..
    } = outcome;
    let mut faults = Vec::new();
    if *code != Some(row.expected.exit_code()) {
        faults.push(format!(
            "ended with {code:?}, expected {}\n{stdout}{stderr}",
            row.expected.exit_code()
        ));
        return faults;
    }
    let Ok(document) = serde_json::from_str::<Value>(stdout) else {
        return vec![format!("printed no JSON document: {stdout}")];
    };
    let judged = &document["images"][0];
    let ruling = &judged["rulings"][0];
    let reason = &ruling["reasons"][0];
    if reason["code"].as_str() != row.expected.code() {
        faults.push(format!("the reason is {reason}, expected {:?}", row.expected.code()));
    }
    let text = ruling.to_string();
    if !text.contains(row.says) {
        faults.push(format!("does not say `{}`: {text}", row.says));
    }
    // Whatever the registry says later, the verdict is about the digest that it said first.
    let image = registry.goods().image(row.stock);
    let signed = image.pinned.digest().to_string();
    if row.expected == Expected::Admitted && !judged["image"].as_str().unwrap_or_default().ends_with(&signed) {
        faults.push(format!(
            "{} is admitted, and {signed} is what was signed",
            judged["image"]
        ));
    }
    faults
}

fn cost(row: &Row, registry: &HostileRegistry, outcome: &Outcome) -> Vec<String> {
    let mut faults = Vec::new();
    let requests = registry.log().requests();
    if requests > row.requests {
        faults.push(format!("made {requests} requests, and {} are the most", row.requests));
    }
    let limit = usual_memory() + row.memory;
    if outcome.memory > limit {
        faults.push(format!(
            "took {} bytes of memory, and {limit} are the most",
            outcome.memory
        ));
    }
    if outcome.took > row.limit() {
        faults.push(format!("took {:?}", outcome.took));
    }
    let traffic = registry.log().bytes_sent();
    let limit = TRAFFIC * row.requests.min(requests) as u64;
    if traffic > limit {
        faults.push(format!("took {traffic} bytes of answers, and {limit} are the most"));
    }
    let printed = outcome.stdout.len() + outcome.stderr.len();
    if printed > PRINTED {
        faults.push(format!("printed {printed} bytes, and {PRINTED} are the most"));
    }
    if std::env::var_os("HOSTILE_FIGURES").is_some() {
        print_figures(row, requests, traffic, outcome);
    }
    faults
}

#[expect(clippy::print_stdout, reason = "asked for by name, to set bounds by")]
fn print_figures(row: &Row, requests: usize, traffic: u64, outcome: &Outcome) {
    let memory = outcome.memory.saturating_sub(usual_memory()) >> 10;
    let Outcome { code, took, .. } = outcome;
    println!("{row}: {code:?}, {requests} requests, +{memory} KiB, {traffic} bytes, {took:?}");
}

/// No credential anywhere but at the registry, and none in what is printed.
fn secrets(row: &Row, registry: &HostileRegistry, outcome: &Outcome) -> Vec<String> {
    let mut faults = Vec::new();
    for printed in [&outcome.stdout, &outcome.stderr] {
        if holds_a_secret(printed) {
            faults.push(format!("prints a secret: {printed}"));
        }
    }
    let beside = [
        ("elsewhere", registry.elsewhere()),
        ("the neighbour", registry.neighbour()),
    ];
    for (name, log) in beside {
        faults.extend(leaks(name, log));
    }
    let (connections, requests) = beside.iter().fold((0, 0), |(connections, requests), (_, log)| {
        (connections + log.connections(), requests + log.requests())
    });
    let as_expected = match row.others {
        Others::Nothing => connections == 0 && requests == 0,
        Others::Anonymous => requests > 0,
    };
    if !as_expected {
        let seen: Vec<String> = beside
            .iter()
            .flat_map(|(_, log)| log.seen())
            .map(|seen| seen.text())
            .collect();
        faults.push(format!(
            "expected {:?} elsewhere, found {connections} connections and {requests} requests: {seen:?}",
            row.others
        ));
    }
    if registry.log().requests() == 0 {
        faults.push("never asked the registry for anything".to_owned());
    }
    faults
}

/// What a server was told that it should not know.
pub(super) fn leaks(name: &str, log: &Log) -> Vec<String> {
    let told = |seen: &Seen| {
        let header = ["authorization", "proxy-authorization", "cookie"]
            .into_iter()
            .any(|header| seen.header(header).is_some());
        header || holds_a_secret(&seen.text())
    };
    let seen = log.seen().into_iter().filter(told);
    seen.map(|seen| format!("told {name} a secret: {}", seen.text()))
        .collect()
}

fn holds_a_secret(text: &str) -> bool {
    use base64::Engine as _;
    let (user, password) = (HostileRegistry::USER, HostileRegistry::PASSWORD);
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    [password, HostileRegistry::TOKEN, &basic]
        .iter()
        .any(|secret| text.contains(secret))
}

/// The password is known to work, so that nothing above passes for want of one.
#[test]
fn the_registry_does_get_the_password() {
    let honest = row(Behaviour::Honest, Stock::Tagged, Expected::Admitted);
    for login in [Login::Basic, Login::Bearer] {
        let row = Row { login, ..honest };
        let registry = start(&row);
        verify(&row, &registry);
        assert!(!leaks("the registry", registry.log()).is_empty(), "{login:?}");
    }
}
