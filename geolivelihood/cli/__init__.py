"""The command line: ``geolivelihood run PROJECT.yaml``, and each stage alone.

What a command needs beyond its options is imported when it is called, so that help comes at once.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import NoReturn

import click
import typer

from geolivelihood.cli import encoders, explain, pictures, places, project, study, worker
from geolivelihood.errors import Cancelled
from geolivelihood.protocol import failure
from geolivelihood.terminal import err, show_warning

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Livelihood maps from georeferenced pictures and survey clusters, with honest scores.",
    epilog="Start with:  geolivelihood demo",
)
for _part in (
    project,
    explain,
    pictures,
    encoders,
    places,
    study,
    worker,
):  # in this order they stand in the help
    app.add_typer(_part.app)


def main(arguments: list[str] | None = None) -> None:
    """Entry point; ends with an exit code that means something.

    0 done, 1 a bug, 2 wrong use or a faulty project file, 3 cancelled, 4 something is not installed,
    5 out of memory, 6 the input cannot be used, 7 the output cannot be written.
    """
    logging.basicConfig(level=os.environ.get("GEOLIVELIHOOD_LOG", "WARNING"), format="%(message)s")
    warnings.simplefilter("ignore")
    warnings.filterwarnings("once", category=UserWarning, module="geolivelihood")
    warnings.showwarning = show_warning
    try:
        code = app(arguments, standalone_mode=False)
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # wrong use of the command line
            error.show()
            sys.exit(error.exit_code)
        _fail(error)
    if code == _INTERRUPTED:
        _fail(KeyboardInterrupt())
    if code:
        sys.exit(code)


_INTERRUPTED = 130  # how Typer says Ctrl-C


def _fail(error: BaseException) -> NoReturn:
    """End with the message and the code of an error; a bug comes with its traceback."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        error = Cancelled("Cancelled. Run the same command again to go on.")
    code, said = failure(error)
    if code == 1:
        raise error
    err.print(said["text"], style="red", markup=False, highlight=False, soft_wrap=True)
    if said["hint"]:
        err.print(said["hint"], markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)
