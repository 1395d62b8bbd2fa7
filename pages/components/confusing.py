"""Who is taken for whom, by the network that was never poisoned and by the poisoned one: counted once a training."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from core import poisoning
from core.digits import Digits
from core.poisoning._backdoor import Backdoor
from pages.components import infecting
from pages.components.infecting import Infected

NAMES = ("Never poisoned", "Poisoned")


@dataclass(frozen=True, eq=False)
class Confusions:
    """How many of the 1,000 test digits of class i are read as j: (10, 10) for each network, in the order of NAMES.

    clean: of the digits as they are; stamped: of the same with the trigger, or None where there is no trigger; wanted:
    (10,), as what a stamped digit of each class is to be read, -1 where the class is not meant, or None.
    """

    clean: tuple[np.ndarray, np.ndarray]
    stamped: tuple[np.ndarray, np.ndarray] | None = None
    wanted: np.ndarray | None = None


_COUNTED: WeakKeyDictionary[Infected, Confusions] = WeakKeyDictionary()  # it keeps no network alive


def counted(infected: Infected) -> Confusions:
    """The counts, taken when they are first asked for."""
    known = _COUNTED.get(infected)
    if known is None:
        known = _COUNTED[infected] = _count(infected)
    return known


def _count(infected: Infected) -> Confusions:
    test, attack = infecting.test(), infected.poisoned.attack

    def both(digits: Digits) -> tuple[np.ndarray, np.ndarray]:
        return poisoning.confusion(infected.honest, digits), poisoning.confusion(infected.owned, digits)

    if not isinstance(attack, Backdoor):
        return Confusions(both(test))
    return Confusions(both(test), both(Digits(attack.stamp(test.images), test.labels)), attack.wanted())
