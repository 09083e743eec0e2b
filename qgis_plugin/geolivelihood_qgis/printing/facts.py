"""What a printed map must say about its result, read from the file without opening its layers."""

import contextlib
import sqlite3
from collections import namedtuple
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..compat import tr
from ..layers.results import ResultsError, open_read_only, read_provenance
from ..wording import count, said
from ..words import model_name

Facts = namedtuple(
    "Facts", "path provenance indicator indicators styles columns cells not_applicable credits"
)
"""``styles`` are QML texts by layer and name; ``not_applicable`` is ``None`` where nobody asked."""

MOST_CREDITS = 4

_CREDITS = {
    (True, True): "SELECT DISTINCT image_source, license, creator FROM images ORDER BY 1, 2, 3",
    (True, False): "SELECT DISTINCT image_source, license, '' FROM images ORDER BY 1, 2",
    (False, True): "SELECT DISTINCT '', license, creator FROM images ORDER BY 2, 3",
    (False, False): "SELECT DISTINCT '', license, '' FROM images ORDER BY 2",
}
"""Queries by whether there is a source and a creator: whole texts, for none is ever put together."""


def read(path, indicator=""):
    """:class:`Facts` of a results file; of its first indicator where none is named.

    Raises :class:`ResultsError` when there is nothing to print.
    """
    if not Path(path).is_file():
        raise ResultsError(tr("There is no file {}.").format(path))
    try:
        with contextlib.closing(open_read_only(path)) as base:
            return _read(base, path, indicator)
    except sqlite3.DatabaseError as error:
        raise ResultsError(tr("{} is no GeoPackage ({}).").format(path, error)) from error


def _read(base, path, indicator):
    columns = _columns(base, "cells")
    if not columns:
        raise ResultsError(tr("{} has no layer 'cells': there is no map to print.").format(path))
    provenance, styles = read_provenance(base), _styles(base)
    known = _indicators(provenance, columns, styles)
    if indicator and indicator not in known:
        told = ", ".join(known) or tr("none")
        raise ResultsError(tr("{} has no indicator {}; it has: {}.").format(path, indicator, told))
    if not known:
        raise ResultsError(tr("{} has no indicator to print.").format(path))
    cells, doubtful = base.execute("SELECT count(*) FROM cells").fetchone()[0], None
    if "applicable" in columns:
        query = "SELECT count(*) FROM cells WHERE NOT coalesce(applicable, 0)"
        doubtful = base.execute(query).fetchone()[0]
    return Facts(
        Path(path),
        provenance,
        indicator or known[0],
        known,
        styles,
        {"cells": columns, "regions": _columns(base, "regions")},
        cells,
        doubtful,
        _credits(base),
    )


def _columns(base, table):
    return [row[0] for row in base.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def _styles(base):
    query = "SELECT f_table_name, styleName, styleQML FROM layer_styles"
    try:
        return {(table, name): text for table, name, text in base.execute(query)}
    except sqlite3.OperationalError:  # no such table
        return {}


def _indicators(provenance, columns, styles):
    """The indicators that the cells show: those with scores, else those with an interval or a style."""
    scored = [row.get("indicator") for row in provenance.get("scores") or ()]
    interval = [name for name in columns if f"{name}_lower" in columns and f"{name}_upper" in columns]
    styled = [name for table, name in styles if table == "cells" and name != "dissimilarity"]
    return [name for name in dict.fromkeys([*scored, *interval, *styled]) if name in columns]


def _credits(base):
    """Licence and creators of the pictures, by their source, as the table of pictures says."""
    columns = _columns(base, "images")
    if "license" not in columns:
        return []
    query = _CREDITS["image_source" in columns, "creator" in columns]
    found = {}
    for name, licence, who in base.execute(query):
        found.setdefault((name or tr("pictures"), licence or tr("not stated")), []).append(who or "")
    return [(name, licence, [who for who in people if who]) for (name, licence), people in found.items()]


def label(facts):
    """The indicator in words."""
    named = _output(facts).get("labels") or {}
    return str(named.get(facts.indicator) or facts.indicator.replace("_", " ").capitalize())


def title(facts):
    """The title of the map."""
    return str(_output(facts).get("title") or label(facts))


def subtitle(facts):
    """What is mapped, by what and on how many cells."""
    parts = [label(facts) if label(facts) != title(facts) else ""]
    name = model_name(model(facts))
    parts.append(tr("predicted by model '{}'").format(name) if name else tr("predicted"))
    parts.append(tr("{} cells (H3)").format(count(facts.cells)))
    return " · ".join(part for part in parts if part)


def model(facts):
    """The model that made the map, or an empty text where nobody says."""
    named = _configuration(facts).get("map_model")
    end = f"-{facts.indicator}"
    stages = [name for name in facts.provenance.get("stages") or () if name.endswith(end)]
    predicted = [name[len("predict-") : -len(end)] for name in stages if name.startswith("predict-")]
    return str(named or (predicted[0] if len(predicted) == 1 else ""))


def sources(facts):
    """Lines with data, licence and creators; sources under one licence share a line."""
    told = _configuration(facts)
    lines = [_line(tr("Survey"), _survey(told.get("clusters")), told.get("licence"))] if told else []
    pictures = {name: (licence, who) for name, licence, who in facts.credits}
    for source in told.get("images") or ():
        licence, who = pictures.get(source.get("name"), ("", []))
        if not source.get("detections_of"):
            pictures[source.get("name")] = (source.get("licence") or licence, who)
    shared = {}
    for name, (licence, who) in pictures.items():
        shared.setdefault((licence, tuple(who)), []).append(str(name))
    lines += [_line(", ".join(names), _people(who), licence) for (licence, who), names in shared.items()]
    regions = told.get("regions") or {}
    files = [_file(regions.get(key)) for key in ("path", "population") if regions.get(key)]
    return lines + ([_line(tr("Regions"), ", ".join(files), regions.get("licence"))] if files else [])


def _line(name, details, licence):
    about = f"{name} ({details})" if details else name
    return said(about, licence or tr("licence not stated"))


def _survey(clusters):
    clusters = clusters or {}
    dhs = clusters.get("dhs") or {}
    files = [dhs.get("gps"), dhs.get("recode"), clusters.get("path")]
    return ", ".join(_file(name) for name in files if name)


def _file(path):
    """A file's name alone: where it lay on somebody's machine is nobody's business."""
    return PureWindowsPath(PurePosixPath(str(path)).name).name if path else ""


def _people(names):
    names = list(names)
    if len(names) <= MOST_CREDITS:
        return ", ".join(names)
    return tr("{} and {} more").format(", ".join(names[: MOST_CREDITS - 1]), len(names) - MOST_CREDITS + 1)


def provenance_line(facts):
    """Run id, version, date and command in one line."""
    told = facts.provenance
    version = (told.get("versions") or {}).get("geolivelihood")
    parts = [
        tr("Run {}").format(told["run_id"]) if told.get("run_id") else tr("No provenance in the file"),
        f"geolivelihood {version}" if version else "",
        str(told.get("time") or "")[:16].replace("T", " ") + " UTC" if told.get("time") else "",
        facts.path.name,
        tr("seed {}").format(told["seed"]) if told.get("seed") is not None else "",
        tr("equal-area projection"),
    ]
    return " · ".join(part for part in parts if part)


def _configuration(facts):
    return facts.provenance.get("configuration") or {}


def _output(facts):
    return _configuration(facts).get("output") or {}
