"""The API's Prometheus metrics.

None carries a tenant: that would tell one tenant about another and grow without bound.
"""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """One application's metrics, in a registry of its own, so that two applications in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "patchbay_requests_total", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self.latency = Histogram(
            "patchbay_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("route", "method"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.intake_rows = Counter(
            "patchbay_intake_rows_total",
            "Rows of acknowledged batches by outcome: accepted, duplicate or rejected.",
            ("stream", "outcome"),
            registry=self.registry,
        )
        self.feed_head = Gauge("patchbay_feed_head_seq", "Newest sequence number of all feeds.", registry=self.registry)
        self.jobs = Gauge("patchbay_jobs", "Jobs by state.", ("state",), registry=self.registry)
        self.database_up = Gauge("patchbay_database_up", "1 while the database answers.", registry=self.registry)
        build = Gauge("patchbay_build_info", "Always 1; the version is a label.", ("version",), registry=self.registry)
        build.labels(version("patchbay")).set(1)

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        self.requests.labels(route, method, status).inc()
        self.latency.labels(route, method).observe(seconds)

    def count_intake(self, stream: str, *, accepted: int, duplicates: int, rejected: int) -> None:
        """Note one acknowledged batch; a replayed answer is not counted again."""
        for outcome, rows in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
            self.intake_rows.labels(stream, outcome).inc(rows)

    def set_registry_state(self, head_seq: int, jobs: dict[str, int]) -> None:
        """Take over what the database says."""
        self.database_up.set(1)
        self.feed_head.set(head_seq)
        for state, count in jobs.items():
            self.jobs.labels(state).set(count)

    def exposition(self) -> bytes:
        """The metrics in the text format Prometheus scrapes."""
        return generate_latest(self.registry)
