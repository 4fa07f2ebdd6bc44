#!/bin/sh
echo '{"failed": true, "msg": "no way"}'
exit 3
