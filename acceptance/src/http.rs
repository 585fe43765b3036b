//! Plain HTTP over loopback, as little of it as the rig asks for: whether a server is up, and requests in a loop.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const JSON: &str = "Content-Type: application/json";
const LIMIT: Duration = Duration::from_secs(60);

/// Status code and body of an answer.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

pub fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    request(address, "GET", path, &[], "")
}

pub fn post(address: SocketAddr, path: &str, json: &str) -> Result<Answer> {
    request(address, "POST", path, &[], json)
}

/// HTTP/1.0 ends an answer by closing, so there is no framing to get wrong.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], json: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).with_context(|| format!("cannot reach {address}"))?;
    stream
        .set_read_timeout(Some(LIMIT))
        .context("cannot limit the time of an answer")?;
    let length = json.len();
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{json}"
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
