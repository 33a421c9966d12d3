"""Row-level security on PostgreSQL: its roles, and each table's policies, made from the metadata.

Every table gets it, enabled and forced. A row belongs to the tenant in its `tenant_id`; a tenant's session reads and
writes its own rows, and reads what the table's entry in `SHARED` adds. `patchbay_system` reaches every row. Nobody else
has a policy, so nobody else sees a row, the owner of the tables included.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, MetaData, Table, inspect, text

from registry_api.db.binding import OPERATOR_SETTING, SYSTEM_ROLE, TENANT_ROLE, TENANT_SETTING

ROLES = (TENANT_ROLE, SYSTEM_ROLE)
# In a sub-select each is computed once in a statement, not once a row.
TENANT = f"(SELECT nullif(current_setting('{TENANT_SETTING}', true), '')::uuid)"
OPERATOR = f"(SELECT nullif(current_setting('{OPERATOR_SETTING}', true), '')::uuid)"

IS_SYSTEM = f"(SELECT current_user) = '{SYSTEM_ROLE}'"
"""The login is a member of the role, and a policy for a role holds for its members too: having taken it is what counts."""

OWN = {
    "tenants": f"id = {TENANT}",
    "passwords": "EXISTS (SELECT 1 FROM users WHERE users.id = user_id)",
    # They come before it is known whose they are.
    "login_attempts": "false",
    "exchanged_tokens": "false",
}
"""What is a tenant's own in tables without a `tenant_id`; in all others that column says so."""


def _seen(column: str, table: str) -> str:
    """The session sees the plugin: its table's own policy decides inside."""
    return f"EXISTS (SELECT 1 FROM plugins AS seen WHERE seen.id = {table}.{column})"  # noqa: S608 - our own names


_OF_OPERATOR = f"tenant_id = {OPERATOR}"


def _granted(condition: str) -> str:
    """A grant in force to the tenant meets the condition; `registry_api/catalog/visibility.py` says the same."""
    mine = f"given.grantee_id = {TENANT} AND given.live"
    unexpired = "(given.expires_at IS NULL OR given.expires_at > statement_timestamp())"
    return f"EXISTS (SELECT 1 FROM plugin_grants AS given WHERE {mine} AND {unexpired} AND {condition})"  # noqa: S608


_GIVEN = _granted("given.plugin_id = plugins.id AND given.tenant_id = plugins.tenant_id")
_GIVEN_ON = _granted("given.plugin_id = advisories.plugin_id AND given.tenant_id = advisories.tenant_id")
SHARED = {
    "tenants": "kind = 'operator'",
    "plugins": f"({_OF_OPERATOR} AND visibility = 'public') OR (visibility = 'shared' AND {_GIVEN})",
    "plugin_grants": f"grantee_id = {TENANT}",
    **{name: _seen("plugin_id", name) for name in ("plugin_labels", "plugin_maintainers", "releases", "dependencies")},
    "advisories": f"({_OF_OPERATOR} AND (plugin_id IS NULL OR {_seen('plugin_id', 'advisories')})) OR {_GIVEN_ON}",
    "outbox": f"({_OF_OPERATOR} AND public) OR "
    f"(audience_id = {TENANT} AND (grant_id IS NULL OR {_granted('given.id = outbox.grant_id')}))",
    "insight_sets": _OF_OPERATOR,
    "insight_heads": _OF_OPERATOR,
    "insight_rows": f"tenant_id IS NULL AND {_seen('plugin_id', 'insight_rows')}",
    "release_blocks": _OF_OPERATOR,
    "automation_switches": _OF_OPERATOR,
}
"""What a tenant's session reads beside its own rows. An unbound session sees none of it: it has no tenant."""

LOCKED = {"plugins"}
"""Shared rows that are locked against deletion by whoever refers to them, for which PostgreSQL asks the policy of
updates; a change of them is still refused, as the changed row would not be the tenant's own.
"""

RIGHTS = {"audit_records": "SELECT, INSERT"}
"""What both roles may do with a table, where it is not everything: nobody rewrites the log."""

READ_ONLY = {"tenants"}
"""What a tenant's session may read and lock, and not change: its plan and status are the operator's to set."""

_MAKE_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the server was just ahead
END $$"""
_JOIN_ROLE = """
DO $$ BEGIN
    -- Since PostgreSQL 16 who creates a role administers it, which is membership, but may not take it.
    IF NOT pg_has_role(current_user, '{role}',
                       CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        EXECUTE format('GRANT {role} TO %I', current_user);
    END IF;
END $$"""


def raise_wall(connection: Connection, metadata: MetaData, version_table: str) -> None:
    """Roles, rights and policies for every table that is there; running it again sets them anew. Nothing on SQLite."""
    if connection.dialect.name != "postgresql":
        return
    present = set(inspect(connection).get_table_names())
    tables = [table for table in metadata.sorted_tables if table.name in present]
    for statement in (*_roles(), *_rights(tables, version_table), *policies(tables)):
        connection.execute(text(statement))


def lower_wall(connection: Connection, metadata: MetaData) -> None:
    """Take the policies off. The roles stay: other databases of the server may use them."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        for statement in (*_drops(table.name), f"ALTER TABLE {table.name} DISABLE ROW LEVEL SECURITY"):
            connection.execute(text(statement))


def _roles() -> Iterator[str]:
    for role in ROLES:
        yield _MAKE_ROLE.format(role=role)
        yield _JOIN_ROLE.format(role=role)


def _rights(tables: Sequence[Table], version_table: str) -> Iterator[str]:
    names, both = ", ".join(table.name for table in tables), ", ".join(ROLES)
    yield f"GRANT USAGE ON SCHEMA public TO {both}"
    yield f"REVOKE ALL ON {names} FROM {both}"
    for table in tables:
        yield f"GRANT {RIGHTS.get(table.name, 'SELECT, INSERT, UPDATE, DELETE')} ON {table.name} TO {both}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {both}"
    yield f"GRANT SELECT ON {version_table} TO {SYSTEM_ROLE}"


def policies(tables: Sequence[Table]) -> Iterator[str]:
    """Statements that set each table's policies."""
    for table in tables:
        name, own = table.name, own_condition(table)
        read = f"{own} OR ({TENANT} IS NOT NULL AND {SHARED[name]})" if name in SHARED else own
        yield from (f"ALTER TABLE {name} {word} ROW LEVEL SECURITY" for word in ("ENABLE", "FORCE"))
        yield from _drops(name)
        yield f"CREATE POLICY system ON {name} TO {SYSTEM_ROLE} USING ({IS_SYSTEM}) WITH CHECK ({IS_SYSTEM})"
        yield f"CREATE POLICY own_read ON {name} FOR SELECT TO {TENANT_ROLE} USING ({read})"
        if name in READ_ONLY:
            yield f"CREATE POLICY own_update ON {name} FOR UPDATE TO {TENANT_ROLE} USING ({own}) WITH CHECK (false)"
            continue
        yield f"CREATE POLICY own_insert ON {name} FOR INSERT TO {TENANT_ROLE} WITH CHECK ({own})"
        changed = read if name in LOCKED else own
        yield f"CREATE POLICY own_update ON {name} FOR UPDATE TO {TENANT_ROLE} USING ({changed}) WITH CHECK ({own})"
        yield f"CREATE POLICY own_delete ON {name} FOR DELETE TO {TENANT_ROLE} USING ({own})"


def own_condition(table: Table) -> str:
    """When a row is the tenant's own; raises KeyError for a table that says nowhere whose its rows are."""
    return f"tenant_id = {TENANT}" if "tenant_id" in table.columns else OWN[table.name]


def _drops(name: str) -> Iterator[str]:
    for policy in ("system", "own_read", "own_insert", "own_update", "own_delete"):
        yield f"DROP POLICY IF EXISTS {policy} ON {name}"
