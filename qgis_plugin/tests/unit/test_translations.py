"""Every text of the plugin can be translated, and French is complete."""

import json
import re
import shutil
from pathlib import Path

import pytest
import translations

PLACES = re.compile(r"\{[^{}]*\}")
TAGS = re.compile(r"</?[a-z]+")


@pytest.fixture
def sources(tmp_path):
    """A plugin of two texts, one of them in a class, and one operation."""
    folder = tmp_path / "plugin"
    (folder / "processing").mkdir(parents=True)
    (folder / "one.py").write_text('class A:\n    TITLE = "Run"\n\n\nprint(tr("Open " "{}").format(1))\n')
    described = [
        {"id": "x", "title": "Index", "parameters": [{"help": "Metres.", "choices": [["a", "All"]]}]}
    ]
    (folder / "processing" / "operations.json").write_text(json.dumps(described))
    return folder


def test_texts_of_code_classes_and_operations_are_found(sources):
    assert [text.source for text in translations.texts(sources)] == [
        "Run",
        "Open {}",
        "Index",
        "Metres.",
        "All",
    ]


def test_an_update_keeps_what_is_translated(sources):
    path = translations.update("fr", sources)
    content = path.read_text(encoding="utf-8").replace(
        '<translation type="unfinished" />', "<translation>Lancer</translation>", 1
    )
    path.write_text(content, encoding="utf-8")
    assert translations.translations(translations.update("fr", sources)) == {"Run": "Lancer"}
    assert len(translations.missing("fr", sources)) == 4


def test_what_is_gone_leaves_the_file(sources):
    translations.update("fr", sources)
    (sources / "one.py").write_text("")
    assert "Run" not in translations.update("fr", sources).read_text(encoding="utf-8")


def test_a_text_that_nobody_could_translate_is_a_fault(sources):
    (sources / "two.py").write_text("tr(name)\ntr(f'{name}')\ntr('A' if name else 'B')\n")
    assert [fault.split()[0] for fault in translations.faults(sources)] == ["two.py:1:", "two.py:2:"]


def test_the_plugin_has_no_such_text():
    assert translations.faults() == []


def test_french_is_complete():
    assert [text.source for text in translations.missing("fr")] == []


def test_the_source_of_the_translation_is_up_to_date(tmp_path):
    copy = Path(shutil.copytree(translations.PLUGIN, tmp_path / "plugin"))
    kept = translations.ts_file("fr", copy).read_text(encoding="utf-8")
    assert translations.update("fr", copy).read_text(encoding="utf-8") == kept


def test_translations_keep_placeholders_and_markup():
    for source, translation in translations.translations(translations.ts_file("fr")).items():
        for pattern in (PLACES, TAGS):
            assert sorted(pattern.findall(source)) == sorted(pattern.findall(translation)), source
        assert source[:1].isspace() == translation[:1].isspace(), source
        assert source.endswith("...") == translation.endswith(("...", "…")), source
