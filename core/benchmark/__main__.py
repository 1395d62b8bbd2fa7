"""`python -m core.benchmark WHAT`: the table of that name, measured anew."""

import sys
from collections.abc import Sequence

from core.benchmark import poisoning

_TABLES = {"poisoning": poisoning.main}


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status."""
    if not arguments or arguments[0] not in _TABLES:
        print(f"usage: python -m core.benchmark {{{','.join(_TABLES)}}} [--help]", file=sys.stderr)
        return 2
    return _TABLES[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
