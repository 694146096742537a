"""Vectors of everything that a trader makes and reads: keys, an order on its way, the answers it signs, its receipt."""

import random

from . import receipt, secp256k1
from .account import owner
from .eddsa import sign
from .envelope import (
    cancel_message,
    challenge_message,
    holder_content,
    info,
    key_id,
    order_content,
    pack_signature,
    seal,
)
from .exchange import Json, address, hex_word, holder_json, order_json
from .field import MODULUS
from .order import Kind, Order, Side, domain_of, order_hash
from .seed import holder, signing_key
from .x25519 import public_key


def orders(rng: random.Random) -> list[Order]:
    """One of each kind, and one in which every field is as long as it gets."""
    salt = rng.randrange(MODULUS)
    return [
        Order(3, 17, Side.BUY, 25_000, 1_234_560_000, 30, 0, 5, 7, 9, True, Kind.TRADE, 0, salt),
        Order(
            2**21 - 1,
            2**27 - 1,
            Side.SELL,
            2**32 - 1,
            2**42 - 1,
            9_999,
            2**32 - 1,
            63,
            2**32 - 1,
            2**32 - 1,
            False,
            Kind.TRADE,
            0,
            MODULUS - 1,
        ),
        Order(9, 0, Side.BUY, 2_000_000, 50, 30, 1, 0, 8, 8, True, Kind.WITHDRAW, rng.randrange(2**160), salt),
        Order(9, 0, Side.BUY, 1, 0, 30, 2, 0, 8, 20, True, Kind.CANCEL, 0, salt),
    ]


def trading_case(rng: random.Random, order: Order, subaccount: int) -> Json:
    chain_id, vault, seed = rng.randrange(2**40), rng.randrange(2**160), rng.randbytes(32)
    domain = domain_of(chain_id, vault)
    own, key = holder(seed, domain, subaccount), signing_key(seed)
    message = order_hash(domain, order)
    private, challenge = rng.randbytes(32), rng.randrange(MODULUS)
    document: Json = {
        "chain_id": chain_id,
        "vault": address(vault),
        "domain": hex_word(domain),
        "seed": "0x" + seed.hex(),
        "signing_key": "0x" + key.hex(),
        "holder": holder_json(own),
        "owner": hex_word(owner(own)),
        "order": order_json(order),
        "order_hash": hex_word(message),
        "signature": "0x" + pack_signature(sign(key, message)).hex(),
        "encryption_key": {
            "private": "0x" + private.hex(),
            "public": "0x" + public_key(private).hex(),
            "key_id": key_id(public_key(private)).hex(),
        },
        "sealed_order": envelope_case(
            rng,
            public_key(private),
            b"tacit.order.1",
            (domain, vault, order.first_batch, order.last_batch),
            order_content(owner(own), order, sign(key, message)),
        ),
        "sealed_registration": envelope_case(
            rng, public_key(private), b"tacit.account.1", (domain, vault, 0, 0), holder_content(own)
        ),
        "challenge": signed_case(key, challenge_message(domain, challenge)) | {"challenge": hex_word(challenge)},
        "cancel": signed_case(key, cancel_message(domain, message)),
        "receipt": receipt_case(rng, chain_id, vault, receipt_of(rng, domain, order, message)),
    }
    signer = int(document["receipt"]["signer_key"], 16)
    document["encryption_key"] |= vouched(chain_id, vault, public_key(private), 1_790_000_000 + order.slot, signer)
    return document


def vouched(chain_id: int, vault: int, public: bytes, begin: int, signer: int) -> Json:
    """A key is signed for 25 hours by the receipt's signer."""
    end = begin + 90_000
    digest = receipt.key_digest(receipt.separator(chain_id, vault), public, begin, end)
    signature = secp256k1.sign(signer, digest)
    return {"not_before": begin, "not_after": end, "digest": "0x" + digest.hex(), "signature": "0x" + signature.hex()}


def envelope_case(
    rng: random.Random, public: bytes, purpose: bytes, place: tuple[int, int, int, int], content: bytes
) -> Json:
    ephemeral = rng.randbytes(32)
    bound = info(purpose, *place, public)
    return {
        "info": "0x" + bound.hex(),
        "ephemeral": "0x" + ephemeral.hex(),
        "content": content.decode("ascii"),
        "envelope": seal(public, ephemeral, bound, place[2], place[3], content),
    }


def signed_case(key: bytes, message: int) -> Json:
    return {"message": hex_word(message), "signature": "0x" + pack_signature(sign(key, message)).hex()}


def receipt_of(rng: random.Random, domain: int, order: Order, message: int) -> receipt.Receipt:
    """The first of its batch for an order of the first slot, a later one for others."""
    first = order.slot == 0
    previous = receipt.start(domain, order.first_batch) if first else rng.randbytes(32)
    return receipt.Receipt(message, 1 if first else 41, order.account, order.first_batch, previous)


def receipt_case(rng: random.Random, chain_id: int, vault: int, given: receipt.Receipt) -> Json:
    separator = receipt.separator(chain_id, vault)
    digest, key = receipt.digest(separator, given), rng.randrange(1, secp256k1.N)
    return {
        "separator": "0x" + separator.hex(),
        "digest": "0x" + digest.hex(),
        "signer": "0x" + secp256k1.address(key).hex(),
        "chained": "0x" + receipt.chained(given).hex(),
        "signed": {
            "order": hex_word(given.order),
            "sequence": given.sequence,
            "account": given.account,
            "batch": given.batch,
            "previous": "0x" + given.previous.hex(),
            "signature": "0x" + secp256k1.sign(key, digest).hex(),
        },
        "signer_key": hex_word(key),
    }


def cases() -> Json:
    rng = random.Random("tacit client")
    subaccounts = (0, 2**32 - 1, 0, 7)
    return {"cases": [trading_case(rng, order, sub) for order, sub in zip(orders(rng), subaccounts, strict=True)]}
