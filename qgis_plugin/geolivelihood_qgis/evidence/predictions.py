"""What was predicted at a place, how sure that is, and how well the model did where it was tested."""

import math
from collections import namedtuple

from ..compat import tr
from ..wording import count, number_text, said
from ..wording import number as written
from ..words import metric_name, model_name, split_name

Prediction = namedtuple("Prediction", "label unit value lower upper coverage what")
"""One number with its interval (``None`` where there is none); ``what`` says which number it is."""


def predictions(place):
    """The numbers of a place: predicted, and for clusters and regions what the survey says."""
    found = []
    for indicator in indicators(place):
        if place.kind == "clusters":
            kinds = [("_predicted", tr("predicted, cluster held out")), ("", tr("surveyed"))]
        else:
            kinds = [("", tr("predicted")), ("_eblup", tr("survey and map together"))]
            kinds += [("_survey", tr("survey alone"))]
        for ending, what in kinds:
            made = _prediction(place, indicator, indicator + ending, what)
            if made:
                found.append(made)
    return found


def indicators(place):
    """The indicators that the place has a value of: those of the provenance, and what has an interval."""
    names = place.values
    told = [name for name in place.book.indicators() if name in names]
    seen = [
        name
        for name in names
        if f"{name}_lower" in names and f"{name}_upper" in names and not name.endswith("_survey")
    ]
    seen = [name.removesuffix("_predicted") for name in seen]
    seen += [name.removesuffix("_predicted") for name in names if name.endswith("_predicted")]
    return list(dict.fromkeys(told + seen))


def applicability(place):
    """Whether the model may be applied here (``None``: not known), and the words for it."""
    said, dissimilarity = place.values.get("applicable"), number(place.values.get("dissimilarity"))
    share = number(place.values.get("share_applicable"))
    if said is None and share is not None:
        flagged = bool(place.values.get("flagged"))
        text = tr("The model is applicable to {} % of the people here.").format(written(100 * share, ".0f"))
        return not flagged, text
    if said is None:
        return None, tr("Whether the model is applicable here was not assessed.")
    if said:
        text = tr("Applicable: this place is like those the model learned from")
    else:
        text = tr("Not applicable: nothing the model learned from is like this place")
    if dissimilarity is not None:
        text += tr(" (dissimilarity {}).").format(number_text(dissimilarity))
    return bool(said), text if text.endswith(".") else text + "."


def scores(place):
    """Sentences about the score of the place's fold, else of the model over all folds."""
    book, fold = place.book, place.values.get("fold")
    rows = [row for row in book.rows("scores") if row.get("metric") in _METRICS]
    rows = [row for row in rows if not book.map_model() or row.get("model") == book.map_model()]
    own = [row for row in rows if fold is not None and row.get("fold") == fold]
    if not rows:
        return [tr("The file holds no scores.")]
    told = []
    if fold is not None and not own:
        told.append(tr("Held out in fold {}; the file has scores over all folds:").format(fold))
    known = indicators(place)
    rows = own or [row for row in rows if row.get("fold") is None]
    return told + [_score(book, row) for row in rows if not known or row.get("indicator") in known]


def number(value):
    """A finite number, or ``None``."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return value
    return None


_METRICS = ("r2", "mae")


def _prediction(place, indicator, column, what):
    value = number(place.values.get(column))
    if value is None:
        return None
    label, unit = place.book.label(indicator)
    lower = number(place.values.get(f"{column}_lower"))
    upper = number(place.values.get(f"{column}_upper"))
    coverage = place.book.coverage() if lower is not None else None
    return Prediction(label, unit, value, lower, upper, coverage, what)


def _score(book, row):
    text = f"{metric_name(row['metric'])} {number_text(number(row.get('value')))}"
    lower, upper = number(row.get("lower")), number(row.get("upper"))
    if lower is not None and upper is not None:
        text += tr(" ({} to {})").format(number_text(lower), number_text(upper))
    where = tr("fold {}").format(row["fold"]) if row.get("fold") is not None else tr("all folds")
    if row.get("split"):
        where += ", " + split_name(row["split"])
    clusters = count(row["n"]) if isinstance(row.get("n"), int) else "?"
    tested = tr("{}; model {}, {}, {} clusters").format(
        text, model_name(row.get("model", "?")), where, clusters
    )
    return said(book.label(row.get("indicator", ""))[0], tested)
