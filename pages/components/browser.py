"""The files of a component in the browser: read, and its modules joined into the one that Streamlit takes."""

import re
from pathlib import Path

_IMPORT = re.compile(r'^import .* from "(\.{1,2}/.*)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def text(folder: Path, name: str) -> str:
    """What stands in a file of the component's folder."""
    return (folder / name).read_text(encoding="utf-8")


def bundle(folder: Path, name: str, title: str) -> str:
    """A module and those that it imports, each once and before its first user, named `title` for the debugger.

    They may lie in other components' folders, too. All their names come to lie in one scope, where a browser refuses to
    find one twice.
    """
    return _joined((folder / name).resolve(), set()) + f"//# sourceURL={title}.js\n"


def _joined(path: Path, seen: set[Path]) -> str:
    if path in seen:
        return ""
    seen.add(path)
    source = path.read_text(encoding="utf-8")
    before = "".join(_joined((path.parent / other).resolve(), seen) for other in _IMPORT.findall(source))
    return f"{before}\n// {path.parent.name}/{path.name}\n{_EXPORT.sub('', _IMPORT.sub('', source))}"
