"""The Learn page once the network is awake: short texts, each beside its figure, which comes in when it is computed."""

from functools import partial
from typing import Any

import streamlit as st

from pages.components import learn_figures, learn_texts, learning, opening, pending, verdict
from pages.components.learn_texts import Section

_JOB = "learning"
_COLUMNS = (6, 7)  # words and figure
_STYLE = """<style>
[class*="st-key-learn-"] { padding-top: 30px; }
[class*="st-key-learn-"] h2 { padding: 0 0 4px; }
[class*="st-key-learn-"] p, [class*="st-key-learn-"] li { max-width: 70ch; text-wrap: pretty; }
[class*="st-key-learn-"] a { color: inherit; text-underline-offset: 3px; }
[class*="st-key-learn-"] .katex-display { margin: 4px 0 12px; }
@media (max-width: 640px) {
  [class*="st-key-learn-"] .stHorizontalBlock { gap: 10px; }
}
</style>"""


def draw() -> None:
    """Everything on the page. The words stand at once, and whatever becomes of the figures."""
    opening.link_notes()
    st.html(_STYLE)
    key = learn_figures.asked()
    known = learn_figures.KEPT.get(key)
    pending.of(_JOB, key, None if known else partial(learn_figures.run, key=key), at_once=0.5)
    pending.watch(_JOB, _page)


def _page(over: bool) -> None:
    """All sections with the figures that have come in."""
    found = pending.current(_JOB)
    come: dict[str, Any] = {}
    if found is not None:
        come = learn_figures.KEPT.get(found.asked) or dict(found.parts())
    verdict.draw(_headline(come), key="learn-verdict")
    fault, ahead = (found.fault, found.place) if found else (None, 0)
    *shown, matters, reading = learn_texts.sections()
    for section in shown:
        with st.container(key=f"learn-{section.name}"):
            words, picture = st.columns(_COLUMNS, gap="large")
            with words:
                _words(section)
            with picture:
                _figure(section.name, come.get(section.name), fault, over, ahead)
    for place, section in zip(st.columns(_COLUMNS, gap="large"), (matters, reading), strict=True):
        with place, st.container(key=f"learn-{section.name}"):
            _words(section)


def _words(section: Section) -> None:
    st.markdown(f"## {section.title}")
    st.markdown(section.text)
    for said, formula in section.formulas:
        st.markdown(said)
        st.latex(formula)
    if section.after:
        st.markdown(section.after)
    st.markdown(f"**[See it: {section.see}]({section.link})**")


def _figure(name: str, figure: dict[str, Any] | str | None, fault: str | None, over: bool, place: int) -> None:
    if isinstance(figure, dict):
        learning.draw(figure, key=f"figure-{name}")
    elif isinstance(figure, str) or over:
        st.error(figure or fault or "This figure was not computed. Load the page again.", icon=":material/error:")
    else:
        learning.draw({"waits": True, "place": place}, key=f"figure-{name}")


def _headline(come: dict[str, Any]) -> dict[str, Any]:
    """The page's largest line: what the first digit is read as, once that is known."""
    sentence = "How a network is fooled, what that means, and what helps: every figure below is computed here."
    steps = come.get("steps")
    if not isinstance(steps, dict):
        return {"headline": "A digit, and what a network reads in it", "sentence": sentence}
    attacked = steps["cards"][2]
    right = attacked["chip"] == attacked["label"]
    return {
        "headline": f"You see a {attacked['label']}. The network reads",
        "chip": attacked["chip"],
        "kind": "true" if right else "wrong",
        "sentence": sentence,
    }
