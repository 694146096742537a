//! The exit circuit: the owner of an account asks for its free cash, by itself.
//!
//! It shows that who opens the public owner word signed exactly this request. Everything the request says is public and signed, so a
//! proof serves one request of one account of one contract; that the owner word is the account's and `number` the next is the
//! contract's to check. It depends on no size: one circuit for every parameter set (docs/protocol.md, section 13).

use tacit_core::account::Holder;
use tacit_core::babyjub;
use tacit_core::eddsa::Signature;
use tacit_core::exit::{ExitRequest, INDEX_BITS, TAG_EXIT, address};
use tacit_core::field::{F, from_u64};

use crate::builder::{Builder, Lc};
use crate::gadgets::{poseidon, range};
use crate::owner;
use crate::settlement::{SettlementError, finished};
use crate::statement::{EXIT_INPUTS, ExitPrivate, ExitPublic};

/// Bits of an address.
pub(crate) const ADDRESS_BITS: u32 = 160;
const AMOUNT_BITS: u32 = 64;
const NUMBER_BITS: u32 = 32;

/// Writes the circuit. The owner word is derived from the witness; read it back with `public`.
pub fn synthesize(b: &mut Builder, public: &ExitPublic, private: &ExitPrivate) {
    let inputs: Vec<Lc> = EXIT_INPUTS.iter().zip(public.to_array()).map(|(name, value)| b.input(name, value)).collect();
    let [domain, _, index, recipient, amount, number] = inputs.as_slice() else {
        unreachable!("an exit request has six inputs")
    };
    b.scoped("request", |b| {
        range::bits(b, "index", index, INDEX_BITS);
        range::bits(b, "recipient", recipient, ADDRESS_BITS);
        range::bits(b, "amount", amount, AMOUNT_BITS);
        range::bits(b, "number", number, NUMBER_BITS);
    });
    let message = [domain, index, recipient, amount, number].map(Lc::clone);
    let message = b.scoped("message", |b| poseidon::sponge(b, TAG_EXIT, &message));
    let owner = b.scoped("owner and key", |b| owner::signed(b, &private.holder, &message, &private.signature));
    b.output("owner", 1, &owner);
}

/// The public inputs of a circuit built by `synthesize`, the owner word derived.
pub fn public(b: &Builder) -> ExitPublic {
    let mut values = [F::from(0u64); 6];
    values.copy_from_slice(&b.values()[1..7]);
    ExitPublic::from_array(values)
}

/// What a request states, for the owner word that the contract recorded.
#[must_use]
pub fn statement(request: &ExitRequest, owner: F) -> ExitPublic {
    ExitPublic {
        domain: request.domain,
        owner,
        index: from_u64(request.index.into()),
        recipient: address(&request.recipient),
        amount: from_u64(request.amount),
        number: from_u64(request.number.into()),
    }
}

/// The assignment to prove.
///
/// # Errors
/// `Unsatisfied`, `Derived`: see there.
pub fn assignment(public: &ExitPublic, private: &ExitPrivate) -> Result<Vec<F>, SettlementError> {
    let mut b = Builder::assignment();
    synthesize(&mut b, public, private);
    let derived = self::public(&b).to_array();
    finished(b, "the exit circuit", &derived, &public.to_array(), &EXIT_INPUTS)
}

/// The circuit in rows mode with a blank witness: for set-up, counting and fingerprints.
#[must_use]
pub fn shape() -> Builder {
    let mut b = Builder::rows();
    synthesize(&mut b, &ExitPublic::from_array([F::from(0u64); 6]), &blank());
    b
}

/// A witness of nobody.
fn blank() -> ExitPrivate {
    let holder = Holder { key: babyjub::BASE8, viewing_key: F::from(0u64), subaccount: 0 };
    ExitPrivate { holder, signature: Signature { r8: babyjub::BASE8, s: 0u64.into() } }
}
