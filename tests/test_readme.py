"""What README.md shows works as it stands there: its Python runs, its attack is an attack, its links lead somewhere."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import attacks, defenses, knobs, poisoning, zoo
from core.attacks import Attack
from core.benchmark import journal, poisoning_table
from core.registry import Registry
from tests.support import realistic

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_two_commands_start_it_and_test_it():
    start, test = blocks("bash")[:2]
    for command, ending in ((start, "streamlit run dashboard.py"), (test, "python -m pytest")):
        assert len(command.splitlines()) == 1 and command.startswith(
            "python3 -m venv .venv && .venv/bin/pip install -r "
        )
        assert command.strip().endswith(ending)
        assert (ROOT / re.search(r"-r (\S+)", command)[1]).is_file()


def test_its_files_and_folders_exist():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    named = re.findall(r"`((?:core|tests|pages|\.ci)/[\w./]*)`", README)
    for place in [*links, *(name for name in named if name != "core/attacks/fade.py")]:
        assert (ROOT / place).exists(), f"README.md speaks of {place}, and there is no such file."


def test_the_use_from_python_runs(capsys):
    exec(compile(blocks("python")[0], "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert re.search(r"read rightly before: (9\d|100)%, fooled: [1-9]\d?0?%", said)
    assert "gradients an image: 40" in said


def test_the_defenses_run_as_they_stand_there():
    names = {}
    exec(compile(blocks("python")[1], "README.md", "exec"), names)
    assert names["result"].fooled.mean() > 0.5 and names["alarms"].shape == (50,)
    assert names["hardened"].version != names["model"].version and names["proven"].all()


def test_the_zoos_table_says_what_the_cards_say():
    section = README.split("## The zoo")[1].split("## Measure")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, flags=re.MULTILINE))
    assert set(rows) == set(zoo.names())
    for name, row in rows.items():
        figures = zoo.card(name)["figures"]
        clean, attacked = (f"{100 * figures[each]['accuracy']:.2f}" for each in ("clean", "attacked"))
        assert row.startswith(f"{clean} | {attacked} ("), name
        shares = [*figures.get("smoothed", {}).get("accuracy", {}).values()]
        shares += [*figures.get("certified", {}).get("accuracy", {}).values()]
        if "autoattack" in figures:
            shares.append(figures["autoattack"]["accuracy"])
        for share in shares:
            assert f"{100 * share:.1f}" in row or share == 0, name


def test_every_defense_is_listed():
    listed = set(re.findall(r"`(\w+)`", README.split("## The defenses")[1].split("## Poisoning")[0]))
    assert set(defenses.names()) <= listed


def test_the_poisoning_runs_as_it_stands_there():
    names = {}
    exec(compile(blocks("python")[2], "README.md", "exec"), names)
    poisoned, found = names["poisoned"], names["found"]
    assert poisoning.attack_success(names["network"], poisoned, names["test"]) > 0.9
    assert poisoning.found(found.flagged, poisoned.touched).f1 > 0.9


def test_the_poisoning_tables_are_what_was_measured():
    rows = poisoning_table.rows_of(journal.read(poisoning_table.SHIPPED))
    assert poisoning_table.aims(rows) in README and poisoning_table.curves(rows) in README


def test_the_benchmark_runs_as_it_stands_there(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[3], "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.count("| `plain_mlp` |") == 3 and "worst of 2" in said and "| 50 |" in said


@pytest.fixture
def fade(tmp_path, monkeypatch):
    """The example as a file in a folder of attacks, found as any other is."""
    (tmp_path / "fade.py").write_text(blocks("python")[4], encoding="utf-8")
    monkeypatch.setattr(attacks, "__path__", [*attacks.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    registry = Registry("core.attacks", Attack, "attack")
    assert set(registry.names()) == {*attacks.names(), "fade"}
    yield registry.get("fade")
    sys.modules.pop("core.attacks.fade", None)


def test_the_example_of_an_attack_is_found_and_keeps_the_contracts(plain, few, fade):
    assert fade.name == "fade" and [knob.name for knob in knobs.of(fade)] == ["grey"]
    for norm in fade.norms:
        seen = []
        result = fade()(
            plain, *few, eps=realistic(norm), norm=norm, watch=lambda *told, seen=seen: seen.append(told[:2])
        )
        assert (result.size <= realistic(norm) + 1e-6).all() and (result.size > 0.5 * realistic(norm)).all()
        assert result.adversarial.min() >= 0 and result.adversarial.max() <= 1 and seen == [(1, 1)]
        np.testing.assert_array_equal(fade()(plain, *few, eps=0, norm=norm).adversarial, few[0])
    grey = fade(grey=0.3)(plain, *few, eps=1.0)
    np.testing.assert_allclose(grey.adversarial, 0.3, atol=1e-6)
    assert "Fade" in fade.title and "$$" in fade.__doc__


def test_ruff_likes_the_example(tmp_path):
    pytest.importorskip("ruff", reason="ruff is not installed: pip install -r requirements-dev.txt")
    (tmp_path / "fade.py").write_text(blocks("python")[4], encoding="utf-8")
    check = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), str(tmp_path)]
    assert subprocess.run(check, capture_output=True).returncode == 0
