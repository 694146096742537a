"""Watches a page: what it asks for, what it says, what its policy forbade, what failed."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import ConsoleMessage, Error, Page, Request, WebSocket

LISTENER: Final = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


class Watch:
    """Everything that a page has asked for and said since it was made."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.sent: list[str] = []
        self.said: list[str] = []
        self.errors: list[str] = []
        page.add_init_script(LISTENER)
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", self._error)
        page.on("websocket", self._socket)

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)
        self.sent += [request.url, request.post_data or "", *request.headers.values()]

    def _console(self, message: ConsoleMessage) -> None:
        self.said.append(message.text)

    def _error(self, error: Error) -> None:
        self.errors.append(str(error))

    def _socket(self, socket: WebSocket) -> None:
        self.asked.append(socket.url)
        self.sent.append(socket.url)
        socket.on("framesent", lambda payload: self.sent.append(payload if isinstance(payload, str) else payload.hex()))

    def violations(self) -> list[str]:
        """What the page's policy forbade in the document that is open."""
        found: list[str] = self.page.evaluate("window.violations")
        return found

    def kept(self) -> Any:  # noqa: ANN401 - JSON
        """All that the browser keeps for the page's origin."""
        return self.page.evaluate(
            """async () => ({
                local: { ...localStorage }, session: { ...sessionStorage }, cookies: document.cookie,
                databases: (await indexedDB.databases()).map(({ name }) => name), caches: await caches.keys(),
                workers: (await navigator.serviceWorker.getRegistrations()).length, history: history.state,
            })"""
        )

    def shown(self) -> str:
        """The whole document, with what stands in its inputs."""
        values = "[...document.querySelectorAll('input, textarea')].map((each) => each.value).join('\\n')"
        text: str = self.page.evaluate(f"document.documentElement.outerHTML + '\\n' + {values}")
        return text

    def check(self, address: str) -> None:
        """Nothing failed, nothing was forbidden, nothing was asked of anybody but the page's own server."""
        assert self.errors == []
        assert self.violations() == []
        own = (address + "/", address.replace("http", "ws") + "/", "blob:" + address)
        assert [url for url in self.asked if not url.startswith(own)] == []
