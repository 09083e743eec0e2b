"""What our algorithms have in common."""

from qgis.core import QgsProcessingAlgorithm

from ..compat import tr


class Algorithm(QgsProcessingAlgorithm):
    """An algorithm that says its id, title and help in class attributes; the texts are translated."""

    ID = ""
    TITLE = ""
    HELP = ""
    TAGS = ""

    def name(self):
        return self.ID

    def displayName(self):
        return tr(self.TITLE)

    def shortHelpString(self):
        return tr(self.HELP)

    def tags(self):
        return tr(self.TAGS).split()

    def createInstance(self):
        return type(self)()

    def add(self, parameter, help_text, *, advanced=False):
        """Add a parameter with its help."""
        parameter.setHelp(help_text)
        if advanced:
            parameter.setFlags(parameter.flags() | parameter.Flag.FlagAdvanced)
        self.addParameter(parameter)
