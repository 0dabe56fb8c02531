//! The UI bundle: `ui/` compiled to wasm, bound to JavaScript, with its page, styles and assets in `target/ui`.

use crate::{Result, process, wasm, workspace};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use wasm_bindgen_cli_support::Bindgen;

/// Name of the two generated files, `ui.js` and `ui_bg.wasm`.
const OUT_NAME: &str = "ui";
/// Cargo profile of the bundle: small, and with the target features section that wasm-bindgen reads.
const PROFILE: &str = "ui";
/// Folders below `assets/` that the page may load from.
const ASSET_FOLDERS: [&str; 3] = ["fonts", "icons", "i18n"];

/// `cargo xtask ui`.
pub(crate) fn command() -> Result<()> {
    crate::setup::ensure(crate::setup::Purpose::Ui)?;
    let built = build()?;
    let dist = workspace::ui_dist();
    println!("{} {}", if built { "built" } else { "unchanged:" }, dist.display());
    Ok(())
}

/// Brings `target/ui` up to date; false when nothing had changed.
pub(crate) fn build() -> Result<bool> {
    let module = compile()?;
    let dist = workspace::ui_dist();
    fs::create_dir_all(&dist)?;

    let stamp_file = workspace::root().join("target/ui.stamp");
    let stamp = stamp(&module)?;
    let mut wanted = BTreeSet::from([dist.join(format!("{OUT_NAME}.js")), dist.join(format!("{OUT_NAME}_bg.wasm"))]);
    let bound = fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp) && wanted.iter().all(|f| f.is_file());
    let mut changed = false;
    if !bound {
        bind(&module, &dist)?;
        changed = true;
    }
    for (from, to) in static_files(&dist)? {
        changed |= copy_if_different(&from, &to)?;
        wanted.insert(to);
    }
    // wasm-bindgen may write snippets beside its two files; they belong to it.
    changed |= remove_others(&dist, &wanted, &dist.join("snippets"))?;
    fs::write(stamp_file, stamp)?;
    Ok(changed)
}

/// Makes sure the folder exists that the app's build names, for checks that need no finished UI.
pub(crate) fn prepare_dist() -> Result<()> {
    Ok(fs::create_dir_all(workspace::ui_dist())?)
}

fn compile() -> Result<PathBuf> {
    let compiler = wasm::compiler()?;
    process::run(&mut compiler.cargo(&["build", "--package", "umbel-ui", "--profile", PROFILE]))?;
    Ok(workspace::wasm_target_dir().join(wasm::TARGET).join(PROFILE).join("umbel-ui.wasm"))
}

fn bind(module: &Path, dist: &Path) -> Result<()> {
    let snippets = dist.join("snippets");
    if snippets.is_dir() {
        fs::remove_dir_all(snippets)?;
    }
    let bound = Bindgen::new().input_path(module).out_name(OUT_NAME).web(true).and_then(|bindgen| {
        bindgen
            .typescript(false)
            .remove_name_section(true)
            .remove_producers_section(true)
            .omit_default_module_path(true)
            .generate(dist)
    });
    bound.map_err(|e| format!("wasm-bindgen on {}: {e:#}", module.display()).into())
}

/// What the bound files were made from: size and time of the module.
fn stamp(module: &Path) -> Result<String> {
    let meta = fs::metadata(module).map_err(|e| format!("{}: {e}", module.display()))?;
    Ok(format!("{} {:?}\n", meta.len(), meta.modified()?))
}

/// Each file that is copied as it is, with its place in the bundle.
fn static_files(dist: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let ui = workspace::root().join("ui");
    let mut files: Vec<_> = ["index.html", "boot.js"].iter().map(|name| (ui.join(name), dist.join(name))).collect();
    collect(&ui.join("style"), &dist.join("style"), &mut files)?;
    for folder in ASSET_FOLDERS {
        collect(&workspace::root().join("assets").join(folder), &dist.join(folder), &mut files)?;
    }
    Ok(files)
}

fn collect(from: &Path, to: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &target, files)?;
        } else {
            files.push((entry.path(), target));
        }
    }
    Ok(())
}

/// Copies unless the target holds the same bytes: an untouched file keeps its time, so that the app is not relinked.
fn copy_if_different(from: &Path, to: &Path) -> Result<bool> {
    let bytes = fs::read(from).map_err(|e| format!("{}: {e}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, bytes)?;
    Ok(true)
}

/// Removes files of an earlier bundle that this one does not have.
fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>, keep: &Path) -> Result<bool> {
    let mut removed = false;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path == keep {
            continue;
        }
        if path.is_dir() {
            removed |= remove_others(&path, wanted, keep)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(&path)?;
            removed = true;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::{copy_if_different, remove_others};
    use std::collections::BTreeSet;
    use std::fs;

    #[test]
    fn a_bundle_holds_what_it_should_and_no_more() {
        let folder = std::env::temp_dir().join(format!("umbel-xtask-{}", std::process::id()));
        let (from, dist) = (folder.join("from.css"), folder.join("dist"));
        fs::create_dir_all(dist.join("old")).expect("the system's temporary folder can be written");
        fs::write(&from, "a").expect("written above");
        fs::write(dist.join("old/gone.css"), "b").expect("written above");

        let to = dist.join("style/app.css");
        assert!(copy_if_different(&from, &to).expect("the file is there"));
        assert!(!copy_if_different(&from, &to).expect("the file is there"), "the same bytes are not written again");
        let wanted = BTreeSet::from([to.clone()]);
        assert!(remove_others(&dist, &wanted, &dist.join("snippets")).expect("the folder is there"));
        assert!(to.is_file() && !dist.join("old/gone.css").exists());
        assert!(!remove_others(&dist, &wanted, &dist.join("snippets")).expect("the folder is there"));
        fs::remove_dir_all(folder).expect("made above");
    }
}
