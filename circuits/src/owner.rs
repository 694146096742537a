//! Who may act alone: the opening of an owner word, and its signature of a message.
//!
//! Guarantees that whoever made the witness knows key, viewing key and subaccount behind the owner word returned, and a signature of the
//! message under that key (which is on the curve and not of low order). What the message says is the caller's.

use tacit_core::account::Holder;
use tacit_core::eddsa::Signature;
use tacit_core::field::F;

use crate::builder::{Builder, Lc};
use crate::gadgets::eddsa::{self, PreparedKey};
use crate::gadgets::poseidon;

/// The owner word of a holder that signed `message`.
pub fn signed(b: &mut Builder, holder: &Holder, message: &Lc, signature: &Signature) -> Lc {
    let always = Lc::one();
    let x = b.witness("key x", holder.key.x);
    let y = b.witness("key y", holder.key.y);
    let viewing_key = b.witness("viewing key", holder.viewing_key);
    let subaccount = b.witness("subaccount", F::from(holder.subaccount));
    let key = PreparedKey::new(b, &x, &y, &always);
    eddsa::verify(b, &key, message, signature, &always);
    b.scoped("owner", |b| poseidon::hash(b, &[x, y, viewing_key, subaccount]))
}
