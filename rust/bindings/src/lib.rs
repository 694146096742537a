//! The Python module `prover._native`: converts, calls, converts. Nothing else lives here.
