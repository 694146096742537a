//! Times of the state tree at 100,000 accounts and of the primitives it stands on, as one JSON object on standard output.
//!
//! Times are the median of several runs, in seconds; `RAYON_NUM_THREADS` sets the threads.

use std::hint::black_box;
use std::time::Instant;

use serde_json::json;
use tacit_core::eddsa::{self, SigningKey};
use tacit_core::field::F;
use tacit_core::poseidon;
use tacit_core::tree::StateTree;

const ACCOUNTS: u32 = 100_000;
const TOUCHES: u32 = 1_000;
const DEPTH: u8 = 7;
const RUNS: usize = 7;

fn median_seconds(mut run: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[RUNS / 2]
}

/// Uses a result, so that the work for it is done.
fn discard<T>(result: T) {
    black_box(result);
}

fn leaves(count: u32, stride: u32, salt: u64) -> Vec<(u32, F)> {
    (0..count).map(|i| (i * stride, F::from(u64::from(i) << 32 | salt))).collect()
}

fn filled(changes: &[(u32, F)]) -> StateTree {
    let mut tree = StateTree::new(DEPTH).expect("a depth");
    tree.update(changes).expect("indices of the tree");
    tree
}

fn tree_times() -> serde_json::Value {
    let accounts = leaves(ACCOUNTS, 1, 1);
    let touches = leaves(TOUCHES, ACCOUNTS / TOUCHES, 2);
    let mut tree = filled(&accounts);
    let bytes = tree.to_bytes();
    let file = std::env::temp_dir().join(format!("tacit-tree-bench-{}", std::process::id()));
    let write = median_seconds(|| std::fs::write(&file, tree.to_bytes()).expect("a writable temporary folder"));
    let restart = median_seconds(|| {
        let stored = std::fs::read(&file).expect("the file just written");
        black_box(StateTree::from_bytes(&stored).expect("the bytes just written"));
    });
    std::fs::remove_file(&file).expect("the file just written");
    json!({
        "accounts": ACCOUNTS,
        "touches": TOUCHES,
        "depth": DEPTH,
        "disk_bytes": bytes.len(),
        "build_s": median_seconds(|| discard(filled(&accounts))),
        "touches_batched_then_rollback_s": median_seconds(|| {
            let snapshot = tree.snapshot();
            tree.update(&touches).expect("indices of the tree");
            tree.rollback(&snapshot);
        }),
        "touches_one_by_one_with_paths_then_rollback_s": median_seconds(|| {
            let snapshot = tree.snapshot();
            for (index, leaf) in &touches {
                black_box(tree.path(*index).expect("an index of the tree"));
                tree.set(*index, *leaf).expect("an index of the tree");
            }
            tree.rollback(&snapshot);
        }),
        "snapshot_s": median_seconds(|| discard(tree.snapshot())),
        "to_disk_s": write,
        "restart_from_disk_s": restart,
    })
}

fn primitive_times() -> serde_json::Value {
    let key = SigningKey::from_seed(&[1; 32]);
    let (public_key, message) = (key.public_key(), F::from(5_u64));
    let signature = key.sign(message);
    let each = |count: u32, run: &dyn Fn()| median_seconds(|| (0..count).for_each(|_| run())) / f64::from(count);
    json!({
        "poseidon_2_s": each(2_000, &|| discard(poseidon::hash(black_box(&[message; 2])))),
        "poseidon_8_s": each(2_000, &|| discard(poseidon::hash(black_box(&[message; 8])))),
        "sign_s": each(200, &|| discard(key.sign(black_box(message)))),
        "verify_s": each(200, &|| assert!(eddsa::verify(&public_key, message, black_box(&signature)))),
    })
}

fn main() {
    // `cargo test --benches` runs this too; only `cargo bench` measures.
    if std::env::args().any(|argument| argument == "--bench") {
        let report = json!({ "tree": tree_times(), "primitives": primitive_times() });
        println!("{report:#}");
    }
}
