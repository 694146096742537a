"""What `make bench` runs: measures every part on this machine and writes `docs/measurements.md`."""
