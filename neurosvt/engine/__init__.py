"""The event-driven engine: time that follows the activity, with a count of what it does."""

from neurosvt.engine.beliefs import LiveBelief
from neurosvt.engine.engine import Engine
from neurosvt.engine.library import compute_in
from neurosvt.engine.session import Session

__all__ = ["Engine", "LiveBelief", "Session", "compute_in"]
