"""The image that the Dockerfile describes, as far as that can be tested without Docker: its files are enough."""

import asyncio
import json
import re
import shutil
import stat

import pytest

from tests.browser.driving import ROOT, serving
from tests.perf.wire import Visitor

LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()


def told(word: str) -> list[str]:
    """What follows an instruction, each time that it is given."""
    return [line.strip().removeprefix(word).strip() for line in LINES if line.strip().startswith(f"{word} ")]


@pytest.fixture
def image(tmp_path):
    """The folder in which the image's command runs; nobody may write to it."""
    for line in told("COPY"):
        source, target = line.split()
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, tmp_path / target)
    for path in [tmp_path, *tmp_path.rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    yield tmp_path
    for path in [tmp_path, *tmp_path.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_every_page_stands_with_the_images_files_alone(image):
    async def visit(url: str) -> list[str]:
        visitor = Visitor(url)
        await visitor.come()
        assert len(visitor.pages) > 5
        for page in visitor.pages:
            await visitor.turn(page)
        await visitor.leave()
        return visitor.faults

    with serving(script=image / "dashboard.py") as (url, _):
        assert asyncio.run(visit(url)) == []


def test_its_lines_agree_with_each_other_and_with_the_repository():
    (run,) = [line for line in told("RUN") if "pip install" in line]
    assert "requirements.txt" in run and (ROOT / "requirements.txt").is_file()
    (port,), (health,) = told("EXPOSE"), told("HEALTHCHECK")
    assert re.search(rf":{port}/_stcore/health", health)
    command = json.loads(told("CMD")[-1])
    assert command[:3] == ["streamlit", "run", "dashboard.py"] and f"--server.port={port}" in command
    words = [line.split()[0] for line in LINES if line and not line.startswith("#")]
    assert words.index("USER") < words.index("EXPOSE") and told("USER") != ["root"]
