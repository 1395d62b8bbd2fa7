"""A network behind an input transform, as one name, for caches, links and code: plain_cnn+jpeg:quality=20."""

from typing import Any, NamedTuple

from core.errors import InputError
from pages.components import session

Kept = tuple[tuple[str, Any], ...]


class Shielded(NamedTuple):
    """A network's name; that of the transform in front of it, "" for none; its knobs that differ from their defaults,
    sorted."""

    base: str
    transform: str
    knobs: Kept


def spelled(transform: str, kept: Kept = ()) -> str:
    """What stands behind the network's name."""
    return ":".join([f"+{transform}", *(f"{name}={session.spelled(value)}" for name, value in kept)])


def parted(name: str) -> Shielded:
    """The parts of such a name; InputError where its transform or a setting does not exist."""
    base, plus, behind = name.partition("+")
    if not plus:
        return Shielded(base, "", ())
    from core import defenses, knobs  # not at the start: the first page does without

    transform, *parts = behind.split(":")
    if transform not in defenses.names("transform"):
        raise InputError(f"There is no input transform {transform!r}.")
    known = {each.name: each for each in knobs.of(defenses.get(transform))}
    kept = {}
    for part in parts:
        key, _, text = part.partition("=")
        value = session.parse(known[key], text) if key in known else None
        if value is None:
            raise InputError(f"{part!r} is no setting of {transform}, or not a value that it takes.")
        if value != known[key].default:
            kept[key] = value
    return Shielded(base, transform, tuple(sorted(kept.items())))
