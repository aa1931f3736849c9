"""The stage and the tabs as one application, which a Space of the hub runs as it is, too."""

from collections.abc import Callable

import gradio as gr
from fastapi import FastAPI

from neurosvt.app.server import make_server
from neurosvt.app.tabs import CSS, THEME, make_blocks

MOST_IMAGE = "16mb"


def make_app(
    model: str = "permanence", *, allowed: Callable[[str], bool] = lambda name: True
) -> FastAPI:
    """The application; arguments as of `make_server`."""
    blocks = make_blocks(model, allowed=allowed)
    app: FastAPI = gr.mount_gradio_app(
        make_server(model, allowed=allowed), blocks, path="/", css=CSS, theme=THEME,
        footer_links=[], max_file_size=MOST_IMAGE, ssr_mode=False, pwa=False,
    )  # fmt: skip
    return app
