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
        self.documents = Counter(
            "patchbay_document_cache_total",
            "Reads of routes whose answers are kept: answered from there (hit), made anew (miss), or not told whether fresh "
            "(unchecked).",
            ("outcome",),
            registry=self.registry,
        )
        self._documents = {outcome: self.documents.labels(outcome) for outcome in ("hit", "miss", "unchecked")}
        self.document_bytes = Gauge(
            "patchbay_document_cache_bytes", "Bytes that kept answers take.", registry=self.registry
        )
        self.intake_rows = Counter(
            "patchbay_intake_rows_total",
            "Rows of acknowledged batches by outcome: accepted, duplicate or rejected.",
            ("stream", "outcome"),
            registry=self.registry,
        )
        self.feed_head = Gauge("patchbay_feed_head_seq", "Newest sequence number of all feeds.", registry=self.registry)
        self.jobs = Gauge("patchbay_jobs", "Jobs that are queued, running or dead.", ("state",), registry=self.registry)
        self.oldest_due = Gauge(
            "patchbay_jobs_oldest_due_seconds",
            "Seconds for which the longest waiting job of a lane has been due.",
            ("lane",),
            registry=self.registry,
        )
        self.anchor_faults = Counter(
            "patchbay_audit_anchor_faults_total",
            "Audit chains that no checkpoint was signed of, as they were tampered with (refused), and failed rounds.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in ("refused", "failed"):
            self.anchor_faults.labels(outcome)
        self.anchor_round = Gauge(
            "patchbay_audit_anchor_round_timestamp_seconds",
            "When the last round of audit checkpoints came to its end well; 0 before the first.",
            registry=self.registry,
        )
        self.housekeeping_faults = Counter(
            "patchbay_housekeeping_faults_total",
            "Rounds that did not remove everything that has had its time.",
            registry=self.registry,
        )
        self.database_up = Gauge("patchbay_database_up", "1 while the database answers.", registry=self.registry)
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        build = Gauge("patchbay_build_info", "Always 1; the version is a label.", ("version",), registry=self.registry)
        build.labels(version("patchbay")).set(1)

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        counted = self._counted.get((route, method, status))
        if counted is None:
            counted = self.requests.labels(route, method, status), self.latency.labels(route, method)
            self._counted[route, method, status] = counted
        counted[0].inc()
        counted[1].observe(seconds)

    def count_document(self, outcome: str) -> None:
        """Note what the document cache was good for."""
        self._documents[outcome].inc()

    def count_anchor_fault(self, outcome: str) -> None:
        """Note an audit chain that was refused, or a round of checkpoints that failed."""
        self.anchor_faults.labels(outcome).inc()

    def count_intake(self, stream: str, *, accepted: int, duplicates: int, rejected: int) -> None:
        """Note one acknowledged batch; a replayed answer is not counted again."""
        for outcome, rows in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
            self.intake_rows.labels(stream, outcome).inc(rows)

    def set_registry_state(self, head_seq: int, jobs: dict[str, int], oldest_due: dict[str, float]) -> None:
        """Take over what the database says."""
        self.database_up.set(1)
        self.feed_head.set(head_seq)
        for state, count in jobs.items():
            self.jobs.labels(state).set(count)
        for lane, seconds in oldest_due.items():
            self.oldest_due.labels(lane).set(seconds)

    def exposition(self) -> bytes:
        """The metrics in the text format Prometheus scrapes."""
        return generate_latest(self.registry)
