"""Pure model code: no Dagster, no SQL, no HTTP."""
