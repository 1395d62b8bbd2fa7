"""What the Learn page's figures show: worked out by `core` beside the page, in its order, once for all visitors."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from core import attacks, defenses, poisoning
from core.errors import InputError
from pages.components import cache, filming, infecting, proving
from pages.components import learn_made as made
from pages.components.jobs import Job
from pages.components.kept import Kept
from pages.components.learn_made import COUNT, EPS, MASKED, NORM, PLAIN, PROVEN
from pages.components.proving import Claim, Single

PROVEN_COUNT = proving.COUNTS[0]
_STAMPED = 2  # digits that are shown before and after they were poisoned

#: What has been worked out, by what was asked.
KEPT = Kept(4)

#: What an attacker may know: the word for it, and the attack that stands for it, as on the Black box page.
ATTACKERS = (
    ("the weights", "pgd"),
    ("ten probabilities", "square"),
    ("the answer alone", "hopskipjump"),
    ("nothing", "transfer"),
)


def asked() -> tuple[str, ...]:
    """What all figures depend on: the networks' weights; an empty word for one that cannot be loaded."""

    def version(name: str) -> str:
        try:
            return cache.model(name).version
        except InputError:
            return ""

    return tuple(version(name) for name in (PLAIN, MASKED, PROVEN))


def run(job: Job, key: tuple[str, ...]) -> None:
    """Hand in pairs of a figure's name and the figure; in its place the sentence why there is none, where it failed."""
    done: dict[str, Any] = {}
    for number, (name, make) in enumerate(FIGURES.items()):
        if not job.report(number, len(FIGURES)):
            return
        try:
            figure: dict[str, Any] | str = make()
        except InputError as fault:
            figure = str(fault)
        done[name] = figure
        job.hand_in((name, figure))
    if not any(isinstance(figure, str) for figure in done.values()):
        KEPT.put(key, done)


# -------------------------------------------------------------------------------------------------------------- figures
def _example() -> dict[str, Any]:
    """The digit at every ε, to be dragged through."""
    return {"sweep": made.swept(), "eps": EPS, "label": made.view().y}


def _steps() -> dict[str, Any]:
    """The four steps of one attack: what was chosen, the change, what is read, and whether it keeps to the rules."""
    now, told = made.view(), made.attacked("pgd")
    before, after = told.probabilities_clean[0], told.probabilities[0]
    return {
        "cards": [
            {"title": "1. Choose", **made.plain(now.x), **made.read(before, now.y)},
            {"title": "2. Perturb", **made.change(told), "note": f"{told.linf[0]:.3f} at most"},
            {"title": "3. Predict", **made.plain(told.adversarial[0]), **made.read(after, now.y)},
            {
                "title": "4. Check",
                "checks": [
                    [bool(told.within[0]), f"{told.linf[0]:.3f} is within ε\u00a0=\u00a0{EPS:.3f}"],
                    [bool(0 <= told.adversarial.min() <= told.adversarial.max() <= 1), "black to white, not beyond"],
                    [bool(told.success[0]), f"reads {after.argmax()}, was {before.argmax()}"],
                ],
                "badge": "fooled" if told.success[0] else "held",
            },
        ]
    }


def _problems() -> dict[str, Any]:
    """The confidence over ε with the budget in it, and the smallest change that another attack found."""
    now, told = made.view(), made.swept()
    shares = np.frombuffer(base64.b64decode(told["probabilities"]), np.float32).reshape(-1, 10)
    rival = np.delete(shares, now.y, axis=1).max(axis=1)
    smallest = cache.swept(cache.question(replace(now, attack="fab")))
    size = smallest["size"][-1] if smallest["success"][-1] else None
    return {
        "curve": {
            "x": told["epsilons"],
            "lines": [
                {
                    "tone": "blue",
                    "y": shares[:, now.y].round(4).tolist(),
                    "text": f"confidence in {now.y}",
                    "at": "low",
                },
                {"tone": "orange", "y": rival.round(4).tolist(), "text": "in another digit", "at": "high"},
            ],
            "mark": {"x": EPS, "text": "the budget"},
            "dot": None if size is None else {"x": size, "text": f"smallest change: {size:.3f}"},
        },
        "foot": f"{attacks.get('pgd').title} at {len(told['epsilons'])} budgets; the smallest change that "
        f"{attacks.get('fab').title} found. Both with their default settings, in L∞.",
    }


def _boxes() -> dict[str, Any]:
    """What four attackers, who know less and less, had asked of the network when it first read something else."""
    rows = []
    for word, name in ATTACKERS:
        scene = (cache.question(replace(made.view(), attack=name)), EPS)
        film = filming.FILMS.get(scene)
        if film is None:
            filming.FILMS.put(scene, film := filming.shoot(scene))
        first, spent = film["first"], film["forwards"]
        until = (film["at"][first] if spent else 0) if first is not None else spent
        unit = film["unit"] if spent else "questions"
        said = f"{until:,} {unit}" if spent else "no question"
        rows.append(
            {
                "word": f"{word}",
                "note": attacks.get(name).title,
                "value": until,
                "text": f"{said}: reads {film['reads']}" if first is not None else f"{said}: not fooled",
                "tone": "orange" if first is not None else "blue",
            }
        )
    foot = (
        f"Until the {made.view().y} was first misread within ε = {EPS:.3f}. Default settings, the bars on a log scale."
    )
    return {"bars": rows, "log": True, "foot": foot}


def _poison() -> dict[str, Any]:
    """Digits of a training set before and after somebody put a stamp on them and changed their labels."""
    train = infecting.material(False)
    poisoned = poisoning.get("badnets")(rate=0.05)(train)
    cards: list[dict[str, Any]] = []
    for row in np.flatnonzero(poisoned.touched)[:_STAMPED]:
        was, now = int(poisoned.clean.labels[row]), int(poisoned.digits.labels[row])
        cards += [
            {"title": "Before", **made.plain(poisoned.clean.images[row]), "note": f"label {was}"},
            {
                "title": "Poisoned",
                "sign": "→",
                **made.plain(poisoned.digits.images[row]),
                "note": f"label {now}",
                "tone": "orange",
            },
        ]
    foot = f"{poisoned.count:,} of {len(train):,} training digits are stamped so, by {poisoned.attack.title}."
    return {"cards": cards, "foot": foot}


def _noise() -> dict[str, Any]:
    """Noise and one step along the gradient at the same ε: on the digit, and on many."""
    now, some, network = made.view(), made.counted(), cache.model(PLAIN)
    bars, cards, step = [made.bar("no attack", made.right(network, some))], [], attacks.get("fgsm").title
    for name, word, tone in (("noise", "random noise", ""), ("fgsm", "one chosen step", "orange")):
        told = made.attacked(name)
        cards.append(
            {
                "title": word[0].upper() + word[1:],
                **made.plain(told.adversarial[0]),
                **made.read(told.probabilities[0], now.y),
            }
        )
        many = attacks.get(name)()(network, some.images, some.labels, eps=EPS, norm=NORM)
        bars.append(made.bar(word, made.standing(many), tone))
    return {
        "cards": cards,
        "bars": bars,
        "foot": f"Read right, of {COUNT} digits, at ε = {EPS:.3f} in L∞. The step: {step}.",
    }


def _masked() -> dict[str, Any]:
    """A network that is so sure that the slope of its answer rounds to 0; its digits, attacked in three ways."""
    network, some = cache.model(MASKED), made.counted()
    blind, one, many = (
        attacks.get(name)()(model, some.images, some.labels, eps=EPS, norm=NORM)
        for name, model in (("fgsm", made.answering(network)), ("fgsm", network), ("pgd", network))
    )
    fgsm, pgd = attacks.get("fgsm").title, attacks.get("pgd").title
    return {
        "bars": [
            made.bar("no attack", made.right(network, some)),
            made.bar("one step, masked", made.standing(blind)),
            made.bar("one step, unmasked", made.standing(one), "orange"),
            made.bar("many steps, unmasked", made.standing(many), "orange"),
        ],
        "foot": f"Read right by {network.title}, of {COUNT} digits, at ε = {EPS:.3f} in L∞. One step: {fgsm}; "
        f"many: {pgd}. Masked: along the gradient of the probabilities; unmasked: of the scores behind them.",
    }


def _certificate() -> dict[str, Any]:
    """What is proven of a network's digits over ε, what an attack left standing, and how far this digit is proven."""
    network, now = cache.model(PROVEN), made.view()
    claim = Claim(PROVEN, network.version, "interval", PROVEN_COUNT)
    single = Single(PROVEN, network.version, "interval", now.x.tobytes())
    if (parts := proving.CURVES.get(claim)) is None:
        proving.prove(claim, network)(work := made.unseen())
        parts = work.parts
    if proving.SINGLES.get(single) is None:
        proving.single(single, network)(made.unseen())
    radii = np.array([radius for part in parts if "radii" in part for radius in part["radii"]])
    right = sum(part.get("right", 0) for part in parts)
    standing = {0.0: right, **{part["eps"]: part["standing"] for part in parts if "eps" in part}}
    epsilons = sorted(standing)
    own = proving.SINGLES.get(single)
    foot = f"Of {len(radii)} digits, by {defenses.get('interval').title.lower()} and PGD, in L∞."
    if own is not None and own["radius"] > 0:
        foot = f"This {now.y} is proven up to ε = {own['radius']:.3f}. {foot}"
    return {
        "curve": {
            "x": epsilons,
            "band": True,
            "lines": [
                {
                    "tone": "blue",
                    "y": [float((radii >= eps).mean()) for eps in epsilons],
                    "text": "proven: at least",
                    "at": "under",
                },
                {
                    "tone": "orange",
                    "y": [standing[eps] / len(radii) for eps in epsilons],
                    "text": "stand under attack: at most",
                    "at": "over",
                },
            ],
        },
        "foot": foot,
    }


#: The figures by their sections' names, in the page's order.
FIGURES: dict[str, Callable[[], dict[str, Any]]] = {
    "example": _example,
    "steps": _steps,
    "problems": _problems,
    "boxes": _boxes,
    "poison": _poison,
    "noise": _noise,
    "masked": _masked,
    "certificate": _certificate,
}
