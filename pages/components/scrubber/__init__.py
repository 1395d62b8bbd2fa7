"""The scrubber: a whole sweep in the browser, dragged through at the display's rate. Bytes here, pictures there."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.sweep import Sweep

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "epsilon_scrubber",
    html=(_HERE / "scrubber.html").read_text(encoding="utf-8"),
    css="\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("scrubber.css", "icons.css")),
    js=(_HERE / "scrubber.js").read_text(encoding="utf-8"),
)
TOUCHED = 0.5 / 255  # a pixel counts as touched from half a grey level on


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _quantised(change: np.ndarray) -> tuple[str, list[float]]:
    """Each row as int8 shares of its own largest entry, so that a small change keeps its shape; and those entries."""
    rows = change.reshape(len(change), -1)
    scales = np.abs(rows).max(axis=1)
    shares = np.rint(127 * rows / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    return _text(shares), scales.tolist()


def pack(sweep: Sweep, *, skip: int = 0) -> dict[str, Any]:
    """A sweep as JSON: pictures and probabilities as base64 of bytes, a number a row else: 70 kB for 61 rows.

    skip: leave that many rows out at the beginning.
    """
    result = sweep.result
    change, scales = _quantised(result.change[skip:])
    numbers = {
        "epsilons": sweep.epsilons.round(6),
        "success": result.success,
        "linf": result.linf,
        "l2": result.l2,
        "touched": (np.abs(result.change).reshape(len(result), -1) >= TOUCHED).sum(axis=1),
        "gradients": result.gradients,
        "forwards": result.forwards,
    }
    return {
        "original": _text(np.rint(255 * result.clean[0]).astype(np.uint8)),
        "change": change,
        "scales": scales,
        "before": _text(result.probabilities_clean[0].astype(np.float32)),
        "probabilities": _text(result.probabilities[skip:].astype(np.float32)),
        **{name: value[skip:].tolist() for name, value in numbers.items()},
    }


def pack_film(sweep: Sweep, probabilities: np.ndarray) -> dict[str, Any]:
    """The path of a sweep's last row, with the model's probabilities along it (steps + 1, 10), as JSON."""
    assert sweep.result.path is not None, "a film is made of a path"
    path = sweep.result.path[:, -1].astype(np.float64)
    change, scales = _quantised(path - sweep.result.clean[-1])
    eps = float(sweep.epsilons[-1])
    return {"eps": eps, "change": change, "scales": scales, "probabilities": _text(probabilities.astype(np.float32))}


def with_row(grid: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """The packed grid with one more packed row, at its place among the epsilons."""
    eps = row["epsilons"][0]
    at = int(np.searchsorted(grid["epsilons"], eps))
    joined = dict(grid)
    for name, width in (("change", 784), ("probabilities", 40)):
        data = base64.b64decode(grid[name])
        joined[name] = base64.b64encode(data[: at * width] + base64.b64decode(row[name]) + data[at * width :]).decode()
    for name, value in grid.items():
        if isinstance(value, list):
            joined[name] = value[:at] + row[name] + value[at:]
    return {**joined, "stamp": eps}


def draw(data: dict[str, Any], *, key: str, on_eps: Any, on_path: Any, on_code: Any, on_whole: Any) -> None:
    """Mount the scrubber. It sets the state `eps` on release, and triggers `path` and `code` with the ε they are about.

    Where data["whole"] is false, it shows the few rows that it was given and triggers `whole` with data["key"].
    """
    _component(
        key=key,
        data=data,
        on_eps_change=on_eps,
        on_path_change=on_path,
        on_code_change=on_code,
        on_whole_change=on_whole,
    )
