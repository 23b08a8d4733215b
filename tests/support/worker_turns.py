"""Which worker of pytest-xdist takes which test: whole files, far from each other, and all of them the last ones."""

from __future__ import annotations

from collections import deque
from typing import Any

from xdist.scheduler import LoadScopeScheduling


class FileByFile(LoadScopeScheduling):
    """Each worker goes on with the tests of its file, then with a file that nobody has begun.

    One of them takes the first of those that are left, another the last, further ones from between, so that neighbours
    of a folder, which share what they make, come to the same worker. At the end all help with the longest file, from
    its last test on.
    """

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        self._left: dict[str, deque[str]] = {}
        """By file, in order, the tests that nobody has."""
        self._file: dict[Any, str] = {}
        """The file of each worker."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid

    def _assign_work_unit(self, node: Any) -> None:
        if not self._left:
            for test in self.workqueue:
                self._left.setdefault(test.partition("::")[0], deque()).append(test)
        self.workqueue.move_to_end(self._next_of(node), last=False)
        super()._assign_work_unit(node)

    def _next_of(self, node: Any) -> str:
        """The test that the worker takes, which is no longer left then."""
        own = self._file.get(node, "")
        taken_file, from_start = own, True
        if own not in self._left:
            begun = set(self._file.values())
            free = [file for file in self._left if file not in begun]
            if free:
                place = self.nodes.index(node) * (len(free) - 1) // max(len(self.nodes) - 1, 1)
                taken_file = self._file[node] = free[place]
            else:
                taken_file, from_start = max(self._left, key=lambda file: len(self._left[file])), False
        tests = self._left[taken_file]
        test = tests.popleft() if from_start else tests.pop()
        if not tests:
            del self._left[taken_file]
        return test

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        # what is done is counted again with each test that ends
        self.assigned_work[node].pop(self.registered_collections[node][item_index], None)
