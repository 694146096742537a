//! State, clearing and margin of tacit in integers: pure, deterministic to the byte.
