"""The one exception that bad input raises."""


class InputError(ValueError):
    """Input that cannot be used. The message is whole sentences: what was wrong, what was expected, what to do."""
