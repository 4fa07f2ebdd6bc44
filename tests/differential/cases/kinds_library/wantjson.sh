#!/bin/sh
# WANT_JSON
printf '{"changed": false, "given": %s}\n' "$(cat "$1")"
