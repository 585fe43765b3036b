//! How many instructions each step takes: `cargo xtask instructions`, which compares with `bench/steps/baseline.json`.

use countersign_bench_steps::{self as steps, Step};
use gungraun::{library_benchmark, library_benchmark_group, main};

#[library_benchmark]
#[bench::parse_pod(steps::parse_pod())]
#[bench::read_policy(steps::read_policy())]
#[bench::match_among_1(steps::match_among(1))]
#[bench::match_among_1000(steps::match_among(1000))]
#[bench::verify_tag(steps::verify_signature("layout-tag-admit"))]
#[bench::verify_bundle(steps::verify_signature("layout-bundle-admit"))]
#[bench::judge_static(steps::judge_case("static-pass-admit"))]
#[bench::judge_unsigned(steps::judge_case("unsigned-deny"))]
#[bench::judge_signed(steps::judge_case("layout-tag-admit"))]
#[bench::respond_admitted(steps::respond_to(&["layout-tag-admit"; 3]))]
#[bench::respond_denied(steps::respond_to(&["unsigned-deny"; 3]))]
fn step(step: Step) -> (usize, Step) {
    // Given back, so that dropping it is not measured.
    (step.run(), step)
}

library_benchmark_group!(name = each, benchmarks = step);
main!(library_benchmark_groups = each);
