"""The contracts on a real chain: compiled, deployed on anvil, called and refused."""
