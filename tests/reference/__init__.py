"""The executable specification of `docs/protocol.md`, in the plainest Python integers.

It exists to disagree: written from the text alone, it shares no line with the Rust core, the
circuits or the contracts, and is compared with each of them in every output. It is meant to be
read beside the text, section by section; speed is left to the others. Nothing outside the
standard library is imported, and no constant of a hash function is copied: all are generated.
"""
