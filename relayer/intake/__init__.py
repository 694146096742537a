"""From an envelope to a stored order with a signed receipt.

:mod:`.engine` is what the service calls; :mod:`.rules` says what is a valid order, against a :mod:`.view` of the vault; :mod:`.acceptance`
numbers and stores a group of orders in one commit; :mod:`.keys` looks after the keys that orders are encrypted to.
"""

from relayer.intake.acceptance import Acknowledged
from relayer.intake.engine import Engine
from relayer.intake.refusal import Busy, Code, Issue, Refused
from relayer.intake.registering import Registered

__all__ = ["Acknowledged", "Busy", "Code", "Engine", "Issue", "Refused", "Registered"]
