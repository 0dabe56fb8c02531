//! `api.json`: where the running node listens, and the token to call it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::error::NodeError;

/// Only its owner may read it: whoever can read it can use the wallets.
#[derive(Serialize, Deserialize)]
pub(crate) struct ApiFile {
    /// Process id of the node.
    pub pid: u32,
    /// Where it listens.
    pub address: SocketAddr,
    /// The token for `Authorization: Bearer`.
    pub token: String,
    /// Network of the node.
    pub network: String,
    /// Version of the program.
    pub version: String,
}

impl std::fmt::Debug for ApiFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiFile").field("pid", &self.pid).field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for ApiFile {
    fn drop(&mut self) {
        self.token.zeroize();
    }
}

impl ApiFile {
    /// Of this process.
    pub(crate) fn new(address: SocketAddr, token: &str, network: &str) -> Self {
        Self {
            pid: std::process::id(),
            address,
            token: token.to_owned(),
            network: network.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Replaces the file as a whole, with its mode set before the first byte.
    pub(crate) fn write(&self, path: &Path) -> Result<(), NodeError> {
        let temporary = path.with_extension("json.new");
        let write = || -> io::Result<()> {
            // One left behind by a killed process may have another mode.
            match fs::remove_file(&temporary) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&temporary)?;
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            fs::rename(&temporary, path)
        };
        write().map_err(NodeError::folder(path))
    }

    /// What the file says, if it is there and whole.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let mut text = fs::read_to_string(path).ok()?;
        let file = serde_json::from_str(&text).ok();
        text.zeroize();
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_may_read_it() {
        let path = std::env::temp_dir().join(format!("umbel-api-{}.json", std::process::id()));
        let file = ApiFile::new("127.0.0.1:1".parse().unwrap(), "secret", "devnet");
        file.write(&path).unwrap();
        file.write(&path).unwrap();
        let read = ApiFile::read(&path).unwrap();
        assert_eq!((read.token.as_str(), read.pid), ("secret", std::process::id()));
        assert!(!format!("{read:?}").contains("secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::remove_file(&path).unwrap();
    }
}
