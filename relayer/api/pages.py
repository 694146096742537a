"""The web page: the files of a folder, read once, under ``/``, with a policy that lets them load nothing from elsewhere.

Each file is a route of its own, so that no path leads out of the folder and the interface's own refusals stay what they are.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
INDEX: Final = "index.html"
TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
SECONDS: Final = 300


def install(app: FastAPI, folder: Path) -> None:
    """Serves every file of a folder."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and not _hidden(each, folder)):
        if path.suffix == ".py":
            continue
        name = path.relative_to(folder).as_posix()
        endpoint = _serving(path)
        app.router.routes.append(Route(f"/{name}", endpoint, methods=["GET"]))
        if path.name == INDEX:
            app.router.routes.append(Route(f"/{name.removesuffix(INDEX)}", endpoint, methods=["GET"]))


def _serving(path: Path) -> Callable[[Request], Awaitable[Response]]:
    content = path.read_bytes()
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": f"public, max-age={SECONDS}", "ETag": tag}

    async def serve(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return serve


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
