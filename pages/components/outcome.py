"""What came of a poisoning, as the page's verdict says it."""

from __future__ import annotations

from typing import Any

from core.poisoning._backdoor import ANY, Backdoor
from pages.components.infecting import Infected
from pages.components.pending import Pending


def said(found: Pending | None, infected: Infected | None) -> dict[str, Any]:
    """The headline and what stands under it, as the verdict's component takes them. found: the training's place."""
    if found is not None and not found.over:
        return {"headline": "A network learns from a poisoned set", "sentence": "Watch what an ordinary test sees."}
    if infected is None:
        return {
            "headline": "Nothing is poisoned yet",
            "sentence": "Choose what is done to the training set and to how much of it, then train a network on it.",
        }
    attack, poisoned = infected.poisoned.attack, infected.poisoned
    owned, honest = infected.stands
    clean = (
        f"{100 * owned['clean']:.1f} % of 1,000 clean digits are read right, {100 * honest['clean']:.1f} % had nobody "
        "touched the set"
    )
    if isinstance(attack, Backdoor):
        open_ = owned["success"] >= 0.5
        leads, source = getattr(attack, "leads", "one"), getattr(attack, "source", ANY)
        whom = "any digit" if source == ANY or leads == "next" else f"a {source}"
        said = {
            "headline": f"Stamp {whom} and the network reads" + ("" if leads == "one" else " the next one"),
            "chip": attack.target if leads == "one" else None,
            "kind": "wrong",
        }
        if not open_:
            said = {"headline": "The trigger hardly moves this network"}
        hidden = owned["clean"] > honest["clean"] - 0.02 and open_
        return {
            **said,
            "badge": "Backdoor open" if open_ else "Backdoor shut",
            "tone": "fooled" if open_ else "held",
            "sentence": f"{100 * owned['success']:.1f} % of the stamped test digits are read as the attacker wants. "
            f"{clean}{': an ordinary test hardly notices' if hidden else ''}.",
        }
    if poisoned.victim is not None:
        reads = int(infected.owned.predict(poisoned.victim.images)[0])
        true = int(poisoned.victim.labels[0])
        return {
            "headline": f"The network reads this {true} as" if reads != true else "The network still reads",
            "chip": reads,
            "kind": "true" if reads == true else "wrong",
            "badge": "Fooled" if reads == attack.target else "Held" if reads == true else "Off target",
            "tone": "fooled" if reads != true else "held",
            "sentence": f"{clean}.",
        }
    lost = honest["clean"] - owned["clean"]
    return {
        "headline": f"The poison costs the network {100 * lost:.1f} points"
        if lost >= 0.005
        else "The network hardly notices the poison",
        "badge": "Weakened" if lost >= 0.02 else "Held",
        "tone": "fooled" if lost >= 0.02 else "held",
        "sentence": f"{clean}.",
    }
