"""Intake: from an envelope to a stored order with a signed receipt."""
