"""The chain's own accounts and typed messages, of eth-account and eth-keyfile: the only module that imports these.

What they need raises the interpreter's recursion limit to 100,000 when it is imported. At such a limit a text of nothing but
opening brackets no longer ends in an error of the JSON reader but overflows its stack and kills the process; so the limit is put
back.
"""

import sys

_LIMIT = sys.getrecursionlimit()

from eth_account import Account  # noqa: E402 - the limit is read before
from eth_account.messages import encode_typed_data  # noqa: E402
from eth_account.signers.local import LocalAccount  # noqa: E402
from eth_keyfile.exceptions import EthKeyfileValueError  # noqa: E402

sys.setrecursionlimit(_LIMIT)

__all__ = ["Account", "EthKeyfileValueError", "LocalAccount", "encode_typed_data"]
