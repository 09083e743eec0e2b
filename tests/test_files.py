"""Files that are whole or absent."""

import pytest

from geolivelihood.errors import OutputError
from geolivelihood.files import atomic


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with (
        pytest.raises(OutputError, match=r"Cannot make the folder .*taken: .*Choose another"),
        atomic(tmp_path / "taken" / "out.gpkg"),
    ):
        pass


def test_what_was_begun_is_gone_after_a_fault(tmp_path):
    target = tmp_path / "größe.csv"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic(target) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == [target.name] and target.read_text() == "old"
