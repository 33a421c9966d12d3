"""What lists of signing keys and contacts can be filtered by."""

from registry_api.filtering import Filters
from registry_api.notifications.models import Contact, SigningKey

SIGNING_KEYS = Filters(name=SigningKey.name, recorded_at=SigningKey.recorded_at, updated_at=SigningKey.updated_at)
CONTACTS = Filters(team=Contact.team, recorded_at=Contact.recorded_at, updated_at=Contact.updated_at)
