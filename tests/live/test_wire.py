import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.events.recording import EVENT
from neurosvt.live.wire import RECORD, WireDecoder


def decoded(data, cuts=(), sensor=(16, 16)):
    """The events of bytes that come in pieces, and the decoder."""
    decoder = WireDecoder(sensor)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(places)]
    found = [decoder.feed(piece) for piece in pieces] + [decoder.feed(b"", last=True)]
    return np.concatenate(found), decoder.malformed


@given(st.lists(st.integers(0, 100), max_size=8), st.booleans())
def test_events_come_through_however_the_bytes_are_cut(cup_cuts, as_text):
    rng = np.random.default_rng(1)
    events = np.zeros(7, EVENT)
    events["t"] = np.arange(7) * 10**9 - 5
    events["x"], events["y"] = rng.integers(0, 16, (2, 7))
    events["p"] = rng.random(7) < 0.5
    lines = "\n".join(f"{t} {x},{y} {int(p)}" for t, x, y, p in events.tolist())
    data = lines.encode() if as_text else events.tobytes()
    found, malformed = decoded(data, cup_cuts)
    assert np.array_equal(found, events)
    assert malformed.total == 0


def test_a_record_is_an_event_as_it_lies_in_memory():
    """On machines whose numbers are little endian, which is where `tobytes` does it."""
    assert RECORD.itemsize == EVENT.itemsize == 13
    assert [RECORD.fields[name][1] for name in "txyp"] == [0, 8, 10, 12]


def test_records_that_cannot_be_are_left_out_and_counted():
    records = np.array(
        [(1, 2, 3, 1), (2, 16, 3, 1), (3, 2, 16, 0), (4, 2, 3, 2), (2**63 - 1, 2, 3, 1)], RECORD
    )
    found, malformed = decoded(records.tobytes() + b"tail")
    assert found.tolist() == [(1, 2, 3, True)]
    assert (malformed.records, malformed.lost_bytes, malformed.total) == (4, 4, 5)
    assert len(malformed.news()) == 2
    assert malformed.news() == [], "each is told once"


@pytest.mark.parametrize(
    "line",
    ["1 2 3", "1 2 3 1 5", "1 2 3 2", "1 99 3 1", "1 -2 3 1", "one 2 3 1", "1.5 2 3 1",
     f"{10**30} 2 3 1", "1 2 3 " + "1" * 500, "\x00\xff"],
)  # fmt: skip
def test_lines_that_are_no_events_are_left_out_and_counted(line):
    text = f"# made up\n10 1 1 1\n{line}\n\n20 1 1 0\n"
    found, malformed = decoded(text.encode("latin-1"))
    assert found["t"].tolist() == [10, 20]
    assert malformed.total == 1


def test_the_names_of_columns_are_passed_over():
    found, malformed = decoded(b"t,x,y,p\n10,1,2,1\n")
    assert found.tolist() == [(10, 1, 2, True)]
    assert malformed.total == 0


def test_a_line_without_an_end_does_not_fill_the_memory():
    decoder = WireDecoder((16, 16))
    for _ in range(50):
        decoder.feed(b"1" * 10_000)
    assert len(decoder._rest) <= 20_000


@pytest.mark.parametrize("seed", range(20))
def test_noise_on_the_wire_raises_nothing(seed):
    rng = random.Random(seed)
    data = rng.randbytes(1000) if seed % 2 else bytes(rng.choices(b"0123456789 ,\n-#t", k=1000))
    found, _ = decoded(data, [rng.randrange(1000) for _ in range(9)])
    assert (found["x"] < 16).all()
