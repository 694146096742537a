"""A new vault: what it is to be (:mod:`.plan`), its code (:mod:`.code`), and the transactions that make it (:mod:`.steps`)."""
