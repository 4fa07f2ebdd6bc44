#!/bin/sh
echo nothing here >&2
exit 3
