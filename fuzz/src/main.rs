//! The program that libFuzzer drives. `UMBEL_FUZZ_TARGET` names the target, or is `list` to print all of them; the seeds
//! are written into the folder `UMBEL_FUZZ_SEEDS` before the first input runs.

#![no_main]

use std::io::Write;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use umbel_fuzz::{TARGETS, Target, target};

fn chosen() -> &'static Target {
    static CHOSEN: OnceLock<&Target> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let name = std::env::var("UMBEL_FUZZ_TARGET").expect("UMBEL_FUZZ_TARGET names a target");
        target(&name).unwrap_or_else(|| panic!("there is no target {name}"))
    })
}

fn begin() {
    if std::env::var("UMBEL_FUZZ_TARGET").is_ok_and(|name| name == "list") {
        let list: String = TARGETS.iter().map(|target| format!("{} {}\n", target.name, target.max_len)).collect();
        std::io::stdout().write_all(list.as_bytes()).expect("standard output can be written");
        std::process::exit(0);
    }
    let Some(folder) = std::env::var_os("UMBEL_FUZZ_SEEDS") else { return };
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder).expect("the folder of seeds can be made");
    for (n, seed) in (chosen().seeds)().into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{n:03}")), seed).expect("the folder of seeds can be written");
    }
}

fuzz_target!(init: begin(), |data: &[u8]| (chosen().run)(data));
