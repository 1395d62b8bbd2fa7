"""The components' scripts: their modules become the one that Streamlit takes."""

import re
from pathlib import Path

import pytest

from pages.components import browser

ROOT = Path(browser.__file__).parent
SCRIPTS = [
    (path.parent.name, path.name) for path in sorted(ROOT.glob("*/*.js")) if "export default" in path.read_text("utf-8")
]


@pytest.mark.parametrize(("folder", "name"), SCRIPTS, ids="/".join)
def test_the_modules_become_one(folder, name):
    """Each once, before its first user, and nothing left that only a browser's own loader could follow."""
    script = browser.bundle(ROOT / folder, name, folder)
    names = re.findall(r"^// ([\w-]+/[\w-]+\.js)$", script, re.MULTILINE)
    assert names[-1] == f"{folder}/{name}" and len(names) == len(set(names))
    assert not re.search(r"^import ", script, re.MULTILINE)
    assert re.findall(r"^export \w+", script, re.MULTILINE) == ["export default"]
    tops = re.findall(r"^(?:export )?(?:default )?(?:async )?(?:const|let|class|function) (\w+)", script, re.MULTILINE)
    assert len(tops) == len(set(tops)), "Two modules name one thing alike."
    assert script.endswith(f"//# sourceURL={folder}.js\n")


def test_no_module_lies_idle():
    used = {
        name
        for folder, script in SCRIPTS
        for name in re.findall(r"^// ([\w-]+/[\w-]+\.js)$", browser.bundle(ROOT / folder, script, folder), re.MULTILINE)
    }
    assert used == {f"{path.parent.name}/{path.name}" for path in ROOT.glob("*/*.js")}


def test_a_slot_takes_its_word_or_the_shared_part(tmp_path, monkeypatch):
    monkeypatch.setattr(browser, "SHARED", tmp_path)
    (tmp_path / "outer.html").write_text("<div>$inner</div>")
    (tmp_path / "inner.html").write_text("<b>$word</b>")
    assert browser.page(tmp_path, "outer.html", word="ε") == "<div><b>ε</b></div>"
    with pytest.raises(FileNotFoundError, match=r"word\.html"):
        browser.page(tmp_path, "outer.html")


def test_no_shared_part_or_style_lies_idle():
    pages = "".join(path.read_text("utf-8") for path in ROOT.glob("*/*.html"))
    assert {path.stem for path in browser.SHARED.glob("*.html")} <= set(re.findall(r"\$(\w+)", pages))
    users = "".join(path.read_text("utf-8") for path in ROOT.glob("*/__init__.py"))
    assert {path.name for path in browser.SHARED.glob("*.css")} <= set(re.findall(r'"(\w+\.css)"', users))
