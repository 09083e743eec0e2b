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
def desktop(find_program, system_environment, tmp_path, artefacts):
    """Start QGIS with a fresh profile, let it do the steps, and return its verdict."""
    qgis, screen = find_program("qgis.bin"), find_program("xvfb-run")
    find_program("xauth")

    def run(*steps, plugins=PLUGINS):
        settings = tmp_path / "profile" / "profiles" / "default" / "QGIS" / "QGIS3.ini"
        settings.parent.mkdir(parents=True)
        settings.write_text("[PythonPlugins]\ngeolivelihood_qgis=true\n" if plugins else "")
        verdict, orders = tmp_path / "verdict.json", tmp_path / "orders.json"
        orders.write_text(json.dumps({"steps": steps, "verdict": str(verdict), "artefacts": str(artefacts)}))
        environment = {
            name: value for name, value in system_environment.items() if name != "XDG_CURRENT_DESKTOP"
        }
        environment |= {
            "GLQ_ORDERS": str(orders),
            "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", "/tmp"),
        }
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
        assert told["errors"] == [], told["errors"][0] + done.stderr[-3000:]
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
