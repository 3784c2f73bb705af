//! Every workload beside hand-written tokio, sampled by criterion.
//!
//! For ratios prefer the bench `ratios`, which measures both sides in turn.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

mod workloads;

use workloads::{Side, all, two_workers};

fn processes(criterion: &mut Criterion) {
    for workload in all() {
        let mut group =
            criterion.benchmark_group(format!("{}, per {}", workload.name, workload.unit));
        group
            .sampling_mode(SamplingMode::Flat)
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .throughput(Throughput::Elements(workload.size));
        for side in [Side::Ours, Side::Tokio] {
            let runtime = two_workers();
            group.bench_function(side.to_string(), |bencher| {
                bencher.iter_custom(|rounds| {
                    (0..rounds).map(|_| workload.run(side, &runtime, workload.size).time).sum()
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, processes);
criterion_main!(benches);
