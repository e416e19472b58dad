"""What of an outcome reaches the model: selected, redacted, capped, fenced."""

from __future__ import annotations

from drawbar.kernel.outcome import Outcome


def text_for_model(outcome: Outcome, function: str) -> str:
    """One JSON object: the outcome, its data fenced and labelled, and the next step."""
    raise NotImplementedError
