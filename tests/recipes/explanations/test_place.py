"""Explanations in a copy of a result: the result stays as it is, and all that the copy names is there."""

import json
import shutil
import sqlite3
import subprocess
import sys

import geopandas as gpd
import pytest

from geolivelihood.errors import InputError, OutputError
from geolivelihood.files import file_hash
from geolivelihood.layers import read_provenance, read_styles
from geolivelihood.recipes import open_project
from geolivelihood.recipes.explanations import attributions, explain_project

pytestmark = pytest.mark.xdist_group("recipes")


@pytest.fixture(scope="module")
def asked(result, small):
    """A few tiles of the run's project, and what is to be explained of them."""
    project = result.geopackage.parents[1] / "project.yaml"
    data, _ = open_project(project, overrides=small)
    tiles = list(data.images("tiles")["image_id"].iloc[300:303])
    return {"path": project, "overrides": small, "model": "ridge", "source": "tiles", "ids": tiles}


@pytest.fixture(scope="module")
def first(asked, result, tmp_path_factory):
    """A first explanation, in a copy of the run's result."""
    out = tmp_path_factory.mktemp("first") / "à voir" / "first.gpkg"
    return explain_project(**asked, result=result.geopackage, out=out)


def named_files(geopackage):
    """Rasters that the layer names, and files that the provenance names."""
    rasters = gpd.read_file(geopackage, layer="explanations_rasters")["path"]
    told = [file for entry in read_provenance(geopackage)["explanations"] for file in entry["files"]]
    return [geopackage.parent / name for name in (*rasters, *told)]


def contents(folder):
    return {path: file_hash(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_result_stays_as_it_is(asked, result, tmp_path):
    before = file_hash(result.geopackage), sorted(result.geopackage.parent.iterdir())
    done = explain_project(**asked, result=result.geopackage, out=tmp_path / "out.gpkg")
    assert done.geopackage == tmp_path / "out.gpkg"
    assert (file_hash(result.geopackage), sorted(result.geopackage.parent.iterdir())) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.explanations", "out.gpkg"]
    assert read_styles(done.geopackage, "cells") == read_styles(result.geopackage, "cells")


def test_files_lie_beside_the_copy_and_are_named_from_it(first):
    folder = first.geopackage.with_name("first.explanations")
    assert first.files and all(file.is_relative_to(folder) and file.exists() for file in first.files)
    named = named_files(first.geopackage)
    assert named and all(path.exists() and path.is_relative_to(folder) for path in named)


@pytest.mark.parametrize("where", ["first", "other/deep"])
def test_a_copy_of_an_explained_result_names_its_rasters_where_they_lie(first, asked, tmp_path, where):
    home = tmp_path / "first"
    shutil.copytree(first.geopackage.parent, home)
    before = contents(home)
    out = tmp_path / where / "second.gpkg"
    done = explain_project(**asked | {"methods": ["grad_cam"]}, result=home / first.geopackage.name, out=out)
    assert {path: was for path, was in contents(home).items() if path in before} == before
    named = named_files(out)
    assert all(path.exists() for path in named)
    homes = {path.resolve().relative_to(tmp_path.resolve()).as_posix().split(".expl")[0] for path in named}
    assert homes == {"first/first", f"{where}/second"}
    table = gpd.read_file(out, layer="explanations_rasters")
    assert not table["path"].str.startswith("/").any()
    assert dict(table["method"].value_counts()) == {"signed_cam": 3, "grad_cam": 3}
    base = sqlite3.connect(out)
    assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    base.close()
    assert [entry["method"] for entry in read_provenance(out)["explanations"]] == ["signed_cam", "grad_cam"]
    assert done.geopackage == out


def test_the_result_may_be_open_and_read_only(first, asked, tmp_path):
    shutil.copytree(first.geopackage.parent, tmp_path / "first")
    source = tmp_path / "first" / first.geopackage.name
    source.chmod(0o444)
    base = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)
    base.execute("SELECT * FROM cells").fetchone()
    explain_project(**asked, result=source, out=tmp_path / "out.gpkg")
    base.close()
    assert all(path.exists() for path in named_files(tmp_path / "out.gpkg"))


def test_nothing_is_left_of_what_failed(first, asked, tmp_path, monkeypatch):
    def failing(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(attributions, "attribute", failing)
    out = tmp_path / "out.gpkg"
    with pytest.raises(KeyboardInterrupt):
        explain_project(**asked | {"methods": ["layer_cam"]}, result=first.geopackage, out=out)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="no method 'cam'"):
        explain_project(**asked | {"methods": ["cam"]}, result=first.geopackage, out=out)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_refused_and_untouched(first, asked, tmp_path):
    out = tmp_path / "out.gpkg"
    out.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        explain_project(**asked, result=first.geopackage, out=out)
    assert out.read_bytes() == b"mine"
    rasters = tmp_path / "other.explanations"
    rasters.mkdir()
    with pytest.raises(OutputError, match=r"other\.explanations exists already"):
        explain_project(**asked, result=first.geopackage, out=tmp_path / "other.gpkg")
    assert list(rasters.iterdir()) == []


def work(params, out, *, cancel=False):
    """Events of a worker that is asked to explain."""
    command = [sys.executable, "-u", "-m", "geolivelihood.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        request = {"cmd": "request", "id": "job", "protocol": 1, "op": "explain", "params": params}
        process.stdin.write(json.dumps(request | {"out": str(out)}).encode() + b"\n")
        process.stdin.flush()
        events = []
        for line in process.stdout:
            events.append(json.loads(line))
            if cancel and events[-1]["event"] == "progress":
                process.stdin.write(b'{"cmd": "cancel", "id": "job"}\n')
                process.stdin.flush()
                cancel = False
    return events, process.returncode


@pytest.fixture(scope="module")
def params(asked, result):
    """What a client of the worker sends."""
    rest = {name: asked[name] for name in ("model", "source", "ids")}
    return {"project": str(asked["path"]), "set": asked["overrides"], "result": str(result.geopackage)} | rest


def test_the_worker_explains(params, tmp_path):
    out = tmp_path / "out.gpkg"
    events, code = work(params | {"methods": ["signed_cam"]}, out)
    done = events[-1]
    assert (done["event"], code) == ("result", 0), done
    assert done["outputs"] == {"geopackage": str(out)} and done["rejected"] == 0
    titles = {layer["name"]: layer for layer in done["layers"]}
    assert titles["explanations_peaks"]["visible"] and titles["explanations_peaks"]["group"] == "Explanations"
    assert "visible" not in titles["cells"]
    assert any("mosaic" in file for file in done["files"])
    assert not [event["text"] for event in events if event["event"] == "warning"]


def test_the_worker_warns_of_other_settings(params, tmp_path):
    changed = params | {"set": params["set"] | {"validation.folds": 4}, "methods": ["signed_cam"]}
    events, _ = work(changed, tmp_path / "out.gpkg")
    told = [event["text"] for event in events if event["event"] == "warning"]
    assert any("other settings" in text for text in told)


def test_the_worker_refuses_what_is_no_list(params, tmp_path):
    events, code = work(params | {"ids": "MA0001"}, tmp_path / "out.gpkg")
    assert (events[-1]["code"], code) == ("INPUT_INVALID", 6)
    assert "params.ids is 'MA0001'; give a list of texts" in events[-1]["text"]


def test_a_cancelled_worker_leaves_nothing(params, tmp_path):
    events, code = work(params | {"ids": None, "methods": ["occlusion"]}, tmp_path / "out.gpkg", cancel=True)
    assert (events[-1]["code"], code) == ("CANCELLED", 3)
    assert list(tmp_path.iterdir()) == []
