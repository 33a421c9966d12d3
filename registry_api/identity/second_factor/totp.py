"""Time-based one-time passwords as RFC 6238 has them by default: HMAC-SHA-1, six digits, steps of 30 seconds."""

import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote

STEP_SECONDS, DIGITS, SECRET_BYTES = 30, 6, 20
SKEW_STEPS = 1
"""Steps a clock may be off, either way (RFC 6238, 5.2)."""

RECOVERY_CODES, RECOVERY_BYTES = 10, 10


def fresh_secret() -> bytes:
    """A new secret of 160 bits (RFC 4226, requirement R6)."""
    return secrets.token_bytes(SECRET_BYTES)


def code_at(secret: bytes, step: int) -> str:
    """The code of a step (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(moment: datetime) -> int:
    """The step that a moment falls into."""
    return int(moment.timestamp()) // STEP_SECONDS


def matching_step(secret: bytes, code: str, moment: datetime) -> int | None:
    """The newest step near the moment whose code this is; None when it is of none."""
    now = step_of(moment)
    steps = range(now + SKEW_STEPS, now - SKEW_STEPS - 1, -1)
    return next((step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), code.encode())), None)


def shown(secret: bytes) -> str:
    """The secret as people type it into an app."""
    return base64.b32encode(secret).decode()


def uri(secret: bytes, email: str, tenant: str) -> str:
    """What an app reads from a picture (the Key URI format of Google Authenticator)."""
    label = quote(f"Patchbay {tenant}:{email}", safe="")
    return f"otpauth://totp/{label}?secret={shown(secret)}&issuer={quote(f'Patchbay {tenant}')}"


def fresh_recovery_code() -> str:
    """Four groups of four letters and digits: 80 bits."""
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def is_of_app(code: str) -> bool:
    """Whether a code has the form of the app's; any other is taken for a recovery code."""
    return len(plain(code)) == DIGITS


def plain(code: str) -> str:
    """A code without what people put in between."""
    return code.replace(" ", "").replace("-", "").lower()
