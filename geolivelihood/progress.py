"""One progress switch for long work: who listens decides how it looks, and may ask to stop.

The library reports through :func:`track` and :func:`stage`; by default nobody listens. The command line
listens with a progress bar, the worker process with JSON lines. Both can cancel: the next report raises
:class:`~geolivelihood.errors.Cancelled`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sized
from contextvars import ContextVar
from typing import Protocol, TypeVar

from geolivelihood.errors import Cancelled

__all__ = ["Reporter", "checkpoint", "listening", "report", "stage", "track"]

T = TypeVar("T")


class Reporter(Protocol):
    """Somebody who listens to progress."""

    def stage(self, name: str) -> None:
        """Note that a named stage begins."""

    def step(self, done: int, total: int | None, text: str) -> None:
        """Note that ``done`` of ``total`` steps (``None`` = unknown) of the work ``text`` are behind us."""

    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""


class _Nobody:
    def stage(self, name: str) -> None: ...

    def step(self, done: int, total: int | None, text: str) -> None: ...

    def cancelled(self) -> bool:
        return False


_reporter: ContextVar[Reporter] = ContextVar("reporter", default=_Nobody())  # noqa: B039 - stateless


@contextlib.contextmanager
def listening(reporter: Reporter) -> Iterator[Reporter]:
    """Send the progress of everything inside the ``with`` block to ``reporter``."""
    token = _reporter.set(reporter)
    try:
        yield reporter
    finally:
        _reporter.reset(token)


def checkpoint() -> None:
    """Stop here if somebody asked to.

    Raises
    ------
    Cancelled
        If the reporter was asked to cancel.
    """
    if _reporter.get().cancelled():
        msg = "Cancelled."
        raise Cancelled(msg)


def stage(name: str) -> None:
    """Say that a named stage begins."""
    checkpoint()
    _reporter.get().stage(name)


def report(done: int, total: int | None, text: str) -> None:
    """Say how far work is that keeps its own count, such as a training that goes on in the middle."""
    checkpoint()
    _reporter.get().step(done, total, text)


def track(items: Iterable[T], text: str, *, total: int | None = None) -> Iterator[T]:
    """Iterate over ``items`` and report each one done.

    Parameters
    ----------
    items
        Anything iterable; batches rather than rows, so that reports cost nothing.
    text
        What is being done, in a few words: ``"embedding pictures"``.
    total
        Number of items where ``items`` does not know its length.
    """
    count = len(items) if total is None and isinstance(items, Sized) else total
    reporter = _reporter.get()
    reporter.step(0, count, text)
    for done, item in enumerate(items, start=1):
        checkpoint()
        yield item
        reporter.step(done, count, text)
