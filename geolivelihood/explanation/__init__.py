"""What the pictures show and a model relied on, laid where it lies on the ground.

This room begins with the *view wedge*: the piece of ground that a street photo can have seen, from the
camera's position, heading and field of view.
"""

from geolivelihood.explanation.views import horizontal_bearing, view_wedges

__all__ = ["horizontal_bearing", "view_wedges"]
