"""The one door: every request passes here first, whatever route it is for.

Accident this prevents: a new route, callback or export that forgets to ask who is looking. Only the paths in PUBLIC are
answered without a session; everything else, present and future, needs one.
"""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.forwarding import current_hops, hops
from dashboards.session import COOKIE, Sessions, current_viewer

PUBLIC = ("/healthz", "/login", "/_favicon.ico")
PUBLIC_FOLDERS = ("/assets/", "/_dash-component-suites/")
PUBLIC_BODY_BYTES = 64 * 1024
"""What anyone may send without a session: a filled login form is well below."""
TOO_LARGE = JSONResponse({"error": "too_large"}, status_code=413, headers={"Connection": "close"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """ASGI middleware: refuses foreign origins and sessionless requests, closes websockets, adds security headers."""

    def __init__(self, app: ASGIApp, sessions: Sessions, policy: str) -> None:
        self.app, self.sessions, self.policy = app, sessions, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, self._with_headers(scope, send))
        else:
            await send({"type": "websocket.close", "code": 4403})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._admit(scope) or self.app
        if answer is self.app and is_public(scope["path"]) and scope["method"] not in SAFE_METHODS:
            whole = await body_within(PUBLIC_BODY_BYTES, scope, receive)
            answer, receive = (self.app, given(whole, receive)) if whole is not None else (TOO_LARGE, receive)
        await answer(scope, receive, send)

    async def _admit(self, scope: Scope) -> Response | None:
        """None to go on, or the refusal; sets `current_viewer` when there is one."""
        if scope["path"].startswith(PUBLIC_FOLDERS) and scope["method"] in SAFE_METHODS:
            return None  # the same for everybody, and not to wait for the registry
        headers = Headers(scope=scope)
        current_hops.set(hops(scope))
        if scope["method"] not in SAFE_METHODS and not same_origin(headers):
            return JSONResponse({"error": "cross_origin"}, status_code=403)
        viewer = await self.sessions.admit(cookie_of(headers, COOKIE))
        if viewer:
            current_viewer.set(viewer)
        if viewer or is_public(scope["path"]):
            return None
        wanted = address(scope) + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(wanted, safe='')}", status_code=303)
        return JSONResponse({"error": "no_session"}, status_code=401)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self.policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                if not scope["path"].startswith(PUBLIC_FOLDERS):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        return guarded


def address(scope: Scope) -> str:
    """The path as the browser shows it, still encoded: a name in it may hold a slash of its own."""
    raw: bytes | None = scope.get("raw_path")
    return raw.decode("latin-1") if raw else quote(scope["path"])


async def body_within(most: int, scope: Scope, receive: Receive) -> bytes | None:
    """The request's body; None, and no more of it read, when it is larger than so many bytes."""
    announced = Headers(scope=scope).get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 10 or int(announced) > most:
        return None
    body, is_more = bytearray(), True
    while is_more and len(body) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return bytes(body) if len(body) <= most else None


def given(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives this body first."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def act() -> Message:
        return messages.pop() if messages else await receive()

    return act


def is_public(path: str) -> bool:
    """Whether a path may be answered without a session."""
    return path in PUBLIC or path.startswith(PUBLIC_FOLDERS)


def same_origin(headers: Headers) -> bool:
    """Whether a state-changing request comes from our own pages; a browser always says so, by one header or the other.

    Clients that send neither are not browsers and carry no ambient cookie worth forging.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def cookie_of(headers: Headers, name: str) -> str | None:
    """One cookie's value; a malformed header has none."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return morsel.value if morsel else None


def policy(script_hashes: list[str]) -> str:
    """The Content-Security-Policy: our own scripts and Dash's two inline ones by hash, nothing from elsewhere.

    Inline styles stay allowed: Mantine, plotly and AG Grid set them on elements, and no style comes from data.
    """
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
