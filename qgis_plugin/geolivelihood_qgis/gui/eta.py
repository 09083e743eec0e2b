"""How long a stage still takes, from how long it has taken. Standard library only, besides translation."""

import time

from ..compat import tr

SETTLED_S = 5.0
"""What passed sooner says little."""


class Remaining:
    """Watches the percentage of one stage after the other."""

    def __init__(self, clock=time.monotonic):
        self.clock = clock
        self.begin("")

    def begin(self, stage):
        """A stage begins; nothing is known of it."""
        self.stage = stage
        self.started = self.clock()
        self.first = None
        self.percent = None

    def see(self, percent):
        """The stage has come so far."""
        if self.percent is not None and percent < self.percent:
            self.begin(self.stage)
        if self.first is None:
            self.first, self.started = percent, self.clock()
        self.percent = percent

    def seconds(self):
        """Seconds that are left, or ``None`` where nothing can be said yet."""
        if self.percent is None or self.percent <= self.first or self.percent >= 100:
            return None
        passed = self.clock() - self.started
        if passed < SETTLED_S:
            return None
        return passed * (100 - self.percent) / (self.percent - self.first)

    def told(self):
        """What is left, in words; empty where nothing can be said yet."""
        seconds = self.seconds()
        return "" if seconds is None else tr("about {} left in this stage").format(duration(seconds))


def duration(seconds):
    """A length of time, as people say it."""
    if seconds < 90:
        return tr("{} s").format(max(1, round(seconds)))
    if seconds < 5400:
        return tr("{} min").format(round(seconds / 60))
    return tr("{} h {} min").format(*divmod(round(seconds / 60), 60))
