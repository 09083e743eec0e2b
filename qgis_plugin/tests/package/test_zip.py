"""The built ZIP under the official repository's rules and its two scanners, as the spec lists them."""

import configparser
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import package_plugin
import pytest

pytestmark = pytest.mark.usefixtures("lrelease")

REQUIRED = {
    "name",
    "description",
    "version",
    "qgisMinimumVersion",
    "author",
    "email",
    "about",
    "tracker",
    "repository",
}
OURS = {
    "qgisMaximumVersion",
    "homepage",
    "changelog",
    "tags",
    "icon",
    "category",
    "experimental",
    "hasProcessingProvider",
}
# What the repository reports without refusing: starting a process is the plugin's architecture.
WARNED = {"B404", "B603"}
BINARY = (".so", ".dll", ".dylib", ".exe", ".pyd", ".pyc", ".whl", ".jar", ".zip")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The ZIP, built by the script as a person would."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(package_plugin.HERE / "package_plugin.py"), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    (path,) = folder.iterdir()
    assert done.stdout.strip() == str(path)
    return path


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    """The folder that QGIS makes of the ZIP."""
    folder = tmp_path_factory.mktemp("plugins")
    with zipfile.ZipFile(package) as opened:
        opened.extractall(folder)
    return folder / "geolivelihood_qgis"


@pytest.fixture(scope="module")
def fields(unpacked):
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(unpacked / "metadata.txt", encoding="utf-8")
    return dict(parser["general"])


def scan(folder, module, *arguments):
    """What a scanner says about a folder, as JSON; run within it, as detect-secrets looks nowhere else."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def bandit(folder):
    # --ignore-nosec: nothing is waved through by a comment
    found = scan(folder, "bandit", "--quiet", "--recursive", "--ignore-nosec", "--format", "json", ".")
    assert found["errors"] == []
    return found


def secrets(folder):
    # --no-verify: a secret is one whether or not it opens something, and no test calls anybody
    return scan(folder, "detect_secrets", "scan", "--no-verify", "--all-files", ".")["results"]


def test_structure(package):
    assert package.stat().st_size < 25 * 2**20
    with zipfile.ZipFile(package) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
    paths = [PurePosixPath(name) for name in names]
    assert {path.parts[0] for path in paths} == {"geolivelihood_qgis"}
    assert re.fullmatch(r"[a-z_][a-z0-9_]*", paths[0].parts[0])
    parts = {part for path in paths for part in path.parts}
    assert not parts & {"__pycache__", "__MACOSX", "..", "tests", "test"}
    assert not [part for part in parts if part.startswith(".")]
    assert not [name for name in names if "\\" in name or name.startswith("/") or name.endswith(BINARY)]
    assert len(names) == len({name.lower() for name in names})
    top = {"/".join(path.parts[1:]) for path in paths}
    assert {"__init__.py", "metadata.txt", "LICENSE"} <= top


def test_every_folder_of_modules_is_packed(unpacked):
    sources = {
        path.relative_to(package_plugin.PLUGIN).as_posix() for path in package_plugin.PLUGIN.rglob("*.py")
    }
    assert {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*.py")} == sources
    for path in unpacked.rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), path


def test_metadata(unpacked, fields):
    assert not (REQUIRED | OURS) - {name for name, value in fields.items() if value.strip()}
    assert "supportsQt6" not in fields
    assert (fields["qgisMinimumVersion"], fields["qgisMaximumVersion"]) == ("3.22", "4.99")
    assert "/" not in fields["author"]
    assert re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", fields["email"])
    for name in ("homepage", "repository", "tracker"):
        assert fields[name].startswith("https://"), name
    assert "External dependency" in fields["about"]
    assert (unpacked / fields["icon"]).is_file()
    assert fields["changelog"].startswith(fields["version"])
    assert len((unpacked / "LICENSE").read_text(encoding="utf-8")) > 1000


def test_the_version_is_in_one_place(package, unpacked, fields):
    version = fields["version"]
    assert package.name == f"geolivelihood_qgis-{version}.zip"
    assigned = re.compile(r"^\s*(__version__|VERSION)\s*=\s*['\"]", re.MULTILINE)
    for path in unpacked.rglob("*.py"):
        assert not assigned.search(path.read_text(encoding="utf-8")), f"{path.name} holds a version, too"


def test_a_changelog_of_another_version_is_refused(tmp_path):
    folder = tmp_path / "geolivelihood_qgis"
    shutil.copytree(package_plugin.PLUGIN, folder)
    told = (folder / "metadata.txt").read_text(encoding="utf-8")
    (folder / "metadata.txt").write_text(told.replace("version=0", "version=9", 1), encoding="utf-8")
    with pytest.raises(SystemExit, match="changelog"):
        package_plugin.pack(tmp_path, folder)


def test_bandit_finds_nothing_that_blocks(unpacked):
    pytest.importorskip("bandit", reason="bandit is not installed (extra 'dev')")
    found = bandit(unpacked)
    blocking = [
        f"{result['test_id']} {Path(result['filename']).name}:{result['line_number']} {result['issue_text']}"
        for result in found["results"]
        if result["test_id"] not in WARNED
    ]
    assert blocking == []
    assert found["metrics"]["_totals"]["loc"] > 1000  # it did read the package


def test_no_secrets(unpacked):
    pytest.importorskip("detect_secrets", reason="detect-secrets is not installed (extra 'dev')")
    assert secrets(unpacked) == {}


def test_the_scanners_see_what_they_should(tmp_path):
    pytest.importorskip("bandit", reason="bandit is not installed (extra 'dev')")
    pytest.importorskip("detect_secrets", reason="detect-secrets is not installed (extra 'dev')")
    planted = "import pickle\npickle.loads(b'')  # nosec\nkey = '" + "AKIA" + "IOSFODNN7" + "ABCDEFG'\n"
    (tmp_path / "bad.py").write_text(planted, encoding="utf-8")
    assert {"B301", "B403"} <= {result["test_id"] for result in bandit(tmp_path)["results"]}
    assert secrets(tmp_path)
