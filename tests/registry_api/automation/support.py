"""Rules and ticks for tests."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from patchbay.core.clock import utcnow

START = utcnow().replace(microsecond=0) - timedelta(minutes=30)
YAML = {"Content-Type": "application/yaml"}
MAIL = """automation_rules:
  - name: "{name}"
    trigger: {{metric: load, threshold: 10, clear: 5, duration: {duration}}}
    action: {{type: mail, to: [ops@acme.example]}}
    mode: {mode}
"""


def mail_rule(name: str = "Busy", mode: str = "auto", duration: str = "0s") -> str:
    """A rule that mails when a load is above ten."""
    return MAIL.format(name=name, mode=mode, duration=duration)


def sample(value: float | None, minute: float = 0, metric: str = "load", **labels: str) -> dict[str, Any]:
    """A good value of a series, some minutes after the start."""
    at = (START + timedelta(minutes=minute)).isoformat()
    return {"metric": metric, "value": value, "at": at, "labels": labels}


def tick(*samples: dict[str, Any], minute: float = 0) -> dict[str, Any]:
    """A tick of its own id."""
    at: datetime = START + timedelta(minutes=minute)
    return {"id": str(uuid4()), "at": at.isoformat(), "samples": list(samples)}


async def put_rules(caller: Any, text: str) -> Any:
    """Store rules; the answer."""
    return await caller.put("/v1/automation/rules", content=text.encode(), headers=YAML)


async def send(api: Any, *samples: dict[str, Any], minute: float = 0) -> dict[str, Any]:
    """A tick of the service; what it came to."""
    answer = await api.service.post("/v1/automation/ticks", json=tick(*samples, minute=minute))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told
