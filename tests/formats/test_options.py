"""What is left open by a file is said by options, or guessed and told; nothing is silent."""

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats import DamageWarning, aedat2, convert, open_events, read_events, write_events
from neurosvt.formats.options import ReadOptions
from neurosvt.formats.summary import summarise

COUNT = 2000


@pytest.fixture
def columns():
    """Events of a busy second on 640 x 480 pixels."""
    rng = np.random.default_rng(0)
    return {
        "t": np.sort(rng.integers(0, 10**6, COUNT)),
        "x": np.append(rng.integers(0, 640, COUNT - 1), 639),
        "y": np.append(rng.integers(0, 480, COUNT - 1), 479),
        "p": rng.integers(0, 2, COUNT),
    }


def summary_of(folder, options=None, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return summarise(folder / "a.npz", options=options or ReadOptions())


def test_what_was_guessed_is_told_apart_from_what_was_read(columns, tmp_path):
    guessed = summary_of(tmp_path, **columns)
    assert (guessed.width, guessed.height) == (640, 480)
    assert (guessed.sensor_from, guessed.unit, guessed.unit_from) == ("guess", "us", "guess")
    sensor, unit = guessed.warnings
    assert "sensor is not stated: 640 x 480" in sensor
    assert "--sensor" in sensor
    assert "unit of time is not stated: us" in unit
    assert "--unit" in unit
    said = summary_of(tmp_path, ReadOptions(sensor=(700, 500), unit="us"), **columns)
    assert (said.width, said.height, said.sensor_from, said.unit_from) == (
        700, 500, "option", "option",
    )  # fmt: skip
    assert said.warnings == ()
    stated = summary_of(tmp_path, **columns, width=640, height=480, unit="us")
    assert (stated.sensor_from, stated.unit_from, stated.warnings) == ("file", "file", ())


def test_a_guess_is_warned_of_wherever_a_file_is_read(columns, tmp_path):
    np.savez(tmp_path / "a.npz", **columns, unit="us")
    with pytest.warns(DamageWarning, match="sensor is not stated: 640 x 480"):
        recording = read_events(tmp_path / "a.npz")
    assert (recording.width, recording.height) == (640, 480)


def test_a_guess_is_not_written_down_as_if_it_were_known(columns, tmp_path):
    np.savez(tmp_path / "a.npz", **columns)
    source = convert(tmp_path / "a.npz", tmp_path / "b.npz")
    assert "sensor is not stated" in source.warnings()[0]
    with np.load(tmp_path / "b.npz") as file:
        assert "width" not in file
    convert(tmp_path / "a.npz", tmp_path / "c.npz", options=ReadOptions(sensor=(700, 500)))
    assert summarise(tmp_path / "c.npz").sensor_from == "file"


def test_one_event_far_beyond_the_others_makes_no_sensor(columns, tmp_path):
    columns["y"][7] = 33014
    found = summary_of(tmp_path, **columns, unit="us")
    assert (found.events, found.width, found.height) == (COUNT - 1, 640, 480)
    assert "1 events lie far beyond the others, and were left out" in found.warnings


def test_too_few_events_to_tell_are_all_kept(tmp_path):
    few = {"t": np.arange(3), "x": np.array([1, 2, 300]), "y": np.arange(3), "p": np.ones(3, int)}
    assert summary_of(tmp_path, **few).events == 3


def test_a_sensor_larger_than_any_is_told(columns, tmp_path):
    columns["x"] *= 10
    assert "no event camera has 6,391 pixels a side" in summary_of(tmp_path, **columns).warnings


def test_a_gap_of_decades_and_a_clock_set_back_are_told(columns, tmp_path):
    columns["t"] += 1_643_243_628_000_000
    columns["t"][0] = 0
    warnings = summary_of(tmp_path, **columns, unit="us").warnings
    assert any("52.1 years pass between two events" in line for line in warnings)
    columns["t"] = np.roll(np.arange(COUNT) * 20_000, COUNT // 2)
    warnings = summary_of(tmp_path, **columns, unit="us").warnings
    assert any("the clock was set back by 40.0 s" in line for line in warnings)
    columns["t"][:] = np.arange(COUNT)
    columns["t"][500:540] -= 99_000  # late by less than a second: counted, and no more
    late = summary_of(tmp_path, **columns, unit="us", width=640, height=480)
    assert (late.time_steps_back, late.warnings) == (1, ())


def test_three_polarities_are_refused(columns, tmp_path):
    columns["p"] = np.arange(COUNT) % 3 - 1
    with pytest.raises(UserError, match="p holds -1 and 0: which of them is OFF"):
        summary_of(tmp_path, **columns)


@pytest.mark.parametrize(("unit", "each"), [("ns", 1e-3), ("ms", 1e3), ("s", 1e6), ("us", 1)])
def test_times_are_taken_in_the_unit_that_is_said(columns, tmp_path, unit, each):
    columns["t"] = np.arange(COUNT) * 10**4
    found = summary_of(tmp_path, ReadOptions(unit=unit), **columns)
    assert (found.t_last_us, found.unit, found.unit_from) == (
        int((COUNT - 1) * 10**4 * each), unit, "option",
    )  # fmt: skip


def test_nanoseconds_taken_for_microseconds_are_odd(columns, tmp_path):
    columns["t"] *= 1000 * 100
    warnings = summary_of(tmp_path, **columns).warnings
    assert any("events a second are odd: are its times in us? (--unit" in w for w in warnings)


def test_seconds_as_floats_want_their_unit(columns, tmp_path):
    t = columns["t"]
    columns["t"] = t / 1e6
    with pytest.raises(UserError, match=r"t holds float64, as seconds do: say its unit, --unit s"):
        summary_of(tmp_path, **columns)
    np.testing.assert_array_equal(
        read_events(tmp_path / "a.npz", str, ReadOptions(unit="s")).events["t"], t
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ReadOptions(camera="left"), "names no camera: leave out --camera left"),
        (ReadOptions(unit="ns"), "has times in us: leave out --unit ns"),
    ],
)
def test_an_option_that_decides_nothing_is_refused(options, message, made_up, tmp_path):
    write_events(tmp_path / "a.dat", made_up(0, 50, (240, 180)))
    with pytest.raises(UserError, match=message):
        summarise(tmp_path / "a.dat", options=options)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"unit": "sec"}, "unit 'sec' is unknown"),
        ({"sensor": (0, 4)}, "a sensor of 0 x 4 pixels is none"),
        ({"from_": 2.0, "to": 1.0}, "from 2 s to 1 s holds nothing"),
    ],
)
def test_options_that_cannot_be_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        ReadOptions(**values)


def read_with(path, **values):
    with open_events(path, ReadOptions(**values)) as file:
        return np.concatenate([np.empty(0, EVENT), *file.source.upright()])


def test_a_part_holds_its_first_microsecond_and_not_its_last(tmp_path):
    events = np.zeros(5, EVENT)
    events["t"] = [0, 3_999_999, 4_000_000, 7_999_999, 8_000_000]
    write_events(tmp_path / "a.dat", Recording(events, 240, 180))
    part = read_with(tmp_path / "a.dat", from_=4.0, to=8.0)
    assert part["t"].tolist() == [4_000_000, 7_999_999]


def test_a_part_is_taken_rebased_and_sorted(made_up, tmp_path):
    recording = made_up(1, 5000, (240, 180), start=10**9)
    recording.events["t"][[5, 50]] = recording.events["t"][[50, 5]]
    write_events(tmp_path / "a.dat", recording)
    t = recording.events["t"]
    since = t - t[0]
    part = read_with(tmp_path / "a.dat", from_=0.25, to=0.5)
    kept = (since >= 250_000) & (since < 500_000)
    np.testing.assert_array_equal(part, recording.events[kept])
    rebased = read_with(tmp_path / "a.dat", from_=0.25, rebase=True)
    np.testing.assert_array_equal(rebased["t"], t[since >= 250_000] - t[since >= 250_000][0])
    order = np.argsort(t, kind="stable")
    np.testing.assert_array_equal(read_with(tmp_path / "a.dat", sort=True), recording.events[order])
    with pytest.raises(UserError, match="holds no events between --from and --to"):
        summarise(tmp_path / "a.dat", options=ReadOptions(from_=5.0))


def test_epoch_times_are_rebased_when_they_do_not_fit(made_up, tmp_path):
    recording = made_up(1, 100, (240, 180), start=1_700_000_000_000_000)
    write_events(tmp_path / "a.npz", recording)
    with pytest.raises(UserError, match=r"does not fit.*; --rebase lets them begin at 0"):
        convert(tmp_path / "a.npz", tmp_path / "b.dat")
    assert not (tmp_path / "b.dat").exists()
    convert(tmp_path / "a.npz", tmp_path / "b.dat", options=ReadOptions(rebase=True))
    t = recording.events["t"]
    np.testing.assert_array_equal(read_events(tmp_path / "b.dat").events["t"], t - t[0])


def test_nothing_read_is_no_success(tmp_path):
    write_events(tmp_path / "a.dat", Recording(np.empty(0, EVENT), 240, 180))
    for read in (summarise, read_events, lambda path: convert(path, tmp_path / "b.npz")):
        with pytest.raises(UserError, match="holds no events"):
            read(tmp_path / "a.dat")
    assert not (tmp_path / "b.npz").exists()


def without_chip(path, events, sensor):
    write_events(path, Recording(events, *sensor), "aedat2")
    lines = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\r\n".join(line for line in lines if not line.startswith(b"# AEChip")))


def test_a_chip_that_is_not_named_is_asked_for_unless_the_events_decide(made_up, tmp_path):
    path, small = tmp_path / "a.aedat", made_up(2, 300, (200, 170)).events
    small["x"] += 146  # stored from the far end: they would fit on a DAVIS240
    small["y"] += 90
    without_chip(path, small, aedat2.DAVIS346)
    with pytest.raises(UserError, match=r"names no chip.* --camera davis240 or --camera davis346"):
        summarise(path)
    np.testing.assert_array_equal(read_with(path, camera="davis346"), small)
    assert summarise(path, options=ReadOptions(camera="davis346")).camera_from == "option"
    with pytest.raises(UserError, match="name its --camera, not its --sensor"):
        summarise(path, options=ReadOptions(camera="davis346", sensor=(640, 480)))
    whole = made_up(2, 3000, aedat2.DAVIS346).events
    without_chip(path, whole, aedat2.DAVIS346)
    np.testing.assert_array_equal(read_with(path), whole)
    without_chip(path, made_up(2, 300, (128, 128)).events, aedat2.DVS128)
    assert summarise(path).camera == "DVS128"


@pytest.mark.parametrize("name", ["evt2", "evt3"])
def test_a_system_of_prophesee_states_its_sensor(name, made_up, tmp_path, written):
    data = written(name, made_up(3, 200, (300, 200)))
    header, body = data.split(b"% end\n", 1)
    kept = [line for line in header.split(b"\n") if line.startswith(b"% evt")]
    path = tmp_path / "a.raw"
    path.write_bytes(b"\n".join([*kept, b"% system_ID 21", b"% end\n"]) + body)
    found = summarise(path)
    assert (found.width, found.height, found.sensor_from) == (640, 480, "format")
    assert (found.camera, found.camera_from, found.warnings) == ("Gen3.0", "file", ())


def test_data_that_begin_like_a_header_are_data(tmp_path):
    words = np.array([8 << 28 | 0x25, 1 << 28 | 5 << 11 | 6, 0xFA0A0A25], "<u4")
    path = tmp_path / "a.raw"
    path.write_bytes(b"% evt 2.0\n% geometry 640x480\n" + words.tobytes())  # no end mark
    found = read_events(path).events
    assert found[0].item() == (0x25 << 6, 5, 6, True)
