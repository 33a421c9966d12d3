"""Settings: read once at a process's door, then passed in."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything a Patchbay process can be told, from `PATCHBAY_*` variables; the defaults run embedded under `var/`."""

    model_config = SettingsConfigDict(env_prefix="PATCHBAY_", extra="ignore", frozen=True)

    home: Path = Field(default=Path("var"), description="The one folder of state; git-ignored.")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; unset means SQLite under home.")
    storage_url: str | None = Field(
        default=None,
        description="Root of blobs and lake: a file:// or s3://bucket/prefix URL; unset means home. Snapshots stay under home.",
    )
    s3_endpoint: str | None = Field(default=None, description="Endpoint of an S3-compatible store other than AWS.")
    s3_region: str = Field(default="us-east-1", description="Region sent to the S3 store.")
    s3_access_key: SecretStr | None = Field(default=None, description="Access key id of the S3 store.")
    s3_secret_key: SecretStr | None = Field(default=None, description="Secret key of the S3 store.")
    host: str = Field(default="127.0.0.1", description="Address every server binds.")
    api_port: int = Field(default=8400, description="Port of the registry API.")
    dagster_port: int = Field(default=8401, description="Port of the Dagster webserver.")
    dashboards_port: int = Field(default=8402, description="Port of the dashboards.")
    api_token: SecretStr | None = Field(
        default=None, description="Token a client process presents; unset means the file below."
    )
    max_body_bytes: int = Field(
        default=64 * 1024 * 1024, description="Largest request body after decompression, bytes."
    )
    document_cache_mb: int = Field(
        default=64, ge=0, description="Megabytes of answers to reads that each API process keeps; 0 for none."
    )
    job_workers: int = Field(default=1, ge=0, description="Job workers inside the API process; 0 for none.")
    jobs_kept_days: int = Field(
        default=30,
        ge=1,
        le=36_500,
        description="Days for which jobs are kept that succeeded, were given up or called off.",
    )
    housekeeping_seconds: int = Field(
        default=3600, ge=0, description="Seconds between removals of what has had its time; 0 for none."
    )
    onboarding_rules: Path | None = Field(
        default=None,
        description="A file of automation rules, in YAML, with which every new tenant begins that is made without rules of its own.",
    )
    tenant_grace_days: int = Field(
        default=30, ge=0, description="Days from a tenant's deletion until everything it owns is erased."
    )
    webhook_senders: int = Field(
        default=16,
        ge=1,
        description="Webhook deliveries under way at a time in the API process, where it has job workers.",
    )
    audit_anchors_url: str | None = Field(
        default=None,
        description="Where audit checkpoints are kept: a file:// or s3://bucket/prefix URL; unset means anchors below home.",
    )
    audit_checkpoint_seconds: int = Field(
        default=60, ge=0, description="Seconds between audit checkpoints of chains that have grown; 0 for none."
    )
    webhook_private_hosts: tuple[str, ...] = Field(
        default=(),
        description='Hosts, as JSON, that webhooks may reach at private addresses: ["hooks.lan", "10.0.0.7:8080"].',
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Mail server: smtp://, smtps:// or smtp+starttls://user:password@host:port; unset means no mail.",
    )
    mail_from: str = Field(default="patchbay@localhost", description="Address that mail is sent from.")
    redis_url: SecretStr | None = Field(
        default=None,
        description="Redis that shares limits between replicas: redis://host:6379/0; unset means in process.",
    )
    rate_limit_token: int = Field(default=6_000, ge=0, description="Requests a minute with one token; 0 for no limit.")
    rate_limit_tenant: int = Field(default=12_000, ge=0, description="Requests a minute of one tenant; 0 for no limit.")
    rate_limit_address: int = Field(
        default=60_000, ge=0, description="Requests a minute from one address (IPv6: its /64); 0 for no limit."
    )
    rate_limit_login: int = Field(
        default=60, ge=0, description="Sign-ins a minute from one address, right or wrong; 0 for no limit."
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description='Networks, as JSON, of proxies whose X-Forwarded-For is believed: ["10.0.0.0/8"].',
    )
    cors_origins: tuple[str, ...] = Field(
        default=(),
        description='Origins, as JSON, whose pages may call the API: ["https://portal.example"]; none by default.',
    )
    issuer_private_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts, as JSON, of CI issuers that may be at private addresses and without TLS: those of the house.",
    )
    trusted_publishing_audience: str = Field(
        default="patchbay", description="Audience that a CI token must be made for to be exchanged."
    )
    breached_passwords: Path | None = Field(
        default=None,
        description="Folder of breached passwords, a file PREFIX.txt of SUFFIX:COUNT lines per SHA-1 prefix; unset means none.",
    )
    log_level: str = Field(default="INFO", description="Least severe level that is logged.")

    @property
    def root(self) -> Path:
        """The state folder, absolute."""
        return self.home.resolve()

    @property
    def resolved_database_url(self) -> str:
        """The registry database, as an async SQLAlchemy URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.root / 'registry.db'}"

    @property
    def resolved_storage_url(self) -> str:
        """The storage port's root URL."""
        return self.storage_url or self.root.as_uri()

    @property
    def api_url(self) -> str:
        """Where clients on this machine find the registry API."""
        return f"http://{self.host}:{self.api_port}"

    def secret_file(self, name: str) -> Path:
        """The file (mode 0600) that keeps a generated secret, such as a service's token."""
        return self.root / "secrets" / name
