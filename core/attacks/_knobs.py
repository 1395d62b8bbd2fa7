"""The knobs that several attacks have, declared once so that they bear one name, one range and one help text."""

from typing import Any

from core import losses
from core.knobs import knob


def loss() -> Any:
    """Which loss the attack climbs."""
    return knob("cross_entropy", "Loss", choices=losses.names(), help="What the attack raises: see core.losses")


def steps(default: int) -> Any:
    """How many gradient steps a restart takes."""
    return knob(default, "Steps", 1, 200, help="Gradient steps in each restart")


def step_size(default: float = 0.1) -> Any:
    """How long a step is."""
    return knob(default, "Step size", 0.005, 2.0, step=0.005, help="Length of one step, as a share of ε")


def queries(default: int, high: int = 10000) -> Any:
    """How often, at most, each image may be shown to the attacked network."""
    return knob(default, "Queries", 1, high, help="Images that the network is shown at most, for each digit")


def search_steps(default: int, help: str, low: int = 1, high: int = 20) -> Any:
    """How often a search halves what is left to search."""
    return knob(default, "Search steps", low, high, help=help)
