"""One row of a catalogue, field by field: a field of the wrong type is noted, left out, and costs nothing else."""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

from patchbay.core.versions import InvalidVersion, validate
from patchbay.importers.jenkins.text import MalformedHtml, plain_text
from patchbay.importers.report import Report, Where

NAMESPACE = "jenkins"
NAME = re.compile(r"[A-Za-z0-9._-]{1,200}\Z")


class RowReader:
    """Typed fields of one row; a field of the wrong type is noted and counts as absent."""

    def __init__(self, kind: str, row: Any, where: Where, report: Report) -> None:
        self._kind, self._where, self._report = kind, where, report
        self._row: dict[str, Any] = row if isinstance(row, dict) else {}

    def refuse(self, code: str, reason: str) -> None:
        """The row as a whole is rejected."""
        self._report.reject(self._kind, self._where, code, reason)

    def text(self, field_name: str) -> str | None:
        """Text; None when absent or not text."""
        value = self._row.get(field_name)
        if value is None or isinstance(value, str):
            return value
        return self._ignore(field_name, "wrong_type", f"must be text, is {type(value).__name__}")

    def plain(self, field_name: str, longest: int = 2000) -> str | None:
        """The words of an HTML text; None when there are none."""
        value = self.text(field_name)
        try:
            return plain_text(value or "", longest) or None
        except MalformedHtml as error:
            return self._ignore(field_name, "malformed_html", str(error))

    def texts(self, field_name: str) -> list[str]:
        """Distinct non-empty texts of a list, sorted."""
        value = self._row.get(field_name, [])
        if not isinstance(value, list):
            self._ignore(field_name, "wrong_type", "must be a list of text")
            return []
        return sorted({item for item in value if isinstance(item, str) and item})

    def url(self, field_name: str) -> str | None:
        """An http or https address."""
        value = self.text(field_name)
        if not value or re.match(r"https?://[^\s/]+\S*\Z", value):
            return value or None
        return self._ignore(field_name, "invalid_url", "must be an http or https address")

    def digest(self, field_name: str) -> str | None:
        """`sha256:hex` of a base64 digest."""
        value = self.text(field_name)
        if value is None:
            return None
        try:
            raw = base64.b64decode(value, validate=True)
        except binascii.Error:
            raw = b""
        if len(raw) != 32:
            return self._ignore(field_name, "invalid_digest", "must be base64 of 32 bytes")
        return f"sha256:{raw.hex()}"

    def size(self, field_name: str) -> int | None:
        """A whole number of bytes."""
        value = self._row.get(field_name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        self._ignore(field_name, "wrong_type", "must be a whole number, not negative")
        return None

    def time(self, field_name: str) -> str | None:
        """A time as UTC with Z."""
        value = self.text(field_name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return self._ignore(field_name, "invalid_time", "must be an ISO 8601 time of the years 1 to 9999")
        return aware.isoformat(timespec="seconds").replace("+00:00", "Z")

    def is_version(self, version: str, field_name: str) -> bool:
        """Whether a version is one by the jenkins scheme; notes it when not."""
        try:
            validate(version, "jenkins")
        except InvalidVersion as error:
            self._ignore(field_name, "invalid_version", error.reason)
            return False
        return True

    def maintainers(self) -> list[dict[str, str]]:
        """Developers by handle, each once."""
        found: dict[str, dict[str, str]] = {}
        for developer in self._objects("developers"):
            handle, name = developer.get("developerId"), developer.get("name")
            if isinstance(handle, str) and handle:
                found[handle] = {"handle": handle} | ({"name": name} if isinstance(name, str) and name else {})
        return [found[handle] for handle in sorted(found)]

    def dependencies(self) -> list[dict[str, Any]]:
        """Dependencies by name, each once."""
        found: dict[str, dict[str, Any]] = {}
        for index, dependency in enumerate(self._objects("dependencies")):
            name, version = dependency.get("name"), dependency.get("version")
            if not isinstance(name, str) or not NAME.match(name):
                place = self._where.below("dependencies", index)
                self._report.reject("dependencies", place, "malformed_dependency", "must have the `name` of a plugin")
                continue
            requirement = {"requirement": version} if isinstance(version, str) and version else {}
            found[name] = {"ref": f"{NAMESPACE}:{name}", "optional": dependency.get("optional") is True} | requirement
        return [found[name] for name in sorted(found)]

    def ranges(self) -> list[dict[str, str]]:
        """Affected version ranges."""
        names = {"firstVersion": "first_version", "lastVersion": "last_version", "pattern": "pattern"}
        return [
            {names[key]: value for key, value in given.items() if key in names and isinstance(value, str) and value}
            for given in self._objects("versions")
        ]

    def _objects(self, field_name: str) -> list[dict[str, Any]]:
        value = self._row.get(field_name, [])
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return value
        self._ignore(field_name, "wrong_type", "must be a list of objects")
        return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    def _ignore(self, field_name: str, code: str, reason: str) -> str | None:
        self._report.ignore_field(self._where.below(field_name), code, reason)
        return None
