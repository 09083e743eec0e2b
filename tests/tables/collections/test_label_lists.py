from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.tables.collections.label_lists import read_label_list


def written(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_and_paths(tmp_path: Path) -> None:
    table, rejected = read_label_list(
        written(tmp_path, 'label,path,more\n3, a.jpg ,x\n-1,"b,c.jpg",\n4.0,d.jpg,\n')
    )
    assert table["label"].tolist() == [3, -1, 4] and table["label"].dtype == "int64"
    assert table["path"].tolist() == ["a.jpg", "b,c.jpg", "d.jpg"] and rejected.empty


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    text = "label,path\n1,a.jpg\n2,\n1.5,c.jpg\n,d.jpg\n3,e.jpg\n-1,f.jpg\n2,a.jpg\n"
    table, rejected = read_label_list(written(tmp_path, text), classes=3)
    assert table["path"].tolist() == ["a.jpg"]
    assert rejected[["row", "reason"]].to_numpy().tolist() == [
        ["line 3", "the path is empty"],
        ["c.jpg", "the label is no integer"],
        ["d.jpg", "the label is no integer"],
        ["e.jpg", "the label is not within 0 to 2"],
        ["f.jpg", "the label is not within 0 to 2"],
        ["a.jpg", "the path stands in the list more than once"],
    ]


def test_a_list_without_a_header_would_lose_its_first_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"begins with 3,a\.jpg, which is no header"):
        read_label_list(written(tmp_path, "3,a.jpg\n4,b.jpg\n"))


paths = st.text("abc/ ,\"'é0.", min_size=1, max_size=8).filter(lambda text: text.strip())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(-(2**40), 2**40), paths), min_size=1, unique_by=lambda row: row[1].strip())
)
def test_lists_go_round(tmp_path: Path, rows: list[tuple[int, str]]) -> None:
    lines = [f'{label},"{name.replace(chr(34), chr(34) * 2)}"' for label, name in rows]
    table, rejected = read_label_list(written(tmp_path, "\n".join(["label,path", *lines])))
    assert rejected.empty
    assert list(zip(table["label"], table["path"])) == [(label, name.strip()) for label, name in rows]
