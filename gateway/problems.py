"""What an error looks like on the wire: RFC 9457 problems with a stable code and a retry rule. Nothing here decides when one occurs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gridkit.log import get_logger

log = get_logger("gateway")
Retry = Literal["never", "same", "later", "after"]
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that refuses a request.

    Args:
        status: HTTP status code.
        code: Stable machine-readable text, part of the API.
        detail: One sentence for a person.
        retry: `never` (change the request), `same` (send again unchanged), `later` (after some seconds), `after` (see Retry-After).
        errors: Faults inside the body, each with `pointer` (RFC 6901), `rule` and `detail`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry: Retry = "never",
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.retry = status, code, detail, retry
        self.errors, self.headers = errors or [], dict(headers or {})


def body(problem: Problem, instance: str, request_id: str) -> dict[str, Any]:
    """Return the RFC 9457 object of `problem`."""
    answer: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        "retry": problem.retry,
        "request_id": request_id,
    }
    if problem.errors:
        answer["errors"] = problem.errors
    return answer


def response(request: Request, problem: Problem) -> JSONResponse:
    """Return the HTTP answer of `problem`."""
    request_id = getattr(request.state, "request_id", "") or str(uuid.uuid4())
    return JSONResponse(
        body(problem, request.url.path, request_id),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def _pointer(location: tuple[Any, ...]) -> str:
    parts = location[1:] if location and location[0] in ("body", "query", "path", "header") else location
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def install(app: FastAPI) -> None:
    """Turn every kind of error that FastAPI and Starlette know into a problem."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> JSONResponse:
        return response(request, error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = error.errors()
        if any(fault["type"] == "json_invalid" for fault in faults):
            return response(request, Problem(400, "malformed_json", "The body is not valid JSON."))
        listed = [
            {"pointer": _pointer(tuple(f["loc"])), "rule": str(f["type"]), "detail": str(f["msg"])} for f in faults
        ]
        return response(
            request, Problem(422, "invalid_request", "The request breaks a rule; see errors.", errors=listed)
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        code = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}.get(
            error.status_code, "http_error"
        )
        problem = Problem(error.status_code, code, str(error.detail), headers=error.headers or {})
        return response(request, problem)

    @app.exception_handler(Exception)
    async def _crash(request: Request, error: Exception) -> JSONResponse:
        log.error("request_failed", path=request.url.path, error=repr(error), exc_info=error)
        return response(request, Problem(500, "internal", "The gateway failed; the fault is logged.", retry="later"))
