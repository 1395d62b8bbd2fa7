"""The files of a component in the browser: its page made of parts, its styles, its modules joined into one."""

import re
from pathlib import Path
from string import Template
from typing import Any

import streamlit as st

#: What two components or more have in common.
SHARED = Path(__file__).parent / "shared"

_IMPORT = re.compile(r'^import .* from "(\.{1,2}/.*)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def component(folder: Path, *sheets: str, **words: str) -> Any:
    """The component that a folder holds in NAME.html, NAME.css and NAME.js, the folder's own name.

    sheets: the shared styles that it puts before its own; words: what stands at the slots of its page.
    """
    name = folder.name
    return st.components.v2.component(
        f"epsilon_{name}",
        html=page(folder, f"{name}.html", **words),
        css="".join([*(text(SHARED, sheet) for sheet in sheets), text(folder, f"{name}.css")]),
        js=bundle(folder, f"{name}.js", name),
    )


def text(folder: Path, name: str) -> str:
    """What stands in a file of the component's folder."""
    return (folder / name).read_text(encoding="utf-8")


def page(folder: Path, name: str, **words: str) -> str:
    """An HTML file, its slots filled: at `$name` stands the word of that name, or else the shared part NAME.html."""
    return Template(text(folder, name)).substitute(_Slots(words))


class _Slots(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return page(SHARED, f"{name}.html", **self)


def bundle(folder: Path, name: str, title: str) -> str:
    """A module and those that it imports, each once and before its first user, named `title` for the debugger.

    They may lie in other folders, too. All their names come to lie in one scope, where a browser refuses to find one
    twice.
    """
    return _joined((folder / name).resolve(), set()) + f"//# sourceURL={title}.js\n"


def _joined(path: Path, seen: set[Path]) -> str:
    if path in seen:
        return ""
    seen.add(path)
    source = path.read_text(encoding="utf-8")
    before = "".join(_joined((path.parent / other).resolve(), seen) for other in _IMPORT.findall(source))
    return f"{before}\n// {path.parent.name}/{path.name}\n{_EXPORT.sub('', _IMPORT.sub('', source))}"
