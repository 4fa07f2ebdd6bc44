#!/bin/sh
echo the dev password
