"""Every file of the hostile folder is refused for its reason, in the process that reads it too."""

import time
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

    @staticmethod
    def misbehaving(monkeypatch, tmp_path, line: str) -> None:
        """Processes started from here on run that line, under the limits, in place of reading."""
        package = tmp_path / "core"
        package.mkdir()
        source = Path(model_process.__file__).read_text(encoding="utf-8")
        (package / "__init__.py").write_text("")
        for name in ("errors", "model_archives"):
            there = Path(model_process.__file__).with_name(f"{name}.py")
            (package / f"{name}.py").write_text(there.read_text(encoding="utf-8"))
        (package / "model_process.py").write_text(
            source.replace("        opened(data)  #", f"        {line}\n        #")
        )
        monkeypatch.setattr(model_process, "_ROOT", tmp_path)

    def test_too_much_memory(self, monkeypatch, tmp_path):
        self.misbehaving(monkeypatch, tmp_path, "bytearray(3_000_000_000)")
        with pytest.raises(ModelRefused, match="broke off"):
            model_process.read_apart(b"x")

    def test_too_much_written(self, monkeypatch, tmp_path):
        self.misbehaving(monkeypatch, tmp_path, "(folder / 'large').write_bytes(bytes(100_000_000))")
        with pytest.raises(ModelRefused, match="broke off"):
            model_process.read_apart(b"x")

    def test_too_long(self, monkeypatch, tmp_path):
        self.misbehaving(monkeypatch, tmp_path, "time.sleep(100)")
        began = time.monotonic()
        with pytest.raises(ModelRefused, match="longer than 1 seconds"):
            model_process.read_apart(b"x", seconds=1)
        assert time.monotonic() - began < 60  # and not the process's hundred

    def test_it_dies(self, monkeypatch, tmp_path):
        self.misbehaving(monkeypatch, tmp_path, "os.abort()")
        with pytest.raises(ModelRefused, match="broke off"):
            model_process.read_apart(b"x")

    def test_nobody_wants_it_any_more(self, monkeypatch, tmp_path):
        self.misbehaving(monkeypatch, tmp_path, "time.sleep(100)")
        with pytest.raises(ModelRefused, match="stopped"):
            model_process.read_apart(b"x", wanted=lambda: False)
