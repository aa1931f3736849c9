"""The queue between the reader and the engine: bounded, and exact about what it drops."""

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Event
from typing import Final, Generic, TypeVar, cast

T = TypeVar("T")
WAKE_S = 0.05
"""How often who waits for room looks around."""
_END: Final = object()


class BoundedQueue(Generic[T]):
    """First in, first out, at most so many; one thread puts, another takes.

    Args:
        size: how many it holds.
        drops: a full queue drops its oldest; otherwise whoever puts waits.
        on_drop: told each that is dropped.
        is_over: asked while somebody waits for room; True ends the wait.
        weigh: what an item weighs.
        most: weight of all that it holds, in which a single item may weigh more.
    """

    def __init__(
        self,
        size: int,
        drops: bool,
        on_drop: Callable[[T], None] = lambda item: None,
        is_over: Callable[[], bool] = lambda: False,
        weigh: Callable[[T], int] = lambda item: 0,
        most: int = 0,
    ):
        if size < 1:
            raise ValueError(f"a queue holds at least 1, got {size}")
        self.size, self.drops, self.on_drop, self.is_over = size, drops, on_drop, is_over
        self.weigh, self.most = weigh, most
        # Each is written by one thread alone, so that no lock is needed.
        self._came = self._fell = self._went = 0
        # Written in C: at a hundred windows a second, a condition costs as much as the engine.
        self._items: SimpleQueue[T | object] = SimpleQueue()
        self._taken = Event()

    def put(self, item: T) -> bool:
        """Add one. False if it was not, for it is over, and a full queue does not drop."""
        weight = self.weigh(item)
        while not self._has_room(weight):
            if self.drops:
                self._drop_oldest()
            elif self.is_over():
                return False
            else:
                self._wait_for_room(weight)
        self._came += weight
        self._items.put(item)
        return True

    def _has_room(self, weight: int) -> bool:
        waiting = self._items.qsize()
        if waiting >= self.size:
            return False
        return not waiting or self._came - self._fell - self._went + weight <= self.most

    def _drop_oldest(self) -> None:
        try:
            item = cast(T, self._items.get_nowait())
        except Empty:
            return  # taken in the meantime
        self._fell += self.weigh(item)
        self.on_drop(item)

    def _wait_for_room(self, weight: int) -> None:
        self._taken.clear()
        if not self._has_room(weight):  # still, now that a further one would be noticed
            self._taken.wait(WAKE_S)

    def close(self) -> None:
        """Nothing more will come."""
        self._items.put(_END)

    def __iter__(self) -> Iterator[T]:
        """All of them, until it is closed and empty."""
        while (taken := self._items.get()) is not _END:
            item = cast(T, taken)
            self._went += self.weigh(item)
            if not self._taken.is_set():
                self._taken.set()
            yield item
