"""The page, served: the stage, the tabs, on the loopback unless told otherwise."""

import socket
from collections.abc import Callable

from neurosvt.config import ConfigError, UserError
from neurosvt.experiments.checkpoints import load, shipped_names


def serve(
    model: str,
    host: str,
    port: int,
    *,
    shipped_only: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until interrupted.

    Args:
        model: what the stage shows at first.
        host: where it listens.
        port: 0 for any that is free.
        shipped_only: refuse models that the package does not ship.
        say: told where the page is.

    Raises:
        ConfigError: gradio is not installed.
        UserError: the port is taken.
        FileNotFoundError: no such model.
    """
    load(model)  # first, for it may not be there
    say(f"loading {model}, and what stands beside it ...")
    try:
        import uvicorn
        import websockets  # noqa: F401  which uvicorn needs, and does not ask for

        from neurosvt.app.page import make_app
    except ImportError as error:
        raise ConfigError(f"the page needs: pip install 'neurosvt[app]' ({error.name})") from error
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise UserError(f"{host}:{port} cannot be listened on: {error}; try --port 0") from None
    with listening:
        own, allowed = model, set(shipped_names())
        app = make_app(model, allowed=lambda name: not shipped_only or name in {own, *allowed})
        at = f"[{host}]" if ":" in host else host
        say(f"play at http://{at}:{listening.getsockname()[1]}; Ctrl-C ends it")
        config = uvicorn.Config(
            app, log_level="warning", ws_max_size=1 << 16, timeout_graceful_shutdown=2
        )
        uvicorn.Server(config).run(sockets=[listening])
