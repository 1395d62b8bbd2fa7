"""A benchmark's file: JSON lines, each there whole or not at all, and one writer at a time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any

from core.errors import InputError

try:
    import fcntl
except ImportError:  # on Windows two writers are not told apart
    fcntl = None

Line = dict[str, Any]


def read(path: Path) -> list[Line]:
    """The lines of a file, without a last one that was cut off; none where there is no file.

    Raises InputError where another line is damaged.
    """
    return _parsed(path, path.read_bytes() if path.exists() else b"")[0]


class Journal:
    """The file, open for writing: `lines` is what it holds, and `add` writes one more.

    A last line that was cut off is taken out first. Raises InputError where another run has the file open, or where a
    line in the middle is damaged. Closes itself at the end of a `with`.
    """

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = open(path, "a+b")  # noqa: SIM115  (open as long as the lock is held)
        try:
            self._lock()
            self._file.seek(0)
            content = self._file.read()
            self.lines, whole = _parsed(path, content)
            if whole < len(content):
                self._file.truncate(whole)
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise InputError(
                f"Another run is writing to {self.path}. Wait until it is over, or name another file with --out."
            ) from held

    def add(self, line: Line) -> None:
        """Append a line; it is on the disk when this returns."""
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.lines.append(line)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _parsed(path: Path, content: bytes) -> tuple[list[Line], int]:
    """The lines, and how many bytes of the file hold them."""
    lines, whole = [], 0
    pieces = content.split(b"\n")
    for number, piece in enumerate(pieces, 1):
        last = number >= len(pieces) - 1  # what follows the last newline, or the last line itself
        try:
            line = json.loads(piece) if piece else None
        except ValueError as fault:
            if last:
                break
            raise InputError(
                f"Line {number} of {path} is damaged. Delete that line: what it held is then measured again."
            ) from fault
        if number == len(pieces) and piece:
            break  # without its newline it may be cut off even where it can be read
        if line is not None:
            lines.append(line)
        whole += len(piece) + 1
    return lines, min(whole, len(content))
