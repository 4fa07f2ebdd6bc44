#!/bin/bash
source "$1"
printf '{"changed": true, "said": "%s", "a": "%s", "umask": "%s", "args": %s, "check": "%s"}\n' "$text" "${0##*/}" "$(umask)" "$#" "$_ansible_check_mode"
