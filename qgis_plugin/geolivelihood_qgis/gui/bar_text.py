"""Text for QGIS's message bar, which reads it as HTML."""

from html import escape


def bar_text(text):
    """The text as it is to be read: names of files and messages of a worker are no markup."""
    return escape(text, quote=False).replace("\n", "<br>")
