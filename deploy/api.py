"""A small client of the gateway's API for the demonstration: signs in, looks, trades. It knows what any user knows."""

from __future__ import annotations

from typing import Any

import httpx

_TIMEOUT_S = 30.0


class ApiError(Exception):
    """The gateway refused; `code` is its stable text."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body.get('code')}: {body.get('detail')}")
        self.status, self.code = status, str(body.get("code"))


class Api:
    """One signed-in user.

    Args:
        url: Base of the API, ending in /api/v1.
        username, password: The account.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self.username = username
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT_S)
        pair = self._answer(self._http.post("/auth/login", json={"username": username, "password": password}))
        self._http.headers["authorization"] = f"Bearer {pair['access_token']}"

    @staticmethod
    def _answer(response: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = response.json()
        if response.status_code >= 400:
            raise ApiError(response.status_code, body)
        return body

    def get(self, path: str, **query: str | int | bool) -> dict[str, Any]:
        """Return the body of a GET."""
        return self._answer(self._http.get(path, params=query))

    def place(self, side: str, quantity: str, price: str, client_order_id: str, **more: Any) -> dict[str, Any]:
        """Place a limit order; quantity in kWh, price in credit/kWh, both as text."""
        body = {"side": side, "quantity": quantity, "price": price, "client_order_id": client_order_id} | more
        return self._answer(self._http.post("/orders", json=body))

    def cancel(self, order_id: str) -> dict[str, Any]:
        """Cancel an order."""
        return self._answer(self._http.delete(f"/orders/{order_id}"))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
