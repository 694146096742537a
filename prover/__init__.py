"""The Python face of tacit: batches, proofs, keys, risk tables and the command line."""
