"""The one error of the reference: a batch that no prover could prove.

An order that the *state* refuses is no error; it ends with a reason (`admission.Reason`).
"""


class UnprovableError(ValueError):
    """Section 4, "Statically wrong (the sealer's fault; core refuses such a batch and, but for three of these that
    section 11 names, so do the circuits)", or a number out of its range.
    """
