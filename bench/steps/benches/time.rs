//! How long each step takes: `cargo bench -p countersign-bench-steps --bench time`

use countersign_bench_steps as steps;
use divan::Bencher;

fn main() {
    divan::main();
}

#[divan::bench]
fn parse_pod(bencher: Bencher<'_, '_>) {
    let step = steps::parse_pod();
    bencher.bench(|| step.run());
}

#[divan::bench]
fn read_policy(bencher: Bencher<'_, '_>) {
    let step = steps::read_policy();
    bencher.bench(|| step.run());
}

#[divan::bench(args = [1, 100, 1000])]
fn match_among(bencher: Bencher<'_, '_>, policies: usize) {
    let step = steps::match_among(policies);
    bencher.bench(|| step.run());
}

#[divan::bench(args = ["layout-tag-admit", "layout-bundle-admit", "key-ed25519-admit", "key-rsa-pkcs1-admit"])]
fn verify(bencher: Bencher<'_, '_>, case: &str) {
    let step = steps::verify_signature(case);
    bencher.bench(|| step.run());
}

#[divan::bench(args = ["static-pass-admit", "unsigned-deny", "layout-tag-admit", "layout-all-three-admit"])]
fn judge(bencher: Bencher<'_, '_>, case: &str) {
    let step = steps::judge_case(case);
    bencher.bench(|| step.run());
}

#[divan::bench(args = ["layout-tag-admit", "unsigned-deny"])]
fn respond(bencher: Bencher<'_, '_>, case: &str) {
    let step = steps::respond_to(&[case; 3]);
    bencher.bench(|| step.run());
}
