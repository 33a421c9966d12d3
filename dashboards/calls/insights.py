"""Recommendations, similar plugins and risks, as the registry answers them."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

import polars as pl

from dashboards.access import Access
from dashboards.calls.frames import MOMENT, Row, page_of, titled, typed
from dashboards.kit.page import Call, Stamp
from dashboards.queries import marketplace
from dashboards.registry import route

RECOMMENDED = {"rank": pl.Int64, "plugin_id": pl.String, "plugin": pl.String, "score": pl.Float64, "reason": pl.String,
    "because_plugin": pl.String, "model": pl.String}  # fmt: skip
SIMILAR = {"rank": pl.Int64, "plugin_id": pl.String, "plugin": pl.String, "score": pl.Float64}
RISK = {"plugin_id": pl.String, "plugin": pl.String, "score": pl.Float64, "band": pl.String, "probability": pl.Float64,
    "impact": pl.Float64, "confidence": pl.Float64, "compliance": pl.String, "floor": pl.String,
    "factors": pl.String}  # fmt: skip
DRIVER = {"driver": pl.String, "reason": pl.String, "fix": pl.String}
FACTOR = {"name": pl.String, "share": pl.Float64, "probability": pl.Float64, "weight": pl.Float64, "reason": pl.String,
    "fix": pl.String}  # fmt: skip
SETS = {"model": pl.String, "model_version": pl.String, "active": pl.Boolean, "activated_at": MOMENT}


def stamped(kind: str) -> Callable[[Access], Stamp | None]:
    """When the set of a kind that is read was published, and by which model; None before the first."""

    def stamp(access: Access) -> Stamp | None:
        kept = typed(access.rows(route(f"/v1/insights/{kind}/sets")), SETS).filter(pl.col("active"))
        if kept.is_empty():
            return None
        row = kept.row(0, named=True)
        return Stamp(row["activated_at"], f"model {row['model']}")

    return stamp


def recommendations(target: str, tenant: str | None) -> Call:
    """The plugins recommended to a target, best first; `tenant` (slug) where it is not the viewer's own."""
    asked = route(f"/v1/targets/{quote(target, safe='')}/recommendations", tenant=tenant)
    return Call(
        "recommendations",
        "Recommended for this target",
        "Plugins that it does not have and that targets like it took up, best first.",
        lambda access: _recommended(access.rows(asked), access),
        stamp=stamped("recommendations"),
    )


def _recommended(rows: Sequence[Row], access: Access) -> pl.DataFrame:
    made = titled(typed(rows, RECOMMENDED), access)
    pages = [None if ref is None else page_of(ref) for ref in made["because_plugin"]]
    return made.with_columns(pl.Series("because_href", pages, dtype=pl.String))


def nothing_chosen() -> Call:
    """The recommendations while no target is chosen: none, and nobody is asked."""
    schema = {**RECOMMENDED, "title": pl.String, "href": pl.String}
    summary = "Plugins that the chosen target does not have and that targets like it took up, best first."
    return Call("recommendations", "Recommended for a target", summary, lambda access: pl.DataFrame(schema=schema))


def similar(ref: str) -> Call:
    """The plugins most like one, by who takes them up."""
    asked = route(f"/v1/plugins/{quote(ref, safe=':')}/similar")
    return Call(
        "similar",
        "Similar plugins",
        "Those that the same targets take up, most alike first.",
        lambda access: titled(typed(access.rows(asked), SIMILAR), access),
        stamp=stamped("similar"),
    )


def factors(ref: str) -> Call:
    """What makes up a plugin's risk, largest part first; each row repeats the risk itself."""
    asked = route(f"/v1/plugins/{quote(ref, safe=':')}/risk")
    return Call(
        "plugin_risk",
        "Risk",
        "How likely harm is within a year, how far it would reach, and what makes it up.",
        lambda access: _factors(access.found(asked)),
        stamp=stamped("risk"),
    )


def _factors(risk: Row | None) -> pl.DataFrame:
    whole = [name for name in RISK if name != "factors"]
    if risk is None:
        return pl.DataFrame(schema=FACTOR)
    parts = typed(risk["factors"] or [{}], FACTOR)
    level = (pl.col("probability") * pl.col("weight")).alias("share")
    told = typed([risk], {name: RISK[name] for name in whole}).rename({"probability": "chance", "score": "points"})
    return parts.with_columns(level).sort("share", descending=True, nulls_last=True).join(told, how="cross")


def risks(band: str = "", q: str = "") -> Call:
    """Every visible plugin's risk, highest score first, each with what drives it most."""
    asked = route("/v1/risk", band=band)
    return Call(
        "risks",
        "Highest risks",
        "Plugins by their score, with what drives it most and what would mend that.",
        lambda access: _about(_risks(access.rows(asked), access), q),
        shown=5_000,
        stamp=stamped("risk"),
    )


def _risks(rows: Sequence[Row], access: Access) -> pl.DataFrame:
    drivers = [_driver(row["factors"]) for row in rows]
    return pl.concat([titled(typed(rows, RISK), access), typed(drivers, DRIVER)], how="horizontal")


def _driver(parts: Sequence[Row]) -> Row:
    """What weighs most: the model names first what lifts the score, then the largest part. Nothing where none is above zero."""
    most = next((part for part in parts if part["probability"] and part["weight"]), None)
    return {} if most is None else {"driver": most["name"], "reason": most["reason"], "fix": most["fix"]}


def _about(frame: pl.DataFrame, q: str) -> pl.DataFrame:
    words = pl.concat_str("plugin", "title", separator=" ").str.to_lowercase()
    return frame.filter(words.str.contains(q.lower(), literal=True)) if q else frame


def by_risk(q: str, label: str, lifecycle: str, warnings: str, page: int | None) -> Call:
    """Plugins that meet the marketplace's filters, highest risk first; all of them, or one page."""
    listed = marketplace.plugins_found(q, label, lifecycle, warnings, "name", shown=100_000)
    return Call(
        "plugins_by_risk",
        listed.title,
        "Every plugin that meets the filters, highest risk first; those that are not scored come last.",
        lambda access: _page(_by_risk(access, access.table(listed)), page),
        shown=marketplace.PAGE_SIZE,
    )


def _by_risk(access: Access, found: pl.DataFrame | None) -> pl.DataFrame:
    if found is None:
        return pl.DataFrame()
    scored = typed(access.rows(route("/v1/risk")), {"plugin_id": pl.String, "score": pl.Float64, "band": pl.String})
    joined = found.join(scored, on="plugin_id", how="left", maintain_order="left")
    return joined.sort("score", descending=True, nulls_last=True, maintain_order=True)


def _page(frame: pl.DataFrame, page: int | None) -> pl.DataFrame:
    return frame if page is None else frame.slice((page - 1) * marketplace.PAGE_SIZE, marketplace.PAGE_SIZE)
