"""Requests over kept connections: what happens when the other side closes, is slow or is not there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gridkit.chain.http import HttpError, Poster


class Server:
    """Echoes bodies and counts connections; told to, it closes each after its answer, or does not answer."""

    def __init__(self) -> None:
        self.connections = 0
        self.closes = False
        self.pause = threading.Event()
        self.pause.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.pause.wait(5)
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = outer.closes  # Without saying so: the next request finds it closed.

            def log_message(self, *_args: Any) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.pause.set()
    made.http.shutdown()
    made.http.server_close()


def test_a_connection_is_kept(server: Server) -> None:
    """A handshake for each of thousands of questions would cost more than the answers."""
    poster = Poster(server.url, 5)
    assert [poster.post(str(n).encode()) for n in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    assert server.connections == 1
    poster.close()
    assert poster.post(b"again") == b"again"
    assert server.connections == 2


def test_a_connection_that_was_closed_is_replaced(server: Server) -> None:
    """A node that restarts must cost nobody an error."""
    server.closes = True
    poster = Poster(server.url, 5)
    assert [poster.post(b"%d" % n) for n in range(4)] == [b"0", b"1", b"2", b"3"]
    assert server.connections == 4


def test_threads_do_not_share_a_connection(server: Server) -> None:
    """An answer must reach the one who asked."""
    poster, answers = Poster(server.url, 5), {}

    def ask(name: bytes) -> None:
        for n in range(20):
            answers[name, n] = poster.post(b"%s %d" % (name, n))

    threads = [threading.Thread(target=ask, args=(name,)) for name in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {(name, n): b"%s %d" % (name, n) for name in (b"a", b"b", b"c") for n in range(20)}


def test_no_answer_is_an_error_and_is_not_asked_twice(server: Server) -> None:
    """A slow node must not be given the same work again while it is still at it."""
    poster = Poster(server.url, 0.2)
    poster.post(b"warm")
    server.pause.clear()
    with pytest.raises(HttpError):
        poster.post(b"slow")
    assert server.connections == 1


def test_nobody_there_is_an_error() -> None:
    """Not an exception of some library."""
    with pytest.raises(HttpError):
        Poster("http://127.0.0.1:9/", 1).post(b"x")


@pytest.mark.parametrize("url", ["ftp://x/", "127.0.0.1:8899", "http://"])
def test_other_addresses_are_refused(url: str) -> None:
    """A typing error in the settings must be named at the start."""
    with pytest.raises(ValueError, match="no http"):
        Poster(url, 1)
