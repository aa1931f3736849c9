"""What is damaged is read as far as it is sound, or refused: nothing is invented, nothing hangs."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import fuzz

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats import FORMATS, open_events
from neurosvt.formats.nmnist import FEWEST

WHOLE = {name: data for name, data in fuzz.samples(0).items() if name in FORMATS}


def opened(path):
    with open_events(path) as file:
        return file.format


def test_damaged_files_are_read_or_refused_in_one_line():
    outcomes = fuzz.run(1500, 7)
    assert outcomes["read"] > 300
    assert outcomes["refused"] > 300


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_file_that_is_cut_gives_what_came_before_the_cut(name, tmp_path, decoder):
    path = tmp_path / "cut"

    def read(data):
        path.write_bytes(data)
        with open_events(path) as file:
            return np.concatenate([np.empty(0, EVENT), *file.source.chunks()])

    whole = read(WHOLE[name])
    counts, refusals = [], []
    # Steps that share no divisor with words: a cut falls at every byte of one, some time.
    for length in range(0, len(WHOLE[name]), {"hdf5": 131, "nmnist": 1}.get(name, 13)):
        try:
            events = read(WHOLE[name][:length])
        except UserError as error:
            refusals.append(str(error))
            continue
        # A prefix; the polarity, row and time of later events do not change earlier ones.
        np.testing.assert_array_equal(events, whole[: len(events)])
        counts.append(len(events))
    assert not [line for line in refusals if "\n" in line]
    if name not in ("npz", "hdf5"):  # which are whole or damaged
        assert counts == sorted(counts)
        assert counts[0] <= (FEWEST if name == "nmnist" else 1)
        assert counts[-1] >= len(whole) - 32


@pytest.mark.parametrize("name", sorted(WHOLE))
@pytest.mark.parametrize("other", sorted(WHOLE))
def test_no_format_is_taken_for_another(name, other, tmp_path):
    """A header of one before the body of another is no better than noise, and told from it."""
    path = tmp_path / "file"
    path.write_bytes(WHOLE[name])
    with open_events(path) as file:
        assert file.format == name
    with path.open("rb") as stream:
        try:
            recognised = FORMATS[other].recognises(stream)
        except UserError:
            recognised = False
    assert recognised == (name == other)


@pytest.mark.parametrize("name", ["evt2", "evt2.1", "evt3"])
def test_a_header_that_states_another_encoding_is_believed(name, tmp_path):
    """Words cannot be told apart, so the header counts; one that says nothing is refused."""
    path = tmp_path / "file"
    data = WHOLE[name].replace(b"evt ", b"say ").replace(b"format EVT", b"format XXX")
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"no event file that is known|records of type"):
        opened(path)


@pytest.mark.parametrize("sides", [(0, 180), (70_000, 180)])
def test_a_sensor_that_cannot_be_is_refused(sides, tmp_path):
    width, height = sides
    data = WHOLE["evt3"].replace(b"width=240", f"width={width}".encode())
    data = data.replace(b"240x180", f"{width}x{height}".encode())
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(UserError, match=f"states a sensor of {width} x {height} pixels"):
        opened(tmp_path / "file")


def test_zeros_are_no_event_file(tmp_path):
    (tmp_path / "file").write_bytes(bytes(4096))
    with pytest.raises(UserError, match="no event file that is known"):
        opened(tmp_path / "file")


def test_events_before_the_first_time_are_left_out_and_counted(tmp_path, decoder):
    header, body = WHOLE["evt2"].split(b"% end\n", 1)
    (tmp_path / "file").write_bytes(header + b"% end\n" + body[4:])  # without its first time
    with open_events(tmp_path / "file") as file:
        events = np.concatenate([np.empty(0, EVENT), *file.source.chunks()])
        assert file.source.damage.untimed > 0
        assert file.source.damage.untimed + len(events) == 60
        assert "come before the first time" in file.source.damage.lines()[0]
