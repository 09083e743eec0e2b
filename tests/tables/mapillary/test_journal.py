"""A dictionary that survives a kill."""

import pytest

from geolivelihood.errors import InputError, OutputError
from geolivelihood.tables.mapillary.journal import Journal


def test_entries_come_back(tmp_path):
    path = tmp_path / "new" / "journal.jsonl"
    with Journal(path, of={"a": 1}) as journal:
        journal["x"], journal["y"] = [1, 2], None
        assert journal["x"] == [1, 2]
        journal["x"] = [3]
    with Journal(path, of={"a": 1}) as journal:
        assert list(journal) == ["x", "y"] and "y" in journal and "z" not in journal
        assert journal["x"] == [3] and journal["y"] is None
        journal["z"] = "é"
        assert journal["y"] is None and journal["z"] == "é"


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path, cut):
    path = tmp_path / "journal.jsonl"
    with Journal(path, of={}) as journal:
        journal["x"], journal["y"] = "first", "second"
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path, of={}) as journal:
        assert list(journal) == ["x"]
        journal["z"] = "third"
    with Journal(path, of={}) as journal:
        assert {name: journal[name] for name in journal} == {"x": "first", "z": "third"}


def test_a_first_line_that_was_cut_off(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'["of",{"a"')
    with Journal(path, of={"a": 1}) as journal:
        assert not len(journal)
        journal["x"] = 1
    with Journal(path, of={"a": 1}) as journal:
        assert journal["x"] == 1


def test_without_a_file_nothing_is_remembered():
    with Journal(None, of={}) as journal:
        journal["x"] = 1
        assert "x" not in journal


def test_files_that_are_something_else(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path, of={"size": "2048"}):
        pass
    with pytest.raises(InputError, match="1024"), Journal(path, of={"size": "1024"}):
        pass
    path.write_text("id,lon,lat\n1,2,3\n")
    with pytest.raises(InputError, match="no journal"), Journal(path, of={}):
        pass
    assert path.read_text() == "id,lon,lat\n1,2,3\n"
    with pytest.raises(OutputError, match="Cannot write"), Journal(tmp_path, of={}):
        pass
