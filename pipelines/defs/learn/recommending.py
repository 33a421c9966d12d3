"""Training the recommender on what targets took up, and asking it what each may want next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from models.artefact import version_of
from models.card import ModelCard, TrainedOn, data_hash
from models.recommend.blend import BlendConfig
from models.recommend.ease import EaseConfig
from models.recommend.evaluate import Evaluation, Split, temporal_split
from models.recommend.interactions import Interactions
from models.recommend.intervals import interval
from models.recommend.metadata import Metadata
from models.recommend.popularity import PopularityConfig
from models.recommend.reasons import recommendations
from models.recommend.recommender import Config, Recommender, build
from models.recommend.segmented import SegmentedConfig
from models.recommend.select import METRIC, Choice, Selection, select
from models.recommend.storing import dump, from_document, restore, to_document
from models.recommend.warp import WarpConfig
from patchbay.core.clock import EARLIEST, as_utc, utcnow
from pipelines.resources.insights import Measured
from warehouse import features
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.sharing import granted

FLOOR, STANDING = "popularity", "champion"
CANDIDATES: Mapping[str, Config] = {
    FLOOR: PopularityConfig(),
    "ease": SegmentedConfig(EaseConfig()),
    "warp": SegmentedConfig(WarpConfig()),
    "blend": SegmentedConfig(BlendConfig()),
}
"""Each tells who has little history what is popular, so that what was compared is what is served."""
HELD_BACK = 0.2
"""The newest share of adoptions is predicted from the others."""
LIST, SPARE = 10, 3
"""Recommendations a target gets; so many times as many are asked for, as it may not see or not want all."""
PROTOCOL = (
    "Temporal split: the newest fifth of first installations predicted from all earlier ones. Every plugin the target does "
    "not have is ranked, lists of 10, means over targets, 95 % bootstrap intervals over targets. Labels, maintainers and "
    "dependencies are those of today."
)
LIMITS = (
    "What people install is not what would serve them best, and what is shown is installed more. A target with fewer than "
    "five plugins is told what is popular. Plugins that were there when a target was first looked at are not learnt from."
)


@dataclass(frozen=True, eq=False, slots=True)
class Lessons:
    """Dated adoptions to learn from, everything held to serve for, what is known of plugins, and grants in force."""

    learnt: Interactions
    held: Interactions
    metadata: Metadata
    frame: pl.DataFrame
    targets: pl.DataFrame
    plugins: pl.DataFrame
    grants: pl.DataFrame


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """The model to serve, its name among the candidates, its papers and figures."""

    model: bytes
    name: str
    card: ModelCard
    why: str
    figures: tuple[Measured, ...]


def lessons(engine: DuckDBEngine) -> Lessons:
    """Everything a recommender needs, from the warehouse; grants as they count now."""
    frame, plugins, targets = features.adoptions(engine), features.plugins(engine), features.targets(engine)
    everybody, everything = targets["target_id"].to_list(), plugins["plugin_id"].to_list()
    return Lessons(
        Interactions.from_frame(frame, everybody, everything),
        Interactions.from_frame(features.holdings(engine), everybody, everything),
        Metadata.from_frame(features.item_features(engine)),
        frame,
        targets,
        plugins,
        granted(engine, utcnow()),
    )


def train(known: Lessons, standing: ModelCard | None) -> Trained:
    """Fit every candidate on the past, and serve the one that surely beats the champion; else the champion, trained anew."""
    candidates, champion = _candidates(standing)
    split = _split(known)
    if split is None:
        name = champion or FLOOR
        model = build(candidates[name]).fit(known.learnt, known.metadata)
        choice = Choice(name, "there is nothing to predict: too few dated installations", {})
        evaluations: Mapping[str, Evaluation] = {}
    else:
        selection: Selection = select(candidates, split, known.metadata, floor=FLOOR, champion=champion)
        choice, evaluations, model = selection.choice, selection.evaluations, selection.model
    config = to_document(candidates[choice.name])
    return Trained(
        dump(model),
        _name(config, choice.name),
        _card(known, config, choice, evaluations),
        choice.why,
        _figures(choice.name, evaluations),
    )


def listed(known: Lessons, model: Recommender, name: str) -> pl.DataFrame:
    """The best plugins for each target that its tenant may install and it does not have: the columns of the insight.

    Few have a plugin that is not public, and owner and grantees do not see each other's use: no count of it is told, and its
    score, which may be one, is that of the public plugin before it.
    """
    rows = np.flatnonzero(np.isin(known.held.users, known.targets["target_id"].to_numpy().astype(np.str_)))
    found = recommendations(model, known.held, rows, k=LIST * SPARE)
    found = found.join(known.targets, left_on="user", right_on="target_id")
    found = _seen(found, known, "item").filter(
        pl.col("access").is_in(["public", "own", "install"]) & (pl.col("lifecycle") == "active")
    )
    found = found.sort("user", "rank").with_columns(
        rank=pl.int_range(1, pl.len() + 1).over("user").cast(pl.Int64),
        score=_score(),
        public=pl.col("access") == "public",
    )
    found = found.filter(pl.col("rank") <= LIST).with_columns(first=pl.col("because").list.first())
    found = _seen(found.drop("access", "title", "lifecycle"), known, "first").sort("tenant_id", "user", "rank")
    return found.select(
        "tenant_id",
        "rank",
        target_id="user",
        plugin_id="item",
        score=pl.col("score").cast(pl.Float64),
        reason=_reason(),
        because_plugin_id=pl.when(pl.col("access").is_not_null()).then("first"),
        model=pl.lit(name),
    )


def alike(known: Lessons, model: Recommender) -> pl.DataFrame:
    """The plugins most like each one by who takes them up: plugin_id, rank, other_plugin_id, score. Only public ones are named."""
    likeness = model.likeness()
    if likeness is None:
        model = build(EaseConfig()).fit(known.learnt)
        likeness = model.likeness()
    assert likeness is not None
    shown = known.plugins.filter((pl.col("visibility") == "public") & (pl.col("lifecycle") == "active"))
    public = np.isin(model.items, shown["plugin_id"].to_numpy().astype(np.str_))
    scores = np.where(public[None, :], likeness, 0.0)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :LIST]
    best = np.take_along_axis(scores, order, axis=1)
    row, place = np.nonzero(best > 0)
    return pl.DataFrame(
        {
            "plugin_id": model.items[row],
            "rank": place.astype(np.int64) + 1,
            "other_plugin_id": model.items[order[row, place]],
            "score": best[row, place].astype(np.float64),
        },
        schema={"plugin_id": pl.String, "rank": pl.Int64, "other_plugin_id": pl.String, "score": pl.Float64},
    )


def restored(model: bytes) -> Recommender:
    """The model of an artefact."""
    return restore(model)


def _candidates(standing: ModelCard | None) -> tuple[dict[str, Config], str | None]:
    """All candidates, and the champion's name among them; one that is no candidate any more still defends itself."""
    if standing is None:
        return dict(CANDIDATES), None
    config = from_document(dict(standing.config))
    name = next((name for name, other in CANDIDATES.items() if other == config), STANDING)
    return dict(CANDIDATES) | {name: config}, name


def _split(known: Lessons) -> Split | None:
    """The past and the newest adoptions; None when nobody is left to predict, or nothing to learn from."""
    if known.frame.is_empty():
        return None
    cut = known.frame["at"].sort()[int(known.frame.height * (1 - HELD_BACK))]
    split = temporal_split(known.learnt, as_utc(cut), catalogue=known.plugins["plugin_id"].to_list())
    return split if len(split.users) and split.train.pairs else None


def _card(known: Lessons, config: dict[str, Any], choice: Choice, evaluations: Mapping[str, Evaluation]) -> ModelCard:
    hashed = data_hash(known.frame)
    since, until = (_moment(known.frame, end) for end in ("min", "max"))
    metrics = {key: value for name, one in evaluations.items() for key, value in _metrics(name, one).items()}
    for rival, lead in choice.leads.get(choice.name, {}).items():
        metrics |= {
            f"lead over {rival}": lead.mean,
            f"lead over {rival} low": lead.low,
            f"lead over {rival} high": lead.high,
        }
    return ModelCard(
        name="recommender",
        version=version_of(config, hashed, until or EARLIEST),
        config=config,
        data_hash=hashed,
        trained_on=TrainedOn(known.frame.height, since, until),
        metrics=metrics,
        protocol=f"{PROTOCOL} Served: {choice.name}, since {choice.why}.",
        limits=LIMITS,
    )


def _metrics(name: str, one: Evaluation) -> dict[str, float]:
    ranged = interval(one, METRIC)
    means = one.means
    shown = {f"{name} {metric}": means[metric] for metric in ("ndcg", "recall", "hit", "auc", "coverage")}
    return shown | {f"{name} ndcg low": ranged.low, f"{name} ndcg high": ranged.high}


def _figures(chosen: str, evaluations: Mapping[str, Evaluation]) -> tuple[Measured, ...]:
    if not evaluations:
        return ()
    floor, figures = evaluations[FLOOR], []
    for name, one in evaluations.items():
        for metric in (METRIC, "auc"):
            found = interval(one, metric)
            label = f"recommender {name}" + (" (served)" if name == chosen else "")
            figures.append(
                Measured(label, f"{metric}@10" if metric == METRIC else metric, found.mean, found.low, found.high, FLOOR,
                         floor.means[metric])
            )  # fmt: skip
    return tuple(figures)


def _seen(found: pl.DataFrame, known: Lessons, column: str) -> pl.DataFrame:
    """The rows with title, lifecycle and `access` of the plugin in a column: public, own, install, read, or null where the
    row's tenant does not see it.
    """
    facts = known.plugins.select(
        "title", "lifecycle", "visibility", pl.col("plugin_id").alias(column), owner="tenant_id"
    )
    grants = known.grants.select("tenant_id", "scope", pl.col("plugin_id").alias(column))
    found = found.join(facts, on=column, how="left").join(grants, on=["tenant_id", column], how="left")
    access = (
        pl.when(pl.col("visibility") == "public")
        .then(pl.lit("public"))
        .when(pl.col("owner") == pl.col("tenant_id"))
        .then(pl.lit("own"))
        .otherwise("scope")
    )
    return found.with_columns(access=access).drop("visibility", "owner", "scope")


def _score() -> pl.Expr:
    """The score as others may read it; 0 where the target sees no public plugin to stand in."""
    public = pl.when(pl.col("access") == "public").then("score")
    return public.forward_fill().backward_fill().fill_null(0).over("user")


def _reason() -> pl.Expr:
    because = pl.format("Because it has {}", "title")
    taken = pl.col("taken_by")
    popular = pl.format("Popular: {} targets have it", taken)
    return (
        pl.when(pl.col("access").is_not_null())
        .then(because)
        .when(~pl.col("public"))
        .then(pl.lit("Like what is popular here"))
        .when(taken > 0)
        .then(popular)
        .otherwise(pl.lit("Like what is popular here, though nobody has it yet"))
    )


def _moment(frame: pl.DataFrame, end: str) -> datetime | None:
    found = getattr(frame["at"], end)()
    return None if found is None else as_utc(found)


def _name(config: dict[str, Any], name: str) -> str:
    return str(config["kind"]) if name == STANDING else name
