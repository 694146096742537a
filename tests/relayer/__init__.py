"""The package `relayer`: what it reads, rebuilds, derives and refuses."""
