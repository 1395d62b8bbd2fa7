"""A figure beside its target."""

from dataclasses import dataclass


@dataclass
class Row:
    """One line of the table."""

    what: str
    value: float
    target: float
    unit: str = "ms"

    def __str__(self) -> str:
        verdict = "met" if self.value <= self.target else "MISSED"
        number = f"{self.value:,.2f}" if self.unit in ("×", "GB") else f"{self.value:,.1f}"
        return f"{self.what:66} {number:>9} {self.unit:2}  at most {self.target:>6,g} {self.unit:2}  {verdict}"
