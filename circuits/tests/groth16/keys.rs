//! What a key must be to be used.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use tacit_circuits::error::{KeyError, VerifyError};
use tacit_circuits::keys::VerifyingKey;
use tacit_circuits::proof::{Proof, verify};

use crate::power_keys;

/// Were gamma = delta, `A = alpha, B = beta, C = −IC(x)` would satisfy the equation for every x.
#[test]
fn the_forgery_that_gamma_equal_delta_allows_is_real_and_the_lint_refuses_the_key() {
    let (_, mut vk) = power_keys();
    assert_eq!(vk.lint(), Ok(()));
    let inputs = [Fr::from(123u64), Fr::from(456u64)];
    let forge = |vk: &VerifyingKey| Proof {
        a: vk.alpha,
        b: vk.beta,
        c: (-(vk.ic[0] + vk.ic[1] * inputs[0] + vk.ic[2] * inputs[1])).into_affine(),
    };
    assert_eq!(verify(&vk, &inputs, &forge(&vk)), Err(VerifyError::Rejected));
    vk.gamma = vk.delta;
    assert_eq!(verify(&vk, &inputs, &forge(&vk)), Ok(()));
    assert_eq!(vk.lint(), Err(KeyError::GammaIsDelta));
}

#[test]
fn keys_with_trivial_or_wrong_points_are_refused() {
    let (_, good) = power_keys();
    let g2_off = G2Affine::new_unchecked(good.beta.x, good.beta.x);
    let trivial = |part| Err(KeyError::TrivialPoint { part, index: 0 });
    let refused = |change: &dyn Fn(&mut VerifyingKey)| {
        let mut vk = good.clone();
        change(&mut vk);
        vk.lint()
    };
    assert_eq!(refused(&|vk| vk.alpha = G1Affine::identity()), trivial("alpha"));
    assert_eq!(refused(&|vk| vk.alpha = -G1Affine::generator()), trivial("alpha"));
    assert_eq!(refused(&|vk| vk.beta = G2Affine::generator()), trivial("beta"));
    assert_eq!(refused(&|vk| vk.delta = G2Affine::generator()), trivial("delta"));
    assert_eq!(refused(&|vk| vk.gamma = G2Affine::identity()), trivial("gamma"));
    assert_eq!(refused(&|vk| vk.gamma = -vk.delta), Err(KeyError::GammaIsDelta));
    assert_eq!(refused(&|vk| vk.beta = g2_off), Err(KeyError::BadPoint { part: "beta", index: 0 }));
    assert_eq!(refused(&|vk| vk.ic[2] = G1Affine::identity()), Err(KeyError::TrivialPoint { part: "ic", index: 2 }));
    let same = Err(KeyError::InputsNotIndependent { first: 1, second: 2 });
    assert_eq!(refused(&|vk| vk.ic[2] = -vk.ic[1]), same);
    assert_eq!(refused(&|vk| vk.gamma = G2Affine::generator()), Ok(()));
}

#[test]
fn halves_of_different_keys_do_not_pass_as_one() {
    let (mut pk, _) = power_keys();
    assert_eq!(pk.lint(), Ok(()));
    pk.delta_g1 = pk.beta_g1;
    assert_eq!(pk.lint(), Err(KeyError::Inconsistent { part: "delta" }));
}
