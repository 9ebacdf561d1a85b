"""Whatever bytes reach the HTTP port, the chain answers in JSON-RPC's words and goes on."""

from __future__ import annotations

import gzip
import json
import socket
import time

import pytest
from localnet_process import PATIENCE_S, Node

pytestmark = pytest.mark.integration

HEALTH = b'{"jsonrpc":"2.0","id":7,"method":"getHealth"}'


def raw(node: Node, data: bytes, timeout_s: float = 10) -> bytes:
    """Send bytes as they are and return everything until the server closes or falls silent."""
    with socket.create_connection(("127.0.0.1", node.port), timeout_s) as connection:
        connection.sendall(data)
        connection.settimeout(timeout_s)
        received = b""
        try:
            while part := connection.recv(65_536):
                received += part
                if received.endswith(b'"id":7}'):
                    break
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def request(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST / HTTP/1.1", b"host: x", b"content-length: %d" % len(body), *headers]
    if not any(header.lower().startswith(b"content-type") for header in headers):
        lines.append(b"content-type: application/json")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"nonsense", -32700),
        (b"7", -32700),
        (b"null", -32700),
        (b"[]", -32600),
        (b'{"id":1}', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"getHealth"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"getHealth"}', -32700),
        (b'{"jsonrpc":"2.0","id":-1,"method":"getHealth"}', -32700),
        (b'[{"jsonrpc":"2.0","id":1,"method":"getHealth"},17]', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"getHealth","extra":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"getHealth","params":"x"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"getHealth","params":[1]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"mintMoney"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"getBalance","params":{"address":"x"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"getBalance","params":["not base58 0OIl"]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"getBalance","params":[7]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"getBalance"}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"getInflationGovernor","params":[{"commitment":"sometime"}]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"getSlot","params":[{"minContextSlot":99999999}]}', -32016),
    ],
)
def test_a_request_that_cannot_be_served_gets_solanas_error_code(node: Node, body: bytes, code: int) -> None:
    """Clients tell "try again" from "never" by the code; another code makes them do the wrong one."""
    answer = node.post(body).json()
    assert answer["error"]["code"] == code
    assert answer["jsonrpc"] == "2.0"
    assert isinstance(answer["error"]["message"], str)


def test_each_call_of_a_batch_is_answered_in_its_place_and_one_bad_call_spoils_no_other(node: Node) -> None:
    """anchorpy reads many accounts in one array; if one refusal failed all, one closed account would hide the rest."""
    body = json.dumps(
        [
            {"jsonrpc": "2.0", "id": "a", "method": "getHealth"},
            {"jsonrpc": "2.0", "id": 2, "method": "nope"},
            {"jsonrpc": "2.0", "id": 3, "method": 17},
            {"jsonrpc": "2.0", "method": "getHealth"},
            {"jsonrpc": "2.0", "id": None, "method": "getSlot"},
        ]
    )
    answers = node.post(body.encode()).json()
    assert [answer["id"] for answer in answers] == ["a", 2, 3, None]
    assert answers[0]["result"] == "ok"
    assert [answer["error"]["code"] for answer in answers[1:3]] == [-32601, -32600]
    assert isinstance(answers[3]["result"], int)


def test_a_notification_gets_no_answer(node: Node) -> None:
    """web3.js pings without an id; an answer it did not ask for confuses its matching of ids."""
    response = node.post(b'{"jsonrpc":"2.0","method":"ping"}')
    assert response.status_code == 200
    assert response.content == b""


def test_a_batch_larger_than_the_limit_is_refused_as_a_whole(node: Node) -> None:
    """A hundred thousand calls in one body would hold up everybody for seconds."""
    body = b"[" + b",".join([b'{"jsonrpc":"2.0","id":1,"method":"getHealth"}'] * 2_001) + b"]"
    answer = node.post(body).json()
    assert answer["error"]["code"] == -32600
    assert "2001" in answer["error"]["message"]


def test_a_large_batch_within_the_limit_leaves_others_their_turn(node: Node) -> None:
    """A backlog of two thousand readings must not stall the market for its whole duration."""
    call = b'{"jsonrpc":"2.0","id":1,"method":"getProgramAccounts","params":["11111111111111111111111111111111"]}'
    body = request(b"[" + b",".join([call] * 2_000) + b"]")
    with socket.create_connection(("127.0.0.1", node.port), 60) as connection:
        started = time.monotonic()
        connection.sendall(body)
        assert node.call("getHealth") == "ok"
        between_s = time.monotonic() - started
        connection.settimeout(PATIENCE_S)
        assert connection.recv(17) == b"HTTP/1.1 200 OK\r\n"
        assert between_s < (time.monotonic() - started) / 2, "a share of the batch's own time, on any machine"


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(node: Node) -> None:
    """Ten clients with large bodies would otherwise hold a hundred megabytes of a Raspberry Pi's memory."""
    answer = raw(node, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10485760\r\n\r\n" + b"x" * 65_536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    answer = raw(node, b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + chunk * 6)
    assert b"413" in answer or answer == b""  # the reset may overtake the words
    assert node.call("getHealth") == "ok"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"not http at all\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 5_000 + b"\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nhost: x\r\na: " + b"b" * 100_000, b"431"),
        (b"POST /" + b"x" * 40_000, b"431"),
        (b"PUT / HTTP/1.1\r\nhost: x\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", b"405"),
    ],
)
def test_bytes_that_are_no_usable_http_get_a_status_and_harm_nobody(node: Node, data: bytes, status: bytes) -> None:
    """A port scanner finds every port; what it sends must end its own connection alone."""
    assert raw(node, data, timeout_s=3).split(b" ")[1] == status
    assert node.call("getHealth") == "ok"


def test_requests_on_one_connection_are_answered_in_order_also_when_pipelined(node: Node) -> None:
    """An answer in the wrong place would give one account's balance for another's."""
    bodies = [b'{"jsonrpc":"2.0","id":%d,"method":"getSlot"}' % number for number in (1, 2, 3)] + [HEALTH]
    long_batch = b"[" + b",".join([b'{"jsonrpc":"2.0","id":0,"method":"getSlot"}'] * 100) + b"]"
    received = raw(node, b"".join(map(request, [bodies[0], long_batch, *bodies[1:]])))
    found = [received.find(b'"id":%d}' % number) for number in (1, 0, 2, 3, 7)]
    assert found == sorted(found)
    assert -1 not in found


def test_plain_json_under_a_false_gzip_header_is_read_and_real_gzip_too(node: Node) -> None:
    """anchorpy sends plain JSON and says content-encoding: gzip; refusing it would break fetch_multiple."""
    assert node.post(HEALTH, **{"content-encoding": "gzip"}).json()["result"] == "ok"
    assert node.post(gzip.compress(HEALTH), **{"content-encoding": "gzip"}).json()["result"] == "ok"
    bomb = gzip.compress(b" " * 50_000_000)
    assert node.post(bomb, **{"content-encoding": "gzip"}).json()["error"]["code"] == -32700


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (b"application/json", b"200"),
        (b"Application/JSON; charset=UTF-8", b"200"),
        (b"application/json;charset=utf-8", b"200"),
        (b"application/json; charset=latin-1", b"415"),
        (b"text/plain", b"415"),
        (b"application/x-www-form-urlencoded", b"415"),
        (b"", b"415"),
    ],
)
def test_what_does_not_call_itself_json_is_refused_as_on_a_validator(node: Node, kind: bytes, status: bytes) -> None:
    """A page that an operator visits may post text/plain to his own machine without a question; it must not be money."""
    body = b'{"jsonrpc":"2.0","id":7,"method":"getHealth"}'
    answer = raw(node, request(body, b"content-type: " + kind, b"connection: close"))
    assert answer.split()[1] == status
    if status == b"415":
        assert answer.endswith(b"Supplied content type is not allowed. Content-Type: application/json is required\n")
    without = raw(
        node, b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )
    assert without.split()[1] == b"415"


def test_a_browser_may_ask(node: Node) -> None:
    """A wallet in the browser asks the node from another origin."""
    response = node.http.request("OPTIONS", "/")
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"


def test_a_client_that_does_not_read_is_not_read_from_and_others_are_served(node: Node) -> None:
    """One stuck dashboard must not fill the node's memory with its answers."""
    wallet = node.funded()
    call = b'{"jsonrpc":"2.0","id":1,"method":"getSignaturesForAddress","params":["%b"]}' % wallet.address.encode()
    big = request(b"[" + b",".join([call] * 400) + b"]")
    with socket.create_connection(("127.0.0.1", node.port), 5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(2)
        sent = 0
        try:
            for _ in range(2_000):
                connection.sendall(big)
                sent += 1
        except TimeoutError:
            pass
        assert sent < 2_000  # it stopped reading us
        assert node.call("getHealth") == "ok"


def test_counts_are_shown_as_prometheus_text(node: Node) -> None:
    """A refusal that nobody counts is a fault that nobody sees."""
    node.post(b"nonsense")
    text = node.http.get("/metrics").text
    assert 'campusgrid_localnet_errors_total{code="-32700"}' in text
    assert "campusgrid_localnet_slot " in text
