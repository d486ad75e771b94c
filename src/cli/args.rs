//! The arguments of the command line. Completions and the manual page are generated from these
//! types.

#![expect(clippy::doc_markdown, reason = "the comments are what `--help` prints")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::filter::Targets;

use super::denied::{Denied, DeniedParser};
use super::diff::DiffArgs;
use super::exit_codes::EXIT_CODES;
use super::history::HistoryArgs;
use super::log;
use crate::plan::show::estimate::PARALLELISM;
use crate::syntax::durations;

/// Plans what happens to Docker containers, for people to review, and does exactly that.
#[derive(Debug, Parser)]
#[command(name = "bayplan", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// The engine: a unix, tcp or ssh URL (else DOCKER_HOST, else the Docker context)
    #[arg(short = 'H', long, global = true, value_name = "URL", help_heading = "Engine")]
    pub host: Option<String>,
    /// The Docker context to use (else DOCKER_CONTEXT, else the current one)
    #[arg(
        short = 'c',
        long,
        global = true,
        value_name = "NAME",
        conflicts_with = "host",
        help_heading = "Engine"
    )]
    pub context: Option<String>,
    /// Use TLS
    #[arg(long, global = true, help_heading = "Engine")]
    pub tls: bool,
    /// Use TLS and verify the engine
    #[arg(long, global = true, help_heading = "Engine")]
    pub tlsverify: bool,
    /// Trust certificates signed by this authority only
    #[arg(long, global = true, value_name = "FILE", help_heading = "Engine")]
    pub tlscacert: Option<PathBuf>,
    /// The certificate to show to the engine
    #[arg(long, global = true, value_name = "FILE", help_heading = "Engine")]
    pub tlscert: Option<PathBuf>,
    /// Its key
    #[arg(long, global = true, value_name = "FILE", help_heading = "Engine")]
    pub tlskey: Option<PathBuf>,
    /// When to print in colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_enum)]
    pub color: Color,
    /// What to log to stderr: off, error, warn, info, debug, trace, or TARGET=LEVEL,…
    #[arg(long, global = true, value_name = "LEVELS", value_parser = log::levels)]
    pub log: Option<Targets>,
}

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR says no.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take one look at an engine and keep it as a file
    Snapshot(SnapshotArgs),
    /// Write a spec from containers that are there
    Import(ImportArgs),
    /// Print a Compose project as it is read: merged, in long forms, references instead of secrets
    Config(ConfigArgs),
    /// Plan what makes the engine as the spec declares; changes nothing
    Plan(PlanArgs),
    /// Print a plan or the result of an apply
    Show(ShowArgs),
    /// Compare two saved plans
    Diff(DiffArgs),
    /// Tell whether a plan is still current; changes nothing
    Verify(VerifyArgs),
    /// Do exactly what a plan says, or nothing
    Apply(ApplyArgs),
    /// Bring back, or finish, what an apply left that died; without a plan tell what lies about
    Recover(RecoverArgs),
    /// Tell what was applied, when, by whom and with which plan, from results
    History(HistoryArgs),
    /// Take the lock of a project away from an apply that is dead
    Unlock(UnlockArgs),
    /// Print a JSON Schema
    Schema(SchemaArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

/// `bayplan snapshot`.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// The spec that the look is for: decides what is inspected and what is public
    #[arg(value_name = "SPEC")]
    pub spec: Option<PathBuf>,
    /// How Compose files are read.
    #[command(flatten)]
    pub compose: ComposeArgs,
    /// Where to write it; - is stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Let the spec name files of this folder too, not only of its own repository
    #[arg(long, value_name = "DIR")]
    pub allow_outside: Vec<PathBuf>,
    /// Ask no other registries than these what an image is
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub registries: Vec<String>,
}

/// `bayplan import`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct ImportArgs {
    /// These containers, by name or by the beginning of an ID
    #[arg(id = "spec", value_name = "NAME", group = "which", num_args = 1..)]
    pub names: Vec<String>,
    /// Every container
    #[arg(long, group = "which")]
    pub all: bool,
    /// The containers of this project, of bayplan's or of Docker Compose's
    #[arg(long, value_name = "PROJECT", group = "which")]
    pub project: Option<String>,
    /// What a Compose project declares, whatever runs
    #[arg(long, group = "which")]
    pub compose: bool,
    /// How Compose files are read.
    #[command(flatten)]
    pub compose_files: ComposeArgs,
    /// Folders that files of a Compose project may be in, beside its repository
    #[arg(long, value_name = "DIR", requires = "compose")]
    pub allow_outside: Vec<PathBuf>,
    /// Import from a snapshot, or what docker inspect printed, instead of an engine
    #[arg(long, value_name = "FILE", conflicts_with = "compose")]
    pub snapshot: Option<PathBuf>,
    /// Write the spec here, where nothing is yet; - is stdout
    #[arg(short, long, value_name = "SPEC")]
    pub output: Option<PathBuf>,
    /// Environment variables, and options like command or labels, that hold no secret: write them
    #[arg(long, value_name = "WHAT", value_delimiter = ',', conflicts_with = "compose")]
    pub literal: Vec<String>,
    /// Nothing holds a secret: write everything
    #[arg(long, conflicts_with = "compose")]
    pub literal_all: bool,
}

/// How Compose files are read, as `docker compose` says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ComposeArgs {
    /// A Compose file; given again, later ones count more
    #[arg(
        short,
        long = "file",
        value_name = "FILE",
        conflicts_with = "spec",
        help_heading = "Compose files"
    )]
    pub files: Vec<PathBuf>,
    /// Where relative paths start (else the folder of the first file)
    #[arg(long, value_name = "DIR", help_heading = "Compose files")]
    pub project_directory: Option<PathBuf>,
    /// The project's name
    #[arg(short, long, value_name = "NAME", help_heading = "Compose files")]
    pub project_name: Option<String>,
    /// A profile to activate
    #[arg(long, value_name = "PROFILE", help_heading = "Compose files")]
    pub profile: Vec<String>,
    /// Take variables from this file instead of .env
    #[arg(long, value_name = "FILE", help_heading = "Compose files")]
    pub env_file: Vec<PathBuf>,
    /// Variables whose values may be shown
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Compose files")]
    pub public: Vec<String>,
    /// Refuse variables that are not set, instead of taking them for empty
    #[arg(long, help_heading = "Compose files")]
    pub strict: bool,
}

/// `bayplan config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// A Compose file (else the Compose project that is here), or a spec
    #[arg(value_name = "SPEC")]
    pub spec: Option<PathBuf>,
    /// How Compose files are read.
    #[command(flatten)]
    pub compose: ComposeArgs,
    /// Print the spec that bayplan makes of it
    #[arg(long = "spec")]
    pub spec_form: bool,
    /// How to print it, as Compose's option says it
    #[arg(long, value_name = "FORMAT", default_value = "json", value_enum)]
    pub format: super::config::ConfigFormat,
    /// What to do about references that cannot be resolved here
    #[arg(long, value_name = "HOW", default_value = "error", value_enum)]
    pub unresolved: Unresolved,
    /// Let the files name files of this folder too, not only of their own repository
    #[arg(long, value_name = "DIR")]
    pub allow_outside: Vec<PathBuf>,
}

/// `bayplan plan`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The declared state, YAML or JSON, or a Compose file (else the Compose project that is here)
    #[arg(value_name = "SPEC")]
    pub spec: Option<PathBuf>,
    /// How Compose files are read.
    #[command(flatten)]
    pub compose: ComposeArgs,
    /// Plan against a snapshot, or what docker inspect printed, instead of an engine
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Write the plan here, a JSON file for people to review; - is stdout
    #[arg(short, long, value_name = "PLAN")]
    pub output: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    pub format: Format,
    /// What to note beside the plan: commit=0a1b2c
    #[arg(long, value_name = "KEY=VALUE", value_parser = meta)]
    pub meta: Vec<(String, String)>,
    /// List every step in the text form
    #[arg(long)]
    pub steps: bool,
    /// List as well what matched containers have beyond what is declared
    #[arg(long)]
    pub explain_undeclared: bool,
    /// Remove containers of sets that the spec no longer has, as `prune: true` in it does
    #[arg(long)]
    pub prune: bool,
    /// Exit with 2 where there are changes, or something differs and is left
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Exit with 2 where there is one of these
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub fail_on: Vec<FailOn>,
    /// An earlier plan, which tells who caused what differs (else the one committed where -o writes)
    #[arg(long, value_name = "OLD")]
    pub since: Option<PathBuf>,
    /// What to do about references that cannot be resolved here
    #[arg(long, value_name = "HOW", default_value = "error", value_enum)]
    pub unresolved: Unresolved,
    /// Exit with 4 where the plan has one of these dangers
    ///
    /// A word alone means all of it, `outage:gone` or `host_access:docker_socket` a class of it,
    /// `capabilities:SYS_ADMIN` one value.
    #[arg(long, value_name = "DANGER[:VALUE]", value_parser = DeniedParser, value_delimiter = ',')]
    pub deny: Vec<Denied>,
    /// Let the spec name files of this folder too, not only of its own repository
    #[arg(long, value_name = "DIR")]
    pub allow_outside: Vec<PathBuf>,
    /// Ask no other registries than these what an image is
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub registries: Vec<String>,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum FailOn {
    /// Something that runs differs, and neither the spec nor the image is known to have caused it
    Drift,
    /// Something would be changed
    Changes,
    /// Something differs and is left
    Differences,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people.
    Text,
    /// The file.
    Json,
    /// For a pull-request comment.
    Markdown,
    /// One page for a browser: changes with both sides, the steps over time, filters.
    Html,
    /// The steps over time as a Mermaid chart, for a comment.
    Mermaid,
}

/// `--unresolved`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Unresolved {
    /// An error that names them.
    Error,
    /// Taken for unchanged; apply checks it.
    AssumeSame,
}

/// `bayplan show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A plan or a result, or several plans; - is stdin
    #[arg(value_name = "PLAN|RESULT", required = true)]
    pub files: Vec<PathBuf>,
    /// What to note beside a plan: commit=0a1b2c
    #[arg(long, value_name = "KEY=VALUE", value_parser = meta)]
    pub meta: Vec<(String, String)>,
    /// An earlier plan, which tells who caused what differs (else the one committed there)
    #[arg(long, value_name = "OLD")]
    pub since: Option<PathBuf>,
    /// Write it here instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// List every step
    #[arg(long)]
    pub steps: bool,
    /// List the steps by which what fails goes back, and what cannot be undone
    #[arg(long)]
    pub undo: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    pub format: Format,
}

/// `bayplan verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The plan; - is stdin
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// The plan must have this digest
    #[arg(long, value_name = "DIGEST")]
    pub expect_digest: Option<String>,
    /// The spec must be found here and still declare the same
    #[arg(long, value_name = "FILE")]
    pub spec: Option<PathBuf>,
    /// Do not look for the spec: whether it still declares the same is not checked
    #[arg(long, conflicts_with = "spec")]
    pub without_spec: bool,
    /// Judge against a snapshot instead of an engine
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Print the verdicts as JSON
    #[arg(long)]
    pub json: bool,
    /// Exit with 2 where there is something to do, or something differs and is left
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Let the spec name files of this folder too, not only of its own repository
    #[arg(long, value_name = "DIR")]
    pub allow_outside: Vec<PathBuf>,
}

/// `bayplan apply`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are just that")]
pub struct ApplyArgs {
    /// The plan; - is stdin
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// The plan must have this digest
    #[arg(long, value_name = "DIGEST")]
    pub expect_digest: Option<String>,
    /// How many steps may run at the same time
    #[arg(long, value_name = "N", default_value_t = PARALLELISM, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub parallelism: u16,
    /// The spec must be found here and still declare the same
    #[arg(long, value_name = "FILE")]
    pub spec: Option<PathBuf>,
    /// Do not look for the spec: whether it still declares the same is not checked
    #[arg(long, conflicts_with = "spec")]
    pub without_spec: bool,
    /// Print events, one JSON object a line, and then the result
    #[arg(long)]
    pub json: bool,
    /// Write the result here, a JSON file or a folder that gets one; show prints it; - is stdout
    #[arg(short, long, value_name = "RESULT")]
    pub output: Option<PathBuf>,
    /// Keep a journal there: every call before it is made, and what it came to; only its owner may read it
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Keep a new container that failed, as NAME.bp-failed, to be looked at
    #[arg(long)]
    pub keep_failed: bool,
    /// How long what was begun may take to go back after an interrupt
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub grace: Duration,
    /// How long another apply of the project is waited for
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub wait: Duration,
    /// Keep in the result what containers wrote; it may be anything, such as a new password
    #[arg(long)]
    pub keep_output: bool,
    /// Keep in the result what inspect says of the containers that were touched, secrets hidden
    #[arg(long)]
    pub inspect: bool,
    /// Note this in the result, such as a ticket or a commit
    #[arg(long, value_name = "KEY=VALUE", value_parser = meta)]
    pub meta: Vec<(String, String)>,
    /// Apply on a simulated engine that is as the snapshot says
    #[arg(long, requires = "snapshot")]
    pub simulate: bool,
    /// The snapshot of the simulated engine
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub snapshot: Option<PathBuf>,
    /// Let the spec name files of this folder too, not only of its own repository
    #[arg(long, value_name = "DIR")]
    pub allow_outside: Vec<PathBuf>,
}

/// `bayplan recover`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct RecoverArgs {
    /// The plan that was applied; - is stdin
    #[arg(value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// All that was begun goes back
    #[arg(long, requires = "plan", conflicts_with = "finish")]
    pub back: bool,
    /// All that was begun is finished
    #[arg(long, requires = "plan")]
    pub finish: bool,
    /// The spec must be found here and still declare the same
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub spec: Option<PathBuf>,
    /// Do not look for the spec: whether it still declares the same is not checked
    #[arg(long, requires = "plan", conflicts_with = "spec")]
    pub without_spec: bool,
    /// Keep a journal there, as apply does
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub journal: Option<PathBuf>,
    /// Print events, one JSON object a line, and then the result
    #[arg(long, requires = "plan")]
    pub json: bool,
    /// Write the result here, a JSON file or a folder that gets one; show prints it; - is stdout
    #[arg(short, long, value_name = "RESULT", requires = "plan")]
    pub output: Option<PathBuf>,
    /// Note this in the result, such as a ticket or a commit
    #[arg(long, value_name = "KEY=VALUE", value_parser = meta, requires = "plan")]
    pub meta: Vec<(String, String)>,
    /// How long another apply of the project is waited for
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration, requires = "plan")]
    pub wait: Duration,
    /// How long it may take to come to an end after an interrupt
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub grace: Duration,
    /// Let the spec name files of this folder too, not only of its own repository
    #[arg(long, value_name = "DIR", requires = "plan")]
    pub allow_outside: Vec<PathBuf>,
}

/// `bayplan unlock`.
#[derive(Debug, Args)]
pub struct UnlockArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    pub project: String,
    /// Only this lock: the ID of its container, or its beginning
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
}

/// `30s`, `1m30s`.
fn duration(text: &str) -> Result<Duration, String> {
    let nanos = durations::nanoseconds(text).and_then(|nanos| u64::try_from(nanos).ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| "expected a duration like `30s`".to_owned())
}

/// `TICKET=SHOP-42`.
fn meta(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    let pair = pair.map(|(key, value)| (key.to_owned(), value.to_owned()));
    pair.ok_or_else(|| "expected a key and a value like `TICKET=SHOP-42`".to_owned())
}

/// `bayplan schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_name = "WHAT", value_enum)]
    pub of: SchemaOf,
}

/// What there are schemas of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Specs.
    Spec,
    /// Plan files.
    Plan,
    /// Snapshot files.
    Snapshot,
    /// What apply -o and apply --json write.
    Result,
}

/// `bayplan completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::plan::Danger;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn dangers_are_denied_by_the_words_of_plans() {
        let words = ["bayplan", "plan", "s.yaml", "--deny", "outage,data_lost"];
        let Command::Plan(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("expected the plan command");
        };
        let words = ["outage", "data_lost"].map(|word| Denied::parse(word).unwrap());
        assert_eq!(args.deny, words);
        // A danger that is missing in the list of all dangers could not be denied.
        let schema = serde_json::to_value(schemars::schema_for!(Danger)).unwrap();
        assert_eq!(schema["oneOf"].as_array().unwrap().len(), Danger::ALL.len());
    }

    #[test]
    fn a_simulation_needs_its_world() {
        assert!(Cli::try_parse_from(["bayplan", "apply", "p.json", "--simulate"]).is_err());
        assert!(Cli::try_parse_from(["bayplan", "apply", "p.json", "--snapshot", "s"]).is_err());
    }
}
