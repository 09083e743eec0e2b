"""What our algorithms have in common."""

from qgis.core import QgsProcessingAlgorithm

from ..compat import tr
from .help_pages import help_page


def groups():
    """Groups of the toolbox by their id: the library's words for them, and ours."""
    return {
        "results": ("Results", tr("Results")),
        "jobs": ("Whole jobs", tr("Whole jobs")),
        "pictures": ("Pictures", tr("Pictures")),
        "survey": ("Survey", tr("Survey")),
        "models": ("Models", tr("Models")),
        "map": ("Map", tr("Map")),
    }


class Algorithm(QgsProcessingAlgorithm):
    """An algorithm that says its id, title, group and help in class attributes; the texts are translated."""

    ID = ""
    TITLE = ""
    HELP = ""
    TAGS = ""
    GROUP = "results"

    def name(self):
        return self.ID

    def displayName(self):
        return tr(self.TITLE)

    def groupId(self):
        return self.GROUP

    def group(self):
        return groups()[self.GROUP][1]

    def helpUrl(self):
        return help_page(self)

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
