//! Files that somebody names on the command line: read to a limit, with the error that says which file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::Path;

use crate::failure::Failure;

/// The most bytes that a key, a certificate or a password is read to.
pub(crate) const MAX_SMALL: u64 = 1 << 20;

/// The whole file, or an error where it is longer than `limit` bytes. Pipes are read as well as files.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::misuse(anyhow::anyhow!(
            "`{}` has more than {limit} bytes, and no more are read",
            path.display()
        )));
    }
    Ok(bytes)
}

pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, Failure> {
    String::from_utf8(read(path, limit)?)
        .map_err(|error| Failure::misuse(error).context(format!("`{}` is not a text in UTF-8", path.display())))
}

fn unreadable(path: &Path, error: io::Error) -> Failure {
    Failure::misuse(error).context(format!("`{}` could not be read", path.display()))
}

pub(crate) fn unwritable(path: &Path, error: io::Error) -> Failure {
    Failure::misuse(error).context(format!("`{}` could not be written", path.display()))
}

/// Writes at the end of a file that others write to as well; it is made where it is not there.
pub(crate) fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| unwritable(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_to_its_limit_and_never_in_part() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("key");
        std::fs::write(&path, "four").expect("a file");
        assert_eq!(read(&path, 4).expect("it fits"), b"four");
        let failure = read(&path, 3).expect_err("it does not fit");
        assert!(
            failure
                .to_string()
                .ends_with("/key` has more than 3 bytes, and no more are read"),
            "{failure}"
        );
    }
}
