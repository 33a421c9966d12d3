"""Choosing the answer's form by the Accept header (RFC 9110 §12.5.1)."""

from collections.abc import Sequence

from registry_api.problems import NotAcceptable


def choose(accept: str | None, offered: Sequence[str]) -> str:
    """The offered media type the caller likes best, the first offered among equals; raises `NotAcceptable` when it
    takes none.
    """
    wanted = [_range(part) for part in (accept or "*/*").split(",") if part.strip()]
    best = max(offered, key=lambda media: _quality(media, wanted))
    if _quality(best, wanted) <= 0:
        raise NotAcceptable(f"We answer here in {' or '.join(offered)}; name one of them in Accept.")
    return best


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
    try:
        return media, float(quality)
    except ValueError:
        return media, 0.0


def _quality(media: str, wanted: list[tuple[str, float]]) -> float:
    """Of all ranges that match, the most exact one counts."""
    family = media.split("/")[0] + "/*"
    for exactness in (media, family, "*/*"):
        for range_, quality in wanted:
            if range_ == exactness:
                return quality
    return 0.0
