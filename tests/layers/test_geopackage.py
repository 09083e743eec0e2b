"""The GeoPackage: what is in it, and that it is whole or as it was."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from geolivelihood.cells import point_cells
from geolivelihood.errors import Cancelled, InputError, MissingCRSError, OutputError
from geolivelihood.layers import Style, read_provenance, write_geopackage
from geolivelihood.progress import listening

PROVENANCE = {
    "command": "geolivelihood run",
    "seed": 7,
    "time": "2026-01-31T12:00:00Z",
    "scores": {"r2": np.float32(0.5)},
}


@pytest.fixture
def cells(rng):
    places = gpd.GeoSeries(shapely.points(rng.uniform(30, 31, 40), rng.uniform(-2, -1, 40)), crs="EPSG:4326")
    index = pd.Index(np.unique(point_cells(places, resolution=6)), name="cell")
    frame = pd.DataFrame({"wealth": rng.normal(size=len(index))}, index=index)
    return frame.assign(
        wealth_lower=frame.wealth - 1, wealth_upper=frame.wealth + 1, applicable=frame.wealth > 0
    )


@pytest.fixture
def clusters(rng):
    data = {"cluster_id": ["a", "b", "c"], "wealth": [0.1, np.nan, 0.3], "urban": [True, False, True]}
    data["captured_at"] = pd.to_datetime(["2020-01-02", "2021-01-02", None]).tz_localize("UTC")
    return gpd.GeoDataFrame(data, geometry=shapely.points([30, 30.5, 31], [-1, -1.5, -2]), crs="EPSG:4326")


def rows(path, query, *values):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def digest(path, *tables):
    """Content of whole tables, and of what the file keeps about them elsewhere."""
    text = []
    for table in tables:
        text.append(rows(path, f'SELECT * FROM "{table}"'))
        text.append(rows(path, "SELECT * FROM gpkg_contents WHERE table_name = ?", table))
        text.append(rows(path, "SELECT * FROM layer_styles WHERE f_table_name = ?", table))
        text.append(rows(path, "SELECT * FROM gpkg_geometry_columns WHERE table_name = ?", table))
        text.append(
            rows(
                path,
                "SELECT m.*, r.* FROM gpkg_metadata m JOIN gpkg_metadata_reference r ON m.id = r.md_file_id "
                "WHERE r.table_name = ?",
                table,
            )
        )
    return hashlib.sha256(repr(text).encode()).hexdigest()


def parts(folder):
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name)


def test_layers_styles_and_metadata_as_the_contract_has_them(tmp_path, cells, clusters):
    rejected = pd.DataFrame({"row": ["9"], "column": ["lat"], "reason": ["NaN"]})
    path = write_geopackage(
        tmp_path / "out" / "result.gpkg",
        {"cells": cells, "clusters": clusters, "rejected": rejected},
        provenance=PROVENANCE,
        labels={"wealth": "Wealth (index)"},
    )
    assert rows(path, "PRAGMA user_version") == [(10200,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    types = dict(rows(path, "SELECT table_name, data_type FROM gpkg_contents"))
    assert types == {
        "cells": "features",
        "clusters": "features",
        "rejected": "attributes",
        "layer_styles": "attributes",
    }
    defaults = rows(
        path, "SELECT f_table_name, count(*) FROM layer_styles WHERE useAsDefault GROUP BY 1 ORDER BY 1"
    )
    assert defaults == [("cells", 1), ("clusters", 1)]
    assert rows(
        path, "SELECT DISTINCT f_table_catalog, f_table_schema, f_geometry_column, styleSLD FROM layer_styles"
    ) == [("", "", "geom", "")]
    names = [
        name for (name,) in rows(path, "SELECT styleName FROM layer_styles WHERE f_table_name = 'cells'")
    ]
    assert names == ["wealth", "uncertainty", "value and uncertainty", "wealth everywhere"]
    extensions = rows(
        path, "SELECT table_name, scope FROM gpkg_extensions WHERE extension_name = 'gpkg_metadata'"
    )
    assert sorted(extensions) == [("gpkg_metadata", "read-write"), ("gpkg_metadata_reference", "read-write")]
    first = rows(path, "SELECT id, mime_type FROM gpkg_metadata ORDER BY id LIMIT 1")
    assert first == [(1, "application/json")]
    assert rows(path, "SELECT reference_scope FROM gpkg_metadata_reference WHERE md_file_id = 1") == [
        ("geopackage",)
    ]
    tables = rows(
        path,
        "SELECT r.table_name FROM gpkg_metadata_reference r JOIN gpkg_metadata m ON m.id = r.md_file_id "
        "WHERE m.md_standard_uri = 'http://mrcc.com/qgis.dtd' AND r.reference_scope = 'table' ORDER BY 1",
    )
    assert tables == [("cells",), ("clusters",), ("rejected",)]
    assert {time for (time,) in rows(path, "SELECT last_change FROM gpkg_contents")} == {
        "2026-01-31T12:00:00.000Z"
    }
    assert parts(path.parent) == []


def test_tables_come_back_as_they_went(tmp_path, cells, clusters):
    clusters["detections"] = [[1, 2], [], None]
    path = write_geopackage(tmp_path / "a.gpkg", {"cells": cells, "clusters": clusters})
    back = gpd.read_file(path, layer="clusters")
    assert back["wealth"].isna().tolist() == [False, True, False]
    assert back["urban"].tolist() == [True, False, True]
    assert back["captured_at"][0] == pd.Timestamp("2020-01-02", tz="UTC")
    assert back["detections"].tolist()[:2] == ["[1, 2]", "[]"] or back["detections"][0] == [1, 2]
    assert back.geometry.geom_equals(clusters.geometry).all()
    hexes = gpd.read_file(path, layer="cells")
    assert [int(name, 16) for name in hexes["cell"]] == cells.index.tolist()
    assert hexes.crs == "EPSG:4326"
    fields = {field[1]: field[2] for field in rows(path, "PRAGMA table_info(clusters)")}
    assert (fields["urban"], fields["captured_at"], fields["wealth"]) == ("BOOLEAN", "DATETIME", "REAL")


def test_the_same_input_gives_the_same_bytes(tmp_path, cells, clusters):
    digests = set()
    for name in ("a", "b"):
        path = write_geopackage(
            tmp_path / name / "r.gpkg", {"cells": cells, "clusters": clusters}, provenance=PROVENANCE
        )
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_update_replaces_the_named_layer_and_nothing_else(tmp_path, cells, clusters):
    path = tmp_path / "a.gpkg"
    edges = gpd.GeoDataFrame({"weight": [1.0]}, geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=4326)
    write_geopackage(path, {"cells": cells, "clusters": clusters, "edges": edges}, provenance=PROVENANCE)
    before = digest(path, "clusters", "edges")
    write_geopackage(path, {"cells": cells.iloc[:5]}, mode="update", provenance={"command": "again"})
    assert digest(path, "clusters", "edges") == before
    assert rows(path, "SELECT count(*) FROM cells") == [(5,)]
    assert rows(path, "SELECT count(*) FROM layer_styles WHERE f_table_name = 'cells'") == [(4,)]
    assert rows(path, "SELECT count(*) FROM gpkg_metadata_reference WHERE table_name = 'cells'") == [(1,)]
    assert rows(path, "SELECT count(*) FROM gpkg_metadata") == [(4,)]
    document = read_provenance(path)
    assert (document["command"], document["previous"][0]["command"]) == ("again", "geolivelihood run")
    write_geopackage(path, {"extra": edges}, mode="update")
    assert set(pyogrio.list_layers(path)[:, 0]) >= {"cells", "clusters", "edges", "extra"}
    assert digest(path, "clusters", "edges") == before
    assert read_provenance(path) == document
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []


def test_update_keeps_a_file_that_another_program_made(tmp_path, clusters):
    path = tmp_path / "foreign.gpkg"
    clusters.to_file(path, layer="theirs", driver="GPKG")
    before = rows(path, "SELECT * FROM theirs")
    write_geopackage(path, {"clusters": clusters}, mode="update", provenance={})
    assert rows(path, "SELECT * FROM theirs") == before
    with pytest.raises(InputError, match="differs only by case"):
        write_geopackage(path, {"Theirs": clusters}, mode="update")


def test_an_existing_target_is_refused_untouched(tmp_path, clusters):
    path = tmp_path / "a.gpkg"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        write_geopackage(path, {"clusters": clusters})
    assert path.read_bytes() == b"mine"
    with pytest.raises(OutputError, match="no GeoPackage"):
        write_geopackage(path, {"clusters": clusters}, mode="update")
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("how", ["exclusive", "wal", "journal", "read-only"])
def test_a_target_that_is_in_use_is_refused_untouched(tmp_path, clusters, how):
    path = write_geopackage(tmp_path / "a.gpkg", {"clusters": clusters})
    before = digest(path, "clusters")
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        if how == "exclusive":
            connection.execute("BEGIN EXCLUSIVE")
        elif how == "wal":
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE gpkg_contents SET description = 'x'")
        elif how == "journal":
            path.with_name("a.gpkg-journal").write_bytes(b"x")
        else:
            path.chmod(0o444)
        words = {
            "exclusive": "locked",
            "wal": "open in another program",
            "journal": "open in another program",
        }
        with pytest.raises(OutputError, match=words.get(how, "read-only")):
            write_geopackage(path, {"clusters": clusters}, mode="update")
        assert parts(tmp_path) == []
    finally:
        path.with_name("a.gpkg-journal").unlink(missing_ok=True)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.close()
    assert digest(path, "clusters") == before


def test_a_target_written_meanwhile_is_left_to_the_other(tmp_path, clusters, monkeypatch):
    from geolivelihood.layers import geopackage

    path = write_geopackage(tmp_path / "a.gpkg", {"clusters": clusters})
    original = geopackage._write_layer

    def meddle(part, layer):
        original(part, layer)
        connection = sqlite3.connect(path)
        connection.execute("UPDATE gpkg_contents SET description = 'theirs' WHERE table_name = 'clusters'")
        connection.commit()
        connection.close()

    monkeypatch.setattr(geopackage, "_write_layer", meddle)
    with pytest.raises(OutputError, match="meantime"):
        write_geopackage(path, {"clusters": clusters}, mode="update")
    assert rows(path, "SELECT description FROM gpkg_contents WHERE table_name = 'clusters'") == [("theirs",)]


def test_a_folder_that_takes_no_file(clusters):
    if not hasattr(os, "seteuid"):
        pytest.skip("needs POSIX users")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            with pytest.raises(OutputError, match="Cannot write"):
                write_geopackage(Path(folder) / "a.gpkg", {"clusters": clusters})
        finally:
            if root:
                os.seteuid(0)
        Path(folder).chmod(0o755)
        assert list(Path(folder).iterdir()) == []


CHILD = """
import os, resource, signal, sys
import numpy as np, geopandas as gpd, shapely
from geolivelihood.errors import OutputError
from geolivelihood.layers import geopackage
n = int(sys.argv[3])
shapes = shapely.points(np.arange(n) % 90, 0)
frame = gpd.GeoDataFrame({"wealth": np.arange(n) / n}, geometry=shapes, crs=4326)
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
if sys.argv[2] == "kill":
    geopackage._finish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
try:
    geopackage.write_geopackage(sys.argv[1], {"clusters": frame}, mode="update")
except OutputError as error:
    print(error)
    sys.exit(7)
"""


def child(path, how, count):
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(path), how, str(count)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_full_disk_leaves_the_old_file(tmp_path, clusters):
    path = write_geopackage(tmp_path / "a.gpkg", {"clusters": clusters})
    before = path.read_bytes()
    done = child(path, "limit", 50_000)
    assert done.returncode == 7, done.stderr
    assert "Cannot write" in done.stdout and "MB are free" in done.stdout
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["a.gpkg"]


def test_a_full_file_system_leaves_the_old_file(tmp_path, clusters):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        path = write_geopackage(disk / "a.gpkg", {"clusters": clusters})
        before = path.read_bytes()
        shapes = shapely.points(np.arange(50_000) % 90, 0)
        with pytest.raises(OutputError, match="MB are free"):
            write_geopackage(path, {"more": gpd.GeoDataFrame(geometry=shapes, crs=4326)}, mode="update")
        assert path.read_bytes() == before
        assert [item.name for item in disk.iterdir()] == ["a.gpkg"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_kill_in_the_middle_then_a_run_that_completes(tmp_path, clusters):
    path = write_geopackage(tmp_path / "a.gpkg", {"other": clusters})
    before = path.read_bytes()
    assert child(path, "kill", 500).returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert parts(tmp_path) == ["a.part.gpkg"]
    # the worst that a kill can leave: a journal that SQLite would play back into the next part file
    (tmp_path / "a.part.gpkg-journal").write_bytes(os.urandom(4096))
    assert child(path, "complete", 500).returncode == 0
    assert parts(tmp_path) == []
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT count(*) FROM clusters") == [(500,)]
    undisturbed = tmp_path / "b.gpkg"
    undisturbed.write_bytes(before)
    assert child(undisturbed, "complete", 500).returncode == 0
    assert undisturbed.read_bytes() == path.read_bytes()


def test_cancelling_leaves_nothing(tmp_path, clusters):
    class Impatient:
        def stage(self, name): ...

        def step(self, done, total, text): ...

        def cancelled(self):
            return True

    with listening(Impatient()), pytest.raises(Cancelled):
        write_geopackage(tmp_path / "a.gpkg", {"clusters": clusters})
    assert list(tmp_path.iterdir()) == []


def test_names_with_quotes_and_accents(tmp_path, clusters):
    name = 'revenu "moyen" d\'été'
    clusters[name] = [1.0, 2.0, 3.0]
    clusters["Wealth"] = [1, 2, 3]
    path = write_geopackage(
        tmp_path / "é 'x'.gpkg", {'clusters "été"': clusters}, indicators=[name, "Wealth"]
    )
    back = gpd.read_file(path, layer='clusters "été"')
    assert back[name].tolist() == [1.0, 2.0, 3.0]
    assert back["Wealth_2"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({}, "no layer"),
        ({"gpkg_x": None}, "GeoPackage itself"),
        ({"layer_styles": None}, "GeoPackage itself"),
        ({"": None}, "printable"),
        ({"a": None, "A": None}, "upper and lower"),
        ({"cells": [1]}, "DataFrame"),
    ],
)
def test_layers_that_cannot_be_written(tmp_path, layers, words):
    with pytest.raises(InputError, match=words):
        write_geopackage(tmp_path / "a.gpkg", layers)
    assert list(tmp_path.iterdir()) == []


def test_other_bad_input(tmp_path, clusters):
    with pytest.raises(MissingCRSError):
        write_geopackage(tmp_path / "a.gpkg", {"clusters": clusters.set_crs(None, allow_override=True)})
    with pytest.raises(InputError, match=r"\.gpkg"):
        write_geopackage(tmp_path / "a.shp", {"clusters": clusters})
    with pytest.raises(InputError, match="mode"):
        write_geopackage(tmp_path / "a.gpkg", {"clusters": clusters}, mode="append")
    two = {"clusters": [Style("a", "<qgis/>", True), Style("b", "<qgis/>", True)]}
    with pytest.raises(InputError, match="default"):
        write_geopackage(tmp_path / "a.gpkg", {"clusters": clusters}, styles=two)
    assert list(tmp_path.iterdir()) == []


def test_given_styles_and_none_at_all(tmp_path, clusters):
    styles = {"clusters": [Style("mine", "<qgis/>")], "bare": []}
    path = write_geopackage(tmp_path / "a.gpkg", {"clusters": clusters, "bare": clusters}, styles=styles)
    assert rows(path, "SELECT f_table_name, styleName, useAsDefault FROM layer_styles") == [
        ("clusters", "mine", 1)
    ]


def test_empty_layers_keep_their_kind(tmp_path, clusters):
    layers = {
        "clusters": clusters.iloc[:0],
        "edges": clusters.iloc[:0],
        "rejected": pd.DataFrame({"row": []}),
    }
    path = write_geopackage(tmp_path / "a.gpkg", layers)
    kinds = dict(rows(path, "SELECT table_name, geometry_type_name FROM gpkg_geometry_columns"))
    assert kinds == {"clusters": "POINT", "edges": "LINESTRING"}
