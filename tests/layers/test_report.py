"""The report as a file: one page that loads nothing, escapes everything and says what it must."""

import base64
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from geolivelihood.errors import EnvironmentMissingError, InputError, OutputError
from geolivelihood.layers import Figure, Section, Summary, Table, write_report
from geolivelihood.layers.report_tables import table_grid

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt"><rect width="9" height="9"/></svg>'
SUMMARY = Summary(says="Rich here.", sure="To ±0.1.", not_for="Single houses.", facts={"Clusters": "1,204"})
HOSTILE = "<script>alert(1)</script> & \"R$\" 'é' {{ 7 * 7 }} {% raw %}"


class Page(HTMLParser):
    """Tags with their attributes, ids, and the text that a reader sees."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.seen, self.hidden = [], [], False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.hidden = tag == "style"

    def handle_data(self, data):
        if not self.hidden:
            self.seen.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.seen).split())


def figure(**changes):
    return Figure(
        **{"title": "A chart", "image": SVG, "alt": "One square.", "caption": "Read it so."} | changes
    )


def report(tmp_path, **changes):
    given = {"title": "Wealth", "summary": SUMMARY, "sections": [Section(title="Map", text=["Words."])]}
    return Page(write_report(tmp_path / "report.html", **given | changes))


def test_the_summary_comes_first_with_what_the_map_is_not_for(tmp_path):
    page = report(tmp_path, warnings=["12 clusters were left out."])
    order = ["Wealth", "1,204", "What this map says", "Rich here.", "How sure it is", "To ±0.1."]
    order += [
        "What it must not be used for",
        "Single houses.",
        "12 clusters were left out.",
        "Contents",
        "Words.",
    ]
    places = [page.text.index(words) for words in order[1:]]
    assert places == sorted(places)
    assert ("html", {"lang": "en"}) in page.tags
    assert page.text.startswith("Wealth Skip to the report")


def test_contents_lead_to_every_section(tmp_path):
    sections = [Section(title=f"Part {n}") for n in range(3)]
    page = report(tmp_path, sections=sections, provenance={"seed": 1})
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = [link["href"] for link in page.all("a")]
    assert links == ["#content", "#s1", "#s2", "#s3", "#sources"]
    assert {link[1:] for link in links} <= ids
    named = [attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes]
    assert set(named) <= ids
    every = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(every) == len(set(every))


def test_nothing_is_loaded_and_nothing_runs(tmp_path):
    page = report(tmp_path, sections=[Section(title="Map", figures=[figure()])], provenance={"seed": 1})
    assert not page.all("script")
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    addresses = [a.get("src") or a.get("href") or "#" for _, a in page.tags]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    style = (tmp_path / "report.html").read_text(encoding="utf-8").split("</style>")[0]
    assert "url(" not in style and "@import" not in style
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_what_comes_from_data_is_shown_and_not_obeyed(tmp_path):
    frame = pd.DataFrame({HOSTILE: [HOSTILE]}, index=pd.Index([HOSTILE], name=HOSTILE))
    table = Table(title=HOSTILE, frame=frame, caption=HOSTILE)
    shown = figure(title=HOSTILE, alt=HOSTILE, caption=HOSTILE)
    page = report(
        tmp_path,
        title=HOSTILE,
        summary=Summary(says=HOSTILE, sure=HOSTILE, not_for=HOSTILE, facts={HOSTILE: HOSTILE}),
        sections=[Section(title=HOSTILE, text=[HOSTILE], figures=[shown], tables=[table])],
        warnings=[HOSTILE],
        provenance={HOSTILE: HOSTILE, "nested": {HOSTILE: [HOSTILE, {}]}},
        licences=pd.DataFrame({HOSTILE: [HOSTILE]}),
    )
    assert not page.all("script")
    assert page.all("img")[0]["alt"] == HOSTILE
    plain = " ".join(HOSTILE.split())
    # title twice, fact, cards, warning, section in contents and text, figure, table, licences, provenance
    assert page.text.count(plain) == 2 + 2 + 3 + 1 + 3 + 2 + 6 + 2 + 2


def test_figures_are_data_and_know_their_size(tmp_path):
    held = io.BytesIO()
    Image.new("L", (2, 3)).save(held, format="PNG")
    png = held.getvalue()
    only_box = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"></svg>'
    shown = [figure(), figure(image=png, wide=True), figure(image=only_box), figure(image=b"<svg></svg>")]
    page = report(tmp_path, sections=[Section(title="Map", figures=shown)])
    images = page.all("img")
    assert [(image["width"], image["height"]) for image in images] == [
        *(("96", "48"), ("2", "3"), ("40", "30"), ("300", "150"))
    ]
    assert base64.b64decode(images[0]["src"].removeprefix("data:image/svg+xml;base64,")) == SVG
    assert images[1]["src"].startswith("data:image/png;base64,")
    assert [item.get("class") for item in page.all("figure")] == [None, "wide", None, None]
    assert "Figure 1 A chart" in page.text and "Figure 4 A chart" in page.text
    assert images[0]["alt"] == "One square."


def test_tables_have_headings_that_say_what_they_head(tmp_path):
    columns = pd.MultiIndex.from_product([["wealth", "bmi"], ["random", "blocked"]])
    frame = pd.DataFrame(
        [["0.65 [0.60, 0.70]", "-0.10 [-0.2, 0.1]*", "–", "0.3"]], index=["knn"], columns=columns
    )
    frame.index.name = "model"
    section = Section(
        title="Scores", tables=[Table(title="R²", frame=frame), Table(title="More", frame=frame, folded=True)]
    )
    page = report(tmp_path, sections=[section])
    headings = page.all("th")
    assert [(h["scope"], h.get("colspan")) for h in headings[:3]] == [
        ("col", None),
        ("colgroup", "2"),
        ("colgroup", "2"),
    ]
    assert [h["scope"] for h in headings[3:9]] == ["col"] * 5 + ["row"]
    assert "−0.10 [−0.2, 0.1]*" in page.text
    assert [cell.get("class") for cell in page.all("td")] == ["n", "n", None, "n"] * 2
    assert {"id": "table-2"} in page.all("summary")
    assert len(page.all("details")) == 1


def test_numbers_get_the_digits_that_mean_something():
    frame = pd.DataFrame(
        {
            "share": [0.123456, -0.5, np.nan],
            "income": [1234567.8, 12.0, np.inf],
            "count": [12345.0, 7.0, np.nan],
            "urban": [True, False, True],
            "known": pd.array([True, None, False], dtype="boolean"),
            "when": pd.to_datetime(["2020-01-02 00:00", "2020-01-02 03:04", None]),
            "mixed": ["10 %", None, 1 / 3],
            "zero": [0.0, 0.0, 0.0],
        }
    )
    grid = table_grid(Table(title="", frame=frame, digits={"income": 1}))
    assert [cells for _, cells in grid.rows] == [
        ["0.123", "1,234,567.8", "12,345", "yes", "yes", "2020-01-02", "10 %", "0"],
        ["−0.500", "12.0", "7", "no", "–", "2020-01-02 03:04", "–", "0"],
        ["–", "∞", "–", "yes", "no", "–", "0.3333", "0"],
    ]
    assert grid.numeric == [True, False, True, False, False, False, True, True]
    assert grid.corner == [] and grid.rows[0][0] == []


def test_a_named_index_heads_the_rows_and_an_empty_table_says_so(tmp_path):
    two = pd.DataFrame({"n": [1]}, index=pd.MultiIndex.from_tuples([("a", 1.5)], names=["region", None]))
    grid = table_grid(Table(title="", frame=two))
    assert grid.corner == ["region", ""] and grid.rows == [(["a", "1.50"], ["1"])]
    page = report(tmp_path, sections=[Section(title="x", tables=[Table(title="None", frame=two.iloc[:0])])])
    assert "No rows." in page.text


def test_provenance_and_licences(tmp_path):
    provenance = {
        "command": "geolivelihood run p.yaml",
        "time": "2026-01-31T12:00:00Z",
        "versions": {"numpy": "2.0", "pandas": "3.0"},
        "configuration": {"models": [{"name": "knn"}]},
        "nothing": None,
    }
    licences = pd.DataFrame(
        {"Data": ["Photos"], "Licence": ["CC BY-SA 4.0"], "Link": ["https://example.org/a"]}
    )
    page = report(tmp_path, provenance=provenance, licences=licences)
    assert "Made on 2026-01-31 with geolivelihood" in page.text
    assert "numpy 2.0, pandas 3.0" in page.text
    assert '"name": "knn"' in page.text
    assert {"href": "https://example.org/a", "rel": "noopener noreferrer"} in page.all("a")


def test_the_same_input_gives_the_same_bytes_and_the_old_file_is_replaced(tmp_path):
    report(tmp_path)
    first = (tmp_path / "report.html").read_bytes()
    report(tmp_path)
    assert (tmp_path / "report.html").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(InputError):
        report(tmp_path, sections=[Section(title="x", figures=[figure(image=b"JFIF")])])
    assert (tmp_path / "report.html").read_bytes() == first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sections": []}, "no sections"),
        ({"title": "  "}, "no text for title"),
        ({"summary": Summary(says="a", sure="b", not_for="")}, "no text for not_for"),
        ({"sections": [Section(title="x", figures=[figure(alt=" ")])]}, "'A chart' has no alt text"),
        ({"sections": [Section(title="x", figures=[figure(image=b"GIF89a")])]}, "neither SVG nor PNG"),
    ],
)
def test_a_report_that_lacks_what_it_must_say_is_not_written(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        report(tmp_path, **changes)
    assert list(tmp_path.iterdir()) == []


def test_targets_that_cannot_be(tmp_path):
    sections = [Section(title="x")]
    with pytest.raises(InputError, match=r"does not end in \.html"):
        write_report(tmp_path / "report.pdf", title="x", summary=SUMMARY, sections=sections)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_report(tmp_path / "folder.html", title="x", summary=SUMMARY, sections=sections)


def test_without_jinja_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(EnvironmentMissingError, match=re.escape("'geolivelihood[report]'")):
        report(tmp_path)
    assert list(tmp_path.iterdir()) == []
