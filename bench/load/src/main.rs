//! `cargo run --release -p countersign-bench -- all`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use countersign_bench::figures::{self, Results};
use countersign_bench::scenario::{apiserver, burst, cold, keyless, memory, mixed, policies, start, warm};
use countersign_bench::stage::Place;
use countersign_bench::{constant, doors};

/// The same as the binary's, so that the constant door allocates as ours does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures our admission door, against a constant one wherever that has a meaning
#[derive(Debug, Parser)]
struct Arguments {
    /// End with 1 where a figure is not as wanted
    #[arg(long, global = true)]
    check: bool,

    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,

    /// Write the figures into this document too, between its marks
    #[arg(long, global = true, value_name = "FILE")]
    write: Option<PathBuf>,

    /// The `countersign` to measure [default: the one beside this program]
    #[arg(long, global = true, value_name = "FILE")]
    door: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
    Markdown,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Images that were judged before
    Warm,
    /// New images at a registry 50 ms away
    Cold,
    /// A thousand reviews of one new image at once
    Burst,
    /// Known and new images together, by the thousand
    Mixed,
    /// What is resident after 10,000 admissions of 1,000 images
    Memory,
    /// What is resident after 10,000 images that were signed without a key, and after as many others
    Keyless {
        /// How many images a round has
        #[arg(long, default_value_t = keyless::IMAGES, value_name = "NUMBER")]
        images: usize,
    },
    /// From the process's start to its first admission
    Start,
    /// One policy and a thousand
    Policies,
    /// Through a real API server (`cargo xtask tools` builds it)
    Apiserver,
    /// All of them
    All,
    /// The constant door itself
    Constant {
        /// Where it listens
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
        /// Serving certificate (PEM)
        #[arg(long, value_name = "FILE")]
        tls_cert: PathBuf,
        /// Its private key (PEM)
        #[arg(long, value_name = "FILE")]
        tls_key: PathBuf,
        /// What `/mutate` writes for a Pod's first image
        #[arg(long, value_name = "IMAGE")]
        pin: Option<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            tell(&mut std::io::stderr(), &format!("countersign-bench: {error:#}\n"));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    // Nobody can have been first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Command::Constant {
        listen,
        tls_cert,
        tls_key,
        pin,
    } = &arguments.command
    {
        runtime.block_on(constant::serve(*listen, tls_cert, tls_key, pin.as_deref()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let place = Place::Process(doors::program(arguments.door.clone())?);
    let mut all = Vec::new();
    for command in arguments.command.each() {
        let results = runtime.block_on(command.measure(&place))?;
        if let Some(document) = &arguments.write {
            results.write_into(document)?;
        }
        match arguments.output {
            Format::Table => tell(&mut std::io::stdout(), &format!("{}\n", results.table())),
            Format::Markdown => tell(&mut std::io::stdout(), &format!("{}\n", results.markdown())),
            Format::Json => {}
        }
        all.push(results);
    }
    if matches!(arguments.output, Format::Json) {
        tell(&mut std::io::stdout(), &figures::json(&all)?);
    }
    let missed = arguments.check && !all.iter().all(Results::met);
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Command {
    fn each(&self) -> Vec<Self> {
        match self {
            Self::All => vec![
                Self::Warm,
                Self::Cold,
                Self::Burst,
                Self::Mixed,
                Self::Memory,
                Self::Keyless {
                    images: keyless::IMAGES,
                },
                Self::Start,
                Self::Policies,
                Self::Apiserver,
            ],
            one => vec![one.clone()],
        }
    }

    async fn measure(&self, place: &Place) -> Result<Results> {
        match self {
            Self::Warm => warm::run(place, warm::Scale::full()).await,
            Self::Cold => cold::run(place, cold::Scale::full()).await,
            Self::Burst => burst::run(place, burst::Scale::full()).await,
            Self::Mixed => mixed::run(place).await,
            Self::Memory => memory::run(place).await,
            Self::Keyless { images } => keyless::run(place, *images).await,
            Self::Start => start::run(place).await,
            Self::Policies => policies::run(place).await,
            Self::Apiserver => apiserver::run(place).await,
            Self::All | Self::Constant { .. } => anyhow::bail!("this is no scenario"),
        }
    }
}

fn tell(to: &mut impl std::io::Write, text: &str) {
    // A reader that has gone is told nothing.
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
