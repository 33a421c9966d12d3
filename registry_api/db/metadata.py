"""Every table there is: importing this module imports the models of all domains."""

from registry_api.audit import models as audit
from registry_api.automation import models as automation
from registry_api.catalog import models as catalog
from registry_api.catalog.sharing import models as sharing
from registry_api.db.base import Base
from registry_api.feeds import models as feeds
from registry_api.idempotency import models as idempotency
from registry_api.identity import models as identity
from registry_api.identity.namespaces import models as namespaces
from registry_api.identity.publishing import models as publishing
from registry_api.identity.second_factor import models as second_factor
from registry_api.insights import models as insights
from registry_api.installs import models as installs
from registry_api.intake import models as intake
from registry_api.jobs import models as jobs
from registry_api.notifications import models as notifications
from registry_api.subjects import models as subjects
from registry_api.tenancy import models as tenancy
from registry_api.usage import models as usage
from registry_api.webhooks import models as webhooks

MODULES = (
    audit,
    automation,
    catalog,
    feeds,
    idempotency,
    identity,
    insights,
    installs,
    intake,
    jobs,
    namespaces,
    notifications,
    publishing,
    second_factor,
    sharing,
    subjects,
    tenancy,
    usage,
    webhooks,
)
METADATA = Base.metadata
