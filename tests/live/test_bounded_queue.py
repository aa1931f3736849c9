import threading

import pytest

from neurosvt.live.bounded_queue import BoundedQueue


def test_everything_comes_out_in_order_from_a_queue_that_waits():
    queue = BoundedQueue(3, drops=False)

    def fill():
        for number in range(100):
            queue.put(number)
        queue.close()

    thread = threading.Thread(target=fill)
    thread.start()
    assert list(queue) == list(range(100))
    thread.join()


def test_a_full_queue_drops_its_oldest_and_tells_each():
    dropped = []
    queue = BoundedQueue(3, drops=True, on_drop=dropped.append)
    for number in range(10):
        assert queue.put(number)
    queue.close()
    assert list(queue) == [7, 8, 9]
    assert dropped == list(range(7))


def test_what_weighs_too_much_drops_the_oldest_until_it_fits():
    dropped = []
    queue = BoundedQueue(9, True, dropped.append, weigh=len, most=5)
    for word in ("a", "bb", "cc", "ddd", "much too long", "e"):
        assert queue.put(word)
    queue.close()
    assert list(queue) == ["e"]
    assert dropped == ["a", "bb", "cc", "ddd", "much too long"]


def test_what_weighs_too_much_waits_for_room():
    queue = BoundedQueue(9, drops=False, weigh=len, most=5)
    words, come = ["aaa", "bb", "c", "much too long", "ddd"], []

    def fill():
        for word in words:
            queue.put(word)
            come.append(word)
        queue.close()

    thread = threading.Thread(target=fill)
    thread.start()
    thread.join(0.2)
    assert come == ["aaa", "bb"], "the third waits"
    taken = iter(queue)
    assert [next(taken) for _ in range(3)] == words[:3]
    assert list(taken) == words[3:], "one alone may weigh more"
    thread.join()


def test_once_it_is_over_a_full_queue_turns_away_instead_of_waiting():
    queue = BoundedQueue(1, drops=False, is_over=lambda: True)
    assert queue.put(1)
    assert not queue.put(2)
    queue.close()
    assert list(queue) == [1]


def test_a_queue_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        BoundedQueue(0, drops=True)
