"""Asks whether only the selected features are to be exported."""

from qgis.PyQt.QtWidgets import QMessageBox

from ..compat import tr
from ..wording import count as counted


def only_selected(layers, parent):
    """Asks whether only selected features are wanted, if any are; ``None`` where the user turned back."""
    count = sum(layer.selectedFeatureCount() for layer in layers)
    if not count:
        return False
    button = QMessageBox.StandardButton
    text = tr("{} features are selected. Export only these?").format(counted(count))
    answer = QMessageBox.question(
        parent, tr("Export"), text, button.Yes | button.No | button.Cancel, button.Yes
    )
    return None if answer == button.Cancel else answer == button.Yes
