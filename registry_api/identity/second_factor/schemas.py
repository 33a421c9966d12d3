"""What the routes of second factors take and answer."""

from pydantic import ConfigDict, Field, SecretStr

from registry_api.identity.passwords import LONGEST
from registry_api.schemas import Input, Output

CODE = Field(max_length=40, description="The app's six digits, or a recovery code where one may stand in.")


class PasswordProof(Input):
    """The password, as proof that it is its owner who asks."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "correct horse battery"}]})

    password: SecretStr = Field(max_length=LONGEST)


class CodeProof(Input):
    """A code of the app."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "492039"}]})

    code: str = CODE


class BothProofs(PasswordProof):
    """Password and code."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "correct horse battery", "code": "492039"}]})

    code: str = CODE


class TotpBegun(Output):
    """What the app needs, shown this once."""

    secret: str = Field(description="Base32, to be typed in.")
    uri: str = Field(description="otpauth://, to be shown as a picture.")


class RecoveryCodes(Output):
    """Codes that stand in for the app, each once; shown this once."""

    recovery_codes: list[str]
