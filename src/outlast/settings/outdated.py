"""Stock's settings that stock itself has given up: it only tells that they will go.

Knows their names and stock's words. Leaves whether anybody has made them to `reading`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from outlast.outcome import Deprecated

_UNUSED: Final = "This option is no longer used in the Ansible Core code base."
_MOVED: Final = "This option was moved to the plugin itself"
_AT_THE_PLUGIN: Final = "Use the option from the plugin itself."
_NO_OTHER: Final = (
    "There is no alternative at the moment."
    " A different mechanism would have to be implemented in the current code base."
)
_OUTDATED: Final = (
    (
        *("ANSIBLE_CONNECTION_PATH", "ANSIBLE_CONNECTION_PATH"),
        *("persistent_connection", "ansible_connection_path"),
        *("This setting has no effect.", "none", "2.22"),
    ),
    (
        *("DEFAULT_ALLOW_UNSAFE_LOOKUPS", "", "defaults", "allow_unsafe_lookups", _UNUSED),
        "Lookup plugins are responsible for tagging strings containing templates to allow"
        " evaluation as a template.",
        "2.23",
    ),
    (
        *("DEFAULT_JINJA2_EXTENSIONS", "ANSIBLE_JINJA2_EXTENSIONS", "defaults"),
        *("jinja2_extensions", "Jinja2 extensions have been deprecated"),
        *("Ansible-supported Jinja plugins (tests, filters, lookups)", "2.23"),
    ),
    (
        *("DEFAULT_JINJA2_NATIVE", "ANSIBLE_JINJA2_NATIVE", "defaults", "jinja2_native", _UNUSED),
        *("Jinja2 native mode is now the default and only option.", "2.23"),
    ),
    (
        *("DEFAULT_LIBVIRT_LXC_NOSECLABEL", "ANSIBLE_LIBVIRT_LXC_NOSECLABEL", "selinux"),
        *("libvirt_lxc_noseclabel", _MOVED, _AT_THE_PLUGIN, "2.22"),
    ),
    (
        *("DEFAULT_MANAGED_STR", "", "defaults", "ansible_managed"),
        "The `ansible_managed` variable can be set just like any other variable, or a different"
        " variable can be used.",
        "Set the `ansible_managed` variable, or use any custom variable in templates.",
        "2.23",
    ),
    (
        *("DEFAULT_NULL_REPRESENTATION", "ANSIBLE_NULL_REPRESENTATION"),
        *("defaults", "null_representation", _UNUSED, _NO_OTHER, "2.23"),
    ),
    (
        *("DEFAULT_UNDEFINED_VAR_BEHAVIOR", "ANSIBLE_ERROR_ON_UNDEFINED_VARS"),
        *("defaults", "error_on_undefined_vars", _UNUSED, _NO_OTHER, "2.23"),
    ),
    (
        *("PARAMIKO_HOST_KEY_AUTO_ADD", "ANSIBLE_PARAMIKO_HOST_KEY_AUTO_ADD"),
        *("paramiko_connection", "host_key_auto_add", _MOVED, _AT_THE_PLUGIN, "2.20"),
    ),
    (
        *("PARAMIKO_LOOK_FOR_KEYS", "ANSIBLE_PARAMIKO_LOOK_FOR_KEYS"),
        *("paramiko_connection", "look_for_keys", _MOVED, _AT_THE_PLUGIN, "2.20"),
    ),
    (
        *("STRING_TYPE_FILTERS", "ANSIBLE_STRING_TYPE_FILTERS", "jinja2", "dont_type_filters"),
        "This option has no effect.",
        *("None; native types returned from filters are always preserved", "2.23"),
    ),
)
"""Stock's label, environment variable, section, key, why, what else, and until when."""


def outdated(is_made: Callable[[str, str, str], bool]) -> tuple[Deprecated, ...]:
    """Give what stock says to those that *is_made* knows, by variable, section and key."""
    return tuple(
        Deprecated(
            f"{label} option. Reason: {why}\nAlternatives: {instead.removesuffix('.')}",
            f"This feature will be removed from ansible-core version {version}.",
        )
        for label, env, section, key, why, instead, version in _OUTDATED
        if is_made(env, section, key)
    )
