//! Whether the daemon answers, and whether Postfix gets at its sockets.

use super::{facts::Facts, finding::Finding, postfix::Postfix};
use crate::{
    input::in_words,
    query::via::{Fate, Meaning, Place, Server},
};
use futures_util::future::join_all;
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Nobody is asked about an address literal, so that this is only the server's own time.
const KEY: &str = "[192.0.2.1]";
const SLOW: Duration = Duration::from_secs(1);

pub(super) async fn ask_all(facts: &Facts) -> Vec<Finding> {
    join_all(facts.sockets.iter().map(ask)).await
}

async fn ask(server: &Server) -> Finding {
    let looked_at = format!("daemon at {server}");
    let start =
        "start it (\"mta-sts serve\", or systemctl start mta-sts) and see its log; name its socket with --socket";
    let means = "Postfix defers all mail for which it asks there";
    let asked = match server.ask(server.map().unwrap_or("postfix"), KEY).await {
        Ok(asked) => asked,
        Err(trouble) => return Finding::fail("daemon", looked_at, trouble.to_string()).means(means).fix(start),
    };
    let found = format!("answers in {:.1} ms", asked.took.as_secs_f64() * 1e3);
    match Meaning::of(&asked) {
        Meaning { fate: Some(Fate::Deferred), words, .. } => {
            Finding::fail("daemon", looked_at, format!("{found}, but {words}")).means(means).fix("see its log")
        }
        _ if asked.took > SLOW => Finding::warn("daemon", looked_at, found)
            .means("it needs no lookup for that, so that the machine or the daemon is overloaded"),
        _ => Finding::ok("daemon", looked_at, found),
    }
}

/// Whether the user that Postfix runs as may connect to the unix sockets.
pub(super) fn rights(postfix: &Postfix, facts: &Facts) -> Vec<Finding> {
    let paths = facts.sockets.iter().filter_map(|server| match server.place() {
        Place::Unix(path) => Some(path),
        Place::Tcp(..) => None,
    });
    let owner = postfix.get("mail_owner");
    paths.map(|path| right(path, owner)).collect()
}

fn right(path: &Path, owner: &str) -> Finding {
    let looked_at = format!("rights of {}", path.display());
    let Some(user) = User::named(owner) else {
        return Finding::unknown("socket-rights", looked_at, format!("there is no user {owner}, as mail_owner says"));
    };
    match user.obstacle(path) {
        Ok(None) => Finding::ok("socket-rights", looked_at, format!("the user {owner} can connect")),
        Ok(Some((place, found))) => {
            let found = format!("the user {owner} cannot connect: {} has {found}", place.display());
            let fix = if place == path {
                "set socket_group = \"postfix\" with socket_mode = \"0660\", or socket_mode = \"0666\" in [server]"
                    .to_owned()
            } else {
                format!("chmod o+x {}, or choose another directory for the socket", place.display())
            };
            Finding::fail("socket-rights", looked_at, found)
                .means("Postfix defers all mail for which it asks there")
                .fix(fix)
        }
        Err((place, error)) => {
            let found = format!("{}: {}", place.display(), in_words(&error));
            Finding::unknown("socket-rights", looked_at, found)
        }
    }
}

struct User {
    uid: u32,
    gids: Vec<u32>,
}

impl User {
    fn named(name: &str) -> Option<Self> {
        let user = uzers::get_user_by_name(name)?;
        let gid = user.primary_group_id();
        let groups = uzers::get_user_groups(name, gid).unwrap_or_default();
        let gids = groups.iter().map(uzers::Group::gid).chain([gid]).collect();
        Some(Self { uid: user.uid(), gids })
    }

    /// The first directory that it cannot search, or the socket if it cannot write there, and its
    /// mode and owners in words.
    fn obstacle(&self, path: &Path) -> Result<Option<(PathBuf, String)>, (PathBuf, io::Error)> {
        if self.uid == 0 {
            return Ok(None);
        }
        let mut places: Vec<_> = path.ancestors().filter(|place| !place.as_os_str().is_empty()).collect();
        places.reverse();
        for place in places {
            let found = fs::metadata(place).map_err(|error| (place.to_owned(), error))?;
            // Who may write to a socket may connect; who may execute a directory may search it.
            let bit = if place == path { 0o2 } else { 0o1 };
            let shift = match () {
                () if found.uid() == self.uid => 6,
                () if self.gids.contains(&found.gid()) => 3,
                () => 0,
            };
            if found.mode() & (bit << shift) == 0 {
                let (mode, uid, gid) = (found.mode() & 0o7777, found.uid(), found.gid());
                return Ok(Some((place.to_owned(), format!("mode {mode:04o}, owner {uid}, group {gid}"))));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    #[test]
    fn every_directory_and_the_socket_itself_must_be_open() {
        let directory = std::env::temp_dir().join(format!("mta-sts-rights-{}", std::process::id()));
        let socket = directory.join("a.sock");
        fs::create_dir_all(&directory).unwrap();
        fs::write(&socket, "").unwrap();
        let found = fs::metadata(&socket).unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let stranger = User { uid: found.uid() + 4242, gids: vec![found.gid() + 4242] };
        let member = User { uid: found.uid() + 4242, gids: vec![found.gid()] };
        for (dir_mode, mode, of_stranger, of_member) in [
            (0o755, 0o666, None, None),
            (0o755, 0o660, Some(&socket), None),
            (0o750, 0o666, Some(&directory), None),
            (0o755, 0o606, None, Some(&socket)),
        ] {
            set(&directory, dir_mode);
            set(&socket, mode);
            let place = |user: &User| user.obstacle(&socket).unwrap().map(|(place, _)| place);
            assert_eq!(place(&stranger).as_ref(), of_stranger, "{dir_mode:o} {mode:o}");
            assert_eq!(place(&member).as_ref(), of_member, "{dir_mode:o} {mode:o}");
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
