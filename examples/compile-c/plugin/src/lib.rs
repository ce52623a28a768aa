//! Compiles the C files of a folder and links them, with the compiler of a container image.
//!
//! The plugin itself is WebAssembly and sees the workspace alone. What it decides (which files there are, which of them are newer than
//! what was made of them) needs no compiler; the compiler runs beside it, over the same workspace, where whoever runs the plugin
//! grants an image for it.

use std::io;
use std::path::{Path, PathBuf};

use stepwell::{Tool, Workspace};

/// What to compile.
#[derive(Debug, stepwell::Params)]
pub struct Input {
    /// The compiler, by a name that its image knows.
    #[param(default = "cc")]
    pub compiler: String,
    /// What it is told beside the files.
    #[param(default)]
    pub flags: Vec<String>,
    /// What the program is called.
    #[param(default = "program")]
    pub output: String,
    /// Where the C files are, and where the program goes.
    pub source: Workspace,
}

/// What was made.
#[derive(Debug, stepwell::Results)]
pub struct Compiled {
    /// The C files.
    pub files: Vec<String>,
    /// The size of the program in bytes.
    pub size: u64,
}

/// Compiles the C files of a folder into one program.
///
/// Each file is compiled by itself, and then all of them are linked. The compiler runs in a container over the same workspace.
#[stepwell::task(wants(tools("docker.io/library/gcc:14") = "to compile and to link"))]
pub fn compile_c(input: Input) -> Result<Compiled, stepwell::Error> {
    let folder = input.source.join("");
    let files = sources(&folder)?;
    if files.is_empty() {
        return Err("there is no C file in the workspace".into());
    }
    let cc = || {
        Tool::new(&input.compiler)
            .args(&input.flags)
            .current_dir(folder_of(&folder))
    };
    let total = files.len() as u64 + 1;
    for (done, file) in (0..).zip(&files) {
        stepwell::progress(done, Some(total), file);
        let ran = cc().args(["-c", file, "-o", &object(file)]).run()?;
        if !ran.is_success() {
            return Err(format!("`{file}` does not compile").into());
        }
    }
    stepwell::progress(total - 1, Some(total), &input.output);
    let objects = files.iter().map(|file| object(file));
    let ran = cc().args(objects).args(["-o", &input.output]).run()?;
    if !ran.is_success() {
        return Err(format!("`{}` cannot be linked", input.output).into());
    }
    let size = std::fs::metadata(folder.join(&input.output))?.len();
    Ok(Compiled { files, size })
}

/// The names of the C files of a folder, in order.
fn sources(folder: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".c") {
            files.push(name.into_owned());
        }
    }
    files.sort();
    Ok(files)
}

/// What is made of a C file.
fn object(file: &str) -> String {
    format!("{}.o", file.trim_end_matches(".c"))
}

/// The folder without the slash at its end.
fn folder_of(folder: &Path) -> PathBuf {
    folder.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_files_of_a_folder_are_found_in_order() -> io::Result<()> {
        let temp = tempfile::tempdir()?;
        for name in ["b.c", "a.c", "a.h", "c.cc"] {
            std::fs::write(temp.path().join(name), "")?;
        }
        assert_eq!(sources(temp.path())?, ["a.c", "b.c"]);
        assert_eq!(object("a.c"), "a.o");
        Ok(())
    }
}
