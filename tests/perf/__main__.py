"""`python -m tests.perf [PART] [--only NAMES] [--threads N]`: tables of times, of every part but three.

reference, AutoAttack against PyTorch's, takes an hour, wants PyTorch and the official digits, and is left out; so are
visitors, a crowd, and memory, a cold server's first visitor, which want the machine for themselves.
"""

import argparse
import os
import platform
import sys

PARTS = (
    *("engine", "attacks", "grid", "cluster", "landscape", "crowd", "page"),
    *("visitors", "memory", "reference", "all"),
)


def machine() -> str:
    """The processor and the cores that this process may use."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass  # not Linux, or a processor without a name
    return f"{model}, {cores()} cores, Python {platform.python_version()} on {platform.system()}"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """Read the command line, hold the process to its cores, and run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description=__doc__)
    parser.add_argument(
        "part",
        nargs="?",
        choices=PARTS,
        default="all",
        help="what to measure",
    )
    parser.add_argument("--threads", type=int, help="use this many cores only (Linux)")
    parser.add_argument("--repeats", type=int, default=5, help="interleaved repeats of each long measurement")
    parser.add_argument(
        "--only",
        help="attacks: these, with commas between; page: start, picks, slider, memory or poison; reference: networks",
    )
    parser.add_argument("--digits", type=int, help="how many: of the attacks 100, of the cluster 4,000, else 1,000")
    parser.add_argument("--count", type=int, default=25, help="how many visitors come at once")
    parser.add_argument("--minutes", type=float, default=3, help="how long they stay")
    asked = parser.parse_args()
    if asked.threads:
        # Before TensorFlow starts, which sizes its thread pools by the cores that it may use.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.threads])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(machine(), flush=True)
    if asked.part in ("engine", "all"):
        from tests.perf import engine

        engine.main(repeats=asked.repeats)
    if asked.part in ("attacks", "all"):
        from tests.perf import attacks

        attacks.main(asked.only, asked.digits or 100, asked.repeats)
    if asked.part in ("grid", "all"):
        from tests.perf import grid

        grid.main(asked.digits or 1000)
    if asked.part in ("cluster", "all"):
        from tests.perf import cluster

        cluster.main(asked.digits or 4000)
    if asked.part in ("landscape", "all"):
        from tests.perf import landscape

        landscape.main(repeats=asked.repeats)
    if asked.part in ("crowd", "all"):
        from tests.perf import crowd

        crowd.main()
    if asked.part in ("page", "all"):
        from tests.perf import page

        page.main(asked.only)
    if asked.part == "visitors":
        from tests.perf import visitors

        visitors.main(asked.count, asked.minutes)
    if asked.part == "memory":
        from tests.perf import memory

        memory.main()
    if asked.part == "reference":
        from tests.perf import reference

        reference.main(asked.only, asked.digits or 1000)


if __name__ == "__main__":
    sys.exit(main())
