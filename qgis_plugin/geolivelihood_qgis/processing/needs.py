"""What one choice makes necessary: said before a worker is started, which would say it, too."""

from ..compat import tr

NEEDS = {
    "clusters_to_map": (
        ("pictures", "photos_table", "photos"),
        ("pictures", "photos_folder", "photos_folder"),
        ("pictures", "tiles", "tiles"),
        ("pictures", "raster", "rasters"),
        ("displaced", "dhs", "urban"),
    )
}
"""By operation: where this parameter has this value, that one must be given, too."""


def missing(description, values):
    """What is missing for what was chosen, as a sentence, or an empty text."""
    by_name = {one.name: one for one in description.parameters}
    for name, value, needed in NEEDS.get(description.id, ()):
        if needed in by_name and values.get(name) == value and values.get(needed) is None:
            title = dict(by_name[name].choices).get(value, value)
            text = tr("{} is '{}': give {}, too.")
            return text.format(tr(by_name[name].title), tr(title), tr(by_name[needed].title))
    return ""
