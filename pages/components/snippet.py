"""The lines of Python that give what the page shows."""

import base64
import zlib

from pages.components import own_models, shields
from pages.components.session import DECIMALS, View


def code(view: View) -> str:
    """Code against `core` that, pasted, attacks this very digit in this very way."""
    return "\n".join(
        [*_digit_and_model(view), *_attack(view), "print(result.prediction, result.confidence, result.success)"]
    )


def film(view: View) -> str:
    """Code that runs the attack as the Black box page does, and says what the network reads on the way."""
    call, end = code(view).rsplit(", seed=", 1)
    seed, last = end.split(")", 1)
    lines = [
        f"{call}, seed={seed}, path=True){last}",
        "spent = range(len(result.path)) if result.path_forwards is None else result.path_forwards[:, 0]",
        "for count, label in zip(spent, model.predict(result.path[:, 0])):",
        "    print(count, label)",
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


def plane(view: View, toward: str) -> str:
    """Code for the Landscape page's plane: an attack's change across, and a second direction up."""
    measure = view.norm if view.norm in ("linf", "l2", "l1") else "l2"
    lines = [
        *_digit_and_model(view),
        "from core import landscape",
        *_attack(view),
        f'u = landscape.unit(result.change[0], "{measure}")',
    ]
    if toward == "random":
        lines.append(f'v = landscape.random_direction(u, "{measure}", seed={view.seed})')
    elif toward.startswith("digit_"):
        lines += [
            "from core import digits",
            "bundled = digits.bundled()",
            f"other = bundled.images[bundled.labels == {toward[-1]}][0] - x[0]",
            f'v = landscape.orthogonal(other, u, "{measure}")',
        ]
    else:
        lines += [
            f'second = attacks.get("{toward}")()',
            f'norm = "{view.norm}" if "{view.norm}" in second.norms else second.norms[0]',
            f"other = second(model, x, y, eps={_eps(view)}, norm=norm, seed={view.seed}).change[0]",
            f'v = landscape.orthogonal(other, u, "{measure}")',
        ]
    lines += [
        f"plane = landscape.plane(model, x[0], u, v, extent=1.5 * max(result.size[0], {_eps(view)}))",
        "print(plane.prediction, plane.confidence, plane.loss(int(y[0])))",
    ]
    return "\n".join(lines)


def duel(view: View, other: str) -> str:
    """Code for the Defend page's two networks under one attack; `other` may stand behind a transform, as of shields."""
    base, shield, kept = shields.parted(other)
    knobs = ", ".join(f"{name}={value!r}" for name, value in kept)
    second = f'defenses.get("{shield}")({knobs}).protect({_loaded(base)})' if shield else _loaded(base)
    first, attack = _digit_and_model(view), _attack(view)
    lines = [line for line in first if not line.startswith("model = ")]
    if shield:
        lines = [line.replace("import attacks, ", "import attacks, defenses, ", 1) for line in lines]
    return "\n".join(
        [
            *lines,
            f"for model in ({_loaded(view.model)}, {second}):",
            *(f"    {line}" for line in attack),
            "    print(model.title, result.prediction, result.confidence, result.success)",
        ]
    )


def matrix(attack: str, norm: str, eps: float, each: int) -> str:
    """Code for the transfer matrix of the zoo, on the first digits of each class."""
    lines = [
        "import numpy as np",
        "from core import attacks, digits, metrics, zoo",
        "",
        "models = [zoo.load(name) for name in zoo.names()]",
        "bundled = digits.bundled()",
        f"rows = np.concatenate([np.flatnonzero(bundled.labels == label)[:{each}] for label in range(10)])",
        f'attack = attacks.get("{attack}")()',
        "x, y = bundled.images[rows], bundled.labels[rows]",
        f'print(metrics.transfer_matrix(models, attack, x, y, eps={eps:.{DECIMALS[norm]}f}, norm="{norm}"))',
    ]
    return "\n".join(lines)


def _eps(view: View) -> str:
    return f"{view.eps:.{DECIMALS[view.norm]}f}"


def _attack(view: View) -> list[str]:
    """The attack and its result."""
    settings = ", ".join(f"{name}={value!r}" for name, value in view.knobs)
    target = _target(view)
    return [
        f'attack = attacks.get("{view.attack}")({settings})',
        f'result = attack(model, x, y, eps={_eps(view)}, norm="{view.norm}", target={target}, seed={view.seed})',
    ]


def _target(view: View) -> str:
    return "None" if view.target is None else f"[{view.target}]"


def _digit_and_model(view: View) -> list[str]:
    """The imports, the model, and the digit as x and y."""
    loads, model = _model(view.model)
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
    return [*imports, *loads, "", *model, *digit]


def _model(name: str) -> tuple[list[str], list[str]]:
    """What has to be imported beside the zoo for a model, and the lines that load it."""
    loads = ["from core.classifier import load"] if own_models.code(name) else []
    return loads, [f"model = {_loaded(name)}"]


def _loaded(name: str) -> str:
    """The expression that loads a model."""
    if not name.startswith(own_models.PREFIX):
        return f'zoo.load("{name}")'
    return own_models.code(name) or "...  # your own network, which is kept no longer"
