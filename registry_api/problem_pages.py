"""What each problem means and what to do about it. Made by `make reference` from docs/reference/problems.md; edit that."""

PAGES: dict[str, tuple[str, str]] = {
    "empty_batch": (
        "the batch has no row",
        "leave out empty batches",
    ),
    "idempotency_key_missing": (
        "a columnar batch came without a usable `Idempotency-Key`",
        "send 1 to 200 printable characters, one key per batch",
    ),
    "invalid_request": (
        "a field, parameter or the JSON itself is wrong",
        "mend each entry of `errors`",
    ),
    "truncated_body": (
        "the body broke off, or its gzip or zstd form is damaged",
        "send it again whole",
    ),
    "unreadable_body": (
        "the body is not what its `Content-Type` says",
        "send what the header says",
    ),
    "wrong_columns": (
        "the columns of an Arrow stream do not fit",
        "mend each entry of `errors`",
    ),
    "exchange_refused": (
        "a CI token is not valid, was exchanged before, or is of no workflow that the tenant trusts",
        "see `detail`; compare the trusted publisher",
    ),
    "login_failed": (
        "e-mail or password is wrong, or there is no such account in that tenant; it is not told which",
        "check all three",
    ),
    "second_factor_needed": (
        "the password is right, and the account has a second factor",
        "send the app's code, or a recovery code, as `code`",
    ),
    "unauthenticated": (
        "no token, or one that is unknown, expired or revoked",
        "sign in, or ask a `tenant_admin` for a token",
    ),
    "quota_exceeded": (
        "the change would pass a limit of the tenant's plan; `quota` has its name, limit, use and what was wanted",
        "remove what is not needed, or ask the operator for a larger plan",
    ),
    "cannot_grant": (
        "a token or role would hold more than its creator",
        "ask somebody who holds it",
    ),
    "cross_site": (
        "a change with a session cookie came from a page of another site, or without an `Origin`",
        "send a token in `Authorization`, or change it from our own pages",
    ),
    "forbidden": (
        "the token lacks the scope that `detail` names",
        "ask for a token with that scope",
    ),
    "namespace_not_granted": (
        "the caller may change the catalogue, but not in that namespace",
        "ask a `tenant_admin` for a grant in it",
    ),
    "password_wrong": (
        "the password that was to prove who asks is wrong",
        "send the current one",
    ),
    "tenant_suspended": (
        "a write in a tenant that is suspended or about to be deleted; reads go on",
        "ask the operator",
    ),
    "not_found": (
        "no such thing, or not in this tenant: the two are not told apart",
        "check the id, and the tenant acted in",
    ),
    "method_not_allowed": (
        "the path exists, the method does not",
        "see the `Allow` header",
    ),
    "not_acceptable": (
        "`Accept` names no form we have",
        "name one that `detail` lists",
    ),
    "already_member": (
        "the person is a member of the tenant",
        "nothing",
    ),
    "ambiguous_batch": (
        "several streams have a batch of that id",
        "add `?stream=`",
    ),
    "conflict": (
        "the change contradicts what is stored",
        "read again, then decide",
    ),
    "idempotency_answer_unreadable": (
        "the request was carried out, but the key file that sealed its answer is gone, or the person it told of was erased",
        "read what it made",
    ),
    "idempotency_key_in_flight": (
        "the first request with this `Idempotency-Key` is still under way",
        "wait `Retry-After` seconds and send it again",
    ),
    "delivery_pending": (
        "the delivery is still being tried",
        "wait for its end",
    ),
    "job_not_dead": (
        "only jobs that were given up can be tried again",
        "nothing",
    ),
    "too_many_webhooks": (
        "the tenant has as many webhooks as it may",
        "delete one that nobody needs",
    ),
    "job_finished": (
        "the job has ended, so it cannot be cancelled",
        "nothing",
    ),
    "last_administrator": (
        "nobody else could administer the tenant",
        "make somebody else an administrator first",
    ),
    "plugin_exists": (
        "the tenant has a plugin of that ref",
        "change that one",
    ),
    "plugin_not_shared": (
        "a grant was given of a plugin that is private or public",
        "set the plugin's visibility to `shared` first",
    ),
    "grant_exists": (
        "the tenant has a grant of that plugin, be it that it has expired",
        "change that one",
    ),
    "grant_ended": (
        "the grant was revoked or declined",
        "give a new one",
    ),
    "plugin_in_use": (
        "the plugin was observed on targets, or usage that may name it came in, also of a tenant it was shared with",
        "set its lifecycle to `withdrawn`",
    ),
    "release_conflict": (
        "a release is immutable and says otherwise",
        "publish a new version",
    ),
    "token_not_rotatable": (
        "the token is over, stands for another person, or is a CI job's or a process's of ours",
        "make a new token",
    ),
    "second_factor_set": (
        "the account has a second factor",
        "turn it off first",
    ),
    "tenant_exists": (
        "the slug is taken",
        "choose another",
    ),
    "stale_revision": (
        "the thing has changed since it was read",
        "read it again and send the new `ETag` as `If-Match`",
    ),
    "too_large": (
        "the body, as sent or unpacked, is over the limit",
        "send smaller batches",
    ),
    "tenant_deleted": (
        "the tenant was deleted and its grace period is over",
        "make a new one",
    ),
    "unsupported_media": (
        "`Content-Type` or `Content-Encoding` is not one we read",
        "use one that `detail` lists",
    ),
    "code_wrong": (
        "the code is wrong, too old, or was used",
        "send the next one",
    ),
    "idempotency_key_reused": (
        "the same key came with other content",
        "a new key for new content",
    ),
    "matching_too_long": (
        "the patterns of a plugin's advisories take too long to match",
        "ask for fewer advisories at a time",
    ),
    "operator_tenant_fixed": (
        "the operator tenant cannot be suspended or limited",
        "nothing",
    ),
    "password_breached": (
        "the password is on a list of those that attackers try first",
        "choose another",
    ),
    "tenant_needed": (
        "e-mail and password open accounts in several tenants",
        "send one of them as `tenant`",
    ),
    "role_not_in_tenant": (
        "platform roles and scopes exist in the operator tenant only",
        "choose a tenant role",
    ),
    "unknown_job_kind": (
        "no such kind of job, or none that callers may ask for",
        "choose one that `detail` lists",
    ),
    "webhook_refused": (
        "the URL is none that webhooks go to, such as one in a private network",
        "name another",
    ),
    "too_many_attempts": (
        "too many wrong sign-ins to this account from this address",
        "wait as `Retry-After` says; other addresses are not held up",
    ),
    "too_many_codes": (
        "too many wrong codes of a second factor came with the password of this account, from wherever",
        "wait as `Retry-After` says, or send a recovery code; if it was not you, change the password",
    ),
    "invalid_rules": (
        "a document of rules has mistakes, or a rule that the tenant may not have",
        "mend each entry of `errors`; each has its line",
    ),
    "unprocessable": (
        "the form is right, the meaning is not",
        "see `errors`",
    ),
    "revision_required": (
        "an update came without `If-Match`",
        "send the `ETag` you read",
    ),
    "event_quota_exceeded": (
        "the month's usage events are used up; `quota` has the figures, `Retry-After` says when the next month begins",
        "send the batch again then, or ask the operator for a larger plan",
    ),
    "rate_limited": (
        "a limit was hit: `errors` names it, nothing was done",
        "wait `Retry-After` seconds and send it again",
    ),
    "internal": (
        "the fault is ours",
        "report the `request_id`",
    ),
    "unavailable": (
        "a part we need is away",
        "wait `Retry-After` seconds and send it again",
    ),
}
