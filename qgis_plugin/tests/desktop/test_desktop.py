"""The real QGIS desktop, on a screen of its own: buttons are clicked, and what is seen is kept."""

import contextlib
import json
import os
import re
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

    def run(*steps, plugins=PLUGINS, worker=None, dies=False, **variables):
        settings = tmp_path / "profile" / "profiles" / "default" / "QGIS" / "QGIS3.ini"
        if not settings.exists():
            settings.parent.mkdir(parents=True)
            text = "[PythonPlugins]\ngeolivelihood_qgis=true\n" if plugins else ""
            text += f"[geolivelihood_qgis]\nworker_python={worker}\n" if worker else ""
            settings.write_text(text)
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
        if dies:
            assert not verdict.exists(), verdict.read_text(encoding="utf-8")[:3000]
            return None
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
    assert {name: tip for name, tip in tips.items() if "<b>" not in tip or "[%" in tip} == {}
    assert "Wealth: " in found["cells"]["tip"]
    assert found["cells"]["title"] == "Cells: Wealth"
    assert all(layer["title"] and "written by geolivelihood" in layer["abstract"] for layer in found.values())


def test_the_package_installs_reloads_and_unloads(desktop, lrelease, tmp_path):
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


SLOW_S = 0.1
KEPT = re.compile(r"(photos|features|cells|images)\S*: kept from an earlier run")
"""Within one run only validations are kept; pictures that were read are kept from the one before."""


def synthetic_pages(country, out):
    """What a user does on the five pages for the invented country."""
    return [
        {
            "glqAssistantClustersBrowse": str(country / "clusters.csv"),
            "glqAssistantPictures": "photos_table",
            "glqAssistantPhotosBrowse": str(country / "photos.csv"),
        },
        {"glqAssistantIndicators": ["wealth"], "glqAssistantLabel": "Wealth index (standard deviations)"},
        {"glqAssistantModels": ["mean", "knn", "ridge"], "glqAssistantMapModel": "ridge"},
        {"glqAssistantFolds": 3, "glqAssistantSplits": ["random"]},
        {
            "glqAssistantRegionsBrowse": str(country / "districts.geojson"),
            "glqAssistantTitle": "Wealth on an invented island",
            "glqAssistantOutput": str(out),
        },
    ]


def is_a_map(told, out):
    """The run ended well: a message with the place of the scores, styled layers, buttons."""
    assert any(f"Scores: {out.with_name(out.stem + '.scores.csv')}" in text for text in told["messages"]), (
        told
    )
    found = layers(told["tree"])
    assert found["Cells"]["features"] > 10
    assert found["Cells"]["renderer"] != "singleSymbol"
    assert told["colours"] > 5
    assert {"glqPrintResult", "glqOpenReport"} <= set(told["buttons"])
    assert len(told["stages"]) > 3


def never_blocks(told, artefacts, name):
    """No call of the plugin takes the interface for a tenth of a second while the job runs.

    What counts is the processor's time of each call, for a loaded machine stretches any other clock. The
    longest gaps between ticks of a timer, and the slowest calls, are kept beside the screenshots.
    """
    calls = sorted(told["calls"], key=lambda call: -call[2])
    record = {"gaps": told["gaps"], "calls": len(calls), "slowest": calls[:20]}
    (artefacts / f"{name}_blocking.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    assert len(calls) > 10
    # Layers are opened and drawn when the job is over.
    slow = [call for call in calls if call[2] > SLOW_S and "_executed" not in call[0]]
    assert slow == [], record


def test_the_assistant_makes_a_map_of_the_invented_country(
    desktop, project_file, worker_python, artefacts, tmp_path
):
    out = tmp_path / "sortie d'été" / "carte.gpkg"
    pages = synthetic_pages(project_file.parent, out)
    told = desktop(("assist", pages, "assistant_synthetic"), worker=worker_python)["assistant_synthetic"]
    is_a_map(told, out)
    assert "Indicators: wealth" in told["summary"]
    assert told["command"].startswith("qgis_process run geolivelihood:clusters_to_map ")
    never_blocks(told, artefacts, "assistant_synthetic")


def test_the_assistant_can_be_cancelled_and_its_run_resumed(desktop, project_file, worker_python, tmp_path):
    out = tmp_path / "out" / "map.gpkg"
    told = desktop(
        ("assist", synthetic_pages(project_file.parent, out), "assistant_cancelled", "validating"),
        ("resume", "assistant_resumed"),
        worker=worker_python,
    )
    cancelled = told["assistant_cancelled"]
    assert any("was cancelled" in text for text in cancelled["messages"])
    assert cancelled["cancelled_after_s"] < 5  # half a second where nothing else runs
    assert "Cells" not in layers(cancelled["tree"])
    resumed = told["assistant_resumed"]
    assert any("Scores: " in text for text in resumed["messages"]), resumed
    assert KEPT.search(resumed["log"]), resumed
    assert out.exists()
    assert not list(out.parent.glob("*.part*"))


def test_the_assistant_s_run_is_offered_again_when_qgis_died(desktop, project_file, worker_python, tmp_path):
    out = tmp_path / "out" / "map.gpkg"
    pages = synthetic_pages(project_file.parent, out)
    desktop(("assist", pages, "assistant_died", "validating", "die"), worker=worker_python, dies=True)
    assert not out.exists()
    told = desktop(("resume", "assistant_next_start"), worker=worker_python)["assistant_next_start"]
    assert any("QGIS ended during the run" in text for text in told["offered"])
    assert any("Scores: " in text for text in told["messages"]), told
    assert KEPT.search(told["log"]), told
    assert out.exists()


def test_the_assistant_makes_a_map_of_a_part_of_brazil(
    desktop, brazil_part, worker_python, artefacts, tmp_path
):
    table, raster = brazil_part
    out = tmp_path / "out" / "pernambuco.gpkg"
    pages = [
        {
            "glqAssistantClustersBrowse": str(table),
            "glqAssistantClusterId": "codmun7",
            "glqAssistantPictures": "raster",
            "glqAssistantRastersBrowse": str(raster),
            "glqAssistantWindow": 100_000,
        },
        {"glqAssistantIndicators": ["idhm"], "glqAssistantLabel": "Human development index (0 to 1)"},
        {"glqAssistantModels": ["mean", "knn", "boosting"], "glqAssistantMapModel": "boosting"},
        {"glqAssistantFolds": 3, "glqAssistantAutoBuffer": False, "glqAssistantBuffer": 30_000},
        {
            "glqAssistantResolution": 5,
            "glqAssistantExplanations": False,
            "glqAssistantTitle": "Human development, Pernambuco 2010",
            "glqAssistantOutput": str(out),
        },
    ]
    told = desktop(("assist", pages, "assistant_brazil"), worker=worker_python)["assistant_brazil"]
    is_a_map(told, out)
    assert "EPSG:4326" in told["notices"][0]  # the picture of lights does not say where it lies
    never_blocks(told, artefacts, "assistant_brazil")


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


def linked(told):
    """All maps have one middle and one scale; the themes of the views."""
    first, *others = told["maps"]
    for other in others:
        assert other["middle"] == pytest.approx(first["middle"])
        assert other["scale"] == pytest.approx(first["scale"])
    return sorted(one["theme"] for one in told["maps"] if one["theme"])


def test_two_indicators_are_compared_in_linked_maps(desktop, two_indicators_file):
    told = desktop(("load", str(two_indicators_file), "desktop_two"), ("compare", "desktop_compare"))
    seen = told["desktop_compare"]
    opened = seen["opened"]
    assert linked(opened) == sorted(opened["themes"]) == ["Water", "Wealth"]
    assert min(one["colours"] for one in opened["maps"]) > 5
    sizes = [one["size"] for one in opened["maps"] if one["theme"]]
    assert max(high for _, high in sizes) < 1.2 * min(high for _, high in sizes), "one map is too small"
    for moved, before, factor in (("zoomed_main", opened, 0.5), ("zoomed_view", seen["zoomed_main"], 0.7)):
        assert linked(seen[moved]) == ["Water", "Wealth"]
        assert seen[moved]["maps"][0]["scale"] == pytest.approx(before["maps"][0]["scale"] * factor, rel=0.01)
    assert linked(seen["closed"]) == linked(seen["zoomed_again"]) == seen["closed"]["themes"] == ["Wealth"]
    assert set(opened["styles"]) - set(seen["closed"]["styles"]) == {"Water"}
    left = seen["unloaded"]
    assert [one["theme"] for one in left["maps"]] == [""]
    assert left["themes"] == seen["left"] == []
    assert not {"Water", "Wealth"} & set(left["styles"])
    assert not any("Traceback" in text or "Python" in text for text in seen["messages"])


@pytest.mark.parametrize("then", ["stay", "close"])
def test_batch_mode_runs_without_trouble(desktop, results_file, tmp_path, then):
    copies = [Path(shutil.copy(results_file, tmp_path / f"{name}.gpkg")) for name in ("one", "two")]
    buffers = [
        {"INPUT": f"{copy}|layername=clusters", "OUTPUT": str(copy.with_name(f"{copy.stem}-buffer.gpkg"))}
        for copy in copies
    ]
    ours = [{"INPUT": str(copy)} for copy in copies]
    told = desktop(
        ("batch", "native:buffer", buffers, 2, f"batch_native_{then}", then),
        ("batch", "geolivelihood:load_results", ours, 14, f"batch_load_{then}", then),
    )
    loaded = told[f"batch_load_{then}"]
    assert told[f"batch_native_{then}"]["said"] == loaded["said"] == []
    assert not any("Python" in text for text in loaded["messages"])
    assert {name for name, _ in names(loaded["tree"])} == {"Results: one", "Results: two"}
    assert layers(loaded["tree"])["Cells"]["renderer"] == "graduatedSymbol"
    assert "Traceback" not in told["console"]
