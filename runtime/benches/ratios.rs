//! Every workload as a ratio to hand-written tokio, as a table in Markdown.
//!
//! Each round measures both sides one after the other, in an order that changes from round to
//! round, each on a fresh runtime; the ratio is the median of the rounds' ratios. So a machine that
//! is busy for a while spoils a round, not the result. The ratio in CPU time is the median of its own.
//!
//! `cargo bench -p runtime --bench ratios -- ring spawn` measures the workloads with one of these
//! words in their name; `ROUNDS=21` before it, more rounds than the default of 11.

#![allow(clippy::print_stdout)]

use std::time::Duration;

mod workloads;

use workloads::{Side, Spent, Workload, all, two_workers};

const ROUNDS: usize = 11;

/// The ratios that are not to be exceeded, by the first words of the workload's name.
const BARS: [(&str, f64); 13] = [
    ("cast flood 1:1", 0.6),
    ("cast 8:8", 0.7),
    ("ring", 0.95),
    ("spawn, request, exit", 0.9),
    ("10 000 monitors", 1.5),
    ("call, process to process", 1.0),
    ("call from a plain task", 1.0),
    ("call with its 5 s default", 0.8),
    ("64 callers", 1.0),
    ("lookup", 1.0),
    ("crash to restarted", 1.2),
    ("supervisor of 100 000", 1.3),
    ("dynamic supervisor of 100 000", 1.3),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Without it this is `cargo test`: everything once, to see that it works.
    let measuring = arguments.iter().any(|argument| argument == "--bench");
    let words: Vec<_> = arguments.iter().filter(|word| !word.starts_with("--")).collect();
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let rounds = if measuring { rounds.unwrap_or(ROUNDS) } else { 1 };
    println!(
        "| workload | unit | ours, ns | tokio, ns | ratio | of the rounds | in CPU time | bar | |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|---|");
    for workload in all() {
        if words.is_empty() || words.iter().any(|word| workload.name.contains(word.as_str())) {
            let count = if measuring { workload.size } else { 100 };
            println!("{}", row(&workload, rounds, count));
        }
    }
}

fn row(workload: &Workload, rounds: usize, count: u64) -> String {
    let (mut ours, mut tokio) = (Vec::new(), Vec::new());
    let (mut ratios, mut cpu_ratios) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let (own, other) = if round % 2 == 0 {
            let own = measure(workload, Side::Ours, count);
            (own, measure(workload, Side::Tokio, count))
        } else {
            let other = measure(workload, Side::Tokio, count);
            (measure(workload, Side::Ours, count), other)
        };
        let units = 3 * count;
        ours.push(nanos_each(own.time, units));
        tokio.push(nanos_each(other.time, units));
        ratios.push(nanos_each(own.time, units) / nanos_each(other.time, units));
        cpu_ratios.push(nanos_each(own.cpu, units) / nanos_each(other.cpu, units));
    }
    let ratio = median(&mut ratios);
    let (bar, verdict) = match BARS.iter().find(|(name, _)| workload.name.starts_with(name)) {
        Some((_, bar)) => (format!("{bar:.2}"), if ratio <= *bar { "met" } else { "missed" }),
        None => ("-".to_owned(), ""),
    };
    format!(
        "| {} | {} | {:.0} | {:.0} | {ratio:.2} | {:.2} to {:.2} | {:.2} | {bar} | {verdict} |",
        workload.name,
        workload.unit,
        median(&mut ours),
        median(&mut tokio),
        ratios[0],
        ratios[ratios.len() - 1],
        median(&mut cpu_ratios),
    )
}

/// What three runs took.
fn measure(workload: &Workload, side: Side, count: u64) -> Spent {
    let runtime = two_workers();
    // The first run fills caches and free lists, and grows the heap.
    workload.run(side, &runtime, count);
    (0..3).map(|_| workload.run(side, &runtime, count)).sum()
}

// Neither comes near the 2^52 from which on a float leaves out whole numbers.
#[allow(clippy::cast_precision_loss)]
fn nanos_each(time: Duration, units: u64) -> f64 {
    time.as_nanos() as f64 / units as f64
}

/// The middle one; sorts.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
