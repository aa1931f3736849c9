"""The queue between the reader and the engine: bounded, and exact about what it drops."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
WAKE_S = 0.05
"""How often who waits looks around."""


class BoundedQueue(Generic[T]):
    """First in, first out, at most so many; one thread puts, another takes.

    Args:
        size: how many it holds.
        drops: a full queue drops its oldest; otherwise whoever puts waits.
        on_drop: told each that is dropped.
        is_over: asked while somebody waits; True ends the wait.
    """

    def __init__(
        self,
        size: int,
        drops: bool,
        on_drop: Callable[[T], None] = lambda item: None,
        is_over: Callable[[], bool] = lambda: False,
    ):
        if size < 1:
            raise ValueError(f"a queue holds at least 1, got {size}")
        self.size, self.drops, self.on_drop, self.is_over = size, drops, on_drop, is_over
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> bool:
        """Add one. False if it was not, for it is over, and a full queue does not drop."""
        with self._changed:
            while len(self._items) >= self.size:
                if self.drops:
                    self.on_drop(self._items.popleft())
                elif self.is_over():
                    return False
                else:
                    self._changed.wait(WAKE_S)
            self._items.append(item)
            self._changed.notify_all()
            return True

    def close(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        """All of them, until it is closed and empty."""
        while True:
            with self._changed:
                while not self._items:
                    if self._closed:
                        return
                    self._changed.wait(WAKE_S)
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
