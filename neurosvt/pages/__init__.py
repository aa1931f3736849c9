"""What pages share: one style, and the script that draws events and beliefs.

A page is a template of HTML with holes `<!--name-->`. It loads nothing from anywhere.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def fill_page(package: str, template: str, holes: Mapping[str, str]) -> str:
    """A template with its holes filled, `style` and `parts` from here.

    Args:
        package: where the template is.
        template: its file.
        holes: what goes into each, as HTML; no text may hold a bare "<!--".
    """
    page = files(package).joinpath(template).read_text(encoding="utf-8")
    own = {
        name: files(__package__).joinpath(file).read_text(encoding="utf-8")
        for name, file in {"style": "style.css", "parts": "parts.js"}.items()
    }
    for hole, text in {**own, **holes}.items():
        page = page.replace(f"<!--{hole}-->", text)
    return page


def page_data(data: Any) -> str:
    """Numbers and words as JSON that may stand in a page."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
