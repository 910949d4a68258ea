"""The server's addresses: pages for those who hold a token, answers saved before they are acknowledged."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.serving.answers import Answers
from mirrorfold.pipelines.serving.pages import SERVED, SIDES, Desk, page_answers
from mirrorfold.pipelines.serving.people import Doorkeeper
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore

COOKIE_DAYS = 30
MOST_BYTES = 2_000_000
KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css", "webp": "image/webp"}
DIGEST = re.compile(r"[0-9a-f]{64}")
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SHOWN = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/avif")
"""What a browser shows by itself; another original is handed over as a file."""


class ReviewServer:
    """Serves one DIR's review pages.

    Args:
      hosts: names under which it may be asked, with their port: another name is another site's doing.
    """

    def __init__(
        self, store: OutputStore, desk: Desk, answers: Answers, door: Doorkeeper, hosts: frozenset[str], port: int
    ):
        self._store, self._desk, self._answers, self._door = store, desk, answers, door
        self._hosts, self._cookie = hosts, f"mirrorfold-{port}"
        self._threads = ThreadPoolExecutor(8, "review")
        self._writer = ThreadPoolExecutor(1, "answers")

    def application(self) -> web.Application:
        """Make the aiohttp application."""
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[self._guard])
        app.router.add_get("/", self._page)
        app.router.add_get("/favicon.ico", self._nothing)
        app.router.add_get("/served.js", self._served)
        app.router.add_get("/data/team.js", self._team)
        app.router.add_get("/pictures/{content}", self._picture)
        app.router.add_get("/looks/{content}", self._looks)
        app.router.add_get("/originals/{content}", self._original)
        app.router.add_post("/answers", self._save)
        app.router.add_get("/{path:.+}", self._file)
        return app

    def warm_up(self) -> None:
        """Prepare the first look, beside whatever is asked meanwhile."""
        self._threads.submit(self._desk.warm_up, self._answers)

    def close(self) -> None:
        """Wait until the last answer is on disk."""
        self._writer.shutdown(wait=True)
        self._threads.shutdown(wait=True, cancel_futures=True)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable) -> web.StreamResponse:
        """Let in who holds a token, asked under this server's own name, from its own pages."""
        try:
            if request.host not in self._hosts:
                raise web.HTTPForbidden(text="not an address of this server")
            if request.method == "POST" and request.headers.get("Origin") not in {f"http://{h}" for h in self._hosts}:
                raise web.HTTPForbidden(text="not from this server's own pages")
            token = request.query.get("token")
            request["reviewer"] = await self._reviewer(request, token)
            if token is not None:
                raise self._welcome(token)
            response = await handler(request)
        except web.HTTPException as refused:
            refused.headers.update(SAFE)
            raise
        response.headers.update(SAFE)
        return response

    async def _reviewer(self, request: web.Request, token: str | None) -> str:
        address = request.remote or ""
        if (wait := self._door.wait(address)) > 0:
            raise web.HTTPTooManyRequests(
                text="wrong tokens came from here: wait", headers={"Retry-After": f"{wait:.0f}"}
            )
        given = token if token is not None else request.cookies.get(self._cookie)
        if given is None:
            raise web.HTTPUnauthorized(text="open the address with your token in it")
        reviewer = self._door.owner(given)
        self._door.note(address, given, reviewer is not None)
        if reviewer is None:
            raise web.HTTPForbidden(text="not a token of this server")
        return reviewer

    def _welcome(self, token: str) -> web.HTTPFound:
        found = web.HTTPFound("/")
        found.set_cookie(self._cookie, token, max_age=COOKIE_DAYS * 86_400, httponly=True, samesite="Strict", path="/")
        return found

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return await self._send("index.html")

    async def _nothing(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return await self._send(request.match_info["path"])

    async def _send(self, path: str) -> web.StreamResponse:
        if not SERVED.fullmatch(path):
            raise web.HTTPNotFound
        # Pages may be published anew at any time; the browser asks whether they were.
        headers = {"Cache-Control": "no-cache"}
        if isinstance(self._store, LocalOutput):
            return web.FileResponse(self._store.url(f"review/{path}"), headers=headers)
        try:
            data = await self._later(lambda: self._store.get(f"review/{path}"))
        except FileNotFoundError:
            raise web.HTTPNotFound from None
        return web.Response(body=data, content_type=KINDS[path.rpartition(".")[2]], headers=headers)

    async def _served(self, request: web.Request) -> web.Response:
        """Tell the page that it is served, who is looking, and what that person has said so far."""
        reviewer = request["reviewer"]
        said = await self._later(lambda: page_answers(self._answers.all(reviewer)))
        return _script("served", {"reviewer": reviewer, "answers": said})

    async def _team(self, request: web.Request) -> web.Response:
        script = await self._later(lambda: self._desk.team(self._answers))
        return web.Response(body=script, content_type="text/javascript", headers={"Cache-Control": "no-store"})

    async def _picture(self, request: web.Request) -> web.Response:
        content, side = _content(request), request.query.get("side", "1024")
        if side not in map(str, SIDES):
            raise web.HTTPNotFound
        data = await self._later(lambda: self._desk.picture(content, int(side)))
        if data is None:
            raise web.HTTPNotFound(text="no source gives this picture now")
        return web.Response(body=data, content_type="image/webp", headers={"Cache-Control": "private, max-age=86400"})

    async def _looks(self, request: web.Request) -> web.Response:
        content = _content(request)
        found = await self._later(lambda: self._desk.looks(content))
        if found is None:
            raise web.HTTPNotFound(text="no source gives this picture now")
        return web.json_response(found, headers={"Cache-Control": "private, max-age=86400"})

    async def _original(self, request: web.Request) -> web.Response:
        content = _content(request)
        found = await self._later(lambda: self._desk.original(content))
        if found is None:
            raise web.HTTPNotFound(text="no source gives this file now")
        shown = found.media_type in SHOWN
        headers = {
            "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
            "Content-Disposition": "inline" if shown else f'attachment; filename="{content[:16]}"',
            "Cache-Control": "private, no-store",
        }
        kind = found.media_type if shown else "application/octet-stream"
        return web.Response(body=found.data, content_type=kind, headers=headers)

    async def _save(self, request: web.Request) -> web.Response:
        """Save answers; the reply says so only once they are on disk."""
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        try:
            rows = await request.json()
            if not isinstance(rows, list):
                raise ValueError("not a list of answers")
            reviewer = request["reviewer"]
            saving = asyncio.get_running_loop().run_in_executor(
                self._writer, lambda: self._answers.save(reviewer, rows)
            )
            # A browser that goes away doesn't take an answer back that it sent.
            saved = await asyncio.shield(saving)
        except (ValueError, TypeError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        except (StoreError, UsageError) as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        return web.json_response({"saved": saved, "plan": await self._later(self._desk.plan)})

    async def _later(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _content(request: web.Request) -> str:
    content = request.match_info["content"]
    if not DIGEST.fullmatch(content):
        raise web.HTTPNotFound
    return content


def _script(name: str, value: object) -> web.Response:
    text = f"mirrorfold.receive({json.dumps(name)},{json.dumps(value, ensure_ascii=True)});\n"
    return web.Response(text=text, content_type="text/javascript", headers={"Cache-Control": "no-store"})
