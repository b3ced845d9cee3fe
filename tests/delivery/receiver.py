"""Receivers of webhooks: real servers on loopback, with TLS and names of their own."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import trustme
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  # the scheme's own example, for tests
OTHER_SECRET = "whsec_" + "QUJD" * 10
PATIENCE = 60.0
Answer = tuple[int, dict[str, str]]


@dataclass
class Receiver:
    """What came in, verified by its signature; `answer` decides what goes back."""

    secret: str = SECRET
    verify: bool = True
    floods: bool = False
    answer: Callable[["Receiver", dict[str, Any]], Answer] = lambda _receiver, _body: (204, {})
    ids: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    ca_file: Path | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, headers: dict[str, str], text: bytes) -> Answer:
        """Verify, note, answer."""
        body = Webhook(self.secret).verify(text, headers) if self.verify else orjson.loads(text)
        with self.changed:
            self.ids.append(headers.get("webhook-id", ""))
            self.bodies.append(body)
            self.headers.append(headers)
            self.changed.notify_all()
        return self.answer(self, body)

    def wait(self, count: int) -> list[str]:
        """Ids in order of arrival, once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.ids) >= count, PATIENCE), self.ids
            return list(self.ids)

    def wait_for(self, message_id: str) -> list[str]:
        """Ids in order of arrival, once this one is among them."""
        with self.changed:
            assert self.changed.wait_for(lambda: message_id in self.ids, PATIENCE), self.ids
            return list(self.ids)

    def wait_until(self, told: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Bodies in order of arrival, once they say so."""
        with self.changed:
            assert self.changed.wait_for(lambda: told(self.bodies), PATIENCE), self.bodies
            return list(self.bodies)

    def settings(self, name: str = "desk", **words: object) -> dict[str, object]:
        """A webhook's part of the settings that leads here."""
        known: dict[str, object] = {"name": name, "secret": self.secret, "allow_loopback": True}
        known["url"] = f"https://127.0.0.1:{self.port}/hook" if self.ca_file else f"http://127.0.0.1:{self.port}/hook"
        return known | ({"ca_file": str(self.ca_file)} if self.ca_file else {}) | words


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"]))
            status, headers = receiver.take({k.lower(): v for k, v in self.headers.items()}, text)
            self.send_response(status)
            for name, value in ({"content-length": "0"} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                while receiver.floods:
                    self.wfile.write(bytes(1 << 16))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def receiving(receiver: Receiver, folder: Path | None = None, name: str = "127.0.0.1") -> Iterator[Receiver]:
    """Serve on a free loopback port; with a folder by TLS, as `name`, its authority's certificate in the folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    if folder is not None:
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.ca_file = folder / f"{server.server_port}.pem"
        authority.cert_pem.write_to_path(receiver.ca_file)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
