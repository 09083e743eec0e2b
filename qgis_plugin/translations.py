"""The plugin in other languages: ``python qgis_plugin/translations.py update|missing|compile``.

``update`` brings ``i18n/geolivelihood_qgis_<language>.ts`` (Qt's format, which Qt Linguist and translation
sites read) up to date with every text of the sources; translations that are there stay. ``missing`` lists
what is not translated, and exits with 1. ``compile`` makes the ``.qm`` files that QGIS loads; packaging does
it too.
"""

import ast
import json
import shutil
import subprocess  # only lrelease, with arguments of ours
import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
PLUGIN = HERE / "geolivelihood_qgis"
CONTEXT = "geolivelihood_qgis"
LANGUAGES = ("fr",)
LRELEASE = ("/usr/lib/qt5/bin/lrelease", "lrelease", "lrelease-qt5")
CLASS_TEXTS = ("TITLE", "HELP", "TAGS")
OPERATIONS = "processing/operations.json"
DESCRIBED_TEXTS = ("title", "help", "tags", "group")
NOT_LITERAL = ("base", "described", "help", "kinds", "needs")
"""Modules of processing that translate the texts of others: of classes, and what the worker describes."""


class Text(NamedTuple):
    """A text to translate, and where it stands."""

    source: str
    file: str
    line: int


def texts(folder=PLUGIN):
    """Every text of the plugin once, by file and line."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for source in _texts_of(node):
                found.setdefault(source.value, Text(source.value, name, source.lineno))
    described = folder / OPERATIONS
    if described.exists():
        for source in _described(json.loads(described.read_text(encoding="utf-8"))):
            found.setdefault(source, Text(source, OPERATIONS, 1))
    return sorted(found.values(), key=lambda text: (text.file, text.line))


def faults(folder=PLUGIN):
    """Calls of ``tr`` with something else than a literal text, which nobody could translate."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if name in ("compat.py", *(f"processing/{module}.py" for module in NOT_LITERAL)):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if _is_tr(node) and not _literals(node.args[0]):
                found.append(f"{name}:{node.lineno}: tr() needs a literal text")
    return found


def ts_file(language, folder=PLUGIN):
    """The source of a translation."""
    return folder / "i18n" / f"{CONTEXT}_{language}.ts"


def translations(path):
    """Finished translations of a ``.ts`` file, by source text."""
    if not path.exists():
        return {}
    known = {}
    for message in ElementTree.parse(path).iter("message"):
        translation = message.find("translation")
        if translation is not None and translation.text and translation.get("type") is None:
            known[message.findtext("source")] = translation.text
    return known


def missing(language, folder=PLUGIN):
    """Texts without a translation."""
    known = translations(ts_file(language, folder))
    return [text for text in texts(folder) if text.source not in known]


def update(language, folder=PLUGIN):
    """Write the ``.ts`` file again from the sources; return it."""
    target = ts_file(language, folder)
    known = translations(target)
    root = ElementTree.Element("TS", version="2.1", language=language, sourcelanguage="en")
    context = ElementTree.SubElement(root, "context")
    ElementTree.SubElement(context, "name").text = CONTEXT
    for text in texts(folder):
        message = ElementTree.SubElement(context, "message")
        ElementTree.SubElement(message, "location", filename=f"../{text.file}")
        ElementTree.SubElement(message, "source").text = text.source
        translation = ElementTree.SubElement(message, "translation")
        translation.text = known.get(text.source)
        if translation.text is None:
            translation.set("type", "unfinished")
    ElementTree.indent(root, space="    ")
    content = ElementTree.tostring(root, encoding="unicode")
    target.parent.mkdir(exist_ok=True)
    head = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n'
    target.write_text(f"{head}{content}\n", encoding="utf-8")
    return target


def compile_all(folder=PLUGIN):
    """Make a ``.qm`` file beside each ``.ts``; return them."""
    program = next(
        filter(None, map(shutil.which, ("/usr/lib/qt5/bin/lrelease", "lrelease", "lrelease-qt5"))), ""
    )
    if not program:
        raise SystemExit(
            "lrelease is needed to compile translations: sudo apt-get install qttools5-dev-tools"
        )
    made = []
    for source in sorted((folder / "i18n").glob("*.ts")):
        target = source.with_suffix(".qm")
        command = [program, "-silent", str(source), "-qm", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not target.exists():
            raise SystemExit(f"lrelease failed on {source}: {done.stderr or done.stdout}")
        made.append(target)
    return made


def main(arguments):
    """What the command line asks for."""
    task = arguments[0] if len(arguments) == 1 else ""
    if task == "update":
        for language in LANGUAGES:
            sys.stdout.write(f"{update(language)}: {len(missing(language))} texts without a translation\n")
    elif task == "missing":
        wanting = [text for language in LANGUAGES for text in missing(language)]
        sys.stdout.writelines(f"{text.file}:{text.line}: {text.source!r}\n" for text in wanting)
        return bool(wanting)
    elif task == "compile":
        sys.stdout.writelines(f"{path}\n" for path in compile_all())
    else:
        raise SystemExit(__doc__)
    return 0


def _texts_of(node):
    """The literals that a node of the syntax tree offers for translation."""
    if _is_tr(node):
        return _literals(node.args[0])
    if isinstance(node, ast.ClassDef):
        return [
            literal
            for line in node.body
            if isinstance(line, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id in CLASS_TEXTS for target in line.targets)
            for literal in _literals(line.value)
            if literal.value
        ]
    return []


def _is_tr(node):
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr" and node.args
    )


def _literals(node):
    """The texts that an expression can be: one literal, or either side of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node]
    if isinstance(node, ast.IfExp):
        return [*_literals(node.body), *_literals(node.orelse)]
    return []


def _described(operations):
    for operation in operations:
        for part in (operation, *operation.get("parameters", ()), operation.get("output") or {}):
            for key in DESCRIBED_TEXTS:
                if part.get(key):
                    yield part[key]
            for _, title in part.get("choices") or ():
                yield title


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
