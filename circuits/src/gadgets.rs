//! The parts that both circuits are made of. Each has a plain function beside it, here or in `tacit-core`, that computes the same
//! value outside a circuit; the tests compare the two.
