"""The dependency rule: every room imports from the rooms below it, and never looks up.

Read from the source with `ast`, so that an import inside a function counts as well.
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: From the ground up. A module may import its own storey and those below it.
STOREYS = (
    ("core.errors", "core.specs", "core.commands"),
    (
        "core.norms",
        "core.losses",
        "core.knobs",
        "core.registry",
        "core.seeds",
        "core.pictures",
        "core.background",
        "core.digits",
    ),
    (
        "core.model_archives",
        "core.model_files",
        "core.model_process",
        "core.lowering",
        "core.adapting",
        "core.classifier",
        "core.result",
        "core.zoo",
    ),
    ("core.attacks",),
    (
        "core.sweep",
        "core.metrics",
        "core.landscape",
        "core.fit",
        "core.stages",
        "core.copies",
        "core.objectives",
        "core.parts",
        "core.bounds",
        "core.crown",
        "core.features",
    ),
    ("core.defenses", "core.poisoning"),
    (
        "core.training",
        "core.recipes",
        "core.cards",
        "core.measuring",
        "core.benchmark",
        "core.evasion",
        "core.detection",
        "core.scores",
    ),
    ("pages.components",),
    ("pages", "dashboard"),
)
#: The page paints these before TensorFlow has loaded.
LIGHT = ("core", "core.errors", "core.knobs", "core.registry", "core.pictures", "core.digits")


def source_files() -> dict[str, Path]:
    """Dotted name -> file, of everything that ships: core, pages and the dashboard."""
    files = sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("dashboard.py")])
    names = (file.relative_to(ROOT).with_suffix("").parts for file in files)
    return {".".join(parts).removesuffix(".__init__"): file for parts, file in zip(names, files, strict=True)}


def imports_of(file: Path, name: str, known: set[str]) -> set[str]:
    """The dotted names that a file imports; `from core import zoo` counts as core.zoo where that is a module."""
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                found.add(whole if whole in known else base)
    return found


FILES = source_files()
IMPORTS = {name: imports_of(file, name, set(FILES)) for name, file in FILES.items()}


def under(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def storey(name: str) -> int | None:
    """The storey of a dotted name: the most specific room that holds it. None for the bare package `core`."""
    rooms = [(len(room), level) for level, rooms in enumerate(STOREYS) for room in rooms if under(name, room)]
    return max(rooms)[1] if rooms else None


def test_the_reader_sees_every_kind_of_import(tmp_path):
    file = tmp_path / "x.py"
    file.write_text(
        "import a.b as c\nfrom core import zoo, thing\nfrom . import base\ndef f():\n    from .. import up\n"
    )
    known = {"core.zoo", "core.attacks.base"}
    assert imports_of(file, "core.attacks.x", known) == {"a.b", "core.zoo", "core", "core.attacks.base"}


@pytest.mark.parametrize("name", FILES)
def test_every_module_has_a_storey_and_never_looks_up(name):
    own = storey(name)
    assert own is not None or name == "core", f"{name} has no place in the dependency rule: give it one in STOREYS."
    for imported in IMPORTS[name]:
        if under(imported, "core", "pages", "dashboard") and imported != "core":
            level = storey(imported)
            assert level is not None, f"{name} imports {imported}, which has no place in the dependency rule."
            assert level <= (own or 0), f"{name} imports {imported}, which stands above it."


@pytest.mark.parametrize("name", [name for name in FILES if under(name, "core")])
def test_core_knows_no_screen(name):
    wrong = {imported for imported in IMPORTS[name] if under(imported, "streamlit", "plotly", "pages", "dashboard")}
    assert not wrong, f"{name} imports {sorted(wrong)}; core is headless."


@pytest.mark.parametrize("room", ["core.attacks", "core.defenses", "core.poisoning"])
def test_no_attack_imports_another_one(room):
    for name in FILES:
        if not under(name, room) or name == room:
            continue
        others = {imported for imported in IMPORTS[name] if imported.startswith(room + ".")} - {name}
        shared = {other for other in others if other == f"{room}.base" or other.split(".")[2].startswith("_")}
        assert others == shared, (
            f"{name} imports {sorted(others - shared)}: share through base.py or an _underscored file."
        )


@pytest.mark.parametrize("name", [name for name in FILES if under(name, "pages", "dashboard")])
def test_pages_compose_and_import_no_other_page(name):
    pages = {
        other for other in FILES if under(other, "pages") and not under(other, "pages.components") and other != "pages"
    }
    wrong = IMPORTS[name] & (pages - {name})
    assert not wrong, f"{name} imports the page {sorted(wrong)}: what pages share belongs in pages.components."
    if name in pages:
        heavy = {imported for imported in IMPORTS[name] if under(imported, "tensorflow", "keras")}
        assert not heavy, f"{name} imports {sorted(heavy)}: a page computes nothing."


@pytest.mark.parametrize("name", LIGHT)
def test_what_the_first_frame_needs_loads_without_tensorflow(name):
    assert name in FILES, f"{name} is gone: mend LIGHT."
    reached, queue = set(), [name]
    while queue:
        for imported in IMPORTS.get(queue.pop(), ()):
            if imported not in reached:
                reached.add(imported)
                queue.append(imported)
    heavy = {imported for imported in reached if under(imported, "tensorflow", "keras")}
    assert not heavy, f"{name} brings in {sorted(heavy)}."


def test_no_import_goes_in_a_circle():
    graph = {name: {imported for imported in IMPORTS[name] if imported in FILES} - {name} for name in FILES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(FILES)
