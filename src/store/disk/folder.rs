//! The folder that a store has to itself: nobody else's, one process at a time, for its owner's eyes only. What else of
//! the server's is to outlive it has room there.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use log::{info, warn};
use rand::{CryptoRng, RngExt as _};
use secrecy::SecretString;

/// Says whose folder it is, and how what is in it is written.
const FORMAT: (&str, &str) = ("format", "botkit-otp store 2\n");

/// Held by the process that uses the folder.
const LOCK: &str = "lock";

/// What may lie in a folder that is not ours yet: what we leave behind when we are stopped before it is, and what a new
/// file system holds.
const HARMLESS: [&str; 3] = [LOCK, "format.new", "lost+found"];

/// Shortest secret, in characters.
const SHORTEST: usize = 32;

/// A folder that this process holds.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes a folder, and makes it where there is none.
    ///
    /// # Errors
    /// What is wrong with it, and what to do about it.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let failed = |error: io::Error| format!("is {shown}, which cannot be used: {error}");
        if path.as_os_str().is_empty() {
            return Err("is empty; name a folder that the store has to itself".to_owned());
        }
        private_folder(path).map_err(failed)?;
        let format = path.join(FORMAT.0);
        let is_ours = format.try_exists().map_err(failed)?;
        if !is_ours {
            for entry in path.read_dir().map_err(failed)? {
                let name = entry.map_err(failed)?.file_name();
                if !HARMLESS.iter().any(|harmless| name == *harmless) {
                    return Err(format!(
                        "is {shown}, which holds files of something else; name a folder that is empty or not there yet"
                    ));
                }
            }
        }
        let lock = private_file(OpenOptions::new().create(true).truncate(false), &path.join(LOCK));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "is {shown}, which another process uses; stop that one, or give each its own folder (many servers \
                     that share their sessions need another store)"
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        if !is_ours {
            replace(path, FORMAT.0, &[FORMAT.1.as_bytes()]).map_err(failed)?;
            info!("a new store in {shown}");
        } else if std::fs::read(&format).map_err(failed)? != FORMAT.1.as_bytes() {
            return Err(format!(
                "is {shown}, which another release wrote ({} says so); use that release, or name another folder",
                format.display()
            ));
        }
        Ok(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A secret of the server's own: 32 random bytes in base64, made the first time it is asked for and the same
    /// from then on. It lies in `{name}.key`, which only its owner can read.
    ///
    /// # Errors
    /// What is wrong with the file, and what to do about it. A secret that cannot be read is not replaced.
    pub fn secret(&self, name: &str, rng: &mut dyn CryptoRng) -> Result<SecretString, String> {
        let file = self.path.join(format!("{name}.key"));
        let shown = file.display();
        match std::fs::read_to_string(&file) {
            Ok(text) if text.trim().len() < SHORTEST => Err(format!(
                "holds {shown}, which is no secret of {SHORTEST} characters or more; restore it, or remove it to have \
                 a new one made"
            )),
            Ok(text) => {
                if is_open_to_others(&file) {
                    warn!("others can read {shown}: chmod 600");
                }
                Ok(text.trim().into())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bytes: [u8; 32] = rng.random();
                let text = BASE64_STANDARD.encode(bytes);
                replace(&self.path, &format!("{name}.key"), &[text.as_bytes()])
                    .map_err(|error| format!("holds no {shown}, and it cannot be made: {error}"))?;
                Ok(text.into())
            }
            Err(error) => Err(format!("holds {shown}, which cannot be read: {error}")),
        }
    }
}

/// Writes a file in a folder, for its owner only; it is there as a whole or not at all, whatever happens meanwhile.
///
/// # Errors
/// It cannot be written; what was there before is there still.
pub fn replace(folder: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let new = folder.join(format!("{name}.new"));
    let mut file = private_file(OpenOptions::new().create(true).truncate(true), &new)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()?;
    std::fs::rename(&new, folder.join(name))?;
    // The name is on disk only when the folder is.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Makes a folder for its owner only, unless it is there.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Opens a file for reading and writing; a new one is for its owner only.
pub(super) fn private_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.read(true).write(true).open(path)
}

#[cfg(unix)]
fn is_open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
const fn is_open_to_others(_: &Path) -> bool {
    false
}
