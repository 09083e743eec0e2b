"""Estimators in the dialect of scikit-learn, from honest baselines to the map itself."""
