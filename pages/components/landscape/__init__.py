"""The landscape: a plane through a digit as a map in the browser, with the digit of every point under the pointer."""

from pathlib import Path
from typing import Any

import numpy as np

from core.landscape import Plane
from pages.components import browser, packing

_component = browser.component(Path(__file__).parent, "base.css", "head.css", "icons.css", picture="map")


def pack(plane: Plane) -> dict[str, Any]:
    """A plane as JSON: a byte a point for its class and one for its confidence; the digit and the directions whole."""
    return {
        "count": len(plane.a),
        "a": [float(plane.a[0]), float(plane.a[-1])],
        "b": [float(plane.b[0]), float(plane.b[-1])],
        "classes": packing.coded(plane.prediction.astype(np.uint8)),
        "confidence": packing.coded(np.rint(255 * plane.confidence).astype(np.uint8)),
        "x": packing.coded(plane.x.astype(np.float32)),
        "u": packing.coded(plane.u.astype(np.float32)),
        "v": packing.coded(plane.v.astype(np.float32)),
    }


def draw(data: dict[str, Any], *, key: str, on_code: Any) -> None:
    """Mount the map of data["plane"] (see pack); it triggers `code` with data["key"]."""
    _component(key=key, data=data, on_code_change=on_code)
