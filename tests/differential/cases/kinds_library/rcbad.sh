#!/bin/sh
echo '{"changed": true}'
echo oops >&2
exit 3
