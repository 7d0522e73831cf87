//! Copies the C API's headers, with the `conf.h` that fits the chosen features, to where CMake looks for them.

use std::{env, fs, io, path::Path};

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn main() {
    println!("cargo:rerun-if-env-changed=MYELIN_ENGINE_INCLUDE");
    let Ok(out) = env::var("MYELIN_ENGINE_INCLUDE") else { return };
    println!("cargo:rerun-if-changed={out}/wasmtime.h");
    let include = env::var("DEP_WASMTIME_C_API_INCLUDE").expect("the C API crate names its headers");
    copy(Path::new(&include), Path::new(&out)).expect("the headers can be copied");
}
