"""Fuzzing in Python: what hypothesis draws, shrunk where it fails. A sample in `make test`, minutes of it in `make fuzz`."""
