"""Results as something to look at: one self-contained HTML page."""

from neurosvt.report.page import Belief, Episode, write_page

__all__ = ["Belief", "Episode", "write_page"]
