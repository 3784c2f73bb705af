//! The learner's and grader's command, and the authors' gate: `cargo xtask`.
//!
//! What the course consists of is read from its folders and TOML files; no drill is known by name.
//! Parsing, cutting, scoring and matching are pure functions; `assembly` and `runner` do the rest.

mod assembly;
mod bench;
mod cache;
mod check;
mod course;
mod coverage;
mod fault;
mod files;
mod grade;
mod harness;
mod hint;
mod hints;
mod manifest;
mod marks;
mod mutants;
mod new;
mod next;
mod notebook;
mod oracle;
mod pictures;
mod plan;
mod progress;
mod quiz;
mod readme;
mod recognise;
mod report;
mod reset;
mod rubric;
mod runner;
mod scrub;
mod solution;
mod sources;
mod status;
mod stub;
mod style;
mod trace;
mod workbook;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::bench::Rules;
use crate::course::Course;
use crate::fault::Verdict;

/// Work through the course, get points for it, and keep it in good order.
///
/// A learner needs two commands: `start` puts a drill into the workbook, `grade` gives points.
/// When you are stuck, `hint` says a little more each time.
///
/// An ID is a drill (`ch08/drill_03_links`, or shorter: `ch08/3`, `drill_03`, `links`), a whole
/// chapter (`ch08`), or `.`, the drill in whose folder you are. Without an ID the whole course is
/// meant.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Root of the course, if it is not the one that this program was built in.
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    course: Option<PathBuf>,
}

const EXIT_CODES: &str = "Exit codes: 0 full marks, 1 marks lost, 2 wrong usage or bad input, \
    3 the course itself is broken.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Put a drill, a chapter or the whole course into your workbook, and say where to begin.
    ///
    /// The workbook is a folder `workbook/` beside the course: the same drills, with the answers
    /// cut out. What you write in it is never lost; running this again brings the course's tests
    /// and texts up to date, says what has changed, and says where to go on.
    ///
    /// Where a new version of the course changes a file that you have written in, yours stays and
    /// the new one is put beside it, as `lib.rs.new`. A new exercise is added to your file.
    #[command(after_help = "Examples:\n  cargo xtask start\n  cargo xtask start ch08/drill_03")]
    Start {
        /// A drill or a chapter.
        id: Option<String>,
    },
    /// Get the next hint for an exercise.
    ///
    /// There are three: a nudge, more of it, and nearly the answer. Each call shows one more and
    /// counts it in your notebook; hints cost no points. Without a number, the hint is for the
    /// first exercise that still lacks points.
    #[command(after_help = "Examples:\n  cargo xtask hint links\n  cargo xtask hint ch08/3 2\n  \
            cargo xtask hint ch08/3 2 --print")]
    Hint {
        /// A drill.
        id: String,
        /// Number of the exercise.
        exercise: Option<u32>,
        /// Show the hints that you have taken before, and count nothing; without a number, those of
        /// all exercises.
        #[arg(long)]
        print: bool,
    },
    /// Give points: for your workbook if there is one, else for the course's own answers.
    ///
    /// Every exercise has ten points, shared out over its tests. Each test runs in a process of its
    /// own, several times with different seeds, and has to pass each time. The course's own tests
    /// count, whatever the workbook's look like. The report is also written to
    /// target/grade/report.json; the same work gives the same report, byte for byte.
    #[command(after_help = "Examples:\n  cargo xtask grade\n  cargo xtask grade ch08/drill_03\n  \
            cargo xtask grade ch08 --reference")]
    Grade {
        /// A drill or a chapter.
        id: Option<String>,
        /// Grade the course's own answers, even if there is a workbook.
        #[arg(long, conflicts_with = "workbook")]
        reference: bool,
        /// Grade the workbook in this folder.
        #[arg(long, value_name = "DIR")]
        workbook: Option<PathBuf>,
        /// Write the report to this file as well; with `-`, print nothing but the report.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        #[command(flatten)]
        rules: RuleArgs,
    },
    /// See the reference answer beside yours, once yours has full marks.
    ///
    /// Both stand side by side on a terminal of 100 columns or more, one below the other on a
    /// narrower one. Where they are the same, nothing is shown.
    #[command(after_help = "Examples:\n  cargo xtask solution links\n  \
            cargo xtask solution ch08/3 --spoil")]
    Solution {
        /// A drill.
        id: String,
        /// Show it although yours does not have full marks; this is written down in your notebook.
        #[arg(long)]
        spoil: bool,
    },
    /// Show what you have reached: one line for each drill.
    ///
    /// The points are those of the last `cargo xtask grade`, the hints those that you took, and the
    /// questions those that you answered right at least once. All of it is kept in
    /// workbook/progress.toml, which you can read.
    #[command(after_help = "Examples:\n  cargo xtask status\n  cargo xtask status ch08")]
    Status {
        /// A drill or a chapter.
        id: Option<String>,
    },
    /// Begin a drill anew: back to the stub.
    ///
    /// What you wrote is kept beside the stub, as `lib.rs.bak-1`, `lib.rs.bak-2` and so on. Hints
    /// taken and your best score stay in the notebook. Your own tests in tests/mine.rs stay too.
    #[command(after_help = "Examples:\n  cargo xtask reset links\n  cargo xtask reset --all")]
    Reset {
        /// A drill or a chapter.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// Everything in the workbook, to do the course once more.
        #[arg(long)]
        all: bool,
    },
    /// Run one scenario of a drill, and draw the tree and what happened.
    ///
    /// Of your answer if it is in the workbook, else of the course's own. Without the name of a
    /// test, the drill's scenarios are listed; a part of the name will do.
    #[command(
        after_help = "Examples:\n  cargo xtask trace links\n  cargo xtask trace links whole_chain\n  \
            cargo xtask trace supervision_trees drawn --tree\n  \
            cargo xtask trace supervisor fourth_crash --reference --svg crash.svg"
    )]
    Trace {
        /// A drill.
        id: String,
        /// The test, or a part of its name that no other test has.
        test: Option<String>,
        /// Draw the course's own answer, even if yours is in the workbook.
        #[arg(long)]
        reference: bool,
        /// Draw the whole run, with the test itself, and not only what the test compares.
        #[arg(long)]
        everything: bool,
        /// Draw only the tree: who supervises whom when the most processes run.
        #[arg(long, conflicts_with = "everything")]
        tree: bool,
        /// The number from which the scenario draws its values: another one, another story.
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
        /// Write the timeline to this file as SVG, and the tree to FILE.tree.svg; with --tree the
        /// tree to this file.
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
        /// Print tree and timeline in Mermaid, as they would stand in a README.
        #[arg(long)]
        mermaid: bool,
    },
    /// Answer the course's questions: each answer is explained, and the test that proves it drawn.
    ///
    /// What was answered wrong comes back at the end. The answers are kept in the workbook.
    #[command(after_help = "Examples:\n  cargo xtask quiz\n  cargo xtask quiz links\n  \
            cargo xtask quiz ch08 --print")]
    Quiz {
        /// A drill or a chapter.
        id: Option<String>,
        /// Print the questions with their answers, and ask nothing.
        #[arg(long)]
        print: bool,
    },
    /// For authors: make the seven parts of a new item, and enter it in its chapter.
    ///
    /// It compiles as it is; `check --quick` lists what is still to be written.
    #[command(after_help = "Example:\n  cargo xtask new drill ch08/drill_04_monitors")]
    New {
        /// warmup, drill, exercise, project or practice.
        kind: String,
        /// Chapter and folder, for instance `ch08/drill_04_monitors`.
        name: String,
    },
    /// For authors: check that the course is whole, that its tests tell right from wrong, and that
    /// its documents are current.
    ///
    /// For every drill: all parts are there, the stub compiles and scores 0, the reference answer
    /// has full marks, and every mutant is caught by the exercise that it names.
    ///
    /// With IDs, only these items and their chapters; without one, all of them and the docs.
    Check {
        /// Drills or chapters, for instance `ch08/drill_03_links`, `8/3` or `ch08`.
        #[arg(value_name = "ID", conflicts_with = "sources")]
        ids: Vec<String>,
        /// Leave out what has to be built: reference answers, stubs and mutants.
        #[arg(long)]
        quick: bool,
        /// Prove everything again, also what an earlier run has proved and nothing has changed since.
        #[arg(long, conflicts_with = "quick")]
        all: bool,
        /// Bring the generated parts of docs/COVERAGE.md and docs/SEMANTICS.md, and the pictures in
        /// READMEs, up to date.
        #[arg(long)]
        write: bool,
        /// Compare items and scenarios with the lists that they were taken from: DIR has
        /// coverage/items.json and oracle/scenarios.json.
        #[arg(long, value_name = "DIR")]
        sources: Option<PathBuf>,
        #[command(flatten)]
        rules: RuleArgs,
    },
}

#[derive(Debug, Args)]
struct RuleArgs {
    /// Seed of the first run; each further run adds 1. Tests read it from `OTP_SEED`.
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// How often each test runs.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// The longest that one run of one test may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    deadline: Duration,
    /// The most memory that a test may have, in MiB; held to on Linux only.
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=1 << 20))]
    memory: u64,
}

impl From<RuleArgs> for Rules {
    fn from(args: RuleArgs) -> Self {
        let RuleArgs { seed, runs, deadline, memory } = args;
        Self { seed, runs, deadline, memory: memory << 20 }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected seconds, for instance 10 or 0.5")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected more than 0 seconds".to_owned()),
    }
}

fn main() -> ExitCode {
    let result = run(Cli::parse());
    if let Err(error) = &result {
        anstream::eprintln!("{} {error:#}", style::NONE);
    }
    fault::exit_code(&result)
}

fn run(cli: Cli) -> anyhow::Result<Verdict> {
    let root = match cli.course {
        Some(dir) => dir,
        None => built_in()?,
    };
    let root = root.canonicalize().with_context(|| format!("cannot find {}", root.display()))?;
    let course = Course::open(&root)?;
    runner::end_together()?;
    match cli.command {
        Command::Start { id } => workbook::start(&course, id.as_deref()),
        Command::Status { id } => status::run(&course, id.as_deref()),
        Command::Hint { id, exercise, print } => {
            hint::run(&course, &hint::Request { id, exercise, again: print })
        }
        Command::Solution { id, spoil } => solution::run(&course, &id, spoil),
        Command::Reset { id, all: _ } => reset::run(&course, id.as_deref()),
        Command::Grade { id, reference, workbook, json, rules } => grade::run(
            &course,
            &grade::Request { id, reference, workbook, json, rules: rules.into() },
        ),
        Command::Trace { id, test, reference, everything, tree, seed, svg, mermaid } => {
            let scope = trace::Scope::new(everything, tree);
            trace::run(&course, &trace::Request { id, test, reference, scope, seed, svg, mermaid })
        }
        Command::Quiz { id, print } => quiz::run(&course, &quiz::Request { id, print }),
        Command::New { kind, name } => new::run(&course, &kind, &name),
        Command::Check { ids, quick, all, write, sources, rules } => {
            let (sources, rules) = (sources.as_deref(), rules.into());
            check::run(&course, check::Request { ids: &ids, quick, all, write, sources, rules })
        }
    }
}

/// The course that this program belongs to.
///
/// Cargo tells it at run time, which is right even if the folder has moved since the build.
fn built_in() -> anyhow::Result<PathBuf> {
    let told = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let own = told.filter(|dir| dir.file_name().is_some_and(|name| name == "xtask"));
    let xtask = own.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    xtask.parent().map(Path::to_owned).context("xtask has no course around it")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn deadlines_are_seconds() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(seconds("0").is_err() && seconds("-1").is_err() && seconds("soon").is_err());
    }
}
