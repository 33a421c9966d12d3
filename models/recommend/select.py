"""Which model is served: the one that won, trained again on everything, and never one that lost to a simpler one."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.recommend.evaluate import Evaluation, Split, evaluate
from models.recommend.intervals import Interval, paired
from models.recommend.metadata import Metadata
from models.recommend.recommender import Config, Recommender, build

METRIC = "ndcg"


@dataclass(frozen=True, slots=True)
class Choice:
    """The name chosen, why, and each candidate's lead over those it had to beat (name of the beaten → interval)."""

    name: str
    why: str
    leads: Mapping[str, Mapping[str, Interval]]


@dataclass(frozen=True, eq=False, slots=True)
class Selection:
    """A choice with the evaluations it rests on, and the chosen config fitted on training and test together."""

    choice: Choice
    evaluations: Mapping[str, Evaluation]
    model: Recommender


def choose(evaluations: Mapping[str, Evaluation], floor: str, champion: str | None = None) -> Choice:
    """The candidate of highest mean among those whose lead over floor and champion is surely above zero, else no change.

    "Surely" is the 95 % paired bootstrap interval of NDCG. Without such a one the champion stays, or the floor where
    there is no champion; so a change is always an improvement beyond chance. Raises `KeyError` for a name that was not
    evaluated.
    """
    standing = champion or floor
    rivals = {name: evaluations[name] for name in (floor, standing)}
    leads = {
        name: {rival: paired(own, other, METRIC) for rival, other in rivals.items() if rival != name}
        for name, own in evaluations.items()
        if name != standing
    }
    winners = [name for name, over in leads.items() if all(lead.low > 0 for lead in over.values())]
    if not winners:
        return Choice(standing, f"no candidate is surely better than {' and '.join(rivals)}", leads)
    best = max(winners, key=lambda name: evaluations[name].means[METRIC])
    margin = ", ".join(f"{rival} by {lead}" for rival, lead in leads[best].items())
    return Choice(best, f"NDCG is above {margin}", leads)


def select(
    configs: Mapping[str, Config],
    split: Split,
    metadata: Metadata | None = None,
    *,
    floor: str = "popularity",
    champion: str | None = None,
) -> Selection:
    """Fit every config on the split's training, evaluate all on its test, choose, and fit the winner on both.

    The config that is served is, to the last value, the one that was evaluated. Raises `ValueError` as `evaluate`.
    """
    evaluations = {name: evaluate(build(config).fit(split.train, metadata), split) for name, config in configs.items()}
    choice = choose(evaluations, floor, champion)
    model = build(configs[choice.name]).fit(split.history.joined(split.test), metadata)
    return Selection(choice, evaluations, model)
