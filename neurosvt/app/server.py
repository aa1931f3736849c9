"""The server of the page: one WebSocket a visitor, uploads of bounded size, nothing from elsewhere.

Messages are JSON. The page sends {"do": "open" | "move" | "play" | "pause" | "step" | "rate", ...};
it is sent {"opened": ...}, {"frame": ...}, {"end": true} and {"error": "a line"}.
"""

import asyncio
import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, JSONResponse

from neurosvt.app.player import Player
from neurosvt.app.watchers import Cast, cast_of
from neurosvt.config import UserError, first_line
from neurosvt.pages import fill_page, page_data
from neurosvt.reading import parsed_json
from neurosvt.results.palette import PALETTE

MOST_VISITORS = 8
"""At once; each has a session of every model."""
MOST_UPLOAD = 64 << 20
"""Of an uploaded recording."""
RATES = (1.0, 100.0)
"""Frames a second that may be asked for."""
MOST_MESSAGE = 1 << 16
"""Bytes of what the page may say at once."""
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; frame-ancestors 'self'"
)


class Uploads:
    """Recordings that visitors sent, each known by a word that only its sender was told."""

    def __init__(self, folder: Path):
        self.folder, self.paths, self.names = folder, dict[str, Path](), dict[str, str]()

    async def take(self, request: Request, name: str) -> str:
        """Keep the body of a request; returns its word.

        Raises:
            UserError: it is too large, or there are too many.
        """
        if len(self.paths) >= 4 * MOST_VISITORS:
            self.drop(next(iter(self.paths)))
        word = secrets.token_urlsafe(16)
        ending = "".join(c for c in Path(name).suffix if c.isalnum() or c == ".")[:12]
        path, size = self.folder / f"{word}{ending}", 0
        try:
            with path.open("wb") as out:
                async for part in request.stream():
                    size += len(part)
                    if size > MOST_UPLOAD:
                        raise UserError(f"a recording may have {MOST_UPLOAD >> 20} MiB here")
                    out.write(part)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self.paths[word], self.names[word] = path, Path(name).name or "the recording"
        return word

    def path(self, word: str) -> str | None:
        """Where it is."""
        found = self.paths.get(word)
        return None if found is None else str(found)

    def drop(self, word: str) -> None:
        """Remove it."""
        path = self.paths.pop(word, None)
        self.names.pop(word, None)
        if path is not None:
            path.unlink(missing_ok=True)


def make_server(model: str, *, allowed: Callable[[str], bool] = lambda name: True) -> FastAPI:
    """The page and what it talks to.

    Args:
        model: what it shows at first.
        allowed: which other models visitors may ask for.
    """
    folder = tempfile.TemporaryDirectory(prefix="neurosvt-app-")
    uploads, visitors = Uploads(Path(folder.name)), set[int]()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        with folder:
            yield

    server = FastAPI(title="Neuro-SVT", lifespan=life, docs_url=None, redoc_url=None)
    page = fill_page("neurosvt.app", "play.html", {"data": page_data(PALETTE)})

    @server.get("/play", response_class=HTMLResponse)
    async def show() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": PAGE_POLICY})

    @server.post("/recording")
    async def upload(request: Request, name: str = "") -> JSONResponse:
        if not _same_origin(request.headers.get("origin"), request.headers.get("host")):
            return JSONResponse({"error": "only this page may send recordings"}, 403)
        try:
            return JSONResponse({"word": await uploads.take(request, name)})
        except UserError as error:
            return JSONResponse({"error": str(error)}, 413)

    @server.websocket("/socket")
    async def talk(socket: WebSocket) -> None:
        if not _same_origin(socket.headers.get("origin"), socket.headers.get("host")):
            await socket.close(1008)
            return
        await socket.accept()
        if len(visitors) >= MOST_VISITORS:
            await socket.send_text(json.dumps({"error": "too many visitors at once; come back"}))
            await socket.close(1013)
            return
        visitors.add(id(socket))
        visit = Visit(socket, model, allowed, uploads)
        try:
            await visit.run()
        finally:
            visitors.discard(id(socket))
            visit.close()

    return server


def _same_origin(origin: str | None, host: str | None) -> bool:
    """Whether a browser that says so is on our page: another site's page may not talk to us."""
    return origin is None or origin.split("://")[-1] == host


class Visit:
    """What one visitor does, from connecting to leaving."""

    def __init__(
        self, socket: WebSocket, model: str, allowed: Callable[[str], bool], uploads: Uploads
    ):
        self.socket, self.model, self.allowed, self.uploads = socket, model, allowed, uploads
        self.player: Player | None = None
        self.word = ""
        self.playing, self.wait = asyncio.Event(), 1 / 50
        self.turn = asyncio.Lock()

    async def run(self) -> None:
        """Listen and show until the visitor leaves."""
        showing = asyncio.create_task(self._show())
        try:
            while True:
                text = await self.socket.receive_text()
                if len(text) > MOST_MESSAGE:
                    raise WebSocketDisconnect(1009)
                try:
                    await self._obey(parsed_json(text, "a message"))
                except (UserError, FileNotFoundError, OSError, ValueError) as error:
                    self.playing.clear()
                    await self._say({"error": first_line(error)})
        except WebSocketDisconnect:
            pass
        finally:
            showing.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await showing

    def close(self) -> None:
        """Let go of everything that was the visitor's."""
        if self.player is not None:
            self.player.close()
        self.uploads.drop(self.word)

    async def _obey(self, asked: Any) -> None:
        if not isinstance(asked, dict):
            raise UserError("a message is an object of JSON")
        match asked.get("do"):
            case "open":
                self.playing.clear()
                async with self.turn:
                    await self._say({"opened": await asyncio.to_thread(self._open, asked)})
            case "move" if self.player is not None:
                self.player.move(asked)
            case "rate":
                rate = asked.get("rate")
                if not isinstance(rate, int | float) or not RATES[0] <= rate <= RATES[1]:
                    raise UserError(
                        f"a rate lies in {RATES[0]:g} to {RATES[1]:g}, got {rate!r:.40}"
                    )
                self.wait = 1 / rate
            case "play":
                self.playing.set()
            case "pause":
                self.playing.clear()
            case "step":
                self.playing.clear()
                await self._one()
            case other:
                raise UserError(f"nobody knows how to {other!r:.40}")

    def _open(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = str(asked.get("model") or self.model)
        if name != self.model and not self.allowed(name):
            raise UserError(f"{name} is not shown here; choose a model that the package ships")
        cast: Cast = cast_of(name)
        if self.player is None or self.player.cast is not cast:
            if self.player is not None:
                self.player.close()
            self.player = Player(cast)
        word = str(asked.get("recording") or "")
        if word != self.word:
            self.uploads.drop(self.word)
            self.word = word
        path = self.uploads.path(word)
        try:
            opened = self.player.open(asked, path)
        except (UserError, OSError) as error:
            # By the name that the visitor knows; where it lies here is nobody's business.
            told = first_line(error)
            raise UserError(
                told.replace(path, self.uploads.names[word]) if path else told
            ) from None
        return {**opened, "model": name, "tiers": list(self.player.tiers)}

    async def _show(self) -> None:
        """Frame after frame while it plays; what takes longer than its turn is not made up for."""
        clock = asyncio.get_running_loop().time
        due = 0.0
        while True:
            await self.playing.wait()
            due = max(due + self.wait, clock())
            await asyncio.sleep(due - clock())
            if self.playing.is_set():
                try:
                    await self._one()
                except (UserError, OSError, ValueError) as error:
                    self.playing.clear()
                    await self._say({"error": first_line(error)})

    async def _one(self) -> None:
        async with self.turn:
            told = None if self.player is None else await asyncio.to_thread(self.player.step)
            if told is None:
                self.playing.clear()
            await self._say({"end": True} if told is None else {"frame": told})

    async def _say(self, told: dict[str, Any]) -> None:
        await self.socket.send_text(json.dumps(told, separators=(",", ":")))
