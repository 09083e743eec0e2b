"""Maps of what a model went by, put where it lies on the ground."""
