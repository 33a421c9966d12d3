"""Seconds from the POST of an event to the effect it calls for, on the real processes: `python -m benchmarks.loop [--quick]`.

The registry API with its job worker and Dagster's code server and daemon run as `patchbay up` starts them, the sensor `watch` at
its own interval. A trial is one batch of usage, posted at a random moment of the sensor's cycle under a trace of its own, that
calls for one webhook to a receiver on this machine: uses of a release fail, or the uses of a tenant surge. Surges need a world
that was learnt; the quick form has none and lets releases fail only. Beside it stand the same POST done directly, and what
waiting for the next look alone costs: half a cycle in the median. The last line is one JSON object.
"""

import json
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.loop_traces import Books, Ticks, places, seconds, wait_for, watched_ticks
from benchmarks.loop_trials import (
    HOST,
    Effect,
    Hook,
    Trial,
    failing,
    post,
    receiver,
    spread,
    surging,
    traffic,
)
from benchmarks.serving import free_port
from patchbay.cli import processes
from patchbay.cli.context import child_environment
from patchbay.cli.fill import fill_world
from patchbay.cli.supervisor import Supervisor
from patchbay.core.client import Client
from patchbay.core.settings import Settings
from patchbay.core.storage import open_storage
from patchbay.world.config import WorldConfig
from pipelines.conditions import TICK_SECONDS
from pipelines.run import build, learn

BAR_P95 = 45.0
LONGEST = 90.0
"""Seconds that the last trial's effect is waited for."""
WARM = 240.0
"""Seconds in which the first tick, with a world the first scores, have to come. After a pause the first minute of use is no whole
one, and a minute is complete half a minute after its end."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many releases fail and tenants surge, the cycles they are spread over, and the world that was before."""

    failing: int
    surging: int
    cycles: int
    world: WorldConfig | None

    @property
    def moments(self) -> list[float]:
        """When to post."""
        return spread(self.failing + self.surging, TICK_SECONDS, self.cycles)


WHOLE, QUICK = Size(20, 20, 8, WorldConfig(plugins=20, tenants=32, days=20)), Size(8, 0, 1, None)


@dataclass(frozen=True, slots=True)
class Passed:
    """A trial that had its effect: seconds of each stage, and the places at which its trace stands or not."""

    stages: Mapping[str, float]
    places: Mapping[str, bool]


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.loop")
    parser.add_argument("--quick", action="store_true", help="8 releases in half a minute, on an empty registry")
    print(json.dumps(measure(quick=parser.parse_args().quick)))


def measure(*, quick: bool) -> dict[str, Any]:
    """All figures, from processes that are started for it and stopped again."""
    size = QUICK if quick else WHOLE
    with tempfile.TemporaryDirectory(prefix="patchbay-loop-") as folder:
        settings = Settings(
            home=Path(folder),
            log_level="WARNING",
            api_port=free_port(),
            dagster_port=free_port(),
            dashboards_port=free_port(),
        )
        with receiver() as hook, served(settings) as (supervisor, admin):
            bare = directly(hook)
            if size.world:
                learn_world(size.world, admin, settings)
            trials, ticks = run(supervisor, admin, settings, hook, size)
            books = Books.read(admin, trials)
    passed = [one for trial in trials if (one := _passed(trial, hook.of(trial), books, ticks))]
    return figures(trials, passed, bare, ticks.apart)


def run(supervisor: Supervisor, admin: Client, settings: Settings, hook: Hook, size: Size) -> tuple[list[Trial], Ticks]:
    """Post all trials to the running loop and wait for what they call for."""
    trials = failing(admin, hook, size.failing)
    with traffic(admin), watched_ticks(open_storage(settings)) as ticks:
        start_dagster(supervisor, settings)
        wait_for(lambda: bool(ticks.calm() if size.surging else ticks.seen), WARM)
        trials += surging(admin, hook, size.surging, ticks.calm())
        post(trials, size.moments, settings.api_url, admin_token(settings))
        wait_for(lambda: all(hook.of(trial) for trial in trials), LONGEST)
        wait_for(lambda: not any(list(admin.plans(state=state)) for state in ("planned", "running")), LONGEST)
    return trials, ticks


def learn_world(world: WorldConfig, admin: Client, settings: Settings) -> None:
    """Send a generated world, build its warehouse and learn what is usual in it. Raises when a check or a model fails."""
    fill_world(world, admin, settings.root / "truth.json")
    if not (build(settings).success and learn(settings).success):
        raise RuntimeError("the world could not be built and learnt")


@contextmanager
def served(settings: Settings) -> Iterator[tuple[Supervisor, Client]]:
    """The registry API with its job worker, webhooks to this machine allowed, until the block ends."""
    allowed = {"PATCHBAY_WEBHOOK_PRIVATE_HOSTS": json.dumps([HOST]), "PATCHBAY_LOG_LEVEL": settings.log_level}
    environment = child_environment(settings) | allowed
    with Supervisor(settings.root, environment, lambda text: print(text, flush=True)) as supervisor:
        supervisor.start([processes.api(settings)])
        with Client(settings.api_url, admin_token(settings), timeout=60) as admin:
            yield supervisor, admin


def start_dagster(supervisor: Supervisor, settings: Settings) -> None:
    """The code server and the daemon with the sensors."""
    processes.prepare_dagster_home(settings)
    supervisor.start([one for one in processes.dagster(settings) if one.name in ("dagster-code", "dagster-daemon")])


def admin_token(settings: Settings) -> str:
    """The administrator's token."""
    return settings.secret_file("admin.token").read_text().strip()


def directly(hook: Hook, times: int = 50) -> list[float]:
    """Seconds of a webhook's POST with nothing in front of it."""
    found = []
    with httpx.Client(trust_env=False) as client:
        for number in range(times):
            began = time.perf_counter()
            client.post(hook.url, json={"id": f"bare-{number}"}).raise_for_status()
            found.append(time.perf_counter() - began)
    return found


def _passed(trial: Trial, effect: Effect | None, books: Books, ticks: Ticks) -> Passed | None:
    if effect is None:
        print(f"{trial.name}: no effect", flush=True)
        return None
    plan = books.plans[effect.event["id"]]
    # A rule without a duration fires at the tick that first sees it, so the episode's beginning is that tick's time.
    ticked, planned = seconds(plan["episode"]), seconds(plan["recorded_at"])
    stages = {
        "post_to_tick": ticked - trial.posted_at,
        "tick_to_plan": planned - ticked,
        "plan_to_effect": effect.at - planned,
        "all": effect.at - trial.posted_at,
    }
    found = places(trial, effect, plan, books, ticks)
    lost = [place for place, is_there in found.items() if not is_there]
    told = "  ".join(f"{name} {value:.2f}" for name, value in stages.items())
    print(f"{trial.name}: {told}{f'  trace missing at {lost}' if lost else ''}", flush=True)
    return Passed(stages, found)


def figures(
    trials: Sequence[Trial], passed: Sequence[Passed], bare: Sequence[float], apart: Sequence[float]
) -> dict[str, Any]:
    """What is printed last. Without any effect there are no quantiles, and nothing is kept."""
    result: dict[str, Any] = {"benchmark": "loop", "database": "sqlite", "trials": len(trials), "effects": len(passed)}
    limits = {"webhook_p50_s": _quantile(bare, 50), "webhook_p95_s": _quantile(bare, 95)}
    waits = {"cycle_p50_s": TICK_SECONDS * 0.5, "cycle_p95_s": TICK_SECONDS * 0.95}
    if not passed:
        return result | {"bare": limits | waits, "kept": False}
    every = {name: [one.stages[name] for one in passed] for name in passed[0].stages}
    p50, p95 = (_quantile(every["all"], percent) for percent in (50, 95))
    stages = {
        name: {"p50_s": _quantile(v, 50), "p95_s": _quantile(v, 95)} for name, v in every.items() if name != "all"
    }
    traced = sum(all(one.places.values()) for one in passed) / len(trials)
    return result | {
        "p50_s": p50,
        "p95_s": p95,
        "max_s": round(max(every["all"]), 3),
        "traced": round(traced, 3),
        "traced_at": {place: sum(one.places[place] for one in passed) for place in passed[0].places},
        "stages": stages,
        "ticks_apart_s": {"p50_s": _quantile(apart, 50), "p95_s": _quantile(apart, 95)},
        "bare": limits | waits,
        "p50_of_cycle": round(p50 / waits["cycle_p50_s"], 3),
        "p95_of_cycle": round(p95 / waits["cycle_p95_s"], 3),
        "bar_p95_s": BAR_P95,
        "kept": p95 < BAR_P95 and len(passed) == len(trials),
    }


def _quantile(values: Sequence[float], percent: float) -> float:
    return round(float(np.percentile(values, percent)), 4)


if __name__ == "__main__":
    main()
