"""What trusted publishers can be filtered by."""

from registry_api.filtering import Filters, one_of
from registry_api.identity.publishing.claims import PROVIDERS
from registry_api.identity.publishing.models import TrustedPublisher

PUBLISHERS = Filters(
    place=TrustedPublisher.place,
    provider=one_of(TrustedPublisher.provider, *PROVIDERS),
    issuer=TrustedPublisher.issuer,
    repository_id=TrustedPublisher.repository_id,
    owner_id=TrustedPublisher.owner_id,
    workflow=TrustedPublisher.workflow,
    environment=TrustedPublisher.environment,
    created_by=TrustedPublisher.created_by,
    recorded_at=TrustedPublisher.recorded_at,
)
