"""The outermost layer of every request: its id, its trace, its log line, its figures, and an answer whatever happens."""

import logging
import re
import time
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from patchbay.core.ids import new_id
from patchbay.core.telemetry import request_context
from registry_api.answers import problem_response
from registry_api.problems import Problem
from registry_api.system.metrics import Metrics

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
log = logging.getLogger("registry_api.requests")
