"""A kept score is that of the very files that it was made from, and of no others."""

from __future__ import annotations

import os
import shutil

import pytest

from geolivelihood.recipes.street_level import Settings, kept, open_street_level
from geolivelihood.recipes.street_level.cells import Cell
from geolivelihood.recipes.street_level.kept import Hashes, Kept
from geolivelihood.recipes.street_level.ours import OUR_ROWS
from geolivelihood.recipes.street_level.paper import PAPER_ROWS


@pytest.fixture
def copy(few, tmp_path):
    return shutil.copytree(few, tmp_path / "data")


def names(folder, tmp_path):
    """File of each cell's scores in a run of its own."""
    cells = [
        Cell(model, indicator, True, ("ia",))
        for model in ("counts", "gcn-feats", "gcn-obj")
        for indicator in ("pov", "pop")
    ]
    found = Kept(open_street_level(folder), tmp_path / "out", Settings(), PAPER_ROWS)
    return {(cell.model, cell.indicator): found.path(cell).name for cell in cells}


def test_a_cell_depends_on_the_features_that_it_reads_alone(copy, tmp_path):
    before = names(copy, tmp_path)
    path = copy / "features_pov.hdf5"
    path.write_bytes(path.read_bytes() + b" ")
    after = names(copy, tmp_path)
    assert {cell for cell in before if before[cell] != after[cell]} == {("gcn-feats", "pov")}
    path = copy / "val_clusters_ke.txt"
    path.write_text(path.read_text() + "\nke_1")
    last = names(copy, tmp_path)
    assert all(last[cell] != after[cell] for cell in after)


def test_content_counts_not_the_time_of_change(copy, tmp_path, monkeypatch):
    before = names(copy, tmp_path)
    read = []
    hashed = kept.file_hash
    monkeypatch.setattr(kept, "file_hash", lambda path: read.append(path.name) or hashed(path))
    assert names(copy, tmp_path) == before and read == []  # read once, noted beside the results
    os.utime(copy / "features_pov.hdf5", (1, 1))
    assert names(copy, tmp_path) == before and read == ["features_pov.hdf5"]
    path = copy / "features_pov.hdf5"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # of the same size
    path.write_bytes(content)
    os.utime(path, (2, 2))
    assert names(copy, tmp_path) != before


def test_the_file_is_read_once(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    first = Hashes(tmp_path / "hashes.json").of([tmp_path / "a.txt"])
    assert first[0][0] == "a.txt" and len(first[0][1]) == 64
    assert Hashes(tmp_path / "hashes.json").of([tmp_path / "a.txt"]) == first


@pytest.mark.parametrize("rows", [PAPER_ROWS, OUR_ROWS])
def test_rows_say_what_they_read(rows):
    assert {name for name, row in rows.items() if row.pictures} == {
        name for name in rows if name.startswith("image") or name == "crossfitted"
    }
    assert {name for name, row in rows.items() if row.features} == {
        name
        for name in rows
        if name.endswith(("feats", "both", "-sim", "-edges")) or name in ("gcn-50", "gcn-100")
    }
