"""Where beliefs go as lines of JSON: a file, standard output, UDP, or ZeroMQ."""

import json
import os
import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from neurosvt.config import ConfigError, UserError
from neurosvt.files import lock
from neurosvt.live.network import host_and_port
from neurosvt.results.places import check_writable

LINGER_MS = 500
"""How long the last messages may take to leave."""


class Sink(ABC):
    """Takes one line after another."""

    lost = 0
    """Lines that could not be sent."""

    @abstractmethod
    def send(self, line: bytes) -> None:
        """One line, without its end.

        Raises:
            BrokenPipeError: nobody reads any more.
        """

    def close(self) -> None:  # noqa: B027  # most have nothing to close
        """Nothing more will come."""


class FileSink(Sink):
    """A file, begun anew. Each line is written at once and in one piece, so that whoever is killed
    leaves whole lines; and by one process alone, so that lines do not mix.

    Raises:
        UserError: it cannot be written, or another stream writes to it.
    """

    def __init__(self, path: str):
        check_writable(path)
        self.path = path
        binary = getattr(os, "O_BINARY", 0)  # Windows would write two characters for a new line
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | binary, 0o666)
        if Path(path).is_file():  # and no pipe or device
            if not lock(self.descriptor):
                os.close(self.descriptor)
                raise UserError(f"cannot write {path}: another stream is writing to it")
            os.truncate(self.descriptor, 0)

    def send(self, line: bytes) -> None:
        data = line + b"\n"
        try:
            while data:
                data = data[os.write(self.descriptor, data) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from error

    def close(self) -> None:
        os.close(self.descriptor)


class StdoutSink(Sink):
    """Standard output."""

    def send(self, line: bytes) -> None:
        sys.stdout.write(line.decode() + "\n")
        sys.stdout.flush()


class UdpSink(Sink):
    """A datagram a line. What the network refuses is counted, for it may come back.

    Raises:
        UserError: no such address.
    """

    def __init__(self, target: str):
        host, port = host_and_port(target)
        self.address: Any
        try:
            family, kind, protocol, _, self.address = socket.getaddrinfo(
                host, port, type=socket.SOCK_DGRAM
            )[0]
            self.socket = socket.socket(family, kind, protocol)
        except OSError as error:
            raise UserError(f"cannot send to {target}: {error.strerror or error}") from error
        self.socket.setblocking(False)

    def send(self, line: bytes) -> None:
        try:
            self.socket.sendto(line, self.address)
        except OSError:
            self.lost += 1

    def close(self) -> None:
        self.socket.close()


class ZmqSink(Sink):
    """A message a line to whoever subscribes: a PUB socket that is bound here. A subscriber that
    cannot keep up loses lines, as ZeroMQ has it.

    Raises:
        UserError: no such address, or it is taken; or pyzmq is not installed.
    """

    def __init__(self, target: str):
        host, port = host_and_port(target)
        try:
            import zmq
        except ImportError as error:
            raise ConfigError("ZeroMQ needs: pip install 'neurosvt[live]'") from error
        self.again = zmq.Again
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.PUB)
        self.socket.setsockopt(zmq.LINGER, LINGER_MS)
        self.no_wait = zmq.NOBLOCK
        try:
            self.socket.bind(f"tcp://{host}:{port}")
        except zmq.ZMQError as error:
            self.close()
            raise UserError(f"cannot publish at {target}: {error}") from error

    def send(self, line: bytes) -> None:
        try:
            self.socket.send(line, self.no_wait)
        except self.again:
            self.lost += 1

    def close(self) -> None:
        self.socket.close()
        self.context.term()


def open_sink(target: str) -> Sink:
    """FILE, `-` (standard output), `udp://HOST:PORT`, or `zmq://HOST:PORT` (or `tcp://`).

    Raises:
        UserError: it cannot be written to.
    """
    scheme, there, _ = target.partition("://")
    if target == "-":
        return StdoutSink()
    if not there:
        return FileSink(target)
    if scheme == "udp":
        return UdpSink(target)
    if scheme in ("zmq", "tcp"):
        return ZmqSink(target)
    raise UserError(f"{target!r} is unknown; FILE, -, udp://HOST:PORT or zmq://HOST:PORT will do")


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def as_line(row: Mapping[str, Any]) -> bytes:
    """A row as one line of JSON."""
    return _ENCODER.encode(row).encode()


def hush_stdout() -> None:
    """Let what is still to be written to a standard output that nobody reads go nowhere."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
