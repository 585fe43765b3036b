//! What a verified bundle costs: `cargo bench -p countersign-bench-bundles`.
