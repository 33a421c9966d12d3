"""Plugins of the world: what anyone can read about them, and the hidden traits that drive their use."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.config import WorldConfig
from patchbay.world.times import DAY, Floats, Ints
from patchbay.world.words import FAMILY_NAMES, GIVEN_NAMES, LABELS, LICENCE_SHARES, LICENCES, SUBJECTS, VENDOR_ENDINGS

TASTE_DIMENSIONS = 8
OPERATOR = -1
LIFECYCLES = ("active", "deprecated", "withdrawn")

_LABEL_NAMES = tuple(LABELS)
_LIBRARY = _LABEL_NAMES.index("library")


@dataclass(frozen=True, slots=True)
class Plugin:
    """What the registry may know of a plugin."""

    namespace: str
    name: str
    title: str
    summary: str
    licence: str
    lifecycle: str
    labels: tuple[str, ...]
    maintainers: tuple[str, ...]

    @property
    def ref(self) -> str:
        """namespace:name."""
        return f"{self.namespace}:{self.name}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All plugins; arrays are indexed like `plugins`, the private ones of tenants stand at the end.

    `owner` is a tenant's index or OPERATOR; `vendor` groups plugins people install together; `created` is in
    microseconds; `popularity` and `taste` are logits; `slope` is the log growth of use over the window.
    """

    plugins: tuple[Plugin, ...]
    owner: Ints
    vendor: Ints
    library: Ints
    created: Ints
    popularity: Floats
    taste: Floats
    label_taste: Floats
    slope: Floats
    error_rate: Floats
    duration_mu: Floats
    price: Floats
    memory: Floats

    def __len__(self) -> int:
        return len(self.plugins)

    @property
    def refs(self) -> list[str]:
        """namespace:name of each plugin."""
        return [plugin.ref for plugin in self.plugins]


def build_catalogue(config: WorldConfig, tenant_slugs: tuple[str, ...]) -> Catalogue:
    """The public plugins in order of popularity, then a few private ones owned by the first tenants."""
    rng = config.rng("catalogue")
    owner = _owners(config)
    count = len(owner)
    label = rng.choice(len(_LABEL_NAMES), size=count, p=_label_shares())
    vendor = _vendors(rng, owner)
    label_taste = rng.normal(size=(len(_LABEL_NAMES), TASTE_DIMENSIONS))
    return Catalogue(
        plugins=_describe(rng, label, vendor, owner, tenant_slugs),
        owner=owner,
        vendor=vendor,
        library=(label == _LIBRARY).astype(np.int64),
        created=_creation(config, rng, count),
        popularity=_popularity(count),
        taste=0.85 * label_taste[label] + 0.5 * rng.normal(size=(count, TASTE_DIMENSIONS)),
        label_taste=label_taste,
        slope=rng.normal(0.1, 0.35, count),
        error_rate=np.clip(rng.lognormal(np.log(0.014), 0.5, count), 0.002, 0.06),
        duration_mu=rng.normal(np.log(240.0), 0.9, count),
        price=np.where(rng.random(count) < 0.3, rng.lognormal(np.log(800.0), 0.8, count), 0.0),
        memory=rng.lognormal(np.log(90e6), 0.7, count),
    )


def _owners(config: WorldConfig) -> Ints:
    private = np.arange(max(1, config.tenants // 8), dtype=np.int64)
    return np.concatenate([np.full(config.plugins, OPERATOR, dtype=np.int64), private])


def _label_shares() -> Floats:
    shares = np.ones(len(_LABEL_NAMES))
    shares[_LIBRARY] = 2.0
    return np.asarray(shares / shares.sum())


def _vendors(rng: np.random.Generator, owner: Ints) -> Ints:
    """Vendors have a heavy tail of plugins; a private plugin's vendor is its tenant, numbered after the public ones."""
    count = max(3, len(owner) // 12)
    weights = 1.0 / np.arange(1, count + 1) ** 0.8
    drawn = rng.choice(count, size=len(owner), p=weights / weights.sum())
    return np.where(owner == OPERATOR, drawn, count + owner)


def _creation(config: WorldConfig, rng: np.random.Generator, count: int) -> Ints:
    """First release: 60 % within the first twenty-fifth of the history, the rest until shortly before the end."""
    late = rng.random(count) > 0.6
    late[: max(8, count // 20)] = False
    share = np.where(late, rng.uniform(0.04, 0.985, count), rng.uniform(0.0, 0.04, count))
    return config.release_start_us + (share * config.release_days * DAY).astype(np.int64)


def _popularity(count: int) -> Floats:
    """Zipf-like: the logarithm of 1 / rank^0.8, centred."""
    logits = -0.8 * np.log(np.arange(1, count + 1))
    return np.asarray(logits - logits.mean())


def _describe(
    rng: np.random.Generator, label: Ints, vendor: Ints, owner: Ints, tenant_slugs: tuple[str, ...]
) -> tuple[Plugin, ...]:
    vendors = _vendor_names(int(vendor[owner == OPERATOR].max()) + 1)
    people = {number: _people(rng) for number in np.unique(vendor).tolist()}
    taken: set[str] = set()
    plugins = []
    for index, (label_id, vendor_id, owner_id) in enumerate(
        zip(label.tolist(), vendor.tolist(), owner.tolist(), strict=True)
    ):
        namespace = vendors[vendor_id] if owner_id == OPERATOR else tenant_slugs[owner_id]
        plugins.append(_plugin(rng, index, namespace, _LABEL_NAMES[label_id], people[vendor_id], taken))
    return tuple(plugins)


def _plugin(
    rng: np.random.Generator, index: int, namespace: str, label: str, people: tuple[str, ...], taken: set[str]
) -> Plugin:
    name = _free_name(rng, label, taken)
    extra = rng.choice(_LABEL_NAMES, size=int(rng.integers(0, 3)), replace=False).tolist()
    lifecycle = LIFECYCLES[int(np.searchsorted((0.95, 0.985), rng.random()))] if index >= 10 else "active"
    keepers = rng.choice(people, size=min(len(people), int(rng.integers(1, 4))), replace=False).tolist()
    title = name.replace("-", " ").title()
    return Plugin(
        namespace=namespace,
        name=name,
        title=title,
        summary=f"{title} brings {label.replace('-', ' ')} to every target, by {namespace}.",
        licence=str(rng.choice(LICENCES, p=LICENCE_SHARES)),
        lifecycle=lifecycle,
        labels=tuple(sorted({label, *extra})),
        maintainers=tuple(sorted(keepers)),
    )


def _free_name(rng: np.random.Generator, label: str, taken: set[str]) -> str:
    """A name nobody has; when the words run out, a number follows."""
    base = f"{rng.choice(SUBJECTS)}-{rng.choice(LABELS[label])}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    taken.add(name)
    return name


def _vendor_names(count: int) -> list[str]:
    """Subject and ending run at different paces, so neighbours differ in both; after 480 vendors a number follows."""
    subjects, endings = len(SUBJECTS), len(VENDOR_ENDINGS)
    names = []
    for index in range(count):
        turn, again = index // subjects, index // (subjects * endings)
        name = f"{SUBJECTS[index % subjects]}-{VENDOR_ENDINGS[(index + turn) % endings]}"
        names.append(f"{name}-{again + 1}" if again else name)
    return names


def _people(rng: np.random.Generator) -> tuple[str, ...]:
    count = int(rng.integers(1, 6))
    pairs = zip(rng.choice(GIVEN_NAMES, count), rng.choice(FAMILY_NAMES, count), strict=True)
    return tuple(sorted({f"{given}-{family}" for given, family in pairs}))
