//! Which images start the game themselves from the variable `STARTUP`.

/// Whose images are all built that way: their entrypoint reads `STARTUP`, and what they are given as a command is lost
/// or run without the preparations of the entrypoint.
const OWNERS: [&str; 4] = ["parkervcp", "pelican-eggs", "ptero-eggs", "pterodactyl"];

/// The name such images have, whoever built them.
const NAME: &str = "yolks";

/// Whether an image reference names an image of this kind. By name only: others that have an entrypoint of their own
/// take the command as its arguments, as Docker means it.
pub(super) fn reads_startup_variable(reference: &str) -> bool {
    let without_digest = reference.split('@').next().unwrap_or(reference);
    let mut segments = without_digest.split('/').rev();
    let name = segments.next().and_then(|name| name.split(':').next());
    name == Some(NAME) || segments.any(|segment| segment == NAME || OWNERS.contains(&segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yolks_are_known_by_their_name_or_owner() {
        for (reference, expected) in [
            ("ghcr.io/pterodactyl/yolks:java_17", true),
            ("ghcr.io/parkervcp/yolks:debian", true),
            ("ghcr.io/ptero-eggs/steamcmd:debian", true),
            ("registry.example:5000/my/yolks@sha256:0123", true),
            ("yolks", true),
            ("yolks:java", true),
            ("ubuntu:20.04", false),
            ("latest", false),
            ("itzg/minecraft-server:latest", false),
            ("me/game:yolks", false),
            ("me/game@yolks", false),
            ("me/pterodactyl:1", false),
            ("me/myyolks", false),
            ("", false),
        ] {
            assert_eq!(reads_startup_variable(reference), expected, "{reference}");
        }
    }
}
