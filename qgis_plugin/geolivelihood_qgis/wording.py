"""How names, values and numbers are written for people: in the language of QGIS, with its signs.

Files, parameters and commands keep their points; they never come by here.
"""

from qgis.PyQt.QtCore import QLocale

from .compat import tr


def said(name, value):
    """A name and its value."""
    return tr("{}: {}").format(name, value)


def number(value, shape=""):
    """A number in a shape of ``format``, with the decimal sign of QGIS's language and a true minus."""
    return with_signs(format(value, shape))


def count(value):
    """A whole number, its thousands apart."""
    return number(value, ",")


def number_text(value):
    """A number as a person would write it: three significant digits, a true minus sign."""
    if value is None:
        return tr("not known")
    return number(value, ",.0f" if abs(value) >= 1000 else ".3g")


def with_signs(text):
    """Numbers in a text of numbers alone, written with the signs of QGIS's language."""
    locale = QLocale()
    signs = {".": locale.decimalPoint(), ",": locale.groupSeparator(), "-": "\N{MINUS SIGN}"}
    return "".join(signs.get(sign, sign) for sign in text)
