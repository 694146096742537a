//! libFuzzer around the targets: `TACIT_FUZZ_TARGET` names the one to run; the arguments are libFuzzer's.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tacit_fuzz::{Target, target};

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("TACIT_FUZZ_TARGET").expect("TACIT_FUZZ_TARGET names a target");
    target(&name).expect("TACIT_FUZZ_TARGET names a target that exists")
});

fuzz_target!(|bytes: &[u8]| (CHOSEN.body)(bytes));
