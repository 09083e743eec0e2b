from __future__ import annotations

import filecmp

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.ensemble import RandomForestRegressor

from geolivelihood.errors import InputError
from geolivelihood.features import object_counts
from geolivelihood.synthetic.street_level import make_street_level
from geolivelihood.tables.published import published_clusters, read_published_photos
from geolivelihood.tables.published_features import read_published_features


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_street_level(tmp_path_factory.mktemp("street"), clusters=(60, 20), seed=3)


def test_the_same_seed_gives_the_same_data(folder, tmp_path):
    again = make_street_level(tmp_path / "again", clusters=(60, 20), seed=3)
    for name in ("data.csv", "train_clusters_ia.txt", "val_clusters_ke.txt"):
        assert filecmp.cmp(folder / name, again / name, shallow=False)


def test_it_has_what_the_published_data_have(folder):
    photos = read_published_photos(folder / "data.csv").table
    clusters = published_clusters(photos)
    assert clusters["country"].value_counts().to_dict() == {"ia": 60, "ke": 20}
    assert clusters.loc[clusters["country"] == "ke", "bmi"].isna().all()
    assert clusters.loc[clusters["country"] == "ia", "pov_label"].mean() == 0.5
    assert photos["image_id"].duplicated().any()  # a photo of two clusters
    assert Image.open(photos["picture"].iloc[0]).size == (48, 48)


def test_wealth_shows_in_counts_and_features(folder):
    found = read_published_photos(folder / "data.csv")
    photos = found.table[found.table["country"] == "ia"]
    counts = object_counts(photos).to_numpy()
    features = read_published_features(folder / "features_pov.hdf5", photos.index, table_rows=found.rows)
    for seen in (counts, features):
        frame = pd.DataFrame(seen).groupby(photos["cluster_id"].to_numpy(), sort=False).mean()
        y = published_clusters(photos)["pov"].to_numpy()
        model = RandomForestRegressor(100, random_state=0).fit(frame[:45], y[:45])
        assert np.corrcoef(model.predict(frame[45:]), y[45:])[0, 1] > 0.4


def test_too_few_clusters(tmp_path):
    with pytest.raises(InputError, match="at least 20"):
        make_street_level(tmp_path, clusters=(120, 10))
