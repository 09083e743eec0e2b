"""What is taken for a description of an operation, and what is refused."""

import pytest
from geolivelihood_qgis.processing.descriptions import DescriptionError, read


def described(**changes):
    """A good description with changes."""
    whole = {
        "id": "bands",
        "title": "Bands around places",
        "group": "Map",
        "help": "Draws bands.",
        "tags": "map band",
        "parameters": [parameter("places", "points"), parameter("name", "fields", of="places")],
        "output": {"kind": "geopackage", "title": "Bands", "help": "", "stem": "bands"},
    }
    return whole | changes


def parameter(name, kind, **more):
    return {"name": name, "kind": kind, "title": name.title(), "help": f"Help of {name}."} | more


def of_kind(kind, **more):
    return described(parameters=[parameter("it", kind, **more)])


def test_a_good_description_is_read():
    found = read(described())
    assert (found.id, found.title, found.group, found.tags) == (
        "bands",
        "Bands around places",
        "Map",
        "map band",
    )
    places, name = found.parameters
    assert (places.kind, places.optional, places.advanced, places.default) == ("points", False, False, None)
    assert (name.of, name.many, name.numeric) == ("places", False, False)
    assert found.output[:2] == ("geopackage", "Bands") and found.output.stem == "bands"


def test_what_may_be_left_out_has_a_value():
    found = read(
        {"id": "a", "title": "A", "parameters": [], "output": {"kind": "folder"}, "from_the_future": {"x": 1}}
    )
    assert (found.group, found.help, found.tags, found.output.stem) == ("", "", "", "a")
    assert read(described(tags=["a", "b"])).tags == "a b"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("integer", {"default": 3, "min": 1, "max": 5}),
        ("number", {"default": 0.5, "min": 0}),
        ("flag", {"default": True}),
        ("text", {"default": "a"}),
        ("lines", {"default": ["a", "b"]}),
        ("settings", {"default": {"a": 1}}),
        ("choice", {"default": "b", "choices": [["a", "A"], ["b", "B"]]}),
        ("choice", {"default": ["a"], "many": True, "choices": [["a", "A"]]}),
        ("extent", {"default": [0, 0, 1, 1]}),
        ("date", {"default": "2024-01-31"}),
        *((kind, {}) for kind in ("points", "polygons", "table", "raster", "rasters", "file", "folder")),
    ],
)
def test_every_kind_with_its_default(kind, more):
    (found,) = read(of_kind(kind, **more)).parameters
    assert found.kind == kind
    assert found.default == more.get("default")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "no object"),
        ([], "no object"),
        (described(id="__import__('os')"), "no id"),
        (described(id="../up"), "no id"),
        (described(id=""), "no id"),
        (described(id="a\n"), "no id"),
        (described(id=7), "no id"),
        (described(id="run"), "form of its own"),
        (described(title=""), "no 'title'"),
        (described(title={"a": 1}), "'title' is no text"),
        (described(help="x" * 10_000), "'help' is no text of a fair length"),
        (described(help="x" * 300_000), "too long"),
        (described(help=float("nan")), "'help' is no text"),
        (described(parameters={}), "'parameters'"),
        (described(parameters=[parameter(f"p{i}", "text") for i in range(100)]), "'parameters'"),
        (described(parameters=["x"]), "a parameter is no object"),
        (described(parameters=[parameter("output", "text")]), "must not be called output"),
        (described(parameters=[parameter("layers", "text")]), "must not be called layers"),
        (described(parameters=[parameter("A b", "text")]), "no name of a parameter"),
        (described(parameters=[parameter("a", "text")] * 2), "two parameters"),
        (of_kind("python"), "unknown kind"),
        (of_kind(["points"]), "unknown kind"),
        (of_kind("fields", of="none"), "names no layer"),
        (of_kind("fields"), "names no layer"),
        (of_kind("integer", default="3"), "default of it"),
        (of_kind("integer", default=True), "default of it"),
        (of_kind("integer", default=10**20), "default of it"),
        (of_kind("integer", default=9, max=5), "default of it"),
        (of_kind("integer", min=5, max=1), "no range"),
        (of_kind("number", min="a"), "'min' is no number"),
        (of_kind("number", max=float("inf")), "'max' is no number"),
        (of_kind("flag", default="yes"), "default of it"),
        (of_kind("file", default="/etc/passwd"), "default of it"),
        (of_kind("points", default="x"), "default of it"),
        (of_kind("choice"), "nothing to choose"),
        (of_kind("choice", choices=[]), "nothing to choose"),
        (of_kind("choice", choices=["a"]), "no pair"),
        (of_kind("choice", choices=[["a", 1]]), "no pair"),
        (of_kind("choice", choices=[[None, "A"]]), "no pair"),
        (of_kind("choice", choices=[["a", "A"]], default="b"), "default of it"),
        (of_kind("choice", choices=[["a", "A"]], many=True, default="a"), "default of it"),
        (of_kind("extent", default=[0, 1]), "default of it"),
        (described(output=None), "output"),
        (described(output={"kind": "program"}), "output"),
        (described(output={"kind": ["folder"]}), "output"),
        (described(output={"kind": "folder", "stem": "../up"}), "no name of a file"),
    ],
)
def test_what_is_refused(data, words):
    with pytest.raises(DescriptionError, match=words):
        read(data)


def test_depth_is_no_fault_of_ours():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(DescriptionError, match="too long"):
        read(described(more=deep))
