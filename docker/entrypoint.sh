#!/bin/sh
# Runs a command as the owner of the mounted outputs folder, where it was started as root: what a job
# writes then belongs to whoever owns the folder on the host, with any user id and with rootless
# engines, and the job itself has no rights beyond theirs.
set -eu
if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid="$(stat -c %u /app/outputs)" --regid="$(stat -c %g /app/outputs)" \
        --clear-groups "$@"
fi
exec "$@"
