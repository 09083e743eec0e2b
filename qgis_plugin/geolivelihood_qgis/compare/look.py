"""How a layer of differences looks: its styles, map tip and metadata, and the provenance of both runs."""

import contextlib
import sqlite3

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsLayerMetadata,
    QgsProviderRegistry,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDateTime

from ..compat import tr
from ..layers.results import write_provenance
from ..wording import count, said
from . import symbols
from .classes import LESS_TO_MORE, mirrored
from .difference import LAYER

PAPER = "background-color:#ffffff; color:#1a1a1a; font-family:sans-serif; padding:4px"
SURE = 'coalesce("applicable", true)'
WITHIN = "#d9d9d9"


def finish(part, first, second, indicator, tally):
    """Styles, map tip, metadata and provenance, into the file with the layer of differences."""
    layer = QgsVectorLayer(f"{part}|layername={LAYER}", LAYER, "ogr")
    layer.setMapTipTemplate(_tip(first, indicator))
    bounds = mirrored(tally.reach)
    layer.setRenderer(symbols.renderer(_difference_rules(bounds)))
    layer.saveStyleToDatabase("difference", tr("Second minus first"), True, "")
    if tally.with_intervals:
        layer.setRenderer(symbols.renderer(_beyond_rules(bounds)))
        told = tr("Only differences larger than half of both intervals")
        layer.saveStyleToDatabase("beyond both intervals", told, False, "")
    metadata = _metadata(first, second, indicator, tally)
    QgsProviderRegistry.instance().saveLayerMetadata("ogr", layer.source(), metadata)
    del layer
    write_provenance(part, _provenance(first, second, indicator, tally))
    with contextlib.closing(sqlite3.connect(part)) as base, base:
        # A catalogue of the folder in which the part was written is of no use to anybody.
        base.execute("UPDATE layer_styles SET f_table_catalog = '', f_table_schema = ''")


def _difference_rules(bounds):
    return [*symbols.classes('"difference"', bounds, LESS_TO_MORE, where=SURE), _doubtful()]


def _beyond_rules(bounds):
    shown = symbols.classes('"difference"', bounds, LESS_TO_MORE, where=f'{SURE} AND "beyond_both"')
    within = f'{SURE} AND NOT "beyond_both"'
    return [*shown, (within, tr("Within half of an interval"), symbols.fill(WITHIN)), _doubtful()]


def _doubtful():
    return 'NOT "applicable"', tr("Not applicable in one of the runs"), symbols.hatched()


def _tip(side, indicator):
    label, unit = side.book.label(indicator)
    lines = [
        f'<b>[% "{side.key}" %]</b>',
        f"{_escaped(label)}{f' ({_escaped(unit)})' if unit else ''}",
        tr("first run: {}").format(_with_interval("a")),
        tr("second run: {}").format(_with_interval("b")),
        tr("second minus first: {}").format(f"<b>{_shown('difference')}</b>"),
        f"[% CASE WHEN \"beyond_both\" THEN '{_quoted(tr('larger than half of both intervals'))}'"
        f" WHEN NOT \"beyond_both\" THEN '{_quoted(tr('not larger than half of both intervals'))}' END %]",
        f"[% CASE WHEN \"intervals_overlap\" THEN '{_quoted(tr('the intervals overlap'))}'"
        f" WHEN NOT \"intervals_overlap\" THEN '{_quoted(tr('the intervals do not overlap'))}' END %]",
        f"[% CASE WHEN NOT \"applicable\" THEN '{_quoted(tr('not applicable in one of the runs'))}' END %]",
    ]
    return f'<div style="{PAPER}">{"<br>".join(lines)}</div>'


def _with_interval(side):
    bounds = f"{_number(f'lower_{side}')} || ' – ' || {_number(f'upper_{side}')}"
    interval = f"[% CASE WHEN \"lower_{side}\" IS NOT NULL THEN ' (' || {bounds} || ')' END %]"
    return _shown(f"value_{side}") + interval


def _shown(name):
    return f"[% {_number(name)} %]"


def _number(name):
    return f"coalesce(format_number(\"{name}\", 3), '–')"


def _escaped(text):
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("[%", "[ %")):
        text = text.replace(mark, entity)
    return text


def _quoted(text):
    return text.replace("'", "''")


def sentences(tally):
    """What was counted, in words."""
    told = [tr("{} are in both runs.").format(count(tally.matched))]
    told.append(
        tr("{} are only in the first run and {} only in the second; they are left out.").format(
            count(tally.only_first), count(tally.only_second)
        )
    )
    if tally.doubtful:
        told.append(tr("In {} one of the runs is not applicable.").format(count(tally.doubtful)))
    if tally.with_intervals:
        told.append(
            tr("In {} of {} the difference is larger than half of both intervals.").format(
                count(tally.beyond), count(tally.with_intervals)
            )
        )
    else:
        told.append(tr("Nothing says whether a difference is more than chance: there are no intervals."))
    return told


def title(first, second, indicator):
    """What the layer is called."""
    label = first.book.label(indicator)[0]
    stems = first.book.path.stem, second.book.path.stem
    return tr("{}: {} minus {}").format(label, stems[1], stems[0])


def _metadata(first, second, indicator, tally):
    metadata = QgsLayerMetadata()
    metadata.setType("dataset")
    metadata.setTitle(title(first, second, indicator))
    metadata.setAbstract(" ".join(sentences(tally)))
    metadata.setCrs(QgsCoordinateReferenceSystem(first.layer.crs()))
    metadata.setHistory([_history(tr("First"), first), _history(tr("Second"), second)])
    licences = [
        str((side.book.provenance.get("configuration") or {}).get("licence") or "")
        for side in (first, second)
    ]
    metadata.setLicenses(list(dict.fromkeys(filter(None, licences))))
    return metadata


def _history(which, side):
    told = side.book.provenance
    parts = [side.book.path.name, tr("run {}").format(told["run_id"]) if told.get("run_id") else ""]
    parts += [str(told.get("time") or ""), str(told.get("command") or "")]
    return said(which, ", ".join(part for part in parts if part))


def _provenance(first, second, indicator, tally):
    """The file's own provenance, with that of both runs inside."""
    label, unit = first.book.label(indicator)
    return {
        "schema": 1,
        "command": "compare_runs",
        "time": QDateTime.currentDateTimeUtc().toString("yyyy-MM-ddTHH:mm:ssZ"),
        "comparison": {
            "indicator": indicator,
            "label": f"{label} ({unit})" if unit else label,
            "layer": first.table,
            "files": [side.book.path.name for side in (first, second)],
            "in_both": tally.matched,
            "only_in_first": tally.only_first,
            "only_in_second": tally.only_second,
            "not_applicable_in_one": tally.doubtful,
            "beyond_both_intervals": tally.beyond if tally.with_intervals else None,
        },
        "runs": [side.book.provenance for side in (first, second)],
        "layers": [{"name": LAYER, "title": title(first, second, indicator), "order": 0}],
    }
