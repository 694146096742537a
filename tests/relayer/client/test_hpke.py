"""HPKE is RFC 9180's, and what does not open is one error."""

from __future__ import annotations

import json
import secrets

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from relayer import hpke
from relayer.errors import DecryptionError, EncryptionKeyError
from relayer.hpke import PrivateKey, PublicKey
from tests.reference import hpke as reference

from .vectors import FOLDER

RFC = json.loads((FOLDER / "external" / "hpke_rfc9180.json").read_text())
INFO, ENC, PLAIN = (bytes.fromhex(RFC[name]) for name in ("info", "enc", "pt"))
PRIVATE = PrivateKey(bytes.fromhex(RFC["skRm"]))


def test_the_reference_is_the_rfcs_vectors() -> None:
    ephemeral, recipient = bytes.fromhex(RFC["skEm"]), bytes.fromhex(RFC["pkRm"])
    encapsulated, context = reference.sender(ephemeral, recipient, INFO)
    assert encapsulated == ENC
    assert (context.key.hex(), context.base_nonce.hex()) == (RFC["key"], RFC["base_nonce"])
    assert reference.receiver(ENC, PRIVATE.raw, INFO) == context
    for each in RFC["encryptions"]:
        aad, sealed = bytes.fromhex(each["aad"]), bytes.fromhex(each["ct"])
        assert context.nonce(each["sequence"]).hex() == each["nonce"]
        assert context.seal(PLAIN, aad, each["sequence"]) == sealed
        assert context.open(sealed, aad, each["sequence"]) == PLAIN


def test_the_package_opens_the_rfcs_first_ciphertext() -> None:
    """What `PrivateKey.open` calls is this function with no associated data, which the RFC's vectors have."""
    first = RFC["encryptions"][0]
    key = X25519PrivateKey.from_private_bytes(PRIVATE.raw)
    sealed = ENC + bytes.fromhex(first["ct"])
    aad = bytes.fromhex(first["aad"])
    assert openssl.hpke._decrypt_with_aad(hpke._SUITE, sealed, key, INFO, aad) == PLAIN
    assert PRIVATE.public.raw.hex() == RFC["pkRm"]


def test_the_rfcs_key_schedule_opens_without_associated_data() -> None:
    _, context = reference.sender(bytes.fromhex(RFC["skEm"]), PRIVATE.public.raw, INFO)
    assert PRIVATE.open(ENC, context.seal(PLAIN), INFO) == PLAIN


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 1024])
def test_the_reference_opens_what_is_sealed(length: int) -> None:
    private, plain = PrivateKey.generate(), secrets.token_bytes(length)
    encapsulated, ciphertext = private.public.seal(plain, b"place")
    assert reference.receiver(encapsulated, private.raw, b"place").open(ciphertext) == plain
    assert private.open(encapsulated, ciphertext, b"place") == plain


def test_nothing_that_does_not_open_says_why() -> None:
    private = PrivateKey.generate()
    encapsulated, ciphertext = private.public.seal(b"content", b"place")
    wrong = [
        (PrivateKey.generate(), encapsulated, ciphertext, b"place"),
        (private, encapsulated, ciphertext, b"palce"),
        (private, encapsulated, ciphertext[:-1], b"place"),
        (private, encapsulated, ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]), b"place"),
        (private, encapsulated, bytes([ciphertext[0] ^ 1]) + ciphertext[1:], b"place"),
        (private, encapsulated, b"", b"place"),
        (private, encapsulated[:-1], ciphertext, b"place"),
        (private, bytes(32), ciphertext, b"place"),
        (private, PrivateKey.generate().public.raw, ciphertext, b"place"),
    ]
    messages = set()
    for key, enc, sealed, info in wrong:
        with pytest.raises(DecryptionError) as refused:
            key.open(enc, sealed, info)
        messages.add((str(refused.value), tuple(refused.value.values)))
        assert refused.value.__cause__ is None
    assert len(messages) == 1


def test_nothing_is_encrypted_to_a_key_of_low_order() -> None:
    for point in (0, 1, 2**255 - 20, 2**255 - 19):
        with pytest.raises(EncryptionKeyError, match="low order"):
            PublicKey(point.to_bytes(32, "little")).seal(b"content", b"")


def test_a_key_has_32_bytes_and_is_not_shown() -> None:
    for make in (PublicKey, PrivateKey):
        with pytest.raises(EncryptionKeyError, match="31"):
            make(bytes(31))
    private = PrivateKey.generate()
    assert private.raw.hex() not in repr(private)
    assert repr(private.raw) not in repr(private)
