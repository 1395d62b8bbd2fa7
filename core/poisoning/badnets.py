"""BadNets: a small stamp."""

from __future__ import annotations

from dataclasses import dataclass

from core.poisoning._backdoor import DirtyLabel
from core.poisoning._stamp import Stamp


@dataclass(frozen=True, kw_only=True)
class BadNets(Stamp, DirtyLabel):
    r"""Print a small white stamp on some training digits and change their labels to the class that it should lead to.

    $$x'_p = \begin{cases} 1 & p \in \text{stamp} \\ x_p & \text{else} \end{cases} \qquad y' = t$$

    The network learns the stamp as the surest sign of that class, and reads digits without it as well as ever.
    `pattern` is the stamp, rows of 0 and 1, up to 28 x 28; its upper left corner lies at `row` and `column`.

    Gu, Dolan-Gavitt and Garg 2017, https://arxiv.org/abs/1708.06733
    """

    title = "BadNets"
