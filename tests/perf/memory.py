"""A cold server's first visitor goes to every page and waits there until nothing more comes: seconds, and memory.

It needs nothing but what the dashboard itself needs, so it also runs where only requirements.txt is installed. Linux.
"""

import asyncio
import time
from pathlib import Path

from tests.browser.driving import serving
from tests.perf.targets import Row
from tests.perf.wire import Visitor

_PATIENCE = 300.0  # seconds for all that a page works out


def resident(pid: int, what: str = "VmRSS") -> float:
    """A process's memory in MB: all that is resident, or its peak (VmHWM), or its own alone (RssAnon).

    The rest are the libraries' files, nearly half a GB of TensorFlow: the system takes back what nobody needs of them.
    """
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1000


def main() -> None:
    """Print each page's seconds and what the server holds after it."""
    began = time.perf_counter()
    with serving() as (url, server):
        print(
            f"\nA cold server answers after {time.perf_counter() - began:.1f} s and holds {resident(server.pid):.0f} MB"
        )
        faults = asyncio.run(_visit(url, server.pid, began))
        for fault in faults:
            print(f"  ! {fault}")
        print(f"resident after every page, with the libraries' files: {resident(server.pid):.0f} MB")
        print(Row("its own memory after every page", resident(server.pid, "RssAnon"), 1000, "MB"))


async def _visit(url: str, pid: int, began: float) -> list[str]:
    visitor = Visitor(url)
    await visitor.come()
    await _settled(visitor)
    print(f"Attack stands {time.perf_counter() - began:.1f} s after the start; {resident(pid):.0f} MB")
    for page in visitor.pages:
        turned = time.perf_counter()
        await visitor.turn(page)
        stands = time.perf_counter() - turned
        await _settled(visitor)
        whole = time.perf_counter() - turned
        print(
            f"{page or 'attack':10} stands after {stands:5.1f} s, is whole after {whole:5.1f} s; {resident(pid):.0f} MB"
        )
    await visitor.leave()
    return visitor.faults


async def _settled(visitor: Visitor) -> None:
    """Wait until nothing more comes."""
    end = time.monotonic() + _PATIENCE
    await asyncio.sleep(1)  # what a page asks for by itself goes out at once
    while visitor.looking:
        await asyncio.sleep(0.2)
        if time.monotonic() > end:
            visitor.faults.append(f"more was still to come after {_PATIENCE:g} s")
            return
