"""Every table there is: importing this module imports the models of all domains."""

from registry_api.audit import models as audit
from registry_api.catalog import models as catalog
from registry_api.db.base import Base
from registry_api.feeds import models as feeds
from registry_api.identity import models as identity
from registry_api.insights import models as insights
from registry_api.installs import models as installs
from registry_api.intake import models as intake
from registry_api.jobs import models as jobs
from registry_api.subjects import models as subjects
from registry_api.tenancy import models as tenancy
from registry_api.usage import models as usage

MODULES = (audit, catalog, feeds, identity, insights, installs, intake, jobs, subjects, tenancy, usage)
METADATA = Base.metadata
