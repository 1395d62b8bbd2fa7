"""What is left of a training set when a detector's finds are thrown out."""

from __future__ import annotations

from core.digits import Digits
from core.errors import InputError
from core.poisoning.base import Findings


def unflagged(digits: Digits, findings: Findings | None) -> Digits:
    """The digits that nobody suspects; InputError where all are suspected."""
    assert findings is not None  # `Cleaner.clean` has asked for them
    if findings.flagged.all():
        raise InputError(
            f"All {len(digits):,} digits are flagged, so none is left to train on. Look for poison with a detector, or "
            "with knobs, that flags fewer."
        )
    return digits[~findings.flagged]
