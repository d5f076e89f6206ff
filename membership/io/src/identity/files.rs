//! Reading and writing key files: written beside, made durable, then renamed, so that a reader never sees half a file.

use super::*;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// The whole file. Key files are small; one that is not is refused.
pub(super) fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, IdentityError> {
    const LIMIT: u64 = 64 * 1024;
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => IdentityError::Missing { what, path: path.to_owned() },
        _ => IdentityError::Read { path: path.to_owned(), source },
    };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > LIMIT {
        return Err(IdentityError::Damaged { path: path.to_owned(), reason: format!("{size} bytes are too many") });
    }
    fs::read(path).map_err(failed)
}

/// Refuses a key that others may read.
pub(super) fn private(path: &Path) -> Result<(), IdentityError> {
    let found = fs::metadata(path).map_err(|source| IdentityError::Read { path: path.to_owned(), source })?;
    match found.permissions().mode() & 0o777 {
        mode if mode & 0o077 != 0 => Err(IdentityError::Exposed { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

/// The first certificate of a PEM file.
pub(super) fn certificate(path: &Path, what: &'static str) -> Result<CertificateDer<'static>, IdentityError> {
    Ok(certificates(path, what)?.swap_remove(0))
}

/// The certificates of a PEM file, one at least.
pub(super) fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let damaged = |reason: String| IdentityError::Damaged { path: path.to_owned(), reason };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path, what)?).collect();
    match found {
        Ok(found) if found.is_empty() => Err(damaged("no certificate in it".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(damaged(format!("no certificate in it ({error})"))),
    }
}

/// Writes `name` in `dir` with these permissions; it is either the old file or the new one at any moment.
pub(super) fn write(dir: &Path, name: &str, content: &[u8], mode: u32) -> Result<(), IdentityError> {
    let path = dir.join(name);
    let beside = dir.join(format!(".{name}.new"));
    let written = (|| {
        fs::create_dir_all(dir)?;
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Created with its final mode: a key is never readable by others, not even for a moment.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(dir)?.sync_all()
    })();
    written.map_err(|source| IdentityError::Write { path, source })
}
