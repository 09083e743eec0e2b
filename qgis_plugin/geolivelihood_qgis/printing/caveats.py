"""The plain paragraph on a printed map: how good it is, where it does not hold, what it is not for."""

import re

from ..compat import tr
from ..wording import count, number, said, with_signs
from ..words import metric_name
from .facts import model

_SETTINGS = re.compile(r" ?\(Project file: [^()]*\)")
"""What a remark says to whoever runs the project; readers of a map have no project file."""

SPLITS = ("random", "blocked", "region", "knndm")


def paragraphs(facts):
    """The caveats, most important first."""
    found = [
        tr("Every cell is a prediction of a model, not a measurement."),
        *_scores(facts),
        _coverage(facts),
        _applicability(facts),
        tr(
            "Do not use this map to grant or refuse anything to a household or a person, to rank cells whose "
            "intervals overlap, to measure change by comparing two maps, or in place of a survey."
        ),
        *(_SETTINGS.sub("", str(remark)) for remark in facts.provenance.get("remarks") or ()),
    ]
    return [text for text in found if text]


def _scores(facts):
    """One sentence for each split; the random one flatters, and the text says so."""
    rows = _rows(facts)
    if not rows:
        return [tr("No scores are stored with this result: nothing says how good the map is.")]
    told = [_score(split, rows) for split in SPLITS if any(row.get("split") == split for row in rows)]
    if not any(row.get("split") == "random" for row in rows):
        told.append(tr("Random split (places near surveyed ones): not tested in this run."))
    if not any(row.get("split") == "blocked" for row in rows):
        told.append(tr("Blocked split (districts where nobody surveyed): not tested in this run."))
    return [" ".join(told)]


def _rows(facts):
    """The scores of the model that made the map; none where nobody says which one did."""
    rows = [row for row in facts.provenance.get("scores") or () if row.get("indicator") == facts.indicator]
    return [row for row in rows if row.get("model") == model(facts)] if model(facts) else []


def _score(split, rows):
    names = {
        "random": tr("Random split (places near surveyed ones, flattering)"),
        "blocked": tr("Blocked split (districts where nobody surveyed)"),
        "region": tr("Regions left out"),
        "knndm": tr("Folds as far from training as the map's cells"),
    }
    by_metric = {row.get("metric"): row for row in rows if row.get("split") == split}
    parts = [
        _number(metric_name(metric), by_metric[metric], digits)
        for metric, digits in (("r2", ".2f"), ("mae", "#.3g"))
        if by_metric.get(metric, {}).get("value") is not None
    ]
    clusters = next((row["n"] for row in by_metric.values() if row.get("n")), None)
    tested = tr(" on {} clusters").format(count(clusters)) if clusters else ""
    return said(names[split] + tested, ", ".join(parts) or tr("no score")) + "."


def _number(name, row, digits):
    text = f"{name} {_plain(row['value'], digits)}"
    if row.get("lower") is None or row.get("upper") is None:
        return text
    return tr("{} ({} to {})").format(text, _plain(row["lower"], digits), _plain(row["upper"], digits))


def _plain(value, digits):
    return with_signs(f"{value:{digits}}".rstrip("."))


def _coverage(facts):
    row = next(
        (
            row
            for row in facts.provenance.get("coverage") or ()
            if row.get("indicator") == facts.indicator and row.get("group") == "all"
        ),
        None,
    )
    if row is None or row.get("coverage") is None or row.get("nominal") is None:
        return ""
    text = tr("Intervals meant to hold {} of the survey's values held {} of them where nobody surveyed.")
    return text.format(percent(row["nominal"]), percent(row["coverage"]))


def _applicability(facts):
    if facts.not_applicable is None:
        return tr("Nobody has checked where the map is applicable.")
    if not facts.not_applicable:
        return tr("No cell looks too unlike the surveyed places for the map to be applicable.")
    share = percent(facts.not_applicable / facts.cells)
    text = tr(
        "The map is not applicable in {} of its cells ({} of {}), which look unlike any surveyed place."
    )
    return text.format(share, count(facts.not_applicable), count(facts.cells))


def percent(share):
    """A share in per cent, with a decimal where it says something."""
    value = 100 * share
    return number(value, ".0f" if value == round(value) or value >= 10 else ".1f") + "\u00a0%"


def interval_title(facts):
    """What the inset shows."""
    nominal = next((row.get("nominal") for row in facts.provenance.get("coverage") or ()), None)
    if nominal:
        return tr("Width of the {} interval").format(percent(nominal))
    return tr("Width of the interval")
