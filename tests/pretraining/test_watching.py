from __future__ import annotations

import pytest
from torch.multiprocessing.spawn import ProcessRaisedException

from geolivelihood.errors import Cancelled, InputError
from geolivelihood.pretraining.training import _own_errors
from geolivelihood.pretraining.watching import Wire, listening_to
from geolivelihood.progress import listening


class Listener:
    def __init__(self):
        self.steps, self.stages, self.stop = [], [], False

    def stage(self, name):
        self.stages.append(name)

    def step(self, done, total, text):
        self.steps.append((done, total, text))

    def cancelled(self):
        return self.stop


def test_news_of_other_processes_come_to_the_listener_of_this_one():
    wire = Wire()
    with listening(Listener()) as listener, listening_to(wire):
        wire.report(1, 9)
        wire.stage("Epoch 1 of 3")
        wire.report(2, 9)
    assert listener.steps == [(1, 9, "training steps"), (2, 9, "training steps")]
    assert listener.stages == ["Epoch 1 of 3"]


def test_the_wish_to_stop_reaches_other_processes():
    wire = Wire()
    with listening(Listener()) as listener, listening_to(wire):
        wire.checkpoint()
        listener.stop = True
        wire.stop.wait(5)
        with pytest.raises(Cancelled):
            wire.checkpoint()
        # whoever still reports must not wait for a full pipe
        for k in range(20_000):
            wire.report(k, 20_000)
    assert listener.steps == []


TRACE = """

-- Process 1 terminated with the following error:
Traceback (most recent call last):
  File "fit_loop.py", line 217, in run
    self.advance()
geolivelihood.errors.InputError: The loss became nan at step 2.
Try a lower learning_rate.
"""


def test_errors_of_ours_in_another_process_are_ours_here():
    said = r"^The loss became nan at step 2\.\nTry a lower learning_rate\.$"
    with pytest.raises(InputError, match=said), _own_errors():
        raise ProcessRaisedException(TRACE, 1, 4242)


def test_other_errors_of_another_process_stay_what_they_are():
    with pytest.raises(ProcessRaisedException), _own_errors():
        raise ProcessRaisedException(TRACE.replace("geolivelihood.errors.InputError", "KeyError"), 1, 4242)
