"""The code that the page shows gives what the page shows."""

import base64

import numpy as np
import pytest

from core import digits
from pages.components import session, snippet
from pages.components.session import View
from tests.pages.driving import data, drawn_digit, opened, pictures

OWN = {"pixels": drawn_digit(), "label": 7}
VIEWS = [
    View(index=3503, eps=session.snap(0.123, "linf")),
    View(
        index=2003,
        attack="fgsm",
        model="plain_mlp",
        target=9,
        eps=session.snap(0.047, "linf"),
        knobs=(("loss", "margin"),),
    ),
    View(
        **OWN, eps=session.snap(0.111, "linf"), seed=5, knobs=(("random_start", False), ("restarts", 2), ("steps", 7))
    ),
    View(**OWN, attack="mim", norm="l2", eps=session.snap(1.23, "l2"), target=2),
    View(index=4000, attack="noise", norm="l1", eps=session.snap(29.9, "l1"), seed=-3),
]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.attack}-{view.norm}-{view.eps:.3g}")
def test_pasted_it_gives_the_page_s_own_row(view, capsys):
    given = data(opened(session.link(view)))
    told = given.get("row", given["sweep"])  # an ε between two of the sweep's has a row of its own
    row = int(np.argmin(np.abs(np.array(told["epsilons"]) - view.eps)))
    assert abs(told["epsilons"][row] - view.eps) < 1e-6

    names: dict = {}
    exec(snippet.code(view), names)
    result = names["result"]
    original, change, probabilities = pictures(told)
    seen = np.clip(original + change[row], 0, 1)
    np.testing.assert_allclose(result.adversarial.ravel(), seen, atol=told["scales"][row] / 250 + 1e-5)
    np.testing.assert_allclose(result.probabilities[0], probabilities[row], atol=1e-5)
    np.testing.assert_allclose(result.linf[0], told["linf"][row], atol=1e-5)
    np.testing.assert_allclose(result.l2[0], told["l2"][row], atol=1e-5)
    assert result.prediction[0] == probabilities[row].argmax()
    assert bool(result.success[0]) == told["success"][row]
    assert f"[{result.prediction[0]}]" in capsys.readouterr().out


def test_it_holds_a_digit_of_the_visitor_s_own():
    packed = snippet.code(VIEWS[2]).split('b64decode("')[1].split('"')[0]
    assert base64.b64decode(packed)


def test_a_bundled_digit_is_named_by_its_row():
    assert "bundled().images[[3503]]" in snippet.code(VIEWS[0])
    assert int(digits.bundled().labels[3503]) == 7


@pytest.mark.parametrize("view", VIEWS)
def test_it_is_short_and_wide_lines_are_only_the_digit_s(view):
    lines = snippet.code(view).splitlines()
    assert len(lines) <= 10
    assert all(len(line) <= 150 for line in lines if "b64decode" not in line)
