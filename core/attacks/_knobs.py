"""The knobs that several attacks have, declared once so that they bear one name, one range and one help text."""

from typing import Any

from core import losses
from core.classifier import CLASSES
from core.knobs import knob


def loss(default: str = "cross_entropy") -> Any:
    """Which loss the attack climbs."""
    return knob(default, "Loss", choices=losses.names(), help="What the attack raises: see core.losses")


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


def targets() -> Any:
    """How many other classes are aimed at one after another."""
    return knob(
        0,
        "Classes in turn",
        0,
        CLASSES - 1,
        help="Aim at so many of the likeliest other classes, one by one; 0: at all",
    )


def momentum(default: float) -> Any:
    """How much of the earlier directions a step keeps."""
    return knob(default, "Momentum", 0.0, 2.0, step=0.1, help="How much of the earlier gradients is kept, μ")


def confidence() -> Any:
    """By how much the wanted class must win."""
    return knob(0.0, "Confidence", 0.0, 20.0, step=0.5, help="Margin, in logits, by which the digit must be fooled, κ")


def early_stop() -> Any:
    """Whether a digit that is fooled costs no more steps."""
    return knob(
        False,
        "Stop once fooled",
        help="Spend nothing more on a digit that is fooled: quicker, but it stays near the border",
    )
