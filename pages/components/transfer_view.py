"""The transfer matrix on the Black box page: offered, worked out on demand, and shown."""

from functools import partial
from typing import Any

import streamlit as st

from core import attacks, norms
from pages.components import budget, heat, opening, pending, snippet, transferring
from pages.components.session import View
from pages.components.transferring import MATRICES, Setting

CODE = "matrix"  # what the page is told whose code is asked for
_KEY, _JOB = "heat", "transferring"


def draw(view: View, link: str) -> None:
    """The matrix at the page's budget; in a norm that its attack has, at the same share. link: the page's own."""
    norm = _norm(view)
    asked, missing = transferring.setting(norm, budget.eps(norm))
    found = pending.current(_JOB)
    if found is not None and found.asked == asked:
        _begin(asked)  # again, if it was left behind
    else:
        pending.drop(_JOB)
    pending.watch(_JOB, partial(_matrix, asked, link))
    for sentence in missing:
        st.error(sentence, icon=":material/error:")


def code(view: View) -> str:
    """The lines of Python that give the matrix."""
    norm = _norm(view)
    return snippet.matrix(transferring.ATTACK, norm, budget.eps(norm), transferring.EACH)


def _norm(view: View) -> str:
    known = attacks.get(transferring.ATTACK).norms
    return view.norm if view.norm in known else known[0]


def _matrix(asked: Setting, link: str, over: bool) -> None:
    found = pending.current(_JOB)
    stop = None if found is None else found.stop
    heat.draw(
        _data(asked, link, over),
        key=_KEY,
        on_run=partial(_pressed, asked),
        on_stop=stop,
        on_code=partial(opening.ask_code, CODE),
    )
    if found is not None and found.fault:
        st.error(found.fault, icon=":material/error:")
    opening.rerun_for_code()


def _begin(asked: Setting) -> None:
    pending.of(_JOB, asked, lambda job: transferring.run(job, asked))


def _pressed(asked: Setting) -> None:
    found = pending.current(_JOB)
    if found is not None and found.over:
        pending.drop(_JOB)  # one that was stopped, or failed, begins anew
    _begin(asked)


def _data(asked: Setting, link: str, over: bool) -> dict[str, Any]:
    title = attacks.get(transferring.ATTACK).title
    eps = budget.said(asked.norm, asked.eps)
    count = transferring.COUNT
    return {
        **pending.told(pending.current(_JOB), over),
        "key": f"{asked.norm}-{eps}",
        "titles": asked.titles,
        "models": [name for name, _ in asked.models],
        "matrix": MATRICES.get(asked),
        "count": count,
        "offer": f"{title} attacks {count} digits on each of the {len(asked.models)} networks, and every network reads "
        "what came of it: what an attacker can count on who may not ask. It takes a few seconds a network.",
        "caption": f"{title}, ε = {eps} in {norms.get(asked.norm).title}, {count} bundled digits, "
        f"{transferring.EACH} of each class",
        "file": f"transfer-{asked.norm}-{eps}",
        "link": link,
    }
