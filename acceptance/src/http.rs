//! Plain HTTP over loopback, as little of it as the rig asks for: whether a server is up, and requests in a loop.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const LIMIT: Duration = Duration::from_secs(60);

/// Status code and body of an answer.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

pub fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    request(address, "GET", path, &[JSON], "")
}

pub fn post(address: SocketAddr, path: &str, json: &str) -> Result<Answer> {
    request(address, "POST", path, &[JSON], json)
}

/// Sends a form, whose values are encoded already, as a user with a password that both are.
pub fn form(address: SocketAddr, path: &str, user: &str, password: &str, form: &str) -> Result<Answer> {
    let login = STANDARD.encode(format!("{user}:{password}"));
    let login = format!("Basic {login}");
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Authorization", login.as_str()),
    ];
    request(address, "POST", path, &headers, form)
}

/// HTTP/1.0 ends an answer by closing, so there is no framing to get wrong.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).with_context(|| format!("cannot reach {address}"))?;
    stream
        .set_read_timeout(Some(LIMIT))
        .context("cannot limit the time of an answer")?;
    let length = body.len();
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .with_context(|| format!("cannot ask {address}"))?;
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .with_context(|| format!("no whole answer from {address}"))?;
    parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| anyhow!("{address} did not answer {method} {path} with HTTP"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}
