//! Secrets that come from files: `*_file` keys and systemd credentials.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Inputs;
use super::layers::Findings;
use super::settings::Settings;
use crate::secret::Secret;

/// A secret is a line; a file beyond this is the wrong file.
const MAX_SECRET_BYTES: u64 = 4096;

/// The two secrets: key, key of its file, name of its systemd credential.
const SECRETS: [(&str, &str, &str); 2] =
    [("panel.secret", "panel.secret_file", "panel_secret"), ("http.token", "http.token_file", "http_token")];

/// Fills in the secrets that stand in files, and warns of files that others can read.
pub(crate) fn read(settings: &mut Settings, inputs: &Inputs, findings: &mut Findings) {
    let credentials = inputs.environment.get("CREDENTIALS_DIRECTORY").map(Path::new);
    for (key, file_key, credential) in SECRETS {
        let credential_file = credentials.map(|directory| directory.join(credential)).filter(|path| path.exists());
        let place_of_file_key = settings.place(file_key).map(str::to_owned);
        let path_in_key = settings.text(file_key).map(str::to_owned);
        if let (Some(place), Some(path)) = (place_of_file_key, path_in_key) {
            if let Some(place_of_key) = settings.place(key) {
                let what = format!("{key} is set as well ({place_of_key}), and one of them would be ignored");
                findings.problem(&place, file_key, what, "remove one of the two");
                continue;
            }
            if credential_file.is_some() {
                warn_of_unused_credential(credential, file_key, findings);
            }
            warn_if_others_can_read(Path::new(&path), &place, file_key, findings);
            match read_secret(Path::new(&path)) {
                Ok(secret) => settings.insert_secret(key, secret, format!("file {path} ({file_key}, {place})")),
                Err(what) => findings.problem(
                    &place,
                    file_key,
                    what,
                    "name a readable file that holds the secret and nothing else",
                ),
            }
        } else if let Some(path) = credential_file {
            if settings.is_set(key) {
                warn_of_unused_credential(credential, key, findings);
                continue;
            }
            match read_secret(&path) {
                Ok(secret) => settings.insert_secret(key, secret, format!("systemd credential {credential}")),
                Err(what) => {
                    findings.problem(&format!("systemd credential {credential}"), key, what, "mend the credential")
                }
            }
        }
    }
    if let Some(file) = &inputs.file {
        let place = file.display().to_string();
        let holds = |key: &str| settings.place(key).is_some_and(|found| found.starts_with(&format!("{place}:")));
        if let Some((key, ..)) = SECRETS.into_iter().find(|(key, ..)| holds(key)) {
            warn_if_others_can_read(file, &place, key, findings);
        }
    }
    for (key, ..) in SECRETS {
        if settings.place(key) == Some("flag --set") {
            let what = "a secret on the command line can be seen by every user of this machine";
            findings.warning("flag --set", key, what, "put it in a file");
        }
    }
}

fn warn_of_unused_credential(credential: &str, key: &str, findings: &mut Findings) {
    let place = format!("systemd credential {credential}");
    findings.warning(&place, key, format!("not used, because {key} is set"), "set one of the two");
}

fn warn_if_others_can_read(path: &Path, place: &str, key: &str, findings: &mut Findings) {
    let Ok(metadata) = path.metadata() else { return };
    if metadata.is_file() && metadata.permissions().mode() & 0o004 != 0 {
        let what = format!("every user of this machine can read {}", path.display());
        findings.warning(place, key, what, format!("run: chmod 600 {}", path.display()));
    }
}

/// Reads a secret, without one newline at its end.
fn read_secret(path: &Path) -> Result<Secret, String> {
    let file = File::open(path).map_err(|error| format!("{} cannot be opened: {error}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(MAX_SECRET_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(format!("{} is larger than 4 KiB, too large for a secret", path.display()));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8 text", path.display()))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    Ok(Secret::new(text))
}
