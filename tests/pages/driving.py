"""How the tests open the page and answer for the components, whose JavaScript AppTest does not run."""

import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from pages.components import session
from pages.components.session import View

DASHBOARD = Path(__file__).resolve().parents[2] / "dashboard.py"


def opened(link: str = "", page: str = "") -> AppTest:
    """A new visitor's page, come by that query string; a test fails at once if it raised.

    page: the script of another page than the first, which the visitor turns to from there.
    """
    at = AppTest.from_file(DASHBOARD, default_timeout=120)
    for name, value in parse_qsl(link, keep_blank_values=True):
        at.query_params[name] = value
    calm(at.run())
    return calm(at.switch_page(f"pages/{page}.py").run()) if page else at


def calm(at: AppTest) -> AppTest:
    """The same page, once it is sure that nothing was raised on it."""
    assert not at.exception, [each.value for each in at.exception]
    return at


def finished(at: AppTest, place: str, seconds: float = 120) -> AppTest:
    """The page once the long work that it keeps at that place of the session is over, and did not fail."""
    end = time.monotonic() + seconds
    job = at.session_state[place].job
    while job is not None and not job.over:
        assert time.monotonic() < end, f"The work of {place} never ended."
        job.look()
        time.sleep(0.02)
    assert job is None or not job.fault, job.fault
    return calm(at.run())


def view(at: AppTest) -> View:
    """What the visitor has picked."""
    return at.session_state[session.KEY]


def button(at: AppTest, key: str) -> AppTest:
    """Press a button."""
    return calm(at.button(key=key).click().run())


def choose(at: AppTest, key: str, value: Any) -> AppTest:
    """Choose in a selectbox or a segmented control, by its value."""
    kinds = ("selectbox", "button_group", "slider", "select_slider", "checkbox", "number_input")
    widget = next(each for kind in kinds for each in at.get(kind) if each.key == key)
    return calm(widget.set_value(value).run())


def component(at: AppTest, name: str = "scrubber") -> Any:
    """The mounted component's message to the browser."""
    found = [node.proto for node in at if getattr(node, "type", "") == "bidi_component"]
    return next(proto for proto in found if name in proto.component_name)


def told(at: AppTest, name: str = "scrubber") -> dict[str, Any]:
    """What the component was given in the last run."""
    proto = component(at, name)
    return json.loads(proto.json or proto.mixed.json)


def data(at: AppTest) -> dict[str, Any]:
    """What the scrubber holds once it has asked for the whole sweep, as it does where it was given a part of it.

    It is what the scrubber and its cursor were told, as the browser puts the two together.
    """
    given = told(at)
    if not given["whole"]:
        given = told(answer(at, "scrubber", event="whole", value=given["key"]))
    cursor = told(at, "cursor")
    assert cursor["key"] == given["key"]
    return {**given, **cursor}


def answer(at: AppTest, name: str = "cursor", *, event: str = "", **state: Any) -> AppTest:
    """Run again as if the component had set that state, or fired that event with the state's `value`.

    The message is the one that a browser sends, so anything that a client might send can be tried.
    """
    proto = component(at, name)
    states = at._tree.get_widget_states()
    if event:
        message = json.dumps([{"event": event, "value": state.get("value")}])
        states.widgets.append(
            WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{proto.id}__events", json_trigger_value=message)
        )
    else:
        states.widgets.append(WidgetState(id=proto.id, json_value=json.dumps(state)))
    return calm(at._run(states))


def pictures(sweep: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A packed sweep as the browser decodes it: original (784,), change (rows, 784), probabilities (rows, 10)."""
    original = np.frombuffer(base64.b64decode(sweep["original"]), np.uint8) / 255
    shares = np.frombuffer(base64.b64decode(sweep["change"]), np.int8).reshape(-1, 784)
    probabilities = np.frombuffer(base64.b64decode(sweep["probabilities"]), np.float32).reshape(-1, 10)
    return original, shares * np.array(sweep["scales"])[:, None] / 127, probabilities


def drawn_digit(seed: int = 0) -> bytes:
    """784 grey levels of a thick seven, a bit different for each seed."""
    grey = np.zeros((28, 28), np.uint8)
    grey[5:8, 7:21] = 255
    for row in range(8, 24):
        at = 19 - (row - 8) // 2
        grey[row, at : at + 3] = 250 - seed % 50
    return grey.tobytes()
