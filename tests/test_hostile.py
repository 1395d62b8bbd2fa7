"""Every file of the hostile folder is refused for its reason, in the process that reads it too."""

from pathlib import Path

import numpy as np
import pytest

from core import model_process
from core.classifier import Classifier, load
from core.model_archives import ModelRefused
from tests.hostile import MAKERS, plain
from tests.support import some_digits


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """All of the files."""
    whole, scratch = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("scratch")
    for name, (make, _) in MAKERS.items():
        (whole / name).write_bytes(make(scratch))
    return whole


@pytest.mark.parametrize("name", MAKERS)
def test_it_is_refused_for_its_reason(folder, name):
    with pytest.raises(ModelRefused, match=MAKERS[name][1]):
        load(folder / name)
    assert not Path("/tmp/epsilon-was-here").exists()


@pytest.mark.parametrize(
    "name", ["lambda.keras", "os_system.keras", "bomb.keras", "within_itself.keras", "units.keras"]
)
def test_the_process_of_its_own_says_the_same(folder, name):
    with pytest.raises(ModelRefused, match=MAKERS[name][1]):
        Classifier(model_process.read_apart((folder / name).read_bytes()))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_good_file_comes_back_as_it_is(tmp_path, suffix):
    data, (x, _) = plain(tmp_path, suffix), some_digits(4)
    read = Classifier(model_process.read_apart(data))
    assert np.array_equal(read.logits(x), load(data).logits(x))


class TestLimits:
    """What gets past every check ends with the process: here the reader itself is what misbehaves."""

    @pytest.fixture
    def misbehaving(self, monkeypatch, tmp_path):
        """Processes started from here on run that line, under the limits, in place of reading; then they say so."""
        package, here = tmp_path / "core", Path(model_process.__file__).parent
        package.mkdir()
        (package / "__init__.py").touch()
        for name in ("errors", "model_archives"):
            (package / f"{name}.py").write_bytes((here / f"{name}.py").read_bytes())
        monkeypatch.setattr(model_process, "_ROOT", tmp_path)

        def with_line(line: str) -> None:
            source = (here / "model_process.py").read_text(encoding="utf-8").replace("_WORKING = 30", "_WORKING = 1")
            began = "        opened(data)  #"
            assert began in source
            source = source.replace(began, f"        {line}\n        raise ModelRefused('It got away.')  #")
            (package / "model_process.py").write_text(source, encoding="utf-8")

        return with_line

    def test_what_does_no_harm_gets_away(self, misbehaving):
        misbehaving("bytearray(300_000_000)")
        with pytest.raises(ModelRefused, match="got away"):
            model_process.read_apart(b"x")

    @pytest.mark.parametrize(
        "line",
        [
            "bytearray(3_000_000_000)",
            "(folder / 'large').write_bytes(bytes(100_000_000))",
            "any(iter(int, 1))",
            "os.abort()",
        ],
        ids=["memory", "disk", "work", "its own end"],
    )
    def test_too_much_ends_it(self, misbehaving, line):
        misbehaving(line)
        with pytest.raises(ModelRefused, match="broke off"):
            model_process.read_apart(b"x")

    @pytest.mark.parametrize(
        ("given", "says"), [({"seconds": 1}, "longer than 1 seconds"), ({"wanted": lambda: False}, "stopped")]
    )
    def test_nobody_waits_for_ever(self, misbehaving, tmp_path, given, says):
        late = tmp_path / "late"
        misbehaving(f"time.sleep(20); open({str(late)!r}, 'w')")
        with pytest.raises(ModelRefused, match=says):
            model_process.read_apart(b"x", **given)
        assert not late.exists()  # it was ended, and not waited for
