"""What the library calls the layers, groups and classes of its results, in the user's language.

Results carry these texts in English; one that is not among them stays as it is.
"""

import re

from ..compat import tr
from ..wording import with_signs

_CLASS = re.compile(r"[−-]?[\d.,]+( – [−-]?[\d.,]+)?")


def title(text):
    """The title of a layer or a group."""
    return _titles().get(text, text)


def legend(text):
    """The label of a class: its numbers, or what it is."""
    if _CLASS.fullmatch(text):
        return with_signs(text)
    return _labels().get(text, text)


def _titles():
    return {
        "Pictures": tr("Pictures"),
        "Overhead pictures": tr("Overhead pictures"),
        "Links between pictures": tr("Links between pictures"),
        "Where the evidence is strongest": tr("Where the evidence is strongest"),
        "Pictures and cells that counted": tr("Pictures and cells that counted"),
        "Links that counted": tr("Links that counted"),
        "Where most of the evidence lies": tr("Where most of the evidence lies"),
        "Pictures with maps of evidence": tr("Pictures with maps of evidence"),
        "Concepts in pictures": tr("Concepts in pictures"),
        "Concepts at survey clusters": tr("Concepts at survey clusters"),
        "Concepts in cells": tr("Concepts in cells"),
        "Kinds of pictures": tr("Kinds of pictures"),
        "Evidence per area": tr("Evidence per area"),
        "What the photos see": tr("What the photos see"),
        "Survey clusters": tr("Survey clusters"),
        "Where each cluster may lie": tr("Where each cluster may lie"),
        "Cells": tr("Cells"),
        "Regions": tr("Regions"),
        "Set aside": tr("Set aside"),
        "Explanations": tr("Explanations"),
        "Survey": tr("Survey"),
        "Map": tr("Map"),
        "Tables": tr("Tables"),
    }


def _labels():
    return {
        "Not applicable": tr("Not applicable"),
        "No data": tr("No data"),
        "Not significant": tr("Not significant"),
    }
