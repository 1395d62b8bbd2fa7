"""The one exception that bad input raises."""

import reprlib


class InputError(ValueError):
    """Input that cannot be used. The message is whole sentences: what was wrong, what was expected, what to do."""


def shown(value: object) -> str:
    """value as it may stand within such a sentence: its repr, short and on one line."""
    return " ".join(_short.repr(value).split())


_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 60
