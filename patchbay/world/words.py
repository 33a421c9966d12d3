"""Vocabulary: what plugins, vendors, companies and people of the world are called."""

LABELS: dict[str, tuple[str, ...]] = {
    "analytics": ("insights", "dashboard", "report-builder", "trend-lines", "query-lens"),
    "auth": ("sso-bridge", "token-broker", "login-guard", "role-sync", "session-keeper"),
    "build": ("build-cache", "compiler-wrapper", "step-runner", "artifact-packer", "matrix-builder"),
    "compliance": ("audit-export", "licence-check", "retention-policy", "evidence-box", "change-control"),
    "cost": ("cost-meter", "budget-alerts", "usage-ledger", "rightsizing", "chargeback"),
    "database": ("schema-diff", "query-runner", "migration-kit", "backup-agent", "replica-watch"),
    "deployment": ("rollout", "blue-green", "deploy-gate", "release-train", "config-push"),
    "documentation": ("docs-portal", "api-reference", "changelog", "glossary", "diagram-view"),
    "editor": ("snippet-pack", "formatter", "outline", "refactor-tools", "theme-pack"),
    "library": ("commons", "client-core", "transport", "serialiser", "toolkit"),
    "messaging": ("queue-consumer", "event-bridge", "topic-browser", "dead-letter", "stream-tap"),
    "monitoring": ("metrics-exporter", "alert-router", "trace-view", "uptime-probe", "log-shipper"),
    "network": ("dns-sync", "proxy-rules", "latency-map", "tunnel", "traffic-mirror"),
    "notification": ("chat-notifier", "mail-digest", "pager", "status-feed", "mention-hook"),
    "security": ("secret-scan", "vulnerability-report", "policy-gate", "signature-check", "threat-feed"),
    "source-control": ("branch-rules", "merge-queue", "review-assist", "commit-lint", "mirror"),
    "storage": ("object-browser", "archive", "snapshot", "file-sync", "tiering"),
    "testing": ("coverage", "flaky-finder", "load-test", "test-report", "mutation"),
    "ui": ("widget-kit", "icon-set", "home-layout", "table-view", "form-builder"),
    "workflow": ("pipeline-steps", "approval-flow", "scheduler", "task-board", "retry-policy"),
}

SUBJECTS = (
    "amber", "atlas", "basalt", "beacon", "birch", "bolt", "cedar", "cinder", "cobalt", "comet", "copper", "coral",
    "delta", "drift", "ember", "falcon", "fjord", "flint", "garnet",
    "glacier", "granite", "harbor", "hazel", "helix",
    "indigo", "iris", "ivory", "jasper", "juniper", "kestrel", "lantern",
    "larch", "lumen", "maple", "marble", "meridian",
    "nimbus", "nova", "onyx", "opal", "orbit", "osprey", "pebble", "pine", "prism", "quartz", "raven", "ridge",
    "river", "saffron", "sable", "sierra", "slate", "spruce", "stratus",
    "summit", "tide", "topaz", "vertex", "willow",
)  # fmt: skip

VENDOR_ENDINGS = ("labs", "works", "systems", "collective", "tools", "forge", "studio", "guild")
COMPANY_ENDINGS = (
    "Freight", "Robotics", "Health", "Insurance", "Energy", "Bank", "Retail",
    "Telecom", "Media", "Aerospace", "Foods", "Motors",
)  # fmt: skip
LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause", "MPL-2.0", "GPL-3.0-only", "Proprietary")
LICENCE_SHARES = (0.38, 0.34, 0.10, 0.07, 0.05, 0.06)

GIVEN_NAMES = (
    "ada", "amir", "anna", "bela", "bruno", "carla", "chen", "dana",
    "david", "elena", "emil", "farah", "felix", "gita",
    "hana", "hugo", "ines", "ivan", "jana", "jonas", "kai", "kemal", "lara", "leo", "maya", "mira", "nadia", "noah",
    "olga", "omar", "paul", "petra", "quinn", "rafa", "rosa", "sara", "sven",
    "tara", "timo", "uma", "vera", "wen", "yusuf", "zoe",
)  # fmt: skip
FAMILY_NAMES = (
    "abe", "andersson", "bauer", "bianchi", "castro", "cohen", "dahl",
    "diaz", "eriksen", "fischer", "garcia", "haddad",
    "horvat", "ito", "jansen", "kim", "kovac", "kumar", "larsen",
    "lopez", "martin", "moreau", "nagy", "novak", "okafor",
    "olsen", "patel", "popov", "rossi", "santos", "sato", "schmidt",
    "silva", "singh", "tanaka", "weber", "wong", "young",
)  # fmt: skip

ERROR_CODES = ("timeout", "permission_denied", "bad_response", "configuration", "out_of_memory", "internal")
ERROR_SHARES = (0.34, 0.14, 0.20, 0.16, 0.04, 0.12)
ADVISORY_SUBJECTS = (
    "Stored cross-site scripting", "Missing permission check", "Path traversal on upload",
    "Credentials written to the log",
    "Server-side request forgery", "Unsafe deserialisation", "Open redirect after login",
    "Token accepted after revocation",
)  # fmt: skip
