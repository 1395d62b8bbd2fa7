"""What is picked stays picked: on another page and back, and for each visitor alone."""

from pages.components import session
from pages.components.session import View
from tests.pages.driving import AppTest, answer, button, calm, choose, data, opened, view

APP = """
import streamlit as st
st.navigation([st.Page("pages/attack.py", default=True), st.Page("pages/other.py")], position="hidden").run()
"""


def test_a_visit_to_another_page_loses_nothing(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    (folder / "attack.py").write_text(
        "from pages.components import attack_view\nattack_view.draw()\n", encoding="utf-8"
    )
    (folder / "other.py").write_text("import streamlit as st\nst.write('Elsewhere')\n", encoding="utf-8")
    at = calm(AppTest.from_file(tmp_path / "app.py", default_timeout=120).run())
    button(at, "digit_3")
    button(at, "digit_3")
    choose(at, "pick_attack", "mim")
    choose(at, "pick_norm", "l1")
    choose(at, "knob_steps", 4)
    choose(at, "pick_target", "8")
    answer(at, eps=12.3)
    before, sweep = view(at), data(at)
    calm(at.switch_page("pages/other.py").run())
    assert at.markdown[0].value == "Elsewhere"
    calm(at.switch_page("pages/attack.py").run())
    assert view(at) == before and data(at) == sweep
    assert at.selectbox(key="pick_attack").value == "mim" and at.slider(key="knob_steps").value == 4


def test_visitors_do_not_meet():
    one, other = opened("digit=100"), opened("digit=600")
    button(one, "digit_9")
    choose(one, "pick_attack", "fgsm")
    calm(other.run())
    assert view(other) == View(index=600) and view(one).y == 9


def test_snapping_keeps_to_the_steps_and_the_range():
    for norm, step in session.STEP.items():
        top = session.eps_max(norm)
        assert session.snap(-1, norm) == 0 and abs(session.snap(2 * top, norm) - top) < 1e-9
        for at in range(round(top / step) + 1):
            kept = session.snap(at * step, norm)
            assert session.snap(kept, norm) == kept
            assert float(f"{kept:.{session.DECIMALS[norm]}f}") == round(kept, 6)
