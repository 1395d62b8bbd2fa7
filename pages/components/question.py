"""What an attack on one digit is asked: everything that fixes its answer at every ε, and nothing else."""

import hashlib
import math
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from core import attacks, knobs
from core.attacks import Attack


@dataclass(frozen=True, kw_only=True)
class Question:
    """One digit under one attack, as the key of every cache; all fields are plain values, which Streamlit hashes whole.

    model, version: the network's name and its weights' version, so that other weights are another question; attack,
    knobs: the attack's name and its (name, value) pairs that differ from the defaults, sorted; pixels: the digit's 784
    float32 as bytes, every bit of them; label: what it is; norm: in which the change is bounded; target: the class
    aimed at, None for any wrong one; seed: any integer.
    """

    model: str
    version: str
    attack: str
    knobs: tuple[tuple[str, Any], ...]
    pixels: bytes
    label: int
    norm: str
    target: int | None = None
    seed: int = 0

    @property
    def x(self) -> np.ndarray:
        """The digit, (28, 28, 1) float32."""
        return np.frombuffer(self.pixels, np.float32).reshape(28, 28, 1)

    @property
    def instance(self) -> Attack:
        """The attack with its knobs set; raises InputError for an unknown one."""
        return attacks.get(self.attack)(**dict(self.knobs))

    @cached_property
    def key(self) -> str:
        """Sixteen hexadecimal digits that tell this question from every other."""
        told = repr([getattr(self, field.name) for field in fields(self)])
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def cost(attack: Attack) -> float:
    """Roughly what an attack spends on a digit: the product of its whole-numbered knobs, as far as they matter."""
    whole = [each for each in knobs.of(type(attack)) if each.kind == "int" and knobs.matters(attack, each)]
    return math.prod(max(getattr(attack, each.name), 1) for each in whole)
