"""Our own settings: `OUTLAST_*` in the environment, section [outlast] in ansible.cfg.

Knows names and types alone. Leaves reading to `reading`, stock's settings to `names`, and
`OUTLAST_STATE_DIR`, which must be known where no settings are read, to the ledger.
"""

from __future__ import annotations

from typing import Final

from outlast.settings.names import Setting

SECTION: Final = "outlast"


def _own(field: str, type_: str) -> Setting:
    env = f"OUTLAST_{field.upper()}"
    return Setting(field, type_, env, f"{SECTION}.{field}", f"'{env}'")


OWN: Final = (
    _own("ledger_keep_days", "count"),
    _own("ledger_keep_runs", "count"),
    _own("ledger_keep_bytes", "size"),
    _own("job_hook", "hook"),
    _own("spool_keep_days", "count"),
    _own("spool_keep_jobs", "count"),
    _own("spool_keep_bytes", "size"),
)
