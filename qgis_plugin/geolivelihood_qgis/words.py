"""What can be chosen and what was chosen, in plain words."""

from .compat import tr


def displaced():
    """Ways in which points may be displaced."""
    return [
        ("none", tr("No, they are where the people live")),
        ("dhs", tr("Yes, as DHS does it (2 km in towns, 5 to 10 km elsewhere)")),
    ]


def pictures():
    """Where pictures come from."""
    return [
        ("photos_table", tr("Street photos: a layer with their places and paths")),
        ("photos_folder", tr("Street photos: a folder; places are read from the files")),
        ("tiles", tr("Map tiles: a folder of z/x/y pictures")),
        ("raster", tr("Images of the whole area: rasters such as satellite or night lights")),
    ]


def encoders():
    """How pictures become numbers."""
    return [
        ("auto", tr("Automatic: suits the kind of pictures")),
        ("summary", tr("Averages of brightness and colour (fastest)")),
        ("rcf", tr("Random patterns (fast, needs no download)")),
        ("resnet18", tr("A trained network (slow without a GPU, downloads weights once)")),
    ]


def models():
    """What learns from them."""
    return [
        ("mean", tr("Mean: knows nothing; others must beat it")),
        ("knn", tr("Nearest places: the mean of near clusters")),
        ("idw", tr("Distance weights: near clusters count more")),
        ("gp", tr("Kriging: a smooth surface with its own uncertainty")),
        ("ridge", tr("Ridge regression on the pictures")),
        ("boosting", tr("Boosted trees on the pictures")),
        ("graph", tr("Graph network of the photos around a cluster (slow)")),
        ("cell", tr("Network that passes messages between cells (slow)")),
    ]


def splits():
    """How places are left out to score the models."""
    return [
        ("blocked", tr("Blocks: whole areas are left out (always)")),
        ("random", tr("Random: single clusters are left out (flatters)")),
        ("region", tr("Regions: whole regions are left out, needs regions")),
        ("knndm", tr("As far as the map: folds whose distances resemble those to the cells")),
    ]


def model_name(model):
    """A model in few words, in English its name; one that is not ours keeps its own."""
    names = {
        "mean": tr("mean"),
        "knn": tr("knn"),
        "idw": tr("idw"),
        "gp": tr("gp"),
        "ridge": tr("ridge"),
        "boosting": tr("boosting"),
        "graph": tr("graph"),
        "cell": tr("cell"),
    }
    return names.get(model, str(model))


def split_name(split):
    """How places were left out, in few words."""
    names = {
        "blocked": tr("split by blocks"),
        "random": tr("random split"),
        "region": tr("regions left out"),
        "knndm": tr("folds as far as the map"),
    }
    return names.get(split, str(split))


def metric_name(metric):
    """A score in few words."""
    return {"r2": "R²", "mae": tr("mean absolute error")}.get(metric, str(metric))


def head(title):
    """What stands before the colon of a title."""
    return title.partition(":")[0].strip()


def described(description, name, ours):
    """The choices that a description has for a parameter, with our words where we have some."""
    for parameter in description.parameters if description else ():
        if parameter.name == name and parameter.choices:
            words = dict(ours)
            return [(value, words.get(value, title)) for value, title in parameter.choices]
    return ours
