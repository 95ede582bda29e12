//! The operator's folder of words: `de.ftl` is what is said in German, `de.toml` what is understood; `mail.html` and
//! `mail.txt` are how mails are laid out.

use std::path::{Path, PathBuf};

use crate::delivery::{Form, Template};
use crate::dialog::catalogue::{Kind, Source};

/// Reads all files of messages and keywords in a folder. What has another ending is left alone.
///
/// # Errors
/// What cannot be read, and why; worded to follow the setting's name.
pub(super) fn read(dir: &Path) -> Result<Vec<Source>, String> {
    let failed =
        |path: &Path, error: std::io::Error| format!("has {}, which cannot be read: {error}", path.display());
    let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(|error| failed(dir, error)))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let mut sources = Vec::new();
    for path in paths {
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("ftl") => Kind::Messages,
            Some("toml") => Kind::Keywords,
            _ => continue,
        };
        let language = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-");
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
        sources.push(Source { name: path.display().to_string(), language, kind, text });
    }
    Ok(sources)
}

/// Reads the templates of mails in a folder, as far as they are there.
///
/// # Errors
/// What cannot be read, and why; worded to follow the setting's name.
pub(super) fn templates(dir: &Path) -> Result<Vec<Template>, String> {
    let mut templates = Vec::new();
    for form in Form::ALL {
        let path = dir.join(form.file());
        let name = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => templates.push(Template { name, form, text }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("has {name}, which cannot be read: {error}")),
        }
    }
    Ok(templates)
}
