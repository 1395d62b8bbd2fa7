"""Train one here: a defense that is a training, run on a copy of the network, and then attacked like any other."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core import defenses
from core.errors import InputError
from pages.components import cache, own_models, pending, school, schooling, session
from pages.components.panel import Picks
from pages.components.pending import Pending
from pages.components.schooling import Lesson
from pages.components.session import View
from pages.components.settings import Settings

_JOB, _KEY = "schooling", "school"
_MADE = "school_made"  # the lesson that was learnt last, and the name of its network
_PATIENCE = 300.0  # seconds that it goes on while its visitor looks at other pages
_COUNTS, _SECONDS = (1000, 2500, 4500), (30, 60, 180, 600)

_settings = Settings("school")
_picks = Picks("school", training="pgd_training", count=_COUNTS[1], seconds=_SECONDS[1])


def draw(view: View, facing: Any) -> None:
    """The panel. facing: the page's pick of the other side, which the trained network can be put into."""
    with st.container(border=True, key="school-panel", height="stretch"):
        st.markdown("### Train one here")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            _controls()
            _begin_or_end(view)
        if pending.current(_JOB) is not None:
            pending.watch(_JOB, lambda over: _progress(over, facing))
        else:
            st.caption(_promise())


def _controls() -> None:
    """What is trained, how, on how much."""
    names = defenses.names("training")
    titles = {name: defenses.get(name).title for name in names}
    st.selectbox(
        "Training", names, format_func=titles.__getitem__, width=260, **_picks.bound("training", _picks["training"])
    )
    _settings.draw(_picks["training"])
    st.selectbox("Digits", _COUNTS, format_func="{:,}".format, width=110, **_picks.bound("count", _picks["count"]))
    st.selectbox("Time", _SECONDS, format_func=_time, width=110, **_picks.bound("seconds", _picks["seconds"]))


def _begin_or_end(view: View) -> None:
    found = pending.current(_JOB)
    if found is not None and not found.over:
        st.button("Stop", key="school_stop", on_click=found.stop)
    elif st.button("Train", key="school_train", icon=":material/fitness_center:"):
        _begin(view)
        st.rerun()


def _time(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _promise() -> str:
    return (
        f"A copy of the network learns for about {_time(_picks['seconds'])} from {_picks['count']:,} bundled digits; "
        "500 others tell how it stands. It will be yours alone, on every page."
    )


def _begin(view: View) -> None:
    try:
        model = cache.model(view.model)
    except InputError as fault:
        st.error(str(fault), icon=":material/error:")
        return
    training = _picks["training"]
    count, seconds = _picks["count"], _picks["seconds"]
    lesson = Lesson(view.model, model.version, training, _settings[training], count, seconds, seed=view.seed)
    pending.drop(_JOB)
    st.session_state.pop(_MADE, None)
    pending.of(_JOB, lesson, lambda job: schooling.run(job, lesson, model), patience=_PATIENCE)


def _progress(over: bool, facing: Any) -> None:
    """How the training stands, and what came of it."""
    found: Pending = st.session_state[_JOB]
    lesson: Lesson = found.asked
    epochs = found.parts()
    if epochs or not over:
        data = {
            **pending.told(found, over),
            "key": str(hash(lesson)),
            "title": lesson.instance.title,
            "epochs": epochs,
            "most": epochs[-1]["epochs"] if epochs else 1,
            "eps": lesson.eps,
        }
        school.draw(data, key=_KEY)
    if found.fault:
        st.error(found.fault, icon=":material/error:")
    elif over and found.job is not None and found.job.result is not None:
        _made(found, facing)
    elif over:
        why = "You stopped it" if found.stopped else "It was left alone for five minutes and ended"
        st.caption(f"{why} after {len(epochs)} rounds; nothing of it is kept.")


def _made(found: Pending, facing: Any) -> None:
    """The network is there: kept under a name of its own, once, and ready to be attacked."""
    assert found.job is not None
    if st.session_state.get(_MADE, (None,))[0] != found.asked:
        name = own_models.add(found.job.result)
        found.job.result = True  # the network lies with the visitor's own from now on
        st.session_state[_MADE] = (found.asked, name)
        st.rerun()  # every pick of a model has one more
    name = st.session_state[_MADE][1]
    told = found.parts()[-1]
    st.markdown(
        f"**{own_models.titles().get(name, 'Yours')}** reads {100 * told['clean']:.1f} % of 500 clean digits, and "
        f"{100 * told['attacked']:.1f} % of them attacked by PGD within ε = {found.asked.eps:g}. PGD alone is a bound "
        "from above: attack it in other ways."
    )
    with st.container(horizontal=True):
        if st.button("Attack it", key="school_attack", icon=":material/bolt:"):
            session.put(replace(session.current(), model=name))
            st.switch_page("pages/attack.py")
        if st.button("Put it up here", key="school_face", icon=":material/shield:"):
            facing.put(name)
            st.rerun()
        own_models.save(name, "school_save")
