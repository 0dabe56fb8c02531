//! The person's settings, in `settings.json`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use umbel_api::settings::Settings;

use crate::error::NodeError;

/// Reads the file once and writes it as a whole.
#[derive(Debug)]
pub(crate) struct SettingsFile {
    path: PathBuf,
    settings: Mutex<Settings>,
}

impl SettingsFile {
    /// Reads the settings; defaults where there is no file.
    ///
    /// # Errors
    /// [`NodeError::Settings`] for a damaged file, which is left as it is.
    pub(crate) fn load(path: PathBuf) -> Result<Self, NodeError> {
        let settings = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|e| NodeError::Settings { path: path.clone(), reason: e.to_string() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Settings::default(),
            Err(source) => return Err(NodeError::DataFolder { path, source }),
        };
        Ok(Self { path, settings: Mutex::new(settings) })
    }

    /// The settings now.
    pub(crate) fn get(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the settings once they are on the disk.
    pub(crate) fn set(&self, new: &Settings) -> Result<(), NodeError> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        write(&self.path, new).map_err(NodeError::folder(&self.path))?;
        *settings = new.clone();
        Ok(())
    }
}

fn write(path: &Path, settings: &Settings) -> io::Result<()> {
    let temporary = path.with_extension("json.new");
    let mut file = File::create(&temporary)?;
    file.write_all(serde_json::to_string_pretty(settings)?.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_and_a_damaged_file_is_told() {
        let path = std::env::temp_dir().join(format!("umbel-settings-{}.json", std::process::id()));
        let file = SettingsFile::load(path.clone()).unwrap();
        let changed = Settings { auto_lock_minutes: 1, ..file.get() };
        file.set(&changed).unwrap();
        assert_eq!(SettingsFile::load(path.clone()).unwrap().get(), changed);
        fs::write(&path, "{\"auto_lock_minutes\": \"x\"}").unwrap();
        assert!(matches!(SettingsFile::load(path.clone()), Err(NodeError::Settings { .. })));
        fs::remove_file(&path).unwrap();
    }
}
