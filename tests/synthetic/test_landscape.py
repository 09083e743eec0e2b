from __future__ import annotations

import numpy as np
import pytest
import shapely

from geolivelihood.synthetic.landscape import STEP_M, landscape


@pytest.mark.parametrize("seed", [0, 1, 7, 2**40])
def test_districts_tile_the_island(seed: int) -> None:
    land = landscape(seed)
    assert land.outline.is_valid
    assert len(land.districts) == 10
    assert land.districts["name"].is_unique
    assert land.districts.is_valid.all()
    assert land.districts.area.sum() == pytest.approx(land.outline.area, rel=1e-9)
    assert shapely.union_all(land.districts.geometry).symmetric_difference(land.outline).area < 1.0
    assert ((land.district >= 0) == land.land).all()
    west, south, east, north = land.outline.bounds
    assert west > land.west
    assert north < land.north
    assert east < land.west + STEP_M * land.land.shape[1]
    assert south > land.north - STEP_M * land.land.shape[0]


def test_people_live_on_dry_land_and_wealth_is_standard_over_them() -> None:
    land = landscape(3)
    assert land.population[~land.land | land.water].sum() == 0
    people = land.population
    mean = np.average(land.wealth, weights=people)
    assert mean == pytest.approx(0, abs=1e-9)
    assert np.average((land.wealth - mean) ** 2, weights=people) == pytest.approx(1)
    assert 0.3 < people[land.urban].sum() / people.sum() < 0.8


def test_wealth_varies_over_a_few_kilometres() -> None:
    land = landscape(0)
    wealth = np.where(land.land, land.wealth, np.nan)

    def correlation(pixels: int) -> float:
        a, b = wealth[:, :-pixels].ravel(), wealth[:, pixels:].ravel()
        both = ~np.isnan(a + b)
        return float(np.corrcoef(a[both], b[both])[0, 1])

    assert correlation(1) > 0.9
    assert 0.25 < correlation(6) < 0.75  # 3 km
    assert correlation(14) < 0.5  # 7 km


def test_wealth_is_not_just_population_or_greenness() -> None:
    land = landscape(0)
    lived = land.population > 0
    for other in (np.log(land.population[lived]), land.moisture[lived]):
        assert abs(np.corrcoef(land.wealth[lived], other)[0, 1]) < 0.6


def test_fields_are_read_at_points_and_cannot_be_written() -> None:
    land = landscape(0)
    x, y = land.centres()
    np.testing.assert_allclose(land.at(land.wealth, x[40, 50:60], y[40, 50:60]), land.wealth[40, 50:60])
    halfway = land.at(land.wealth, x[40, 50:51] + STEP_M / 2, y[40, 50:51])
    assert halfway[0] == pytest.approx(land.wealth[40, 50:52].mean())
    row, column = land.pixel(x[40:42, 50], y[40:42, 50])
    np.testing.assert_array_equal([row, column], [[40, 41], [50, 50]])
    with pytest.raises(ValueError, match="read-only"):
        land.wealth[0, 0] = 1
