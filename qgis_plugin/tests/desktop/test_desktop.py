"""The real QGIS desktop, on a screen of its own: buttons are clicked, and what is seen is kept."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import package_plugin
import pytest

HERE = Path(__file__).resolve().parent
PLUGINS = HERE.parents[1]
LONG_S = 900


@pytest.fixture
def desktop(find_program, system_environment, tmp_path, artefacts, qgis_version):
    """Start QGIS with a fresh profile, let it do the steps, and return its verdict."""
    qgis, screen = find_program("qgis.bin"), find_program("xvfb-run")
    find_program("xauth")

    def run(*steps, plugins=PLUGINS, **variables):
        settings = tmp_path / "profile" / "profiles" / "default" / "QGIS" / "QGIS3.ini"
        settings.parent.mkdir(parents=True)
        settings.write_text("[PythonPlugins]\ngeolivelihood_qgis=true\n" if plugins else "")
        verdict, orders = tmp_path / "verdict.json", tmp_path / "orders.json"
        told = {"steps": steps, "verdict": str(verdict), "artefacts": str(artefacts), "here": str(HERE)}
        orders.write_text(json.dumps(told))
        environment = {
            name: value for name, value in system_environment.items() if name != "XDG_CURRENT_DESKTOP"
        }
        environment |= {
            "GLQ_ORDERS": str(orders),
            "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", "/tmp"),
        }
        environment |= variables
        if plugins:
            environment["QGIS_PLUGINPATH"] = str(plugins)
        command = [qgis, "--noversioncheck", "--nologo", "--profiles-path", str(tmp_path / "profile")]
        command += ["--profile", "default", "--code", str(HERE / "drive.py")]
        done = subprocess.run(
            [screen, "-a", "-s", "-screen 0 1600x1000x24", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
        )
        assert verdict.exists(), done.stdout[-3000:] + done.stderr[-3000:]
        told = json.loads(verdict.read_text(encoding="utf-8"))
        told["console"] = done.stderr
        assert told["errors"] == [], told["errors"][0] + done.stderr[-3000:]
        assert told["version"].startswith(f"{qgis_version}."), "another QGIS than the one that is tested"
        return told

    return run


def names(nodes):
    return [(node["name"], names(node["children"])) if "children" in node else node["name"] for node in nodes]


def layers(nodes):
    return {
        name: layer
        for node in nodes
        for name, layer in (layers(node["children"]) if "children" in node else {node["name"]: node}).items()
    }


def test_load_and_export_by_mouse(desktop, results_file, recipe_file, tmp_path, artefacts):
    out = tmp_path / "shared.gpkg"
    # QGIS marks what lies in a temporary folder as temporary.
    recipe_file = Path(shutil.copy(recipe_file, artefacts / recipe_file.name))
    told = desktop(
        ("load", str(results_file), "desktop_results"),
        ("export", str(out), ["Cells", "Regions"]),
        ("load", str(recipe_file), "desktop_recipe"),
    )

    small = told["desktop_results"]
    assert any("7 layers loaded" in text for text in small["messages"])
    assert names(small["tree"]) == [
        (
            f"Results: {results_file.stem}",
            [
                ("Survey", ["Survey clusters"]),
                ("Pictures", ["Pictures", "Links between pictures", "What the photos see"]),
                ("Map", ["Cells", "Regions"]),
                ("Tables", ["Set aside"]),
            ],
        )
    ]
    found = layers(small["tree"])
    assert found["Cells"]["renderer"] == "graduatedSymbol"
    assert found["Survey clusters"]["renderer"] == "graduatedSymbol"
    assert found["Cells"]["visible"]
    assert not found["Links between pictures"]["visible"]
    assert small["colours"] > 5

    assert told["export"]["exists"], told["export"]
    assert any("Exported to" in text for text in told["export"]["messages"])

    real = told["desktop_recipe"]
    assert names(real["tree"])[0][0] == f"Results: {recipe_file.stem}"
    assert layers(real["tree"])["Cells"]["features"] > 10
    assert real["colours"] > 5
    assert told["ticks"] > 20


def test_without_the_plugin_results_show_styles_tips_and_metadata(desktop, results_file):
    told = desktop(("plain", str(results_file), "desktop_plain"), plugins=None)
    seen = told["desktop_plain"]
    assert not seen["ours"]
    assert seen["warnings"] == []
    # QGIS's own map of the world, of 2019, is warned about at every start.
    warned = [line for line in told["console"].splitlines() if line.startswith("Warning")]
    assert [line for line in warned if "update_time, 2019-" not in line] == []

    found = seen["layers"]
    assert {name: layer["renderer"] for name, layer in found.items()} == {
        "cells": "graduatedSymbol",
        "clusters": "graduatedSymbol",
        "regions": "graduatedSymbol",
        "images": "singleSymbol",
        "edges": "singleSymbol",
        "explanations_views": "singleSymbol",
        "rejected": "",
    }
    assert {"wealth", "uncertainty"} <= set(found["cells"]["styles"])
    assert seen["colours"] > 5
    tips = {name: layer["tip"] for name, layer in found.items() if layer["renderer"]}
    assert {name: tip for name, tip in tips.items() if not tip.startswith("<b>") or "[%" in tip} == {}
    assert "Wealth: " in found["cells"]["tip"]
    assert found["cells"]["title"] == "Cells: Wealth"
    assert all(layer["title"] and "written by geolivelihood" in layer["abstract"] for layer in found.values())


def test_the_package_installs_reloads_and_unloads(desktop, tmp_path):
    package = package_plugin.pack(tmp_path)
    told = desktop(("install", str(package)), plugins=None)
    assert told["installed"]
    assert told["toolbars"] == told["actions"] == 1
    assert told["left"] == []
    assert not told["provider"]


def test_a_click_on_a_cell_opens_its_evidence(desktop, evidence_file, artefacts):
    with contextlib.closing(sqlite3.connect(evidence_file)) as base:
        ((cell,),) = base.execute("SELECT cell FROM explanations_concepts LIMIT 1 OFFSET 30")
    told = desktop(
        ("load", str(evidence_file), "desktop_evidence_before"),
        ("evidence", "Cells", "cell", cell, "desktop_evidence", ["glqEvidenceZoom"]),
        ("evidence", "Pictures", "image_id", "p7", "desktop_evidence_photo", ["glqEvidenceWedges"]),
    )
    seen = told["desktop_evidence"]
    assert seen["visible"]
    for said in (cell, "Wealth index", "90 % interval", "R² 0.4", "dense: 0.3", "may be chance"):
        assert said in seen["text"], said
    photo = told["desktop_evidence_photo"]
    assert photo["pictures"] == 1
    assert any(name.startswith("Wedges: ") for name in photo["layers"])


def test_print_and_explain_from_the_toolbar(
    desktop, country_result, project_file, worker_python, quick, tmp_path
):
    printed, out = tmp_path / "carte imprimée.pdf", tmp_path / "für später" / "explained.gpkg"
    with contextlib.closing(sqlite3.connect(country_result)) as base:
        ids = [row[0] for row in base.execute("SELECT image_id FROM images LIMIT 3")]
    asked = {
        "PROJECT": str(project_file),
        "SET": "\n".join(f"{key} = {json.dumps(value)}" for key, value in quick.items()),
        "METHOD": 1,
        "SOURCE": "photos",
        "IDS": ",".join(ids),
        "OUTPUT": str(out),
    }
    told = desktop(
        ("load", str(country_result), "desktop_country"),
        ("print", str(printed), "desktop_print"),
        ("explain", asked, "desktop_explain"),
        GEOLIVELIHOOD_PYTHON=worker_python,
    )
    seen = told["desktop_print"]
    assert printed.read_bytes().startswith(b"%PDF")
    assert any(f"Printed to {printed}" in text for text in seen["messages"]), seen["messages"]
    assert seen["layouts"] and seen["colours"] > 20

    explained = told["desktop_explain"]
    assert Path(explained["result"]) == country_result
    assert out.exists()
    assert explained["groups"] == ["Results: explained", f"Results: {country_result.stem}"]
    assert "What the photos see" in explained["layers"] and all(explained["layers"].values())
