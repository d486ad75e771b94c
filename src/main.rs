//! The `bayplan` program: everything is in the library.

fn main() -> std::process::ExitCode {
    bayplan::cli::run::main()
}
