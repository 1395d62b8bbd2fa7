"""`python -m core.benchmark ...` measures robustness; `python -m core.benchmark poisoning ...` poisoning."""

import sys
from collections.abc import Sequence

from core.benchmark import poisoning, robustness


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status."""
    if arguments and arguments[0] == "poisoning":
        return poisoning.main(arguments[1:])
    return robustness.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
