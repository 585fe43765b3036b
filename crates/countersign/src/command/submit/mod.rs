//! `countersign submit IMAGE@DIGEST --report FILE…`: from a pipeline to the signing service and back with an answer.

mod door;
mod errand;
mod reports;
mod summary;
mod who;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use countersign_image::{Pinned, Reference, Tag};
use countersign_wire::{ImageName, NewSubmission, Promotion, Source, State, Submission};
use serde_json::json;

use self::door::Door;
pub(crate) use self::errand::Errand;
use self::reports::{Report, ReportName};
pub(crate) use self::summary::lines;
use self::summary::plain;
use self::who::Who;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::keyless::Given;
use crate::printer::Printer;
use crate::registries::RegistryArguments;

/// An answer that says nothing new is waited for at least this long.
const TOO_SOON: Duration = Duration::from_secs(1);
/// Where GitHub Actions shows what a step appends to it, as Markdown.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The image, by the digest that its build printed: `registry/repository@sha256:…`
    #[arg(value_name = "IMAGE@DIGEST")]
    image: String,

    /// A report of a security check; what it is shows in its content. `PLATFORM=FILE` says which platform of the image
    /// it is about
    #[arg(long = "report", value_name = "[PLATFORM=]FILE")]
    reports: Vec<ReportName>,

    /// The signing service
    #[arg(long, env = "COUNTERSIGN_SERVER", value_name = "URL")]
    server: reqwest::Url,

    /// Where the image is meant to run; with the repository that submits it says which gate is asked
    #[arg(long, value_name = "NAME", default_value = "prod")]
    environment: String,

    /// The gate that is expected to be asked; another one is an error
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,

    /// The tag for the signed image, such as its version: what `{tag}` stands for in the gate
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: Option<Tag>,

    /// The commit that was built, where the job's token does not say it
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,

    /// Wait at most this long for the end
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = crate::duration::parse)]
    wait: Duration,

    /// Do not wait for the end: it is enough that everything was handed in
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,

    /// Who submits: the job's token, or a file with it [default: COUNTERSIGN_ID_TOKEN in the environment, then GitHub
    /// Actions, then the token that Kubernetes projects]
    #[arg(long, value_name = "TOKEN|FILE")]
    identity_token: Option<Given>,

    /// The service's name for itself, for which the token has to be [default: what --server says]
    #[arg(long, value_name = "URL")]
    audience: Option<String>,

    /// Append the summary, as Markdown, to this file [default: where GitHub Actions shows it]
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,

    #[command(flatten)]
    reach: RegistryArguments,
}

fn tag(text: &str) -> Result<Tag, String> {
    Tag::parse(text).map_err(|error| error.to_string())
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let image = pinned(&arguments.image)?;
    let reports = reports::read(&arguments.reports)?;
    let until = Instant::now() + arguments.wait;
    let configuration = arguments.reach.configuration()?;
    let (_, _, http) = arguments.reach.clients(configuration.as_ref())?;
    let audience = arguments.audience.clone();
    let who = Who::new(
        arguments.identity_token.clone(),
        audience.unwrap_or_else(|| arguments.server.as_str().trim_end_matches('/').to_owned()),
    )?;
    let mut door = Door::new(http, arguments.server.clone(), who)?;

    let whom = door.enter(until).await?;
    printer.note(format_args!(
        "submitting as {} (by {})",
        plain(&whom.repository),
        plain(&whom.issuer)
    ));
    let mut note = |text: String| printer.note(text);
    let left = leave(&mut door, &asked(&arguments, &image), &reports, until, &mut note).await?;
    let told = if arguments.no_wait {
        left
    } else {
        follow(&mut door, left, until, &mut note).await?
    };
    tell(&arguments, &told, printer)
}

/// Leaves everything with the service. The same job may have done so before: then only what failed is begun again.
async fn leave(
    door: &mut Door,
    asked: &NewSubmission,
    reports: &[Report],
    until: Instant,
    note: &mut impl FnMut(String),
) -> Result<Submission, Failure> {
    let created = door.create(asked, until).await?;
    note(format!("submission {}", plain(&created.id)));
    match created.state {
        State::Received => {
            hand_in(door, &created, reports, until, note).await?;
            door.seal(&created.id, until).await
        }
        _ if created.already_published => Ok(created),
        State::Failed => {
            note("this job submitted it before, and it failed: it is tried again".to_owned());
            door.retry(&created.id, until).await
        }
        _ => {
            note("this job submitted it before: what was handed in then is what counts".to_owned());
            Ok(created)
        }
    }
}

/// A tag may have moved since the build: only the digest says which image the reports are about.
fn pinned(text: &str) -> Result<Pinned, Failure> {
    let reference = Reference::parse(text).map_err(Failure::misuse)?;
    reference.pinned().ok_or_else(|| {
        let advice = "name the digest that the build printed: `docker buildx build --metadata-file`, `crane push` and \
                      `ko build` print it";
        Failure::misuse(anyhow::anyhow!(
            "`{text}` has no digest, and a tag does not say which image was checked"
        ))
        .hint(advice)
    })
}

fn asked(arguments: &Arguments, image: &Pinned) -> NewSubmission {
    NewSubmission {
        image: ImageName {
            registry: image.repository().host().to_owned(),
            repository: image.repository().path().to_owned(),
            digest: image.digest().to_string(),
        },
        environment: arguments.environment.clone(),
        gate: arguments.gate.clone(),
        source: arguments.commit.as_ref().map(|commit| Source {
            repository_url: None,
            commit: Some(commit.clone()),
        }),
        promote: Promotion {
            tag: arguments.tag.as_ref().map(|tag| tag.as_str().to_owned()),
        },
    }
}

async fn hand_in(
    door: &mut Door,
    submission: &Submission,
    reports: &[Report],
    until: Instant,
    note: &mut impl FnMut(String),
) -> Result<(), Failure> {
    for report in reports {
        let taken = door.hand_in(&submission.id, report, until).await?;
        let findings = match taken.findings {
            1 => "1 finding".to_owned(),
            count => format!("{count} findings"),
        };
        let redacted = if taken.redacted { ", secrets blacked out" } else { "" };
        let tools = match taken.tools.is_empty() {
            true => String::new(),
            false => format!(" of {}", plain(&taken.tools.join(", "))),
        };
        note(format!(
            "{}: {}{tools}, {findings}{redacted}",
            report.path().display(),
            plain(&taken.format),
        ));
    }
    Ok(())
}

async fn follow(
    door: &mut Door,
    mut submission: Submission,
    until: Instant,
    note: &mut impl FnMut(String),
) -> Result<Submission, Failure> {
    let mut shown = None;
    while !submission.state.is_settled() && Instant::now() < until {
        if shown != Some(submission.state) {
            shown = Some(submission.state);
            note(summary::doing(submission.state).to_owned());
        }
        let asked = Instant::now();
        let later = door.later(&submission, until).await?;
        if later.version == submission.version && asked.elapsed() < TOO_SOON {
            // Something between that does not wait must not be asked without end.
            tokio::time::sleep(TOO_SOON).await;
        }
        submission = later;
    }
    Ok(submission)
}

fn tell(arguments: &Arguments, submission: &Submission, printer: &mut Printer) -> Result<Exit, Failure> {
    for line in lines(submission) {
        printer.line(line);
    }
    let page = arguments
        .summary
        .clone()
        .or_else(|| std::env::var_os(STEP_SUMMARY).map(PathBuf::from));
    if let Some(page) = page
        && let Err(failure) = files::append(&page, &summary::markdown(submission))
    {
        // What became of the image counts, and is told below.
        printer.note(format_args!("the summary was not written: {failure}"));
    }
    let exit = match submission.state {
        State::Published => Exit::Done,
        State::Rejected | State::Cancelled | State::Expired | State::Revoked => Exit::Refused,
        _ if arguments.no_wait => Exit::Done,
        _ => Exit::Undecided,
    };
    printer.document("Submission", json!({ "submission": submission }));
    Ok(exit)
}
