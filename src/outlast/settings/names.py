"""Stock's names for the settings we honour: in the environment and in ansible.cfg.

Knows names and types alone. Leaves reading to `reading`, and settings of our own to `own`.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Setting(Struct, frozen=True):
    """Where a setting is written, and what it is."""

    field: str
    type: str
    env: str
    """Names, separated by blanks; of several the last that is set counts."""
    ini: str
    """`key` in [defaults] or `section.key`; the same."""
    label: str = ""
    """How stock's errors call it."""
    choices: tuple[str, ...] = ()

    @property
    def variables(self) -> list[str]:
        """Give the environment's names for it."""
        names = self.env.split()
        whole = ("NO_COLOR", "OUTLAST_")
        return [name if name.startswith(whole) else f"ANSIBLE_{name}" for name in names]

    @property
    def places(self) -> list[tuple[str, str]]:
        """Give (section, key) for each place in the file."""
        pairs = (place.rpartition(".") for place in self.ini.split())
        return [(section or "defaults", key) for section, _, key in pairs]


def _ssh(field: str, type_: str, env: str, ini: str, name: str) -> Setting:
    return Setting(field, type_, env, ini, f"'{name}' for 'ssh' connection plugin")


def _becoming(method: str) -> tuple[Setting, ...]:
    """Give what is set for all ways of becoming another user, or for one of them alone."""
    plugin, special = f"{method}_become_plugin", method.upper()
    return tuple(
        Setting(
            f"{method}_{field}",
            "text",
            f"BECOME_{env} {special}_{env}",
            f"{general} {plugin}.{key}".strip(),
        )
        for field, env, key, general in (
            ("user", "USER", "user", "privilege_escalation.become_user"),
            ("exe", "EXE", "executable", "privilege_escalation.become_exe"),
            ("flags", "FLAGS", "flags", "privilege_escalation.become_flags"),
            ("password", "PASS", "password", ""),
        )
    )


SETTINGS: Final = (
    Setting("home", "path", "HOME", "home"),
    Setting("inventory", "pathlist", "INVENTORY", "inventory", "'DEFAULT_HOST_LIST'"),
    Setting("forks", "integer", "FORKS", "forks", "'DEFAULT_FORKS'"),
    Setting(
        "poll_interval", "integer", "POLL_INTERVAL", "poll_interval", "'DEFAULT_POLL_INTERVAL'"
    ),
    Setting("async_dir", "text", "ASYNC_DIR", "async_dir"),
    Setting("strategy", "text", "STRATEGY", "strategy"),
    Setting(
        "gathering",
        "text",
        "GATHERING",
        "gathering",
        "'DEFAULT_GATHERING'",
        ("implicit", "explicit", "smart"),
    ),
    Setting(
        "hash_behaviour",
        "text",
        "HASH_BEHAVIOUR",
        "hash_behaviour",
        "'DEFAULT_HASH_BEHAVIOUR'",
        ("replace", "merge"),
    ),
    Setting("fact_caching", "text", "CACHE_PLUGIN", "fact_caching"),
    Setting(
        "fact_caching_connection", "path", "CACHE_PLUGIN_CONNECTION", "fact_caching_connection"
    ),
    Setting("fact_caching_prefix", "text", "CACHE_PLUGIN_PREFIX", "fact_caching_prefix"),
    Setting(
        "fact_caching_timeout",
        "integer",
        "CACHE_PLUGIN_TIMEOUT",
        "fact_caching_timeout",
        "'CACHE_PLUGIN_TIMEOUT'",
    ),
    Setting("inject_facts_as_vars", "boolean", "INJECT_FACT_VARS", "inject_facts_as_vars"),
    Setting("facts_modules", "list", "FACTS_MODULES", "facts_modules"),
    Setting("any_errors_fatal", "boolean", "ANY_ERRORS_FATAL", "any_errors_fatal"),
    Setting("force_handlers", "boolean", "FORCE_HANDLERS", "force_handlers"),
    Setting("task_timeout", "integer", "TASK_TIMEOUT", "task_timeout", "'TASK_TIMEOUT'"),
    Setting("enable_task_debugger", "boolean", "ENABLE_TASK_DEBUGGER", "enable_task_debugger"),
    Setting(
        "task_debugger_ignore_errors",
        "boolean",
        "TASK_DEBUGGER_IGNORE_ERRORS",
        "task_debugger_ignore_errors",
    ),
    Setting("become", "boolean", "BECOME", "privilege_escalation.become"),
    Setting(
        "become_ask_pass", "boolean", "BECOME_ASK_PASS", "privilege_escalation.become_ask_pass"
    ),
    Setting("become_method", "text", "BECOME_METHOD", "privilege_escalation.become_method"),
    *_becoming("sudo"),
    *_becoming("su"),
    Setting("sudo_chdir", "text", "SUDO_CHDIR", "sudo_become_plugin.chdir"),
    Setting("su_prompts", "list", "SU_PROMPT_L10N", "su_become_plugin.localized_prompts"),
    Setting("become_password_file", "path", "BECOME_PASSWORD_FILE", "become_password_file"),
    Setting("remote_user", "text", "REMOTE_USER", "remote_user"),
    Setting("remote_port", "integer", "REMOTE_PORT", "remote_port", "'DEFAULT_REMOTE_PORT'"),
    Setting("private_key_file", "path", "PRIVATE_KEY_FILE", "private_key_file"),
    Setting("transport", "text", "TRANSPORT", "transport"),
    _ssh("timeout", "integer", "TIMEOUT SSH_TIMEOUT", "timeout ssh_connection.timeout", "timeout"),
    _ssh(
        "host_key_checking",
        "boolean",
        "HOST_KEY_CHECKING SSH_HOST_KEY_CHECKING",
        "host_key_checking ssh_connection.host_key_checking",
        "host_key_checking",
    ),
    Setting("ssh_executable", "text", "SSH_EXECUTABLE", "ssh_connection.ssh_executable"),
    Setting("ssh_args", "text", "SSH_ARGS", "ssh_connection.ssh_args"),
    Setting("ssh_common_args", "text", "SSH_COMMON_ARGS", "ssh_connection.ssh_common_args"),
    Setting("ssh_extra_args", "text", "SSH_EXTRA_ARGS", "ssh_connection.ssh_extra_args"),
    _ssh(
        "ssh_retries",
        "integer",
        "SSH_RETRIES",
        "connection.retries ssh_connection.retries",
        "reconnection_retries",
    ),
    Setting("control_path_dir", "text", "SSH_CONTROL_PATH_DIR", "ssh_connection.control_path_dir"),
    Setting("interpreter_python", "text", "PYTHON_INTERPRETER", "interpreter_python"),
    Setting("remote_tmp", "text", "REMOTE_TEMP REMOTE_TMP", "remote_tmp"),
    Setting("library", "pathspec", "LIBRARY", "library"),
    Setting("module_utils", "pathspec", "MODULE_UTILS", "module_utils"),
    Setting("roles_path", "pathspec", "ROLES_PATH", "roles_path"),
    Setting("collections_path", "pathspec", "COLLECTIONS_PATH", "collections_path"),
    Setting(
        "collections_scan_sys_path",
        "boolean",
        "COLLECTIONS_SCAN_SYS_PATH",
        "collections_scan_sys_path",
    ),
    Setting(
        "collections_on_ansible_version_mismatch",
        "text",
        "COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH",
        "collections_on_ansible_version_mismatch",
        "'COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH'",
        ("error", "warning", "ignore"),
    ),
    Setting("verbosity", "integer", "VERBOSITY", "verbosity", "'DEFAULT_VERBOSITY'"),
    Setting("tags", "list", "RUN_TAGS", "tags.run"),
    Setting("skip_tags", "list", "SKIP_TAGS", "tags.skip"),
    Setting("nocolor", "boolean", "NOCOLOR NO_COLOR", "nocolor"),
    Setting("force_color", "boolean", "FORCE_COLOR", "force_color"),
    Setting("display_skipped_hosts", "boolean", "DISPLAY_SKIPPED_HOSTS", "display_skipped_hosts"),
    Setting("display_ok_hosts", "boolean", "DISPLAY_OK_HOSTS", "display_ok_hosts"),
    Setting("display_failed_stderr", "boolean", "DISPLAY_FAILED_STDERR", "display_failed_stderr"),
    Setting("show_custom_stats", "boolean", "SHOW_CUSTOM_STATS", "show_custom_stats"),
    Setting("check_mode_markers", "boolean", "CHECK_MODE_MARKERS", "check_mode_markers"),
    Setting(
        "show_task_path_on_failure",
        "boolean",
        "SHOW_TASK_PATH_ON_FAILURE",
        "show_task_path_on_failure",
    ),
    Setting("show_per_host_start", "boolean", "SHOW_PER_HOST_START", "show_per_host_start"),
    Setting(
        "callback_result_format",
        "text",
        "CALLBACK_RESULT_FORMAT",
        "callback_result_format",
        "'result_format' for 'default' callback plugin",
        ("json", "yaml"),
    ),
    Setting("deprecation_warnings", "boolean", "DEPRECATION_WARNINGS", "deprecation_warnings"),
    Setting("localhost_warning", "boolean", "LOCALHOST_WARNING", "localhost_warning"),
    Setting(
        "inventory_unparsed_warning",
        "boolean",
        "INVENTORY_UNPARSED_WARNING",
        "inventory.inventory_unparsed_warning",
    ),
    Setting(
        "unparsed_is_failed",
        "boolean",
        "INVENTORY_UNPARSED_FAILED",
        "inventory.unparsed_is_failed",
    ),
    Setting(
        "any_unparsed_is_failed",
        "boolean",
        "INVENTORY_ANY_UNPARSED_IS_FAILED",
        "inventory.any_unparsed_is_failed",
    ),
    Setting(
        "error_on_missing_handler",
        "boolean",
        "ERROR_ON_MISSING_HANDLER",
        "error_on_missing_handler",
    ),
    Setting("retry_files_enabled", "boolean", "RETRY_FILES_ENABLED", "retry_files_enabled"),
    Setting("retry_files_save_path", "path", "RETRY_FILES_SAVE_PATH", "retry_files_save_path"),
    Setting("no_log", "boolean", "NO_LOG", "no_log"),
    Setting(
        "allow_broken_conditionals",
        "boolean",
        "ALLOW_BROKEN_CONDITIONALS",
        "allow_broken_conditionals",
    ),
    Setting("jinja2_extensions", "list", "JINJA2_EXTENSIONS", "jinja2_extensions"),
    Setting("diff_always", "boolean", "DIFF_ALWAYS", "diff.always"),
    Setting("diff_context", "integer", "DIFF_CONTEXT", "diff.context", "'DIFF_CONTEXT'"),
    Setting(
        "max_diff_size", "integer", "MAX_DIFF_SIZE", "max_diff_size", "'MAX_FILE_SIZE_FOR_DIFF'"
    ),
    Setting("ansible_managed", "text", "", "ansible_managed"),
    Setting("ask_vault_pass", "boolean", "ASK_VAULT_PASS", "ask_vault_pass"),
    Setting("vault_identity", "text", "VAULT_IDENTITY", "vault_identity"),
    Setting("vault_identity_list", "list", "VAULT_IDENTITY_LIST", "vault_identity_list"),
    Setting("vault_password_file", "path", "VAULT_PASSWORD_FILE", "vault_password_file"),
    Setting("vault_id_match", "boolean", "VAULT_ID_MATCH", "vault_id_match"),
)
