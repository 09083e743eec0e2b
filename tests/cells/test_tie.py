import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from geolivelihood.cells import Tie
from geolivelihood.errors import InputError

CELLS = np.array([11, 22, 33], dtype=np.uint64)


@pytest.fixture
def tie():
    return Tie.from_arrays(
        [0, 0, 1, 1], CELLS[[0, 1, 1, 2]], [0.5, 0.5, 1.0, 3.0], row_ids=["a", "b", "empty"]
    )


def test_products_and_sums(tie):
    values = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(tie @ values, [1.5, 14.0, 0.0])
    np.testing.assert_allclose(tie.sum(values), [1.5, 14.0, np.nan])
    np.testing.assert_allclose(tie.mean(values), [1.5, 3.5, np.nan])
    np.testing.assert_allclose(tie.T @ np.ones(3), [0.5, 1.5, 3.0])
    assert len(tie) == 3
    assert "3 rows x 3 cells, 4 weights" in repr(tie)


def test_missing_values_are_left_out_and_the_rest_renormalised(tie):
    values = np.array([[np.nan, 1.0], [2.0, 2.0], [4.0, np.nan]])
    np.testing.assert_allclose(tie.mean(values), [[2.0, 1.5], [3.5, 2.0], [np.nan, np.nan]])
    whole = np.array([[np.nan, np.nan], [2.0, 3.0], [4.0, 5.0]])
    np.testing.assert_allclose(tie.mean(whole)[:2], [[2.0, 3.0], [3.5, 4.5]])
    np.testing.assert_allclose(tie.covered(~np.isnan(values[:, 0])), [0.5, 1.0, np.nan])


def test_frames_are_joined_by_cell_not_by_position(tie):
    values = pd.Series({33: 4.0, 22: 2.0, 99: 7.0}, name="wealth")
    mean = tie.mean(values)
    assert mean.name == "wealth"
    assert mean.to_dict() == pytest.approx({"a": 2.0, "b": 3.5, "empty": np.nan}, nan_ok=True)
    frame = tie.mean(values.to_frame())
    assert list(frame.columns) == ["wealth"]
    assert np.isnan((tie @ values)["a"])
    assert tie.covered(values > 3)["b"] == 0.75


def test_slices_keep_cells_and_notes():
    notes = pd.DataFrame({"flat_prior": [True, False]}, index=["a", "b"])
    tie = Tie.from_arrays([0, 1], CELLS[:2], [1.0, 1.0], row_ids=["a", "b"], notes=notes)
    for key in ([False, True], [1], slice(1, 2), 1):
        part = tie[key]
        assert part.rows.tolist() == ["b"]
        assert part.shape == (1, 2)
        assert part.notes.index.tolist() == ["b"]


def test_other_columns_and_long_form(tie):
    other = tie.reindex(np.array([33, 44, 22], dtype=np.uint64))
    np.testing.assert_allclose(other.matrix.toarray(), [[0, 0, 0.5], [3, 0, 1], [0, 0, 0]])
    long = tie.to_frame()
    again = Tie.from_arrays(
        tie.rows.get_indexer(long["row"]), long["cell"], long["weight"], row_ids=tie.rows, columns=CELLS
    )
    assert (again.matrix != tie.matrix).nnz == 0
    np.testing.assert_allclose(tie.normalised().weight, [1.0, 1.0, 0.0])
    assert tie.weight["b"] == 4.0


def test_entries_that_occur_twice_add_up():
    tie = Tie.from_arrays([0, 0], CELLS[[0, 0]], [0.25, 0.5], row_ids=["a"])
    assert tie.matrix.toarray().tolist() == [[0.75]]


def test_what_a_tie_refuses(tie):
    with pytest.raises(InputError, match="repeat: a"):
        Tie(sparse.csr_array(np.ones((2, 1))), pd.Index(["a", "a"]), CELLS[:1])
    with pytest.raises(InputError, match="does not fit"):
        Tie(sparse.csr_array(np.ones((2, 1))), pd.Index(["a"]), CELLS[:1])
    with pytest.raises(InputError, match="not negative"):
        Tie.from_arrays([0], CELLS[:1], [-1.0], row_ids=["a"])
    with pytest.raises(InputError, match="not among the columns"):
        Tie.from_arrays([0], CELLS[:1], [1.0], row_ids=["a"], columns=CELLS[1:])
    with pytest.raises(InputError, match="3 cells but the values have shape"):
        tie.mean(np.ones(4))
