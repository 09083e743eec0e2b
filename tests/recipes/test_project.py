"""Project files: what is accepted, and errors that name the key and the line."""

from pathlib import Path

import pytest

from geolivelihood.errors import ProjectError
from geolivelihood.recipes import read_project

GOOD = """\
name: small
clusters:
  path: clusters.csv
  indicators: [wealth]
images:
  - name: photos
    table: photos.csv
    encoder: {name: rcf}
cells: {resolution: 7}
models: [mean, {name: ridge, label: stiff, sources: [photos], options: {alphas: [1.0]}}]
map_model: stiff
"""

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def write(tmp_path):
    def _write(text: str) -> Path:
        path = tmp_path / "project.yaml"
        path.write_text(text)
        return path

    return _write


def test_a_good_project(write, tmp_path):
    project = read_project(write(GOOD))
    assert [model.key for model in project.models] == ["mean", "stiff"]
    assert project.input("clusters.csv") == tmp_path / "clusters.csv"
    assert project.validation.folds == 5


@pytest.mark.parametrize("name", ["brazil", "street"])
def test_the_examples_are_good(name):
    assert read_project(ROOT / "examples" / f"{name}.yaml").name == name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "resolution: 7",
            "resolutoin: 7",
            "line 9, cells.resolutoin: unknown key; did you mean 'resolution'?",
        ),
        (
            "resolution: 7",
            "resolution: 99",
            "line 9, cells.resolution: Input should be less than or equal to 15",
        ),
        ("name: small\n", "", "name: is missing"),
        ("  path: clusters.csv\n", "", "line 2, clusters: give either 'path'"),
        ("table: photos.csv", "table: photos.csv\n    tiles: t", "give exactly one of table, photos"),
        ("map_model: stiff", "map_model: cell", "map_model: 'cell' is not among the models"),
        (
            "sources: [photos]",
            "sources: [lights]",
            "names the source 'lights', which is not there; there are: photos",
        ),
        (
            "    table: photos.csv\n    encoder: {name: rcf}\n",
            "    detections_of: photos\n",
            "counts what is in 'photos', which is not there",
        ),
        ("    encoder: {name: rcf}\n", "", "learns from pictures, but no source has an encoder"),
        ("sources: [photos]", "sources: []", "at least 1 item"),
        ("name: photos", "name: clusters", "cannot be called 'clusters'"),
        ("label: stiff", "label: ../stiff", "String should match pattern"),
        ("models: [mean", "models: [meen", "line 10, models.0: Input should be 'mean'"),
    ],
)
def test_faults_name_the_key_and_the_line(write, old, new, said):
    assert old in GOOD
    with pytest.raises(ProjectError) as caught:
        read_project(write(GOOD.replace(old, new)))
    assert said in str(caught.value)


def test_all_faults_at_once(write):
    text = GOOD.replace("resolution: 7", "resolution: 99").replace("name: rcf", "nam: rcf")
    with pytest.raises(ProjectError) as caught:
        read_project(write(text))
    assert "resolution" in str(caught.value) and "did you mean 'name'" in str(caught.value)


def test_overrides_reach_into_lists_and_sections(write):
    changes = {"validation.folds": 3, "images.0.encoder.name": "summary", "seed": 7}
    project = read_project(write(GOOD), overrides=changes)
    assert (project.validation.folds, project.images[0].encoder.name, project.seed) == (3, "summary", 7)


def test_a_wrong_override_is_named(write):
    with pytest.raises(ProjectError, match=r"--set, validation\.fold: unknown key; did you mean 'folds'"):
        read_project(write(GOOD), overrides={"validation.fold": 3})
    with pytest.raises(ProjectError, match=r"--set images\.7\.name"):
        read_project(write(GOOD), overrides={"images.7.name": "x"})


@pytest.mark.parametrize("text", ["name: [unclosed", "- just\n- a list", "", "!!python/object:os.system {}"])
def test_not_a_project(write, text):
    with pytest.raises(ProjectError):
        read_project(write(text))


def test_missing_file(tmp_path):
    with pytest.raises(ProjectError, match="Give the path of a YAML file"):
        read_project(tmp_path / "nothing.yaml")


def test_patterns_match_files_or_say_so(write, tmp_path):
    project = read_project(write(GOOD))
    (tmp_path / "b.tif").touch()
    (tmp_path / "a.tif").touch()
    assert [path.name for path in project.inputs("*.tif")] == ["a.tif", "b.tif"]
    with pytest.raises(ProjectError, match="No file matches"):
        project.inputs("*.jp2")
