"""The web page, served by the relayer: static files as they stand, under a policy that lets nothing else in.

The page of the public port shows the batches to everyone and lets a trader sign in the browser; the operator's is for the admin port.
Both are HTML, CSS and ES modules without a build step, load nothing from elsewhere, and talk to the API they are served beside. What
keeps a trader's keys in the browser is the code of the page; the policy below narrows where a fault of it could send anything to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER: Final = Path(__file__).with_name("static")
PREFIX: Final = "/web"
Page = Literal["index.html", "operator.html"]

LIBRARIES: Final = "vendor/"
LIBRARY_SECONDS: Final = 3_600
"""Libraries change with a release at most; all else is asked for anew, so that no two releases are mixed."""

OWN_NODE: Final = "http://127.0.0.1:* http://localhost:*"
"""Where a trader's own node may answer: the one place besides the relayer that the page may talk to."""

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {OWN_NODE}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}


class Files(StaticFiles):
    """Static files with the headers of the page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file of a path, headers set whether it is there or not."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        if path.startswith(LIBRARIES):
            response.headers["Cache-Control"] = f"public, max-age={LIBRARY_SECONDS}"
        return response


def mount(app: Starlette, page: Page = "index.html") -> None:
    """Serves ``page`` at ``/`` and what it needs under ``/web``."""

    async def index(_: Request) -> Response:
        return FileResponse(FOLDER / page, headers=dict(HEADERS))

    app.add_route("/", index, methods=["GET"], include_in_schema=False)
    app.mount(PREFIX, Files(directory=FOLDER), name="web")
