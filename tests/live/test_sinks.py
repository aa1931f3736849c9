import json
import socket
import time

import pytest

from neurosvt.config import UserError
from neurosvt.live.sinks import as_line, open_sink
from neurosvt.live.stream import Stream
from tests.processes import exit_codes, needs_fork


def sent(target, engine, source):
    """Everything of a stream to one target."""
    sink = open_sink(target)
    steps = list(Stream(source, engine, speed=None))
    for step in steps:
        sink.send(as_line(step.row()))
    return sink, steps


def test_a_file_gets_a_whole_line_a_window_at_once(engine, cup, source_of, tmp_path):
    sink, steps = sent(str(tmp_path / "rows.jsonl"), engine, source_of(cup()))
    text = (tmp_path / "rows.jsonl").read_text()  # before it is closed
    assert text.endswith("\n")
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["window"] for row in rows] == [step.belief.window for step in steps]
    assert list(rows[0]) == list(steps[0].row())
    sink.close()


@needs_fork[0]
@needs_fork[1]
def test_a_file_that_another_stream_writes_to_is_refused_and_stays(tmp_path):
    """Lines of two would mix."""
    path = tmp_path / "rows.jsonl"
    sink = open_sink(str(path))
    sink.send(b"{}")

    def other(rank):
        with pytest.raises(UserError, match=r"rows\.jsonl: another stream is writing to it"):
            open_sink(str(path))

    assert exit_codes(other, 1) == [0]
    sink.send(b"{}")
    assert path.read_bytes() == b"{}\n{}\n"
    sink.close()
    assert exit_codes(lambda rank: open_sink(str(path)).close(), 1) == [0]
    assert path.read_bytes() == b"", "begun anew"


def test_standard_output_gets_lines(engine, cup, source_of, capsys):
    _, steps = sent("-", engine, source_of(cup()))
    assert len(capsys.readouterr().out.splitlines()) == len(steps)


def test_udp_gets_a_datagram_a_window(engine, cup, source_of):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        port = listening.getsockname()[1]
        sink, steps = sent(f"udp://127.0.0.1:{port}", engine, source_of(cup()))
        rows = [json.loads(listening.recv(65536)) for _ in steps]
        sink.close()
    assert [row["window"] for row in rows] == list(range(len(steps)))
    assert sink.lost == 0


def test_zeromq_gets_a_message_a_window():
    zmq = pytest.importorskip("zmq", reason="pyzmq is not installed: pip install 'neurosvt[live]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sink = open_sink(f"zmq://127.0.0.1:{port}")
    with zmq.Context() as context, context.socket(zmq.SUB) as subscriber:
        subscriber.connect(f"tcp://127.0.0.1:{port}")
        subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        heard, until = None, time.monotonic() + 10
        while heard is None and time.monotonic() < until:  # a subscriber joins when it joins
            sink.send(as_line({"window": 1}))
            heard = subscriber.recv() if subscriber.poll(20) else None
        sink.close()
    assert json.loads(heard) == {"window": 1}


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("nowhere/rows.jsonl", "no folder nowhere"),
        ("http://host:80", "is unknown"),
        ("udp://host", "is no address"),
        ("udp://127.0.0.1:99999", "is no address"),
        ("zmq://256.1.2.3:5555", "cannot publish"),
    ],
)
def test_what_cannot_be_written_to_is_one_line(target, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if target.startswith("zmq"):
        pytest.importorskip("zmq", reason="pyzmq is not installed: pip install 'neurosvt[live]'")
    with pytest.raises(UserError, match=names) as told:
        open_sink(target)
    assert "\n" not in str(told.value)


def test_an_address_that_is_taken_is_one_line():
    pytest.importorskip("zmq", reason="pyzmq is not installed: pip install 'neurosvt[live]'")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="cannot publish"):
            open_sink(f"tcp://127.0.0.1:{taken.getsockname()[1]}")


def test_without_pyzmq_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zmq", None)
    with pytest.raises(UserError, match=r"neurosvt\[live\]"):
        open_sink("zmq://127.0.0.1:5555")
