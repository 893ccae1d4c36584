//! Times every operation with criterion: `cargo bench -p mta-sts-benches [-- FILTER]`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mta_sts_benches::operation;

fn core(criterion: &mut Criterion) {
    for mut operation in operation::all() {
        let mut group = criterion.benchmark_group(operation.group());
        if let Some(bytes) = operation.bytes {
            group.throughput(Throughput::Bytes(bytes as u64));
        }
        let name = operation.name[operation.group().len() + 1..].to_owned();
        group.bench_function(name, |bencher| bencher.iter(|| operation.run(1)));
        group.finish();
    }
}

criterion_group!(benches, core);
criterion_main!(benches);
