"""The login page: plain HTML and a form, so that it works before any script and with every password manager."""

import asyncio
from datetime import datetime
from html import escape
from string import Template
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.kit.theme import SCHEME_COOKIE
from dashboards.registry import Refused, Registry, Unreachable
from dashboards.session import COOKIE, Sessions, Viewer, current_viewer

PAGE = Template("""<!doctype html>
<html lang="en" data-mantine-color-scheme="$scheme">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in – Patchbay</title>
<link rel="icon" href="/assets/logo.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/patchbay.css"><script src="/assets/theme.js"></script>
</head>
<body class="login">
<main class="login-box">
<img src="/assets/logo.svg" alt="" width="44" height="44">
<h1>Log in to Patchbay</h1>
<p class="lead">Adoption, health and quality of your plugins.</p>
$message
<form method="post" action="/login">
<input type="hidden" name="next" value="$next">
<label for="email">Email</label>
<input id="email" name="email" type="email" autocomplete="username" required autofocus value="$email">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<details$open><summary>I belong to several organisations</summary>
<label for="tenant">Organisation’s short name</label>
<input id="tenant" name="tenant" autocomplete="organization" value="$tenant">
</details>
<details$code_open><summary>I sign in with a second factor</summary>
<label for="code">Code from your app, or a recovery code</label>
<input id="code" name="code" autocomplete="one-time-code" autocapitalize="none" spellcheck="false"$code_needed>
</details>
<button type="submit">Log in</button>
</form>
</main>
</body></html>
""")


CODE_NEEDED, TENANT_NEEDED = "second_factor_needed", "tenant_needed"
SAID = {
    CODE_NEEDED: "Your account has a second factor. Please enter your password once more, and the code that your app shows now."
}
"""What the registry words for programs, worded for people, by the code of the problem."""
SILENT = "The registry does not answer. Please try again in a moment."


def safe_next(wanted: str | None) -> str:
    """A path of ours to go on to; anything that could lead elsewhere becomes the overview."""
    wanted = wanted or "/"
    local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if local and not wanted.startswith(("/login", "/logout", "/_dash")) else "/"


def page(request: Request, form: dict[str, str], refusal: Refused | None = None, status: int = 200) -> Response:
    """The login page, filled with what was typed except password and code, and open where the refusal asks for more."""
    message = SAID.get(refusal.code, str(refusal)) if refusal else ""
    notice = f'<p class="login-error" role="alert">{escape(message)}</p>' if message else ""
    scheme = "dark" if request.cookies.get(SCHEME_COOKIE) == "dark" else "light"
    fields = {name: escape(form.get(name, ""), quote=True) for name in ("next", "email", "tenant")}
    asked = refusal.code if refusal else ""
    switches = {
        "open": " open" if fields["tenant"] or asked == TENANT_NEEDED else "",
        "code_open": " open" if form.get("code") or asked == CODE_NEEDED else "",
        "code_needed": " required" if asked == CODE_NEEDED else "",
    }
    return HTMLResponse(PAGE.substitute(fields, message=notice, scheme=scheme, **switches), status_code=status)


class Login:
    """The three requests around a session."""

    def __init__(self, sessions: Sessions, registry: Registry) -> None:
        self._sessions, self._registry = sessions, registry

    async def show(self, request: Request) -> Response:
        """GET /login: the form, or straight on when there is a session already."""
        wanted = safe_next(request.query_params.get("next"))
        if current_viewer.get(None):
            return RedirectResponse(wanted, status_code=303)
        return page(request, {"next": wanted})

    async def submit(self, request: Request) -> Response:
        """POST /login: ask the API, then set the cookie; what went wrong is shown on the form."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        form["next"] = safe_next(form.get("next"))
        names = ("email", "password", "tenant", "code")
        email, password, tenant, code = (form.get(name, "") for name in names)
        try:
            granted = await asyncio.to_thread(self._registry.log_in, email, password, tenant.strip(), code.strip())
        except Refused as refusal:
            return page(request, form, refusal, status=401)
        except Unreachable:
            return page(request, form, Refused(SILENT), status=503)
        response = RedirectResponse(form["next"], status_code=303)
        set_cookie(response, self._sessions.seal(viewer_of(granted)), request)
        return response

    async def leave(self, request: Request) -> Response:
        """POST /logout: end the session here, and at the API when it answers."""
        viewer = current_viewer.get()
        self._sessions.revoke(viewer)
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=is_secure(request))
        try:
            await asyncio.to_thread(self._registry.log_out, viewer.token)
        except (Refused, Unreachable) as error:
            response.headers["Patchbay-Logout"] = f"local-only; {type(error).__name__}"
        return response


def viewer_of(granted: dict[str, Any]) -> Viewer:
    """The viewer that a session answer of the API describes."""
    user, tenant = granted["user"], granted["tenant"]
    return Viewer(
        email=user["email"],
        display_name=user.get("display_name") or user["email"],
        tenant_id=tenant["id"],
        tenant_slug=tenant["slug"],
        tenant_name=tenant["name"],
        tenant_kind=tenant["kind"],
        role=granted["role"],
        token=granted["token"],
        expires_at=datetime.fromisoformat(granted["expires_at"]),
        scopes=tuple(granted["scopes"]),
    )


def set_cookie(response: Response, value: str, request: Request) -> None:
    """The session cookie: for this host only, unreadable to scripts, not sent along by other sites' forms."""
    secure = is_secure(request)
    response.set_cookie(COOKIE, value, max_age=8 * 3600, path="/", httponly=True, samesite="lax", secure=secure)


def is_secure(request: Request) -> bool:
    """Whether the browser came by TLS, perhaps to a proxy before us. Who lies about it only keeps a cookie of their own to TLS."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").strip().lower())
