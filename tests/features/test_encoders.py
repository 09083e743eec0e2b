"""Encoders by name, and what tells them apart."""

from __future__ import annotations

import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.features import Backbone, BandSummary, RandomConvolutions, encoder, fingerprint


def test_names():
    assert isinstance(encoder("rcf", n_features=10), RandomConvolutions)
    assert isinstance(encoder("summary"), BandSummary)
    assert isinstance(encoder("resnet18", size=32), Backbone)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("resnet19", {}, "Unknown encoder 'resnet19'"),
        ("rcf", {"weights": "DEFAULT"}, "takes none"),
        ("summary", {"filters": 3}, "filters"),
        ("resnet18", {"n_features": 3}, "n_features"),
    ],
)
def test_wrong_names_and_options(name, options, said):
    with pytest.raises(InputError, match=said):
        encoder(name, **options)


def test_fingerprints(rng):
    assert fingerprint(encoder("resnet18", size=32)) == fingerprint(encoder("resnet18", size=32))
    prints = [
        fingerprint(encoder("resnet18", size=32, **options))
        for options in ({}, {"seed": 1}, {"fit": "crop"}, {"normalise": "none"})
    ]
    assert len(set(prints)) == 4
    bare = encoder("rcf", n_features=10)
    sample = [rng.normal(size=(1, 9, 9)) for _ in range(2)]
    assert len({fingerprint(e) for e in (bare, bare.fit(sample[:1]), bare.fit(sample[1:]))}) == 3
    assert fingerprint(bare.fit(np.array(sample))) == fingerprint(bare.fit(np.array(sample)))
