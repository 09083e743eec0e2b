"""The command that starts the worker process, which QGIS and other programs drive."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from geolivelihood.terminal import out

__all__ = ["app"]

app = typer.Typer()


@app.command(
    epilog="Examples:\n\n"
    "geolivelihood worker --selftest\n\n"
    "geolivelihood worker < request.jsonl\n\n"
    "Standard output carries one JSON object per line and nothing else."
)
def worker(
    selftest: Annotated[
        bool, typer.Option("--selftest", help="Try the protocol against itself; exit 1 if anything fails.")
    ] = False,
) -> None:
    """Serve one job over JSON lines on standard input and output, as QGIS asks for."""
    if not selftest:
        from geolivelihood.worker import main

        raise typer.Exit(main())
    from geolivelihood.selftest import trials

    table = Table("trial", "", "seconds", "seen", title="Worker", title_justify="left")
    failed = 0
    for trial in trials():
        failed += not trial.passed
        verdict = "[green]passed[/]" if trial.passed else "[red]FAILED[/]"
        table.add_row(trial.name, verdict, f"{trial.seconds:.2f}", trial.said)
    out.print(table)
    if failed:
        out.print(f"{failed} of {table.row_count} trials failed.")
        raise typer.Exit(1)
