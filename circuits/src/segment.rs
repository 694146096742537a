//! The segment circuit: T touches in a row.
//!
//! A batch is a chain of segments. Each starts from the root, power of θ, index and sums of the one before and ends in its own; what it
//! cannot decide alone (that instruments clear, that claims about positions are true) it leaves in the sums for the closing circuit.

use tacit_core::field::F;
use tacit_core::params::Params;

use crate::builder::{Builder, Lc};
use crate::context;
use crate::gadgets::poseidon;
use crate::gadgets::transcript::Transcript;
use crate::statement::{SEGMENT_INPUTS, SaltedSums, SegmentPrivate, SegmentPublic};
use crate::touch::{self, Running, Shared};

/// Poseidon tag of a segment's transcript.
const TAG_SEGMENT: u64 = 9;

/// Number of elements that a segment absorbs, ρ included.
pub fn transcript_length(p: &Params) -> usize {
    let order = 1 + (p.scenarios + 1).div_ceil(5);
    let touch = 4 + p.outcome_words() + 3 + (p.scenarios + 1).div_ceil(3);
    1 + p.touches * (p.orders * order + touch)
}

/// Writes the circuit. The outputs among the public inputs (`… out`, τ, data values, sums) are derived from the witness; read
/// them back with `public`.
pub fn synthesize(b: &mut Builder, p: &Params, public: &SegmentPublic, private: &SegmentPrivate) {
    let names = SEGMENT_INPUTS;
    let inputs: Vec<Lc> = names.iter().zip(public.to_array()).map(|(name, value)| b.input(name, value)).collect();
    let sums_in = open_sums(b, &private.sums_in);
    let commitment = poseidon::hash(b, &sums_in);
    b.output("sums in", 8, &commitment);
    let context = b.scoped("context", |b| context::open(b, &inputs[1], &private.context));
    let challenges = [&inputs[11], &inputs[12], &inputs[13], &inputs[14], &inputs[15]].map(Lc::clone);
    let challenges = context::challenges(b, p.scenarios, challenges);
    let num_powers = [0, 1, 2].map(|i| b.mul(&context.num, &challenges.y_powers[p.scenarios + i]));
    let den_rate = b.mul(&context.den, &context.rate);
    let shared = Shared { params: p, domain: inputs[0].clone(), context, challenges, num_powers, den_rate };
    let mut transcript = Transcript::new(TAG_SEGMENT, transcript_length(p));
    let rho = b.witness("rho", private.rho);
    transcript.absorb(b, &rho);
    let [margin, groups, net, lookups, fees, product, _] = sums_in;
    let mut run = Running {
        root: inputs[2].clone(),
        theta_power: inputs[4].clone(),
        next_index: inputs[6].clone(),
        margin,
        groups,
        net,
        lookups,
        fees,
        product,
        open: Lc::zero(),
        encrypted: Lc::zero(),
        transcript,
    };
    for witness in &private.touches {
        touch::touch(b, &shared, &mut run, witness);
    }
    outputs(b, run, private.salt_out);
}

fn open_sums(b: &mut Builder, sums: &SaltedSums) -> [Lc; 7] {
    sums.to_array().map(|value| b.witness("sum in", value))
}

fn outputs(b: &mut Builder, run: Running, salt: F) {
    let salt = b.witness("sums salt", salt);
    let sums = [run.margin, run.groups, run.net, run.lookups, run.fees, run.product, salt].map(|x| b.materialize(&x));
    let commitment = poseidon::hash(b, &sums);
    let tau = run.transcript.digest(b);
    b.output("root out", 3, &run.root);
    b.output("theta out", 5, &run.theta_power);
    b.output("index out", 7, &run.next_index);
    b.output("sums out", 9, &commitment);
    b.output("tau", 10, &tau);
    b.output("open value", 16, &run.open);
    b.output("encrypted value", 17, &run.encrypted);
}

/// The public inputs of a circuit built by `synthesize`, outputs derived.
pub fn public(b: &Builder) -> SegmentPublic {
    let mut values = [F::from(0u64); SEGMENT_INPUTS.len()];
    values.copy_from_slice(&b.values()[1..=SEGMENT_INPUTS.len()]);
    SegmentPublic::from_array(values)
}
