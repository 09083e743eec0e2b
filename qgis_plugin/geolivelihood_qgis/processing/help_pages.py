"""A page of help for each algorithm, written when it is asked for: in the user's language, offline."""

from html import escape
from pathlib import Path

from qgis.core import QgsApplication, QgsProcessingParameterDefinition, QgsProcessingUtils
from qgis.PyQt.QtCore import QUrl

from ..compat import is_null, tr
from ..wording import number

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; margin-bottom: 0; } h2 { margin-top: 2rem; }
.group { opacity: .7; margin-top: .2rem; }
dl { border-top: 1px solid var(--line); } dt { font-weight: 600; padding-top: .8rem; }
dd { margin: 0 0 .8rem; padding-bottom: .8rem; border-bottom: 1px solid var(--line); }
.facts { opacity: .75; font-size: .88em; } p { margin: .3rem 0; }
code, pre { font: .88em ui-monospace, monospace; background: var(--soft); border-radius: 4px; }
code { padding: .1em .3em; } pre { padding: .8rem; overflow-x: auto; }
ul.choices { margin: .3rem 0; padding-left: 1.3rem; }
"""


def help_page(algorithm):
    """Write the page of an algorithm; return its ``file:`` address, or an empty text if it cannot be."""
    path = Path(QgsProcessingUtils.tempFolder()) / "geolivelihood_help" / f"{algorithm.name()}.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(algorithm), encoding="utf-8")
    except OSError:
        return ""
    return QUrl.fromLocalFile(str(path)).toString()


def page(algorithm):
    """The page as HTML; every text in it is escaped."""
    usual, advanced = [], []
    flag = QgsProcessingParameterDefinition.Flag
    for one in algorithm.parameterDefinitions():
        if not one.flags() & flag.FlagHidden:
            (advanced if one.flags() & flag.FlagAdvanced else usual).append(one)
    outputs = {one.name() for one in algorithm.destinationParameterDefinitions()}
    further = [one for one in algorithm.outputDefinitions() if one.name() not in outputs]
    title = escape(algorithm.displayName())
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="group">Geolivelihood ▸ {escape(algorithm.group())}</p>',
        f"<p>{algorithm.shortHelpString()}</p>",
        *_section(tr("Parameters"), usual),
        *_section(tr("Advanced parameters"), advanced),
    ]
    if further:
        parts += [f"<h2>{tr('Further outputs')}</h2>", "<dl>", *map(_output, further), "</dl>"]
    parts += [
        f"<h2>{tr('From Python and the command line')}</h2>",
        f"<pre>{escape(_python(algorithm))}</pre>",
    ]
    parts.append(f"<pre>{escape(_command(algorithm))}</pre>")
    body = "\n".join(parts)
    language = escape(QgsApplication.locale()[:2] or "en", quote=True)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _section(title, parameters):
    return [f"<h2>{title}</h2>", "<dl>", *map(_parameter, parameters), "</dl>"] if parameters else []


def _parameter(one):
    kind = QgsApplication.processingRegistry().parameterType(one.type())
    facts = [f"<code>{escape(one.name())}</code>", escape(kind.name() if kind else one.type())]
    default = _default(one)
    if _is_optional(one):
        facts.append(tr("may be left empty"))
    elif not default:
        facts.append(tr("needed"))
    if default:
        facts.append(tr("default: {}").format(escape(default)))
    facts += _range(one)
    choices = one.options() if one.type() == "enum" else ()
    listed = "".join(f"<li><code>{number}</code> {escape(text)}</li>" for number, text in enumerate(choices))
    return (
        f"<dt>{escape(one.description())}</dt><dd><p>{escape(one.help())}</p>"
        + (f'<ul class="choices">{listed}</ul>' if listed else "")
        + f'<p class="facts">{" · ".join(facts)}</p></dd>'
    )


def _output(one):
    name = f'<p class="facts"><code>{escape(one.name())}</code></p>'
    return f"<dt>{escape(one.description())}</dt><dd>{name}</dd>"


def _is_optional(one):
    return bool(one.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional)


def _default(one):
    value = one.defaultValue()
    if is_null(value) or value == "":
        return ""
    if one.type() == "enum":
        numbers = value if isinstance(value, list) else [value]
        return ", ".join(one.options()[int(number)] for number in numbers)
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, float):
        return number(value, "g")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _range(one):
    if one.type() != "number":
        return []
    least, most = one.minimum(), one.maximum()
    found = [tr("at least {}").format(number(least, "g"))] if least > -1e300 and least != -(2**31) + 1 else []
    return found + (
        [tr("at most {}").format(number(most, "g"))] if most < 1e300 and most != 2**31 - 1 else []
    )


def _asked(algorithm):
    """Names of what must be given, and of the output."""
    needed = [one.name() for one in algorithm.parameterDefinitions() if not _is_optional(one)]
    needed = [name for name in needed if is_null(algorithm.parameterDefinition(name).defaultValue())]
    outputs = [one.name() for one in algorithm.destinationParameterDefinitions()]
    return needed + [name for name in outputs if name not in needed]


def _python(algorithm):
    given = ", ".join(f'"{name}": ...' for name in _asked(algorithm))
    return f'processing.run("geolivelihood:{algorithm.name()}", {{{given}}})'


def _command(algorithm):
    given = " ".join(f"--{name}=..." for name in _asked(algorithm))
    return f"qgis_process run geolivelihood:{algorithm.name()} {given}".rstrip()
