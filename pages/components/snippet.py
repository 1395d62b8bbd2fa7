"""The lines of Python that give what the page shows."""

import base64
import zlib
from typing import Any

from pages.components.session import DECIMALS, View


def code(view: View) -> str:
    """Code against `core` that, pasted, attacks this very digit in this very way."""
    settings = ", ".join(f"{name}={value!r}" for name, value in view.knobs)
    eps = f"{view.eps:.{DECIMALS[view.norm]}f}"
    target = "None" if view.target is None else f"[{view.target}]"
    imports = (
        ["from core import attacks, digits, zoo"]
        if view.pixels is None
        else ["import base64, zlib", "import numpy as np"]
    )
    if view.pixels is None:
        digit = [f"x, y = digits.bundled().images[[{view.index}]], digits.bundled().labels[[{view.index}]]"]
    else:
        imports.append("from core import attacks, zoo")
        packed = base64.b64encode(zlib.compress(view.pixels, 9)).decode()
        digit = [
            f'grey = np.frombuffer(zlib.decompress(base64.b64decode("{packed}")), np.uint8)',
            f"x, y = grey.reshape(1, 28, 28, 1).astype(np.float32) / 255, np.array([{view.y}])",
        ]
    lines: list[Any] = [
        *imports,
        "",
        f'model = zoo.load("{view.model}")',
        *digit,
        f'attack = attacks.get("{view.attack}")({settings})',
        f'result = attack(model, x, y, eps={eps}, norm="{view.norm}", target={target}, seed={view.seed})',
        "print(result.prediction, result.confidence, result.success)",
    ]
    return "\n".join(lines)
