//! The `bayplan` program: everything is in the library.

/// A look at many containers is many small texts, and the system's allocator takes a fifth of the
/// time of a plan for them, most of it page by page from the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    bayplan::cli::run::main()
}
