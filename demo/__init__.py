"""What `make demo` runs: two sealed batches of real orders, proven and settled by a contract on a local chain."""
