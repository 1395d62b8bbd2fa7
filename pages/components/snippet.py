"""The lines of Python that give what the page shows."""

import base64
import zlib
from typing import Any

from pages.components.session import DECIMALS, View


def code(view: View) -> str:
    """Code against `core` that, pasted, attacks this very digit in this very way."""
    settings = ", ".join(f"{name}={value!r}" for name, value in view.knobs)
    eps = f"{view.eps:.{DECIMALS[view.norm]}f}"
    lines: list[Any] = [
        *_digit_and_model(view),
        f'attack = attacks.get("{view.attack}")({settings})',
        f'result = attack(model, x, y, eps={eps}, norm="{view.norm}", target={_target(view)}, seed={view.seed})',
        "print(result.prediction, result.confidence, result.success)",
    ]
    return "\n".join(lines)


def all_attacks(view: View, norm: str, eps: float) -> str:
    """Code that attacks the digit with every attack that has the norm, as the Compare page does."""
    settings = f'eps={eps:.{DECIMALS[norm]}f}, norm="{norm}", target=target, seed={view.seed}'
    lines = [
        *_digit_and_model(view),
        "for name in attacks.names():",
        "    attack = attacks.get(name)()",
        f'    if "{norm}" in attack.norms:',
        f"        target = {_target(view)} if attack.targetable else None",
        f"        result = attack(model, x, y, {settings})",
        "        print(name, result.prediction, result.success, result.l2, result.gradients, result.forwards)",
    ]
    return "\n".join(lines)


def _target(view: View) -> str:
    return "None" if view.target is None else f"[{view.target}]"


def _digit_and_model(view: View) -> list[str]:
    """The imports, the model, and the digit as x and y."""
    if view.pixels is None:
        imports = ["from core import attacks, digits, zoo"]
        digit = [f"x, y = digits.bundled().images[[{view.index}]], digits.bundled().labels[[{view.index}]]"]
    else:
        imports = ["import base64, zlib", "import numpy as np", "from core import attacks, zoo"]
        packed = base64.b64encode(zlib.compress(view.pixels, 9)).decode()
        digit = [
            f'grey = np.frombuffer(zlib.decompress(base64.b64decode("{packed}")), np.uint8)',
            f"x, y = grey.reshape(1, 28, 28, 1).astype(np.float32) / 255, np.array([{view.y}])",
        ]
    return [*imports, "", f'model = zoo.load("{view.model}")', *digit]
