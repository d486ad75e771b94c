//! The program as a person runs it, beside a fake engine that answers in this process.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

/// What became of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program in a folder, which is its home too, with these variables and nothing else of
/// the environment. The fake engine goes on answering meanwhile.
pub(crate) async fn run(folder: &Path, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_bayplan"));
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder)
        .timeout(Duration::from_secs(30))
        .envs(variables.iter().copied())
        .args(args);
    let done = tokio::task::spawn_blocking(move || command.output());
    let Output { status, stdout, stderr } = done.await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

/// Makes a program of a script.
pub(crate) fn script(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
