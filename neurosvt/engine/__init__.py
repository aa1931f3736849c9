"""The event-driven engine: time that follows the activity, with a count of what it does."""

from neurosvt.engine.beliefs import LiveBelief
from neurosvt.engine.engine import Engine
from neurosvt.engine.images import ImageEngine
from neurosvt.engine.library import compute_in
from neurosvt.engine.session import Session

__all__ = ["Engine", "ImageEngine", "LiveBelief", "Session", "compute_in"]
