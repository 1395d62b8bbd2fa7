"""What the Learn page says: its sections in order, each with the link to the page that shows it.

No number stands here: what is computed is said in the figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from pages.components import learn_made, navigation, session
from pages.components.learn_made import EPS, MASKED, NORM, PROVEN
from pages.components.session import View, eps_max


@dataclass(frozen=True)
class Section:
    """One piece of the page. text, and after the formulas, each with its words before it, `after`; see: what the link
    promises; page: where it leads; view, also: the picks there, in the View and beside it."""

    name: str
    title: str
    text: str
    see: str
    page: str
    view: View
    also: dict[str, Any] = field(default_factory=dict)
    formulas: tuple[tuple[str, str], ...] = ()
    after: str = ""

    @property
    def link(self) -> str:
        """The address of that page, set up."""
        query = "&".join(filter(None, (session.link(self.view), urlencode(self.also))))
        return navigation.address(self.page, query)


def sections() -> list[Section]:
    """All of them, in the page's order."""
    here = learn_made.view()
    share = {"budget": f"{EPS / eps_max(NORM):g}"}
    return [
        Section(
            "example",
            "An adversarial example",
            "A network reads handwritten digits, and reads this one rightly. Now every pixel is made a little "
            "lighter or darker: never by more than ε, where black to white is 1. You still see the "
            "same digit. But the directions were chosen so that they add up inside the network, and it "
            "reads another digit, often with great confidence. Such a picture is an adversarial example. Drag ε "
            "to make it.",
            "drag this digit through every ε",
            "attack",
            here,
        ),
        Section(
            "steps",
            "Four steps",
            "Every attack here goes the same way. *Choose* a digit that the network reads rightly; one that it "
            "misreads anyway proves nothing. *Perturb* it: the attack looks for a change. *Predict*: ask the "
            "network again. *Check*, by someone other than the attack: is the change as small as was promised, "
            "is the picture still a picture, does the network read something else? Only if all three hold has "
            "the attack succeeded.",
            "watch an attack take its steps, one frame at a time",
            "blackbox",
            here,
            {"knows": "gradient", **share},
        ),
        Section(
            "problems",
            "Two problems",
            "An attacker can ask two things. With $x$ the picture, $y$ what it is, $\\delta$ the change, $f$ the "
            "network and $L$ its error:",
            "the smallest change, found by another kind of attack",
            "attack",
            here.with_attack("fab"),
            formulas=(
                (
                    "**Fool within a budget.** Of all changes up to ε, which makes the error largest?",
                    r"\max_{\lVert\delta\rVert\le\varepsilon} L\bigl(f(x+\delta),\,y\bigr)",
                ),
                (
                    "**The smallest change that fools.** No budget; how little is enough?",
                    r"\min_\delta\ \lVert\delta\rVert\quad\text{with}\quad f(x+\delta)\ne y",
                ),
            ),
            after="In both, $x+\\delta$ must stay a picture, from black to white. How a change is measured, "
            "$\\lVert\\delta\\rVert$, is a choice: L∞ takes the largest change of any pixel.",
        ),
        Section(
            "boxes",
            "White box and black box",
            "Who has the network's weights can compute, for each pixel, which way the error grows: its gradient. "
            "That is a *white box*, and few gradients are enough. Who can only ask questions faces a *black "
            "box*, and must search: with the ten probabilities, or, more slowly, with nothing but the answer. "
            "And who cannot even ask can train a network of their own, fool that one, and hope that the change "
            "*transfers*.",
            "the four attackers side by side, as films",
            "blackbox",
            here.with_attack("square"),
            {"knows": "scores", **share},
        ),
        Section(
            "poison",
            "Poisoning",
            "So far the network was finished and its input changed. Who can touch the *training set* need not "
            "wait. A small stamp is put on some training digits, and their labels are changed to one class. A "
            "network that learns from them reads ordinary digits well, so a test finds nothing. But it has "
            "learnt that the stamp means that class, and whoever knows the stamp can call it up. That is a backdoor.",
            "paint a stamp, train a network on it, and find it again",
            "poison",
            here,
        ),
        Section(
            "noise",
            "Noise is not an attack",
            "If such small changes fool a network, is it not simply bad with noise? No. Random changes of the "
            "same size push this way and that, and inside the network they mostly cancel. An attack picks the "
            "sign of each pixel's change so that all of them push the same way. So a network that withstands "
            "noise is not yet robust, and a defense that was only tried against noise has not been tried.",
            "the same digit under random noise of any size",
            "attack",
            here.with_attack("noise"),
        ),
        Section(
            "masked",
            "Why defenses fail",
            "Many defenses only hide the gradient. This network was trained to be so sure of itself that the "
            "slope of its probabilities rounds to zero. An attack that follows that slope stands still, and the "
            "network looks robust. Nothing was mended: take the gradient one step earlier, of the scores behind "
            "the probabilities, and the digits fall. An honest test attacks with full knowledge of the defense, "
            "and tries several attacks.",
            "the same network under an attack that is not misled",
            "attack",
            replace(here, model=MASKED),
        ),
        Section(
            "certificate",
            "What a certificate says",
            "That no attack was found proves little: a better one may come. A *certificate* is a proof that no "
            "change up to ε, found or not, alters the answer for this digit. It may be too cautious: a digit "
            "that is not proven may still be safe. So the truth lies between two lines: *at least* what is "
            "proven, *at most* what stood under attack. And it speaks of this ε and this measure alone, not of a "
            "digit that is turned.",
            "a certified network beside the plain one",
            "defend",
            here,
            {"against": PROVEN},
        ),
        Section(
            "matters",
            "Where it matters",
            "Digits are harmless, and the same has been shown elsewhere. *Traffic:* a few stickers on a stop "
            "sign made a network read it as a speed limit ([Eykholt et al. "
            "2018](https://arxiv.org/abs/1707.08945)). *Medicine:* classifiers of medical pictures could be "
            "fooled, and where diagnoses decide on payment, some have a reason to ([Finlayson et al. "
            "2019](https://doi.org/10.1126/science.aaw4399)). *Finance:* altered transactions passed fraud "
            "detection ([Cartella et al. 2021](https://arxiv.org/abs/2101.08030)).",
            "a sticker on a digit",
            "attack",
            here.with_attack("patch"),
        ),
        Section(
            "read",
            "What to read",
            "- How it was found: [Szegedy et al. 2013](https://arxiv.org/abs/1312.6199); why it is so easy: "
            "[Goodfellow et al. 2014](https://arxiv.org/abs/1412.6572)\n"
            "- The two problems: [Madry et al. 2017](https://arxiv.org/abs/1706.06083), who also train against "
            "the first; [Carlini and Wagner 2016](https://arxiv.org/abs/1608.04644)\n"
            "- How to test a defense: [Athalye et al. 2018](https://arxiv.org/abs/1802.00420), "
            "[Tramèr et al. 2020](https://arxiv.org/abs/2002.08347), "
            "[Croce and Hein 2020](https://arxiv.org/abs/2003.01690)\n"
            "- Certificates by noise: [Cohen et al. 2019](https://arxiv.org/abs/1902.02918)\n"
            "- Backdoors: [Gu et al. 2017](https://arxiv.org/abs/1708.06733)",
            "every network against every attack, measured",
            "benchmark",
            here,
        ),
    ]
