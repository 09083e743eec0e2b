"""Every model that a project can name can be built, and says which options it knows."""

from typing import get_args

import pytest

from geolivelihood import models
from geolivelihood.errors import ProjectError
from geolivelihood.recipes.builders import build_estimator
from geolivelihood.recipes.settings import ModelChoice, ModelName


@pytest.mark.parametrize("name", get_args(ModelName))
def test_every_name_of_a_model_builds_one(name):
    estimator = build_estimator(ModelChoice(name=name), seed=3)
    assert callable(estimator.fit)
    assert estimator.get_params().get("random_state", 3) == 3


def test_a_crossfitted_model_passes_options_to_both_of_its_models():
    choice = ModelChoice(
        name="crossfitted", options={"second": "boosting", "n_splits": 3, "max_epochs": 2, "size": 64}
    )
    estimator = build_estimator(choice, seed=5)
    assert isinstance(estimator.estimator, models.BoostingRegressor)
    assert estimator.n_splits == 3
    assert (estimator.image_estimator.max_epochs, estimator.image_estimator.size) == (2, 64)
    assert estimator.image_estimator.random_state == 5


@pytest.mark.parametrize("name", get_args(ModelName))
def test_an_unknown_option_is_refused_with_those_that_exist(name):
    with pytest.raises(ProjectError, match="unknown option 'lerning_rate'"):
        build_estimator(ModelChoice(name=name, options={"lerning_rate": 1.0}), seed=0)


def test_a_second_model_of_another_kind_is_refused():
    with pytest.raises(ProjectError, match="ridge, boosting"):
        build_estimator(ModelChoice(name="crossfitted", options={"second": "forest"}), seed=0)
