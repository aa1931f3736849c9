"""Streams of events as they come, beliefs as they form: files, scenes, networks and cameras."""

from neurosvt.live.sinks import Sink, open_sink
from neurosvt.live.source import LiveSource
from neurosvt.live.sources import open_live_source
from neurosvt.live.stream import Stream, StreamStep
from neurosvt.live.summary import StreamSummary

__all__ = [
    "LiveSource",
    "Sink",
    "Stream",
    "StreamStep",
    "StreamSummary",
    "open_live_source",
    "open_sink",
]
