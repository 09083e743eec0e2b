"""Work in threads side by side, each on one core, with the results in order.

Threads, not processes: Pillow, GDAL and PyTorch release the interpreter's lock while they work, nothing is
copied between processes, and nothing is left behind when a run is killed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

__all__ = ["in_lanes"]

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_lanes(
    function: Callable[[Task], Result], tasks: Iterable[Task], *, workers: int, ahead: int = 2
) -> Iterator[Result]:
    """Results of ``function`` for each task, in the order of the tasks.

    Inside a lane PyTorch uses one thread: several batches side by side keep cores busier than one batch that
    all of them share and wait for, and the numbers do not depend on how many cores there are.

    Parameters
    ----------
    function
        Called in a worker thread.
    tasks
        What it is called with.
    workers
        Number of lanes.
    ahead
        Tasks that may be done or wait beside those being worked on.
    """
    threads = torch.get_num_threads()
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(
        workers, thread_name_prefix="lane", initializer=torch.set_num_threads, initargs=(1,)
    )
    try:
        for task in tasks:
            waiting.append(pool.submit(function, task))
            if len(waiting) >= workers + ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads)
