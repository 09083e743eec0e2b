"""The folder of a run: stages kept by the hash of what they were made from.

A stage is a folder ``<name>-<hash>``. It is written under another name and moved into place when it is
whole, so a folder that is there is complete, a killed run goes on where it stopped, and a change of the
project repeats only what depends on it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from geolivelihood import __version__
from geolivelihood.errors import InputError
from geolivelihood.files import atomic, content_hash, file_hash

__all__ = ["Stage", "Workspace", "fingerprint", "stamps"]

logger = logging.getLogger(__name__)

_BY_CONTENT = 64 * 2**20


@dataclass(frozen=True)
class Stage:
    """A step of the run and the hash of everything that its result depends on."""

    name: str
    key: str

    @property
    def folder_name(self) -> str:
        """Name of the stage's folder."""
        return f"{re.sub(r'[^0-9A-Za-z_.-]+', '_', self.name)}-{self.key[:12]}"


class Workspace:
    """The stages of one project.

    Parameters
    ----------
    folder
        Where the stages are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stage(self, name: str, *depends: Any) -> Stage:
        """Name a stage by what it depends on: settings, other stages, fingerprints of files."""
        parts = [part.key if isinstance(part, Stage) else part for part in depends]
        return Stage(name, content_hash([__version__, name, parts]))

    def path(self, stage: Stage) -> Path:
        """Folder of a stage, whether it is there or not."""
        return self.folder / stage.folder_name

    def done(self, stage: Stage) -> bool:
        """Whether the stage is complete."""
        return self.path(stage).exists()

    def make(self, stage: Stage, build: Callable[[Path], None], *, resumable: bool = False) -> Path:
        """Folder of the stage; ``build(folder)`` fills it if it is not there yet.

        A ``resumable`` build finds again what it wrote before it was killed, in a folder ``<name>.open``.
        """
        target = self.path(stage)
        if self.done(stage):
            logger.info("%s: kept from an earlier run", stage.name)
        elif resumable:
            opened = target.with_name(f"{target.name}.open")
            opened.mkdir(parents=True, exist_ok=True)
            build(opened)
            opened.replace(target)
        else:
            with atomic(target) as part:
                part.mkdir(parents=True)
                build(part)
        return target


def fingerprint(paths: Iterable[Path]) -> list[tuple[str, str]]:
    """What stands for the content of input files in the hash of a stage.

    Files up to 64 MiB count by their SHA-256, larger ones and the files of a folder by size and time of
    change.

    Raises
    ------
    InputError
        If a path is not there.
    """
    marks = []
    for path in paths:
        if not path.exists():
            msg = f"{path} does not exist. Check the path in the project, or its 'data' folder."
            raise InputError(msg)
        marks.append((path.name, _fingerprint(path)))
    return marks


def stamps(paths: Iterable[str]) -> str:
    """One hash of the sizes and times of change of many files; a file that is not there counts as such."""
    return content_hash([(path, _stamp(Path(path)) if Path(path).is_file() else None) for path in paths])


def _fingerprint(path: Path) -> str:
    if path.is_dir():
        inside = (file for file in sorted(path.rglob("*")) if file.is_file())
        return content_hash([(str(file.relative_to(path)), _stamp(file)) for file in inside])
    return _file_fingerprint(path, _stamp(path))


@cache
def _file_fingerprint(path: Path, stamp: tuple[int, int]) -> str:
    return file_hash(path) if stamp[0] <= _BY_CONTENT else content_hash(stamp)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
