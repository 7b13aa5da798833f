"""A section of a file: where a blob's bytes stand on disk, in a file of its own or inside a tarball."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from registry.bulk.exchange import Take
from registry.layer_check import LayerCheck
from registry.open_files import reserve, write_all

_WORTH_RESERVING = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Section:
    """`size` bytes of a file from `start` on."""

    path: Path
    start: int
    size: int

    def read(self, most: int) -> bytes:
        """Read at most this many bytes; blocks, so call it in a thread."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(min(self.size, most))

    def open(self, offset: int = 0) -> BinaryIO:
        """The file at an offset within the section (an `OpenContent`); it goes on behind the section's end."""
        file = self.path.open("rb", 0)
        file.seek(self.start + offset)
        return file


class SectionWriter:
    """Writes a blob to a place in a file, which is opened when bytes come; from its start whenever they begin anew."""

    def __init__(
        self, section: Section, new_check: Callable[[], LayerCheck | None], keep: Callable[[LayerCheck], None]
    ) -> None:
        """`keep` is called in a thread when all is written, with a check that was fed with it, if there is one."""
        self._section = section
        self._new_check = new_check
        self._keep = keep
        self._file: BinaryIO | None = None
        self._check: LayerCheck | None = None

    def begin(self) -> Take:
        """Start over (a `Sink`)."""
        self.close()
        self._check = self._new_check()
        return self._write

    def complete(self) -> None:
        """Close the file, and give it to whoever keeps it (a `Sink`)."""
        # Here rather than later: closing may wait, and this is a thread.
        self.close()
        if self._check is not None:
            self._keep(self._check)

    def _write(self, piece: memoryview) -> None:
        if self._file is None:
            self._file = self._open()
        write_all(self._file, piece)
        if self._check is not None:
            self._check.update(piece)

    def _open(self) -> BinaryIO:
        path, start, size = self._section.path, self._section.start, self._section.size
        file = path.open("r+b" if path.exists() else "xb", 0)
        try:
            if size >= _WORTH_RESERVING:
                reserve(file, start, size)
            file.seek(start)
        except BaseException:
            file.close()
            raise
        return file

    def close(self) -> None:
        """Close the file; nothing is buffered here."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
