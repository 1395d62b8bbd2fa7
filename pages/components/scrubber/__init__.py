"""The scrubber: a whole sweep in the browser, dragged through at the display's rate. Bytes here, pictures there."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.sweep import Sweep
from pages.components import browser, packing

_HERE = Path(__file__).parent
_scrubber = browser.component(
    _HERE,
    "base.css",
    "rail.css",
    "lab.css",
    "icons.css",
    picture="picture",
    attacked="Adversarial",
    now="after",
    cost=browser.text(_HERE, "cost.html"),
    play="Play: sweep ε from 0 to its end",
    thumb="ε, the budget of the attack",
)
_cursor = st.components.v2.component(
    "epsilon_cursor",
    html='<i class="epsilon-cursor" hidden></i>',
    css=".stElementContainer:has(.epsilon-cursor) { display: none; }",
    js=browser.text(_HERE, "cursor.js"),
    isolate_styles=False,  # its style is about its place on the page
)


def pack(sweep: Sweep, *, skip: int = 0) -> dict[str, Any]:
    """A sweep as JSON: pictures and probabilities as base64 of bytes, a number a row else: 70 kB for 61 rows.

    skip: leave that many rows out at the beginning.
    """
    result = sweep.result
    change, scales = packing.quantised(result.change[skip:])
    numbers = {
        "epsilons": sweep.epsilons.round(6),
        "success": result.success,
        "linf": result.linf,
        "l2": result.l2,
        "touched": np.array(packing.touched(result.change)),
        "gradients": result.gradients,
        "forwards": result.forwards,
        "size": result.size,
    }
    return {
        "original": packing.coded(np.rint(255 * result.clean[0]).astype(np.uint8)),
        "change": change,
        "scales": scales,
        "before": packing.coded(result.probabilities_clean[0].astype(np.float32)),
        "probabilities": packing.coded(result.probabilities[skip:].astype(np.float32)),
        **{name: value[skip:].tolist() for name, value in numbers.items()},
        "notes": " ".join(result.notes),
    }


def pack_film(sweep: Sweep, probabilities: np.ndarray) -> dict[str, Any]:
    """The path of a sweep's last row, with the model's probabilities along it (steps + 1, 10), as JSON."""
    assert sweep.result.path is not None, "a film is made of a path"
    path = sweep.result.path[:, -1].astype(np.float64)
    change, scales = packing.quantised(path - sweep.result.clean[-1])
    eps = float(sweep.epsilons[-1])
    return {
        "eps": eps,
        "change": change,
        "scales": scales,
        "probabilities": packing.coded(probabilities.astype(np.float32)),
    }


def row_of(packed: dict[str, Any], at: int) -> dict[str, Any]:
    """One row of a packed sweep, packed."""
    part: dict[str, Any] = {name: value[at : at + 1] for name, value in packed.items() if isinstance(value, list)}
    for name, width in (("change", 784), ("probabilities", 40)):
        data = base64.b64decode(packed[name])
        part[name] = base64.b64encode(data[at * width : (at + 1) * width]).decode()
    return {**packed, **part}


def draw(data: dict[str, Any], *, key: str, on_whole: Any) -> None:
    """Mount the scrubber with a question's sweep, data["sweep"]; it shows it once the cursor has come, too.

    Where data["whole"] is false, it shows the few rows that it was given and triggers `whole` with data["key"].
    """
    _scrubber(key=key, data=data, on_whole_change=on_whole)


def draw_cursor(data: dict[str, Any], *, key: str, on_eps: Any, on_path: Any, on_code: Any) -> None:
    """Mount what the scrubber needs beside the sweep: the ε, its row where the sweep lacks it, and a film.

    It sets the state `eps` on release, and triggers `path` and `code` with the ε they are about. It is no part of the
    picture and takes no room: what is sent on a release is this, and not the sweep.
    """
    _cursor(key=key, data=data, on_eps_change=on_eps, on_path_change=on_path, on_code_change=on_code)
