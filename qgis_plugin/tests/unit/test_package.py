"""The package that users install, and the rules of the official repository."""

import ast
import shutil
import subprocess
import sys
import zipfile

import package_plugin
import pytest

pytestmark = pytest.mark.usefixtures("lrelease")

MODULES = [path for path in package_plugin.files() if path.suffix == ".py"]
FOREIGN = {
    "numpy",
    "torch",
    "h3",
    "geopandas",
    "pandas",
    "osgeo",
    "gdal",
    "rasterio",
    "geolivelihood",
    "PyQt5",
    "PyQt6",
}


def test_two_builds_are_identical(tmp_path):
    first, second = (package_plugin.pack(tmp_path / name) for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_the_package_holds_one_folder_and_no_rubbish(tmp_path):
    with zipfile.ZipFile(package_plugin.pack(tmp_path)) as package:
        names = package.namelist()
    assert {name.split("/")[0] for name in names} == {"geolivelihood_qgis"}
    assert {
        "geolivelihood_qgis/__init__.py",
        "geolivelihood_qgis/LICENSE",
        "geolivelihood_qgis/icon.svg",
    } <= set(names)
    assert not [name for name in names if "__pycache__" in name or "tests" in name or "\\" in name]


def test_metadata():
    fields = package_plugin.metadata()
    assert fields["qgisMinimumVersion"] == "3.22"
    assert fields["qgisMaximumVersion"] == "4.99"
    assert fields["hasProcessingProvider"] == "yes"
    assert "pip install geolivelihood" in fields["about"]
    assert (package_plugin.PLUGIN / fields["icon"]).exists()
    assert package_plugin.faults() == []


def test_what_the_plugin_manager_shows_is_french_too():
    fields = package_plugin.metadata()
    for name in ("description", "about", "tags"):  # those that QGIS looks up by language
        assert fields[f"{name}[fr]"] not in ("", fields[name])
    assert "pip install geolivelihood" in fields["about[fr]"]
    assert not [text for name, text in fields.items() if "%" in text]  # QGIS's parser would stumble


def test_faults_are_named(tmp_path):
    folder = tmp_path / "Bad-Name"
    shutil.copytree(package_plugin.PLUGIN, folder)
    (folder / "LICENSE").unlink()
    (folder / "lib.so").touch()
    text = (folder / "metadata.txt").read_text(encoding="utf-8")
    (folder / "metadata.txt").write_text(text.replace("tracker=", "x="), encoding="utf-8")
    found = " ".join(package_plugin.faults(folder))
    for words in ("LICENSE is missing", "no tracker", "Bad-Name", "lib.so"):
        assert words in found
    with pytest.raises(SystemExit):
        package_plugin.pack(tmp_path, folder)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(package_plugin.PLUGIN)))
def test_modules_use_pyqgis_and_the_standard_library_alone(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    named += [
        node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0
    ]
    roots = {name.split(".")[0] for name in named}
    assert not roots & FOREIGN
    assert roots <= set(sys.stdlib_module_names) | {"qgis", "processing"}
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"eval", "exec", "compile", "__import__", "print"}


def test_the_worker_client_needs_no_qgis():
    code = "import sys; sys.modules['qgis'] = None; import geolivelihood_qgis.worker_client"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=package_plugin.HERE)
