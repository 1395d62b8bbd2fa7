"""A sheet on which the server draws a picture to take away, in the colours and the letters of the light theme.

Everything is drawn three times as large and reduced at the end: edges become smooth, letters evenly spaced, and digits,
which are whole pixels, stay as they are.
"""

from __future__ import annotations

import io
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit
from PIL import Image, ImageColor, ImageDraw, ImageFont

_FINE = 3
_THEME = Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml"
_LETTERS = Path(streamlit.__file__).parent / "static" / "static" / "media"
_FONT = "SourceSansVF-Upright*"  # the pages' own, which Streamlit carries under a name with a hash


def _light() -> dict[str, Any]:
    return tomllib.loads(_THEME.read_text("utf-8"))["theme"]["light"]


#: The theme's light colours by their keys there, and those that are no keys of it.
COLOURS: dict[str, str] = {
    **{name: said for name, said in _light().items() if isinstance(said, str)},
    "white": "#FFFFFF",
    "orangeChip": "#BF4A0A",
    "plate": "#05070C",
    "rightCell": "#7FB5EE",
    "wrongCell": "#F09A5E",
}


@lru_cache(maxsize=64)
def _font(size: int, bold: bool) -> Any:
    """The pages' letters; Pillow's own where this Streamlit or this Pillow has them not."""
    try:
        font = ImageFont.truetype(str(next(_LETTERS.glob(_FONT))), size)
        font.set_variation_by_axes([700 if bold else 400])
    except (StopIteration, OSError, NotImplementedError):
        return ImageFont.load_default(size)
    return font


def width(text: str, size: int, bold: bool = False) -> float:
    """How wide a text is written."""
    return _font(_FINE * size, bold).getlength(text.replace("\u00a0", " ")) / _FINE


def wrapped(text: str, size: int, room: float, bold: bool = False) -> list[str]:
    """The text in lines of about one length, none wider than that unless a single word is; a figure keeps its %."""
    words = text.replace(" %", "\u00a0%").split(" ")
    lines = _lines(words, size, room, bold)
    for share in np.arange(1 / len(lines), 1.0, 0.02):
        if len(even := _lines(words, size, share * room, bold)) == len(lines):
            return even
    return lines


def _lines(words: list[str], size: int, room: float, bold: bool) -> list[str]:
    lines = [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, size, bold) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def mixed(one: str, other: str, share: float) -> str:
    """A colour between two of COLOURS."""
    a, b = (np.array(ImageColor.getrgb(COLOURS[name])) for name in (one, other))
    return "#{:02x}{:02x}{:02x}".format(*np.rint(a + (b - a) * share).astype(int))


class Box(NamedTuple):
    """Where a panel may draw, in the picture's pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Panel:
    """height: of what is under the title; width: None for what the others leave; note: beside the title, at the end."""

    title: str
    height: int
    draw: Callable[[Paper, Box], None]
    width: int | None = None
    note: str = ""


SMALL, TEXT = 15, 17  # sizes of letters
LABEL = 24  # the height of a line of them


class Paper:
    """Places and sizes are in the finished picture's pixels; colours are names in COLOURS, or as CSS writes them."""

    def __init__(self, width: int, height: int):
        self._image = Image.new("RGB", (_FINE * width, _FINE * height), COLOURS["backgroundColor"])
        self._draw = ImageDraw.Draw(self._image, "RGBA")  # so that what is half clear lets through what is below

    def write(
        self, text: str, x: float, y: float, size: int, *, bold: bool = False, colour: str = "textColor", at: str = "ls"
    ) -> None:
        """Write a text whose base line begins there; at: another anchor, as Pillow names them."""
        text = text.replace("\u00a0", " ")
        self._draw.text(_fine(x, y), text, font=_font(_FINE * size, bold), fill=_rgb(colour), anchor=at)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str | None = None,
        edge: str | None = None,
        thick: float = 1,
        round_: float = 4,
    ) -> None:
        """A box with rounded corners, its edge within it."""
        left, top, right, bottom = *_fine(x, y), *_fine(x + width, y + height)
        self._draw.rounded_rectangle(
            (left, top, right - 1, bottom - 1),
            round(_FINE * round_),
            fill=fill and _rgb(fill),
            outline=edge and _rgb(edge),
            width=round(_FINE * thick),
        )

    def line(self, points: Sequence[tuple[float, float]], colour: str, thick: float = 1) -> None:
        """A line through points."""
        self._draw.line([_fine(*each) for each in points], _rgb(colour), round(_FINE * thick), joint="curve")

    def dot(self, x: float, y: float, radius: float, colour: str, clear: float = 0.0) -> None:
        """A disc, which lets through a share of what is below."""
        fill = (*ImageColor.getrgb(_rgb(colour)), round(255 * (1 - clear)))
        self._draw.circle(_fine(x, y), _FINE * radius, fill=fill)

    def diamond(self, x: float, y: float, radius: float, colour: str) -> None:
        """An open diamond."""
        round_about = ((0, -radius), (radius, 0), (0, radius), (-radius, 0), (0, -radius), (radius, 0))
        self.line([(x + dx, y + dy) for dx, dy in round_about], colour, 1.5)

    def chip(self, digit: int, x: float, y: float, side: float, right: bool) -> None:
        """A class that was read, blue where it is the true one."""
        self.box(x, y, side, side, fill="blueColor" if right else "orangeChip")
        self.write(str(digit), x + side / 2, y + side / 2, round(0.7 * side), bold=True, colour="white", at="mm")

    def digit(self, x: np.ndarray, left: int, top: int, pixel: int, frame: str | None = None) -> None:
        """A picture of 784 shares of white, each so many pixels wide; frame: a colour around it."""
        edge, thick = ("borderColor", 1) if frame is None else (frame, 3)
        side = 28 * pixel
        self.box(left - thick, top - thick, side + 2 * thick, side + 2 * thick, fill=edge, round_=thick)
        grey = np.rint(255 * np.clip(x.reshape(28, 28), 0, 1)).astype(np.uint8)
        large = Image.fromarray(grey).resize((_FINE * side, _FINE * side), Image.Resampling.NEAREST)
        self._image.paste(large.convert("RGB"), _fine(left, top))

    def png(self) -> bytes:
        """The picture as a file."""
        out = io.BytesIO()
        self._image.reduce(_FINE).save(out, "PNG")
        return out.getvalue()


def _rgb(colour: str) -> str:
    return COLOURS.get(colour, colour)


def _fine(x: float, y: float) -> tuple[int, int]:
    return round(_FINE * x), round(_FINE * y)
