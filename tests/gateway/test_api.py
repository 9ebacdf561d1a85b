"""The API as users meet it, on a real chain: what works, and what is refused with which reason, changing nothing."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration


def order(**change: Any) -> dict[str, Any]:
    body = {"client_order_id": uuid.uuid4().hex, "side": "buy", "quantity": "1.250", "price": "0.25"}
    return body | change


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Assert that an answer is this problem, in RFC 9457 form, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = dict(answer.json())
    assert body["code"] == code
    assert {"type", "title", "status", "detail", "instance", "request_id", "retry"} <= body.keys()
    return body


def test_an_order_rests_in_the_book_and_its_cancel_frees_the_money(campus: Any) -> None:
    """The heart of a market: what one asks stands there until one takes it back."""
    with campus.client("student") as student:
        before = student.get("/balances").json()
        placed = student.post("/orders", json=order())
        assert placed.status_code == 201, placed.text
        body = placed.json()
        assert (body["state"], body["filled_quantity"]) == ("open", "0.000")
        assert placed.headers["location"].endswith(body["order_id"])
        assert {"price": "0.25", "quantity": "1.250", "orders": 1} in student.get("/book").json()["bids"]
        locked = student.get("/balances").json()
        assert locked["market"]["credit_locked"] == "0.312500"  # 1.25 kWh at 0.25 credit/kWh
        cancelled = student.delete(f"/orders/{body['order_id']}").json()
        assert cancelled["state"] == "cancelled"
        after = student.get("/balances").json()
        assert after["market"]["credit_locked"] == "0.000000"
        assert float(before["credit_account"]) >= float(after["credit_account"])
        problem(student.delete(f"/orders/{body['order_id']}"), 409, "not_open")


def test_asking_again_places_one_order_and_gives_the_same_answer(campus: Any) -> None:
    """A bot whose call timed out asks again; it must not buy twice."""
    body = order(price="0.11")
    with campus.client("student") as student:
        first = student.post("/orders", json=body)
        again = student.post("/orders", json=body)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.headers["idempotent-replay"] == "true"
        assert again.json() == first.json()
        level = next(b for b in student.get("/book").json()["bids"] if b["price"] == "0.11")
        assert level["orders"] == 1
        problem(student.post("/orders", json=body | {"quantity": "1.251"}), 422, "client_order_id_reused")
        student.delete(f"/orders/{first.json()['order_id']}")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"quantity": 1.25}, "/quantity"),
        ({"quantity": 1}, "/quantity"),
        ({"price": 0.25}, "/price"),
        ({"price": "0.251"}, "/price"),
        ({"quantity": "1.2501"}, "/quantity"),
        ({"quantity": "0"}, "/quantity"),
        ({"quantity": "-1"}, "/quantity"),
        ({"quantity": "NaN"}, "/quantity"),
        ({"quantity": "1e3"}, "/quantity"),
        ({"side": "both"}, "/side"),
        ({"colour": "red"}, "/colour"),
        ({"client_order_id": ""}, "/client_order_id"),
        ({"client_order_id": "a b"}, "/client_order_id"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_at_the_right_place(
    campus: Any, change: dict[str, Any], pointer: str
) -> None:
    """A JSON number for money loses cents in somebody's parser; an unknown field is a typo that would be ignored."""
    with campus.client("student") as student:
        before = student.get("/book").json()["sequence"]
        refused = problem(student.post("/orders", json=order(**change)), 422, "invalid_request")
        assert [fault["pointer"] for fault in refused["errors"]] == [pointer]
        assert student.get("/book").json()["sequence"] == before


@pytest.mark.parametrize(
    "change",
    [{"quantity": "400000.000", "price": "5.00"}, {"side": "sell", "quantity": "1.000"}],
    ids=["more CREDIT than there is", "GRID that is not there"],
)
def test_an_order_beyond_the_balance_is_refused_and_changes_nothing(campus: Any, change: dict[str, Any]) -> None:
    """Nobody sells what no meter has exported."""
    with campus.client("student") as student:
        before = (student.get("/balances").json(), student.get("/book").json()["sequence"])
        body = order(**change)
        problem(student.post("/orders", json=body), 422, "insufficient_balance")
        assert (student.get("/balances").json(), student.get("/book").json()["sequence"]) == before
        known = student.get(f"/orders/by-client-id/{body['client_order_id']}").json()
        assert (known["state"], known["reason"]) == ("rejected", "insufficient_balance")


def test_a_price_outside_the_market_is_refused_by_the_program_and_named(campus: Any) -> None:
    """The market's own refusals reach the trader in words."""
    with campus.client("student") as student:
        problem(student.post("/orders", json=order(price="5.13")), 422, "bad_tick")


def test_malformed_json_and_large_bodies_are_refused(campus: Any) -> None:
    """Scanners and broken clients send anything."""
    with campus.client("student") as student:
        headers = {"content-type": "application/json"}
        problem(student.post("/orders", content=b'{"side":', headers=headers), 400, "malformed_json")
        problem(student.post("/orders", content=b" " * 70_000, headers=headers), 413, "body_too_large")


@pytest.mark.parametrize(
    "path", ["/me", "/meters", "/balances", "/book", "/orders", "/trades", "/readings/1-0-1", "/meters/1/readings"]
)
def test_without_a_token_nothing_is_told(campus: Any, path: str) -> None:
    """Consumption tells when a building is empty."""
    with campus.client(None) as anonymous:
        answer = anonymous.get(path)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_roles_see_what_they_may(campus: Any) -> None:
    """An owner sees the own meter, facilities staff all of them; an auditor looks and never trades."""
    with campus.client("library") as owner, campus.client("facilities") as staff, campus.client("auditor") as auditor:
        own = owner.get("/meters").json()["meters"]
        assert len(own) == 1
        everything = staff.get("/meters").json()["meters"]
        assert len(everything) == 8
        other = next(m for m in everything if m["number"] != own[0]["number"])
        problem(owner.get(f"/meters/{other['number']}"), 404, "not_found")
        problem(owner.get(f"/meters/{other['number']}/readings"), 404, "not_found")
        assert owner.get(f"/meters/{own[0]['number']}/readings").json() == {"readings": [], "next": None}
        problem(auditor.post("/orders", json=order()), 403, "forbidden")


def test_an_order_of_somebody_else_is_not_found(campus: Any) -> None:
    """Not even its existence is anybody else's business."""
    with campus.client("student") as student, campus.client("library") as other:
        placed = student.post("/orders", json=order(price="0.07")).json()
        problem(other.get(f"/orders/{placed['order_id']}"), 404, "not_found")
        problem(other.delete(f"/orders/{placed['order_id']}"), 404, "not_found")
        assert student.delete(f"/orders/{placed['order_id']}").status_code == 200


def test_orders_are_listed_newest_first_page_by_page(campus: Any) -> None:
    """A bot that restarts reads all of them, each once."""
    with campus.client("offices") as trader:
        ids = [trader.post("/orders", json=order(price=f"0.0{n}")).json()["order_id"] for n in range(1, 4)]
        seen, cursor = [], None
        for _ in range(3):
            page = trader.get("/orders", params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
            seen += [o["order_id"] for o in page["orders"]]
            cursor = page["next"]
        assert sorted(seen) == sorted(ids)
        assert cursor is None
        problem(trader.get("/orders", params={"cursor": "AAAA"}), 410, "bad_cursor")
        for order_id in ids:
            trader.delete(f"/orders/{order_id}")


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(campus: Any) -> None:
    """Otherwise one could find out who has an account."""
    with campus.client(None) as anonymous:
        wrong = anonymous.post("/auth/login", json={"username": "laboratory", "password": "not the password"})
        unknown = anonymous.post("/auth/login", json={"username": "nobody", "password": "not the password"})
        assert problem(wrong, 401, "bad_credentials")["detail"] == problem(unknown, 401, "bad_credentials")["detail"]


def test_a_refresh_token_works_once_and_its_second_use_ends_the_session(campus: Any) -> None:
    """A stolen refresh token must be noticed, not shared."""
    with campus.client(None) as anonymous:
        pair = campus.sign_in("dormitory-north")
        renewed = anonymous.post("/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        assert renewed.status_code == 200
        problem(
            anonymous.post("/auth/refresh", json={"refresh_token": pair["refresh_token"]}), 401, "refresh_token_reused"
        )
        after = anonymous.post("/auth/refresh", json={"refresh_token": renewed.json()["refresh_token"]})
        problem(after, 401, "bad_refresh_token")


def test_signing_out_ends_the_refresh_token(campus: Any) -> None:
    """A shared computer in the library."""
    pair = campus.sign_in("dormitory-south")
    with httpx.Client(
        base_url=campus.site.api_url, headers={"authorization": f"Bearer {pair['access_token']}"}
    ) as client:
        assert client.post("/auth/logout").status_code == 204
        problem(client.post("/auth/refresh", json={"refresh_token": pair["refresh_token"]}), 401, "bad_refresh_token")


def test_too_many_sign_ins_are_stopped(campus: Any) -> None:
    """Guessing must not be cheap."""
    with campus.client(None) as anonymous:
        answers = [anonymous.post("/auth/login", json={"username": "guessed", "password": str(n)}) for n in range(30)]
        assert answers[-1].status_code == 429
        assert answers[-1].headers["retry-after"] == "60"


def test_openapi_describes_every_route_and_is_served(campus: Any) -> None:
    """Clients are generated from it."""
    with campus.client(None) as anonymous:
        described = anonymous.get("/openapi.json").json()
        assert {"/api/v1/orders", "/api/v1/readings/{reading_id}/proof", "/api/v1/auth/login"} <= described[
            "paths"
        ].keys()
        assert anonymous.get("/docs").status_code == 200


def test_unknown_paths_and_methods_are_problems_too(campus: Any) -> None:
    """One error shape for everything."""
    with campus.client("student") as student:
        problem(student.get("/nothing-here"), 404, "not_found")
        problem(student.put("/orders"), 405, "method_not_allowed")
        problem(student.get("/trades/999999"), 404, "not_found")
        problem(student.get("/trades/999999/proof"), 404, "not_kept")
