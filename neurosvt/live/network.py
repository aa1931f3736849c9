"""Events from standard input and from UDP, and the addresses of both directions."""

import os
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats.source import SensorSize
from neurosvt.live.source import LiveSource
from neurosvt.live.wire import RECORD, WireDecoder, decode_records

POLL_S = 0.005
"""How long is waited for events before the clock is looked at."""
READ_BYTES = 1 << 16
DATAGRAM_BYTES = 1 << 16
"""No datagram is longer."""
RECEIVE_BUFFER = 4 << 20
"""What the system is asked to keep of datagrams that are not read yet."""


class StdinSource(LiveSource):
    """Events on standard input, or on another file descriptor: records or text, see `wire`."""

    live, waits = True, True

    def __init__(self, sensor: SensorSize, descriptor: int | None = None):
        super().__init__("standard input", sensor)
        self.descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self.decoder = WireDecoder(sensor)
        self.malformed = self.decoder.malformed

    def chunks(self) -> Iterator[np.ndarray]:
        while True:
            ready, _, _ = select.select([self.descriptor], [], [], POLL_S)
            if not ready:
                yield np.empty(0, EVENT)
                continue
            data = os.read(self.descriptor, READ_BYTES)
            yield self.decoder.feed(data, last=not data)
            if not data:
                return


class UdpSource(LiveSource):
    """Datagrams of records; see `wire`. It never ends by itself.

    Args:
        name: what to call it.
        bound: a socket that is bound.
        sensor: width and height, pixels.
    """

    live, waits = True, False

    def __init__(self, name: str, bound: socket.socket, sensor: SensorSize):
        super().__init__(name, sensor)
        self.socket = bound

    def chunks(self) -> Iterator[np.ndarray]:
        self.socket.settimeout(POLL_S)
        while True:
            try:
                data = self.socket.recv(DATAGRAM_BYTES)
            except TimeoutError:
                yield np.empty(0, EVENT)
                continue
            if len(data) % RECORD.itemsize:
                self.malformed.datagrams += 1
                data = b""
            yield decode_records(data, self.sensor, self.malformed)


@contextmanager
def open_udp(word: str) -> Iterator[socket.socket]:
    """A socket that is bound to `udp://HOST:PORT`; port 0 for any that is free.

    Raises:
        UserError: no such address, or it is taken.
    """
    host, port = host_and_port(word)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or "0.0.0.0", port, type=socket.SOCK_DGRAM
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UserError(f"cannot listen at {word}: {error.strerror or error}") from error
    with bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        try:
            bound.bind(address)
        except OSError as error:
            raise UserError(f"cannot listen at {word}: {error.strerror or error}") from error
        yield bound


def host_and_port(word: str) -> tuple[str, int]:
    """The parts of `scheme://HOST:PORT`; a host of IPv6 stands in brackets.

    >>> host_and_port("udp://127.0.0.1:3333")
    ('127.0.0.1', 3333)

    Raises:
        UserError: it is no such address.
    """
    host, colon, port = word.partition("://")[2].rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UserError(
            f"{word!r} is no address; udp://HOST:PORT will do, as in udp://0.0.0.0:3333"
        )
    return host.strip("[]"), int(port)
