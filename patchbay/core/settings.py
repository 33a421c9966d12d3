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
    job_workers: int = Field(default=1, ge=0, description="Job workers inside the API process; 0 for none.")
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
