//! From a ceremony that is over to keys, and back: whether key files are those of a transcript.

use std::path::Path;

use crate::ceremony::error::CeremonyError;
use crate::ceremony::queries::Places;
use crate::ceremony::transcript::Transcript;
use crate::error::Error;
use crate::fingerprint::Fingerprint;
use crate::keyfile::{Origin, load_manifest, load_proving_key, load_verifying_key, proving_key_bytes};
use crate::keys::{self, ProvingKey, Query, VerifyingKey};
use crate::matrices::Matrices;

impl Transcript {
    /// The keys that the ceremony ended in. Checks neither points nor contributions: see [`Transcript::verify`].
    ///
    /// # Errors
    /// [`CeremonyError::NotOver`], [`CeremonyError::WrongCircuit`], and [`CeremonyError::Key`] for keys that the lint refuses.
    pub fn keys(&self, matrices: Matrices) -> Result<ProvingKey, CeremonyError> {
        self.require_over()?;
        let fingerprint = Fingerprint::of(&matrices);
        self.require_circuit(fingerprint)?;
        let (places, domain, now) = (Places::of(&matrices), keys::domain_of(&matrices)?, self.accumulated());
        let points = self.points.clone();
        let vk = VerifyingKey {
            alpha: points.alpha_g1,
            beta: points.beta_g2,
            gamma: now.gamma_g2,
            delta: now.delta_g2,
            ic: points.ic,
            fingerprint,
        };
        let key = ProvingKey {
            vk,
            beta_g1: points.beta_g1,
            delta_g1: now.delta_g1,
            matrices,
            a: Query { wires: places.a, points: points.a },
            b_g1: points.b_g1,
            b_g2: Query { wires: places.b, points: points.b_g2 },
            l: Query { wires: places.l, points: points.l },
            h: points.h,
            domain,
        };
        key.lint()?;
        Ok(key)
    }

    /// Checks that the key files of a folder, and their manifest, are those of this transcript, whose file has the given SHA-256.
    ///
    /// # Errors
    /// [`CeremonyError::KeysDiffer`], naming what differs, and all of [`load_proving_key`] and [`Transcript::keys`].
    pub fn lint_keys(&self, hash: [u8; 32], matrices: Matrices, dir: &Path) -> Result<(), Error> {
        self.verify_records()?;
        let expected = self.keys(matrices)?;
        let circuit = &self.subject.circuit;
        let manifest = load_manifest(dir, circuit)?;
        let verifying = load_verifying_key(dir, circuit, Some(expected.vk.fingerprint))?;
        let proving = load_proving_key(dir, circuit, Some(expected.vk.fingerprint))?;
        let matrices = &expected.matrices;
        let counts = (matrices.rows(), matrices.wires(), matrices.n_inputs);
        let demands = [
            ("origin in the manifest", manifest.origin == Origin::Ceremony { transcript: hash }),
            ("parameter set in the manifest", manifest.params == self.subject.params),
            ("counts in the manifest", (manifest.constraints, manifest.wires, manifest.inputs) == counts),
            ("verifying key", verifying == expected.vk),
            ("proving key", proving_key_bytes(&proving) == proving_key_bytes(&expected)),
        ];
        match demands.iter().find(|(_, holds)| !holds) {
            Some(&(part, _)) => Err(CeremonyError::KeysDiffer { part }.into()),
            None => Ok(()),
        }
    }
}
