//! Whether the certificate files of a configuration can be used: found out before anything is opened.

use super::from_config::link_config;
use crate::config::{InvalidConfiguration, Loaded, Problem};
use crate::engine_watch::with_sources;
use crate::health_http;
use crate::panel::connection::check_link;

/// The configuration as it was, if its certificates, URL and secret can be used.
///
/// # Errors
/// What is wrong with them, in the form of the other problems of a configuration.
pub fn checked(loaded: Loaded) -> Result<Loaded, InvalidConfiguration> {
    let mut problems = Vec::new();
    let mut add = |key: &str, error: &dyn std::error::Error, remedy: &str| {
        problems.push(Problem {
            place: loaded.place_of(key).unwrap_or("configuration").to_owned(),
            key: key.to_owned(),
            what: with_sources(error),
            remedy: remedy.to_owned(),
        });
    };
    if let Some(files) = &loaded.config.http.tls
        && let Err(error) = health_http::tls_config(&files.cert, &files.key)
    {
        add("http.tls_cert", &error, "give a certificate chain and its key as PEM files");
    }
    if let Some(link) = link_config(&loaded.config)
        && let Err(error) = check_link(&link)
    {
        let key = if loaded.config.panel.ca_file.is_some() { "panel.ca_file" } else { "panel.url" };
        add(key, &error, "see docs/configuration.md for the form of the [panel] keys");
    }
    if problems.is_empty() { Ok(loaded) } else { Err(InvalidConfiguration { problems, warnings: loaded.warnings }) }
}
