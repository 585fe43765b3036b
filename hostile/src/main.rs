//! `hostile-registry`: plays one behaviour for people to try.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, Parser};
use countersign_hostile::{Behaviour, Face, HostileRegistry, Login, Plan, Stock};

/// A registry that misbehaves in one way. Its images are really signed.
#[derive(Debug, Parser)]
#[command(name = "hostile-registry")]
struct Arguments {
    /// What to play; `--list` names all
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    behaviour: Option<Behaviour>,

    /// Where the registry listens
    #[arg(long, value_name = "ADDR", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 5005)))]
    listen: SocketAddr,

    /// Where the other host listens, which nobody should show a credential to
    #[arg(long, value_name = "ADDR", default_value_t = SocketAddr::from(([127, 0, 0, 2], 5006)))]
    elsewhere: SocketAddr,

    /// Be `registry.test` with TLS and a certificate authority of its own; it is reached by taking it for a proxy
    #[arg(long)]
    tls: bool,

    /// Want the password itself, and not a token for it
    #[arg(long)]
    basic: bool,

    /// Where key, credentials and certificate authority are written
    #[arg(long, value_name = "DIR", default_value = "hostile-files")]
    files: PathBuf,

    /// Print every behaviour with what it does
    #[arg(long)]
    list: bool,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it is for people, and has no other output")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        for behaviour in Behaviour::ALL {
            println!("{:<34} {}", behaviour.name(), behaviour.sentence());
        }
        return Ok(());
    }
    let Some(behaviour) = arguments.behaviour else {
        Arguments::command().print_help()?;
        return Ok(());
    };
    let registry = HostileRegistry::start(Plan {
        behaviour,
        face: if arguments.tls { Face::Tls } else { Face::Plain },
        login: if arguments.basic { Login::Basic } else { Login::Bearer },
        listen: arguments.listen,
        elsewhere: arguments.elsewhere,
    })
    .await?;
    write(&arguments.files, &registry)?;
    println!("{behaviour}: {}\n", behaviour.sentence());
    println!("{}", how_to_ask(&registry, &arguments.files, arguments.tls));
    let counts = tokio::spawn(async move {
        tokio::signal::ctrl_c().await.ok();
        registry
    });
    let registry = counts.await?;
    for (name, log) in [
        ("the registry", registry.log()),
        ("the other host", registry.elsewhere()),
        ("the other port", registry.neighbour()),
    ] {
        let credentials = log
            .seen()
            .iter()
            .filter(|seen| seen.header("authorization").is_some())
            .count();
        println!(
            "{name}: {} requests, {credentials} of them with credentials, {} bytes of answers",
            log.requests(),
            log.bytes_sent()
        );
    }
    Ok(())
}

fn write(files: &Path, registry: &HostileRegistry) -> Result<()> {
    std::fs::create_dir_all(files).with_context(|| format!("cannot make {}", files.display()))?;
    for (name, text) in [
        ("team.pub", registry.goods().public_key_pem()),
        ("docker.json", registry.docker_config()),
        ("authority.pem", registry.authority_pem().to_owned()),
    ] {
        let path = files.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn how_to_ask(registry: &HostileRegistry, files: &Path, tls: bool) -> String {
    let files = files.display();
    let (before, after) = if tls {
        let proxy = format!("http://{}", registry.address());
        (
            format!("HTTP_PROXY={proxy} HTTPS_PROXY={proxy} "),
            format!(" --registry-ca {files}/authority.pem"),
        )
    } else {
        (String::new(), String::new())
    };
    let line = |stock: Stock| {
        let image = registry.goods().image(stock).by_tag();
        let how = format!("--key {files}/team.pub --docker-config {files}/docker.json");
        format!("{before}countersign verify {image} {how}{after}\n")
    };
    [Stock::Tagged, Stock::Bundled, Stock::Unsigned].map(line).concat()
}
