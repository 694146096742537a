"""Transactions on a real anvil: what an operator relies on, and everything that endpoints, relays and chains do to it."""
