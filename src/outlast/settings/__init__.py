"""What the user has configured: ansible.cfg, the environment, then flags on top.

Knows the settings this program honours, by stock's names and order of precedence. Leaves
connection variables (`ansible_*`), which beat all of these, to whoever reads variables.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from outlast.outcome import Notice


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting that is read, with stock's default, and ours."""

    config_file: str | None = None
    ignored: tuple[str, ...] = ()
    """Settings somebody made that have no effect here, as they were written."""
    notices: tuple[Notice, ...] = ()
    """What is to be told about them: where they came from, and which will go."""
    home: str = "~/.ansible"
    """Where the folders are that nobody has named (stock's ANSIBLE_HOME)."""
    inventory: tuple[str, ...] = ("/etc/ansible/hosts",)
    forks: int = 5
    poll_interval: int = 15
    async_dir: str = "~/.ansible_async"
    strategy: str = "linear"
    inject_facts_as_vars: bool = True
    gathering: str = "implicit"
    facts_modules: tuple[str, ...] = ("smart",)
    hash_behaviour: str = "replace"
    fact_caching: str = "memory"
    fact_caching_connection: str | None = None
    fact_caching_prefix: str = ""
    fact_caching_timeout: int = 86400
    any_errors_fatal: bool = False
    force_handlers: bool = False
    task_timeout: int = 0
    enable_task_debugger: bool = False
    task_debugger_ignore_errors: bool = True
    become: bool = False
    become_ask_pass: bool = False
    become_method: str = "sudo"
    sudo_user: str = "root"
    sudo_exe: str | None = None
    sudo_flags: str | None = None
    sudo_password: str | None = None
    sudo_chdir: str | None = None
    su_user: str = "root"
    su_exe: str | None = None
    su_flags: str | None = None
    su_password: str | None = None
    su_prompts: tuple[str, ...] = ()
    become_password_file: str | None = None
    remote_user: str | None = None
    remote_port: int | None = None
    private_key_file: str | None = None
    transport: str = "ssh"
    timeout: int = 10
    host_key_checking: bool = True
    ssh_executable: str = "ssh"
    ssh_args: str = "-C -o ControlMaster=auto -o ControlPersist=60s"
    ssh_common_args: str = ""
    ssh_extra_args: str = ""
    ssh_retries: int = 0
    control_path_dir: str = "~/.ansible/cp"
    interpreter_python: str = "auto"
    remote_tmp: str = "~/.ansible/tmp"
    library: tuple[str, ...] = ()
    module_utils: tuple[str, ...] = ()
    roles_path: tuple[str, ...] = (
        "~/.ansible/roles",
        "/usr/share/ansible/roles",
        "/etc/ansible/roles",
    )
    collections_path: tuple[str, ...] = (
        "~/.ansible/collections",
        "/usr/share/ansible/collections",
    )
    collections_scan_sys_path: bool = True
    collections_on_ansible_version_mismatch: str = "warning"
    verbosity: int = 0
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    nocolor: bool = False
    force_color: bool = False
    display_skipped_hosts: bool = True
    display_ok_hosts: bool = True
    display_failed_stderr: bool = False
    show_custom_stats: bool = False
    check_mode_markers: bool = False
    show_task_path_on_failure: bool = False
    show_per_host_start: bool = False
    callback_result_format: str = "json"
    deprecation_warnings: bool = True
    localhost_warning: bool = True
    inventory_unparsed_warning: bool = True
    unparsed_is_failed: bool = False
    any_unparsed_is_failed: bool = False
    error_on_missing_handler: bool = True
    retry_files_enabled: bool = False
    retry_files_save_path: str | None = None
    no_log: bool = False
    allow_broken_conditionals: bool = False
    jinja2_extensions: tuple[str, ...] = ()
    diff_always: bool = False
    diff_context: int = 3
    max_diff_size: int = 104448
    ansible_managed: str = "Ansible managed"
    ask_vault_pass: bool = False
    vault_identity: str = "default"
    vault_identity_list: tuple[str, ...] = ()
    vault_password_file: str | None = None
    vault_id_match: bool = False
    # Ours: OUTLAST_* and [outlast]; see `settings.own`.
    ledger_keep_days: int = 90
    ledger_keep_runs: int = 1000
    ledger_keep_bytes: int = 256 * 1024**2
    job_hook: str = ""
    """A command line, or an http(s):// URL, that is told of each job's end; empty: nobody is."""
    spool_keep_days: int = 30
    spool_keep_jobs: int = 10_000
    spool_keep_bytes: int = 4 * 1024**3

    def __repr__(self) -> str:
        return f"Settings({self.config_file})"  # passwords are nobody's business


def read_settings(environ: Mapping[str, str], cwd: str) -> Settings:
    """Give the settings for *environ* in *cwd*; raises `SettingsError` for a bad value."""
    from outlast.settings.reading import read  # noqa: PLC0415  # it needs Settings, made here

    return read(environ, cwd)
