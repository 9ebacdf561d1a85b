"""Puts the gateway together: routes under /api/v1, problems, request ids, the live stream and the followers that feed it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from starlette.concurrency import run_in_threadpool

from gateway import balances, book, problems
from gateway.auth import routes as auth_routes
from gateway.context import Gateway, GatewayPart, wall_s
from gateway.followers import Followers
from gateway.meters import routes as meter_routes
from gateway.orders import routes as order_routes
from gateway.problems import Problem
from gateway.readings import routes as reading_routes
from gateway.trades import index
from gateway.trades import routes as trade_routes
from gridkit.chain.rpc import RpcError
from gridkit.interval import INTERVAL_S
from gridkit.log import get_logger

log = get_logger("gateway")
PREFIX = "/api/v1"
BODY_LIMIT = 64 * 1024
_NS = 1_000_000_000


def package_version() -> str:
    """Return the installed version of campusgrid."""
    try:
        return version("campusgrid")
    except PackageNotFoundError:
        return "0.0.0"


def create_app(gateway: Gateway) -> FastAPI:
    """Return the ASGI application of one gateway."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        followers = asyncio.create_task(Followers(gateway).run())
        try:
            yield
        finally:
            followers.cancel()
            await asyncio.gather(followers, return_exceptions=True)
            gateway.passwords.close()

    app = FastAPI(
        title="campusgrid",
        version=package_version(),
        summary="Trading and metering of a campus energy gateway.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=f"{PREFIX}/docs",
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.gateway = gateway
    problems.install(app)
    _install_limits(app)

    @app.exception_handler(RpcError)
    async def _ledger_away(request: Request, error: RpcError) -> Response:
        log.warning("ledger_unavailable", path=request.url.path, error=str(error))
        answer = Problem(503, "ledger_unavailable", "The ledger does not answer; nothing was changed.", retry="later")
        return problems.response(request, answer)

    api = APIRouter(prefix=PREFIX)
    for module in (auth_routes, meter_routes, reading_routes, balances, book, order_routes, trade_routes):
        api.include_router(module.router)
    api.include_router(_system)
    app.include_router(api)

    @app.websocket(f"{PREFIX}/stream")
    async def stream(socket: WebSocket) -> None:
        await gateway.hub.serve(socket, gateway.tokens, wall_s)

    @app.get("/.well-known/jwks.json", include_in_schema=False)
    def jwks() -> dict[str, Any]:
        return gateway.tokens.key_set()

    return app


def _install_limits(app: FastAPI) -> None:
    @app.middleware("http")
    async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.request_id = str(uuid.uuid4())
        length = request.headers.get("content-length", "0")
        if request.headers.get("transfer-encoding") or not length.isdigit() or int(length) > BODY_LIMIT:
            too_large = Problem(413, "body_too_large", "A body is at most 64 KiB and says its length.")
            return problems.response(request, too_large)
        response = await call_next(request)
        response.headers["X-Request-Id"] = request.state.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response


_system = APIRouter(tags=["system"])


@_system.get("/livez", summary="The process answers")
async def livez() -> dict[str, str]:
    """Return that this process is alive."""
    return {"status": "ok"}


@_system.get("/readyz", summary="What this gateway depends on")
async def readyz(gateway: GatewayPart, response: Response) -> dict[str, Any]:
    """Return each dependency's state; 503 when one is away. `trade_index`: last trade checked against the market's running hash, the
    ranges of trades that could not be recovered, and how often the hash did not fit."""
    checks = {
        "ledger": lambda: gateway.ledger.rpc.call("getHealth"),
        "store": lambda: gateway.store.connect().close(),
        "readings": lambda: gateway.readings.connect().close(),
    }
    states: dict[str, str] = {}
    for name, check in checks.items():
        try:
            await run_in_threadpool(check)
            states[name] = "ok"
        except Exception as error:  # any fault of a dependency is the answer here
            states[name] = f"away: {type(error).__name__}"
    ready = all(state == "ok" for state in states.values())
    response.status_code = 200 if ready else 503
    trade_index = await run_in_threadpool(_index_status, gateway) if states["store"] == "ok" else None
    return {"ready": ready, "dependencies": states, "trade_index": trade_index}


def _index_status(gateway: Gateway) -> dict[str, Any]:
    with gateway.store.connect() as db:
        return index.status(db)


@_system.get("/time", summary="Campus time, wall time and the current interval")
def now(gateway: GatewayPart) -> dict[str, Any]:
    """Return both clocks: campus time rules intervals and orders, wall time rules tokens."""
    campus_ns = gateway.clock.now_ns()
    return {
        "campus_time_ms": campus_ns // 1_000_000,
        "clock_error_ms": gateway.clock.error_bound_ms(),
        "interval": campus_ns // (INTERVAL_S * _NS),
        "wall_time_ms": time.time_ns() // 1_000_000,
    }


@_system.get("/version", summary="What runs here")
def running(gateway: GatewayPart) -> dict[str, Any]:
    """Return the version and the deployment's identity."""
    deployment = gateway.ledger.deployment
    return {
        "version": package_version(),
        "genesis_hash": deployment.genesis_hash,
        "network_tag": deployment.network_tag,
        "programs": deployment.programs,
        "market": deployment.market,
    }
