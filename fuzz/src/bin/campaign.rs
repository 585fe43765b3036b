//! One target under libFuzzer. `cargo xtask fuzz` builds this with coverage and says which target it is.
#![no_main]

use std::sync::LazyLock;

use countersign_fuzz::Target;
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("COUNTERSIGN_FUZZ_TARGET").unwrap_or_default();
    countersign_fuzz::target(&name)
        .unwrap_or_else(|| panic!("`COUNTERSIGN_FUZZ_TARGET` is `{name}`, which is no target"))
});

fuzz_target!(init: LazyLock::force(&TARGET), |data: &[u8]| (TARGET.run)(data));
